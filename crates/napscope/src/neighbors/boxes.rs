//! The boxes that the points of each panel lie in, in guide coordinates: how near two of them are at the least, and a point
//! and a box.

use super::cloud::Cloud;
use super::tile::{COLS, Product};

/// Sums of a few squares in f32 may be too large by this part of them.
const SLACK: f32 = 1e-5;

/// The boxes of the panels of an order.
pub(super) struct Boxes {
    guides: usize,
    /// Least and greatest coordinates: `[panels, 2, guides]`.
    corners: Vec<f32>,
    /// The points themselves, `[panels, guides, 48]`; infinite where none stands. None where they tell no more than the boxes.
    points: Vec<f32>,
    /// The largest margin for rounding in each panel.
    margins: Vec<f32>,
}

impl Boxes {
    pub(super) fn new(cloud: &Cloud<'_>, order: &[u32]) -> Self {
        let guides = cloud.guides();
        let panels = order.len().div_ceil(COLS);
        let kept = if tells_points_apart(cloud) { guides } else { 0 };
        let mut boxes = Boxes {
            guides,
            corners: vec![f32::INFINITY; panels * 2 * guides],
            points: vec![f32::INFINITY; panels * kept * COLS],
            margins: vec![0.0; panels],
        };
        for (panel, samples) in order.chunks(COLS).enumerate() {
            let corners = &mut boxes.corners[panel * 2 * guides..(panel + 1) * 2 * guides];
            let (least, greatest) = corners.split_at_mut(guides);
            greatest.fill(f32::NEG_INFINITY);
            let points = &mut boxes.points[panel * kept * COLS..(panel + 1) * kept * COLS];
            for (column, &sample) in samples.iter().enumerate() {
                for ((least, greatest), value) in least.iter_mut().zip(&mut *greatest).zip(cloud.guide(sample)) {
                    (*least, *greatest) = (least.min(*value), greatest.max(*value));
                }
                for (points, value) in points.chunks_exact_mut(COLS).zip(cloud.guide(sample)) {
                    points[column] = *value;
                }
                boxes.margins[panel] = boxes.margins[panel].max(cloud.half(sample).1);
            }
        }
        boxes
    }

    /// The largest margin for rounding among the points of a panel.
    pub(super) fn margin(&self, panel: usize) -> f32 {
        self.margins[panel]
    }

    fn corners(&self, panel: usize) -> (&[f32], &[f32]) {
        self.corners[panel * 2 * self.guides..(panel + 1) * 2 * self.guides].split_at(self.guides)
    }

    /// At most half of the key of any pair of panel `row` of these and panel `col` of `other`.
    pub(super) fn nearest_half(&self, row: usize, other: &Boxes, col: usize, cloud: &Cloud<'_>) -> f32 {
        let (row_least, row_greatest) = self.corners(row);
        let (col_least, col_greatest) = other.corners(col);
        let (mut sum, mut squares) = (0.0f32, 0.0f32);
        for k in 0..self.guides {
            let gap = (col_least[k] - row_greatest[k]).max(row_least[k] - col_greatest[k]).max(0.0);
            sum += gap;
            squares += gap * gap;
        }
        let key = match cloud.product {
            Product::Dot => squares,
            // The L1 norm is at least the L2 norm.
            Product::Min if cloud.is_turned() => squares.sqrt(),
            Product::Min => sum,
            Product::Norms => 0.0,
        };
        0.5 * key * (1.0 - SLACK) - self.margins[row] - other.margins[col]
    }

    /// The points of a panel that have no pair that matters with any of panel `of` of `other`: bit i for point i.
    pub(super) fn outside(
        &self,
        (panel, limits): (usize, &[f32; COLS]),
        (other, of, other_limits): (&Boxes, usize, &[f32; COLS]),
        cloud: &Cloud<'_>,
    ) -> u64 {
        if self.points.is_empty() {
            return 0;
        }
        let size = self.guides * COLS;
        let points = &self.points[panel * size..(panel + 1) * size];
        let margin = self.margins[panel] + other.margins[of];
        cloud.kernel.outside(points, other.corners(of), (limits, other_limits), (margin, 0.5 * (1.0 - SLACK)))
    }
}

/// Is a point's distance from a box known by adding up along its guide coordinates?
fn tells_points_apart(cloud: &Cloud<'_>) -> bool {
    match cloud.product {
        Product::Dot => true,
        Product::Min => !cloud.is_turned(),
        Product::Norms => false,
    }
}
