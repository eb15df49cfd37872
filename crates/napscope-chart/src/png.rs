//! A scene as PNG: every shape becomes coverage of pixels, which is laid over what is there.

use super::font::{self, Outline};
use super::{Anchor, Color, Place, Scene, Shape, Text};
use ab_glyph_rasterizer::{Point, Rasterizer, point};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// Corners of the polygon that stands for a round end.
const ROUND: usize = 16;

/// `scene` as a PNG with `scale` pixels for each of its own.
///
/// # Errors
/// When the picture cannot be encoded.
pub fn png(scene: &Scene, scale: f32) -> image::ImageResult<Vec<u8>> {
    let mut canvas = Canvas::new(scene, scale);
    for shape in &scene.shapes {
        match shape {
            Shape::Line { points, width, color, dashes } => {
                for part in dashed(points, dashes) {
                    canvas.stroke(&part, *width, *color);
                }
            }
            Shape::Area { corners, color } => canvas.fill(corners, *color),
            Shape::Text(text) => canvas.write(text),
        }
    }
    let mut bytes = Vec::new();
    let (width, height) = (canvas.width as u32, canvas.height as u32);
    // Large even areas pack best without a filter.
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::NoFilter);
    encoder.write_image(&canvas.pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

struct Canvas {
    width: usize,
    height: usize,
    scale: f32,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(scene: &Scene, scale: f32) -> Self {
        let side = |length: f32| (length * scale).round().max(1.0) as usize;
        let (width, height) = (side(scene.size[0]), side(scene.size[1]));
        Canvas { width, height, scale, pixels: scene.background.repeat(width * height) }
    }

    /// Fills a closed polygon.
    fn fill(&mut self, corners: &[Place], color: Color) {
        let scale = self.scale;
        let scaled = |place: &Place| [place[0] * scale, place[1] * scale];
        let next = corners.iter().cycle().skip(1);
        let segments = corners.iter().zip(next).map(|(from, to)| Segment::Line(scaled(from), scaled(to)));
        self.cover(&segments.collect::<Vec<_>>(), color);
    }

    /// A line of `width` with round joints and ends: piece by piece, since overlaps of one coverage would cancel out.
    fn stroke(&mut self, points: &[Place], width: f32, color: Color) {
        for pair in points.windows(2) {
            let [from, to] = [pair[0], pair[1]];
            let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
            let length = dx.hypot(dy);
            if length > 0.0 {
                let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
                let corner = |at: Place, side: f32| [at[0] + side * nx, at[1] + side * ny];
                self.fill(&[corner(from, 1.0), corner(to, 1.0), corner(to, -1.0), corner(from, -1.0)], color);
            }
        }
        // Hairlines meet at right angles and need no round ends, which would smear them.
        if width * self.scale > 2.5 {
            for &at in points {
                self.fill(&disc(at, width / 2.0), color);
            }
        }
    }

    fn write(&mut self, text: &Text) {
        let shift = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -0.5,
            Anchor::End => -1.0,
        } * font::width(&text.words, text.size);
        let mut letters = Letters { segments: Vec::new(), text, shift, scale: self.scale };
        font::outline(&text.words, text.size, &mut letters);
        let segments = letters.segments;
        self.cover(&segments, text.color);
    }

    /// Lays `color` over the pixels inside of closed `segments`.
    fn cover(&mut self, segments: &[Segment], color: Color) {
        let ends = || segments.iter().flat_map(|segment| segment.points());
        let bound = |axis: usize, pick: fn(f32, f32) -> f32, start: f32| ends().map(|p| p[axis]).fold(start, pick);
        let (left, top) = (bound(0, f32::min, f32::INFINITY).floor(), bound(1, f32::min, f32::INFINITY).floor());
        let (right, bottom) =
            (bound(0, f32::max, f32::NEG_INFINITY).ceil(), bound(1, f32::max, f32::NEG_INFINITY).ceil());
        // Also false where there is no segment.
        if !(right - left > 0.0 && bottom - top > 0.0) {
            return;
        }
        // Shapes lie within the picture but for a pixel or two: no bound is far away.
        let mut coverage = Rasterizer::new((right - left) as usize + 2, (bottom - top) as usize + 2);
        let moved = |place: Place| -> Point { point(place[0] - left, place[1] - top) };
        for segment in segments {
            match *segment {
                Segment::Line(from, to) => coverage.draw_line(moved(from), moved(to)),
                Segment::Quad(from, control, to) => coverage.draw_quad(moved(from), moved(control), moved(to)),
            }
        }
        coverage.for_each_pixel_2d(|x, y, alpha| {
            let (x, y) = (i64::from(x) + left as i64, i64::from(y) + top as i64);
            let inside = (0..self.width as i64).contains(&x) && (0..self.height as i64).contains(&y);
            if inside && alpha > 0.0 {
                let at = 3 * (y as usize * self.width + x as usize);
                for (pixel, &wanted) in self.pixels[at..at + 3].iter_mut().zip(&color) {
                    let (old, new, alpha) = (f32::from(*pixel), f32::from(wanted), alpha.min(1.0));
                    *pixel = (old + (new - old) * alpha).round() as u8;
                }
            }
        });
    }
}

