//! Pictures of curves: a scene of lines, areas and texts, drawn from the same description as SVG and as PNG.
//!
//! A plotting library would bring axes that are not quite those of the field; these few shapes are all that an error-rate figure needs.

mod axis;
mod curves;
mod font;
mod png;
mod svg;

pub use curves::{Curve, Panel, Theme, figure};
pub use png::png;
pub use svg::svg;

/// A colour: red, green, blue.
pub type Color = [u8; 3];

/// A point, in pixels from the upper left corner.
pub type Place = [f32; 2];

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// A text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Its words.
    pub words: String,
    /// Where its baseline has its anchor.
    pub at: Place,
    /// What stands there.
    pub anchor: Anchor,
    /// Height of an em.
    pub size: f32,
    /// Its colour.
    pub color: Color,
    /// Written upwards?
    pub upwards: bool,
}

/// A shape; later ones lie over earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A line through points, with round ends; dashes are lengths of lines and gaps by turns, none for a solid line.
    Line {
        /// Its points.
        points: Vec<Place>,
        /// Its width.
        width: f32,
        /// Its colour.
        color: Color,
        /// Its dashes.
        dashes: &'static [f32],
    },
    /// A filled polygon.
    Area {
        /// Its corners.
        corners: Vec<Place>,
        /// Its colour.
        color: Color,
    },
    /// A text.
    Text(Text),
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width and height in pixels.
    pub size: [f32; 2],
    /// What lies under everything.
    pub background: Color,
    /// What is drawn, from the back to the front.
    pub shapes: Vec<Shape>,
}
