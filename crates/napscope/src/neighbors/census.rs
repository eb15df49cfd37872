//! How much work a search would be, from a sample of panels.

use super::panels::Panels;
use super::sweep::{Limits, Search, Span};
use super::tile::{COLS, ROWS};

/// Panels looked at with all those after them.
const SAMPLE: usize = 32;

/// Tiles that the boxes of the panels and the limits of `search` leave, of evenly spaced rows of panels: to be compared with
/// those of another search among as many points.
pub(crate) fn live_tiles<S: Search>(panels: &Panels<'_>, search: &S) -> usize {
    let count = panels.len().min(SAMPLE);
    let mut limits = Limits::NONE;
    let mut tiles = 0;
    for row in (0..count).map(|at| (2 * at + 1) * panels.len() / (2 * count)) {
        let mut found = search.begin(row..row + 1);
        for col in Span::After(0..usize::MAX).columns(row, panels.len()) {
            let reach = search.reach(&mut found, row, col);
            if panels.nearest_half(row, panels, col) <= reach {
                search.limits(&found, row, col, &mut limits);
                let is_live = |first: &usize| !limits.dead_rows >> first & ((1 << ROWS) - 1) != 0;
                tiles += (0..COLS).step_by(ROWS).filter(is_live).count();
            }
        }
    }
    tiles
}
