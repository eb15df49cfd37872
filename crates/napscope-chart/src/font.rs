//! The letters: outlines and widths out of a subset of Roboto (2.138, Apache License 2.0).
//!
//! `roboto.ttf` beside this file holds the glyphs of printable ASCII and of `− × · – — ± ≤ ≥ µ`, made with
//! `pyftsubset Roboto-Regular.ttf --no-hinting --layout-features=''`. A letter that is not in it is drawn as `?`.

use std::sync::LazyLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// An outline's receiver.
pub(super) trait Outline {
    /// A straight line.
    fn line(&mut self, from: [f32; 2], to: [f32; 2]);
    /// A quadratic Bézier curve.
    fn quad(&mut self, from: [f32; 2], control: [f32; 2], to: [f32; 2]);
}

/// `None` when the font cannot be read, which a test rules out: texts are then left out.
static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(include_bytes!("roboto.ttf"), 0).ok());

fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).or_else(|| face.glyph_index('?')).unwrap_or_default()
}

/// Width of `words` at an em of `size`.
pub(super) fn width(words: &str, size: f32) -> f32 {
    let Some(face) = &*FACE else { return 0.0 };
    let units: f32 = words.chars().map(|c| f32::from(face.glyph_hor_advance(glyph(face, c)).unwrap_or(0))).sum();
    units * size / f32::from(face.units_per_em())
}

/// Sends the outline of `words` to `outline`, with the baseline on y = 0 and y growing downwards.
pub(super) fn outline(words: &str, size: f32, outline: &mut dyn Outline) {
    let Some(face) = &*FACE else { return };
    let scale = size / f32::from(face.units_per_em());
    let mut x = 0.0;
    for letter in words.chars() {
        let glyph = glyph(face, letter);
        let mut pen = Pen { outline, scale, x, start: [0.0; 2], at: [0.0; 2] };
        face.outline_glyph(glyph, &mut pen);
        x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
    }
}

/// Scales a glyph and remembers where it stands.
struct Pen<'o> {
    outline: &'o mut dyn Outline,
    scale: f32,
    x: f32,
    start: [f32; 2],
    at: [f32; 2],
}

impl Pen<'_> {
    fn place(&self, x: f32, y: f32) -> [f32; 2] {
        [self.x + x * self.scale, -y * self.scale]
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.place(x, y);
        self.at = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.outline.line(self.at, to);
        self.at = to;
    }

    fn quad_to(&mut self, control_x: f32, control_y: f32, x: f32, y: f32) {
        let (control, to) = (self.place(control_x, control_y), self.place(x, y));
        self.outline.quad(self.at, control, to);
        self.at = to;
    }

    /// TrueType outlines have no cubic curves.
    fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, x: f32, y: f32) {
        self.line_to(x, y);
    }

    fn close(&mut self) {
        self.outline.line(self.at, self.start);
        self.at = self.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_that_figures_use_is_there() {
        let face = FACE.as_ref().expect("the font is read");
        for letter in (' '..='~').chain("−×·–—±≤≥µ".chars()) {
            assert!(face.glyph_index(letter).is_some(), "`{letter}`");
        }
        assert!((width("mm", 20.0) - 2.0 * width("m", 20.0)).abs() < 1e-3);
        assert!(width("m", 20.0) > width("i", 20.0));
    }
}