enum Segment {
    Line(Place, Place),
    Quad(Place, Place, Place),
}

impl Segment {
    fn points(&self) -> Vec<Place> {
        match *self {
            Segment::Line(from, to) => vec![from, to],
            Segment::Quad(from, control, to) => vec![from, control, to],
        }
    }
}

/// Moves and turns a text's outline to its place.
struct Letters<'t> {
    segments: Vec<Segment>,
    text: &'t Text,
    shift: f32,
    scale: f32,
}

impl Letters<'_> {
    fn place(&self, [x, y]: Place) -> Place {
        let x = x + self.shift;
        let (x, y) = if self.text.upwards { (y, -x) } else { (x, y) };
        [(self.text.at[0] + x) * self.scale, (self.text.at[1] + y) * self.scale]
    }
}

impl Outline for Letters<'_> {
    fn line(&mut self, from: Place, to: Place) {
        let segment = Segment::Line(self.place(from), self.place(to));
        self.segments.push(segment);
    }

    fn quad(&mut self, from: Place, control: Place, to: Place) {
        let segment = Segment::Quad(self.place(from), self.place(control), self.place(to));
        self.segments.push(segment);
    }
}

fn disc(at: Place, radius: f32) -> Vec<Place> {
    let corner = |i: usize| {
        let (sin, cos) = (std::f32::consts::TAU * i as f32 / ROUND as f32).sin_cos();
        [at[0] + radius * cos, at[1] + radius * sin]
    };
    (0..ROUND).map(corner).collect()
}

/// The drawn parts of a line with `dashes`.
fn dashed(points: &[Place], dashes: &[f32]) -> Vec<Vec<Place>> {
    if dashes.is_empty() {
        return vec![points.to_vec()];
    }
    let (mut parts, mut part): (Vec<Vec<Place>>, Vec<Place>) =
        (Vec::new(), points.first().copied().into_iter().collect());
    let (mut dash, mut left) = (0, dashes[0]);
    for pair in points.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = [from[0] + (to[0] - from[0]) * done / length, from[1] + (to[1] - from[1]) * done / length];
            if dash % 2 == 0 {
                part.push(at);
                parts.push(std::mem::take(&mut part));
            } else {
                part = vec![at];
            }
            dash = (dash + 1) % dashes.len();
            left = dashes[dash];
        }
        left -= length - done;
        if dash % 2 == 0 {
            part.push(to);
        }
    }
    parts.push(part);
    parts.retain(|part| part.len() > 1);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Color = [0, 0, 0];

    fn pixels(shapes: Vec<Shape>, scale: f32) -> (Vec<u8>, usize) {
        let scene = Scene { size: [20.0, 10.0], background: [255; 3], shapes };
        let picture = image::load_from_memory(&png(&scene, scale).expect("encoded")).expect("a picture").to_luma8();
        (picture.to_vec(), picture.width() as usize)
    }

    #[test]
    fn areas_cover_their_pixels_and_no_others() {
        let corners = vec![[2.0, 3.0], [6.5, 3.0], [6.5, 5.0], [2.0, 5.0]];
        let (luma, width) = pixels(vec![Shape::Area { corners, color: INK }], 1.0);
        for (y, row) in luma.chunks(width).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                let expected = match (x, y) {
                    (2..6, 3..5) => 0,
                    (6, 3..5) => 128,
                    _ => 255,
                };
                assert!(value.abs_diff(expected) <= 1, "pixel ({x}, {y}): expected {expected}, got {value}");
            }
        }
    }

    #[test]
    fn shapes_beyond_the_edge_are_cut_off() {
        let points = vec![[-5.0, 4.5], [40.0, 4.5]];
        let line = Shape::Line { points, width: 1.0, color: INK, dashes: &[] };
        let (luma, width) = pixels(vec![line], 2.0);
        assert!(luma.chunks(width).enumerate().all(|(y, row)| row.iter().all(|&v| (v == 0) == (8..10).contains(&y))));
    }

    #[test]
    fn dashes_leave_gaps() {
        let points = [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]];
        let parts = dashed(&points, &[3.0, 1.0]);
        let expected =
            vec![vec![[0.0, 0.0], [3.0, 0.0]], vec![[4.0, 0.0], [5.0, 0.0], [5.0, 2.0]], vec![[5.0, 3.0], [5.0, 5.0]]];
        assert_eq!(parts, expected);
    }

    #[test]
    fn texts_stand_where_their_anchor_says() {
        let text = |anchor, x| {
            Shape::Text(Text { words: "m".into(), at: [x, 8.0], anchor, size: 8.0, color: INK, upwards: false })
        };
        let width = font::width("m", 8.0);
        let (start, _) = pixels(vec![text(Anchor::Start, 4.0)], 1.0);
        let (end, _) = pixels(vec![text(Anchor::End, 4.0 + width)], 1.0);
        let apart = start.iter().zip(&end).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(2), "the same text: {apart:?}");
        assert!(start.iter().any(|&value| value < 128), "and it is there");
    }
}
