//! AUROC layer by layer, with intervals.

use crate::chart::{Anchor, Color, Scene, Shape, Text, svg};

/// A line of the figure: its name, and (value, lower end, upper end) of each layer.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) points: Vec<[f64; 3]>,
}

const SIZE: [f32; 2] = [920.0, 420.0];
/// Left, top, right, bottom.
const MARGINS: [f32; 4] = [64.0, 66.0, 20.0, 46.0];
const INK: Color = [34, 34, 34];
const GRID: Color = [222, 222, 222];
/// Okabe and Ito's, which the colour-blind can tell apart.
const COLORS: [Color; 4] = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [150, 150, 150]];

/// The figure as SVG.
pub(super) fn by_layer(title: &str, layers: &[String], series: &[Series]) -> String {
    let lowest = series.iter().flat_map(|series| &series.points).fold(1.0f64, |low, point| low.min(point[1]));
    let floor = ((lowest * 20.0).floor() / 20.0).clamp(0.0, 0.95);
    let (left, right) = (MARGINS[0], SIZE[0] - MARGINS[2]);
    let (top, bottom) = (MARGINS[1], SIZE[1] - MARGINS[3]);
    let y = |value: f64| bottom - ((value - floor) / (1.0 - floor)) as f32 * (bottom - top);
    let step = (right - left) / layers.len().max(1) as f32;
    let x = |layer: usize| left + step * (layer as f32 + 0.5);
    let mut scene = Scene { size: SIZE, background: [255, 255, 255], shapes: Vec::new() };
    let text =
        |words: String, at, anchor, size| Shape::Text(Text { words, at, anchor, size, color: INK, upwards: false });
    let line = |points, width, color| Shape::Line { points, width, color, dashes: &[] };
    scene.shapes.push(text(title.to_owned(), [SIZE[0] / 2.0, 24.0], Anchor::Middle, 15.0));
    let ticks = ((1.0 - floor) * 20.0).round() as usize;
    for tick in (0..=ticks).step_by(ticks.div_ceil(6).max(1)) {
        let value = 1.0 - tick as f64 / 20.0;
        scene.shapes.push(line(vec![[left, y(value)], [right, y(value)]], 1.0, GRID));
        scene.shapes.push(text(format!("{value:.2}"), [left - 8.0, y(value) + 4.0], Anchor::End, 12.0));
    }
    for (index, layer) in layers.iter().enumerate() {
        scene.shapes.push(text(layer.clone(), [x(index), bottom + 22.0], Anchor::Middle, 12.0));
    }
    for (number, Series { name, points }) in series.iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let aside = 7.0 * (number as f32 - (series.len() as f32 - 1.0) / 2.0);
        let place = |(index, point): (usize, &[f64; 3])| [x(index) + aside, y(point[0])];
        scene.shapes.push(line(points.iter().enumerate().map(place).collect(), 1.2, color));
        for (index, [value, low, high]) in points.iter().enumerate() {
            let at = x(index) + aside;
            scene.shapes.push(line(vec![[at, y(low.max(floor))], [at, y(*high)]], 2.0, color));
            let (x, y) = (at, y(*value));
            let corners = vec![[x - 4.0, y], [x, y - 4.0], [x + 4.0, y], [x, y + 4.0]];
            scene.shapes.push(Shape::Area { corners, color });
        }
        let at = left + 8.0 + number as f32 * 280.0;
        scene.shapes.push(line(vec![[at, 46.0], [at + 22.0, 46.0]], 3.0, color));
        scene.shapes.push(text((*name).to_owned(), [at + 28.0, 50.0], Anchor::Start, 12.0));
    }
    svg(&scene)
}
