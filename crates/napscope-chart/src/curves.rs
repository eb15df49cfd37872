//! Curves over a logarithmic axis, with confidence intervals: the figure of every link-level paper.
//!
//! A point without an error has no place on a logarithmic axis: the upper end of its interval is drawn, with an arrow downwards.

use super::axis::{decades, round_ticks};
use super::{Anchor, Color, Place, Scene, Shape, Text, font};

/// Colours of everything but the curves, and those of the curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white.
    Light,
    /// Light on near-black.
    Dark,
}

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// (x, y, lower end, upper end), by rising x; both ends at y where there is no interval.
    pub points: Vec<[f64; 4]>,
}

/// One pair of axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What the x axis is.
    pub x_label: String,
    /// What the y axis is.
    pub y_label: String,
    /// Its curves.
    pub curves: Vec<Curve>,
}

struct Palette {
    background: Color,
    ink: Color,
    grid: Color,
    fine_grid: Color,
    curves: [Color; 7],
}

/// Okabe and Ito's colours, which the colour-blind can tell apart; marks differ besides, for print in black and white.
const LIGHT: Palette = Palette {
    background: [255, 255, 255],
    ink: [34, 34, 34],
    grid: [205, 205, 205],
    fine_grid: [236, 236, 236],
    curves: [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [90, 90, 90]],
};

/// The same, lighter where they would drown.
const DARK: Palette = Palette {
    background: [22, 24, 28],
    ink: [225, 225, 225],
    grid: [70, 74, 80],
    fine_grid: [40, 43, 48],
    curves: [
        [86, 180, 233],
        [255, 126, 54],
        [64, 200, 156],
        [226, 152, 194],
        [240, 190, 60],
        [90, 140, 255],
        [190, 190, 190],
    ],
};

/// Dashes of the curves beyond the number of colours.
const DASHES: [&[f32]; 3] = [&[], &[7.0, 4.0], &[2.0, 3.5]];

/// Decades on the y axis at most.
const MOST_DECADES: i32 = 8;

const PANEL: [f32; 2] = [470.0, 400.0];
const TITLE_HEIGHT: f32 = 34.0;
/// From the edge of a panel to its axes: left, top, right, bottom.
const MARGINS: [f32; 4] = [74.0, 10.0, 18.0, 52.0];
const TEXT: f32 = 14.0;
const SMALL: f32 = 13.0;
/// Width of the first curve's line and radius of its marks; each further one is a little smaller, so that curves that lie over
/// each other can all be seen.
const FIRST: [f32; 2] = [2.6, 5.0];

/// The panels beside each other, under a title.
pub fn figure(title: &str, panels: &[Panel], theme: Theme) -> Scene {
    let palette = match theme {
        Theme::Light => &LIGHT,
        Theme::Dark => &DARK,
    };
    let size = [PANEL[0] * panels.len().max(1) as f32, PANEL[1] + TITLE_HEIGHT];
    let mut scene = Scene { size, background: palette.background, shapes: Vec::new() };
    // A title that is too long for the figure gets smaller letters.
    let fitting = (size[0] - 24.0) / font::width(title, 1.0).max(1.0);
    let title_size = fitting.min(15.0);
    let mut pen = Pen { scene: &mut scene, palette };
    pen.text(title, [size[0] / 2.0, 24.0], Anchor::Middle, title_size);
    for (at, panel) in panels.iter().enumerate() {
        let axes = Axes::of(panel, PANEL[0] * at as f32);
        pen.grid(&axes, panel);
        pen.frame(&axes);
        for (number, curve) in panel.curves.iter().enumerate() {
            pen.curve(&axes, curve, number);
        }
        let names = |panel: &Panel| panel.curves.iter().map(|curve| curve.name.clone()).collect::<Vec<_>>();
        // Panels of the same curves need one legend.
        if at == 0 || names(panel) != names(&panels[at - 1]) {
            pen.legend(&axes, panel);
        }
    }
    scene
}

/// Where numbers lie in the picture.
struct Axes {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    x: (f64, f64),
    /// Decades.
    y: (i32, i32),
}

impl Axes {
    fn of(panel: &Panel, left: f32) -> Self {
        let points = || panel.curves.iter().flat_map(|curve| &curve.points);
        let (low, high) = points()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point[0]), high.max(point[0])));
        // Room for the marks at both ends; a single point stands in the middle.
        let room = if high > low { 0.03 * (high - low) } else { 1.0 };
        let x = (low - room, high + room);
        let drawn = points().flat_map(|&[_, y, _, high]| [y, if y > 0.0 { y } else { high }]);
        Axes {
            left: left + MARGINS[0],
            top: TITLE_HEIGHT + MARGINS[1],
            right: left + PANEL[0] - MARGINS[2],
            bottom: TITLE_HEIGHT + PANEL[1] - MARGINS[3],
            x,
            y: decades(drawn, MOST_DECADES),
        }
    }

    fn x(&self, value: f64) -> f32 {
        self.left + (self.right - self.left) * ((value - self.x.0) / (self.x.1 - self.x.0)) as f32
    }

    /// The place of a positive `value`; what lies beyond an end is put on it.
    fn y(&self, value: f64) -> f32 {
        let share = (value.log10() - f64::from(self.y.0)) / f64::from(self.y.1 - self.y.0);
        self.bottom - (self.bottom - self.top) * share.clamp(0.0, 1.0) as f32
    }
}

struct Pen<'s> {
    scene: &'s mut Scene,
    palette: &'static Palette,
}

impl Pen<'_> {
    fn line(&mut self, points: Vec<Place>, width: f32, color: Color, dashes: &'static [f32]) {
        self.scene.shapes.push(Shape::Line { points, width, color, dashes });
    }

    fn text(&mut self, words: &str, at: Place, anchor: Anchor, size: f32) {
        let (words, color) = (words.to_owned(), self.palette.ink);
        self.scene.shapes.push(Shape::Text(Text { words, at, anchor, size, color, upwards: false }));
    }

    fn grid(&mut self, axes: &Axes, panel: &Panel) {
        let palette = self.palette;
        for decade in axes.y.0..=axes.y.1 {
            for step in 2..10 {
                let y = axes.y(f64::from(step) * 10f64.powi(decade));
                if decade < axes.y.1 {
                    self.line(vec![[axes.left, y], [axes.right, y]], 1.0, palette.fine_grid, &[]);
                }
            }
        }
        for decade in axes.y.0..=axes.y.1 {
            let y = axes.y(10f64.powi(decade));
            self.line(vec![[axes.left, y], [axes.right, y]], 1.0, palette.grid, &[]);
            let exponent = decade.to_string().replace('-', "−");
            let small = SMALL * 0.75;
            let ten_ends = axes.left - 8.0 - font::width(&exponent, small);
            self.text(&exponent, [axes.left - 8.0, y - 1.5], Anchor::End, small);
            self.text("10", [ten_ends, y + 5.0], Anchor::End, SMALL);
        }
        for value in round_ticks(axes.x.0, axes.x.1, 8) {
            let x = axes.x(value);
            self.line(vec![[x, axes.top], [x, axes.bottom]], 1.0, palette.grid, &[]);
            // Rounded to the millionth, so that three steps of 0.1 are 0.3.
            let label = ((value * 1e6).round() / 1e6).to_string().replace('-', "−");
            self.text(&label, [x, axes.bottom + 18.0], Anchor::Middle, SMALL);
        }
        let middle = [0.5 * (axes.left + axes.right), 0.5 * (axes.top + axes.bottom)];
        self.text(&panel.x_label, [middle[0], axes.bottom + 40.0], Anchor::Middle, TEXT);
        self.scene.shapes.push(Shape::Text(Text {
            words: panel.y_label.clone(),
            at: [axes.left - 52.0, middle[1]],
            anchor: Anchor::Middle,
            size: TEXT,
            color: palette.ink,
            upwards: true,
        }));
    }

    fn frame(&mut self, axes: &Axes) {
        let corners =
            [[axes.left, axes.top], [axes.right, axes.top], [axes.right, axes.bottom], [axes.left, axes.bottom]];
        let points = corners.into_iter().chain([corners[0]]).collect();
        self.line(points, 1.2, self.palette.ink, &[]);
    }

    fn curve(&mut self, axes: &Axes, curve: &Curve, number: usize) {
        let (color, dashes) = (self.color(number), DASHES[number / LIGHT.curves.len() % DASHES.len()]);
        for &[x, y, low, high] in &curve.points {
            let x = axes.x(x);
            if low == y && high == y {
                continue;
            }
            if y > 0.0 {
                let (low, high) = (if low > 0.0 { axes.y(low) } else { axes.bottom }, axes.y(high));
                self.line(vec![[x, low], [x, high]], 1.2, color, &[]);
                for end in [low, high] {
                    self.line(vec![[x - 3.0, end], [x + 3.0, end]], 1.2, color, &[]);
                }
            } else if high > 0.0 {
                self.upper_limit([x, axes.y(high)], axes.bottom, color);
            }
        }
        let place = |point: &[f64; 4]| [axes.x(point[0]), axes.y(point[1])];
        // The line breaks off where there was no error.
        for run in curve.points.split(|point| point[1] <= 0.0 || point[1].is_nan()) {
            let points: Vec<Place> = run.iter().map(place).collect();
            if points.len() > 1 {
                self.line(points.clone(), sizes(number)[0], color, dashes);
            }
            for at in points {
                self.mark(at, number, color);
            }
        }
    }

    /// A bar with an arrow downwards, not beyond the axis.
    fn upper_limit(&mut self, [x, y]: Place, bottom: f32, color: Color) {
        let tip = (y + 18.0).min(bottom);
        self.line(vec![[x - 4.0, y], [x + 4.0, y]], 1.5, color, &[]);
        self.line(vec![[x, y], [x, tip - 4.0]], 1.2, color, &[]);
        self.scene
            .shapes
            .push(Shape::Area { corners: vec![[x - 3.5, tip - 6.0], [x + 3.5, tip - 6.0], [x, tip]], color });
    }

    fn color(&self, number: usize) -> Color {
        self.palette.curves[number % self.palette.curves.len()]
    }

    fn mark(&mut self, at: Place, number: usize, color: Color) {
        let size = sizes(number)[1];
        let corners = mark(number).into_iter().map(|[x, y]| [at[0] + x * size, at[1] + y * size]).collect();
        self.scene.shapes.push(Shape::Area { corners, color });
    }

    /// In the lower left corner, which falling curves leave free, or else in the upper right one.
    fn legend(&mut self, axes: &Axes, panel: &Panel) {
        let step = 19.0;
        let widest = panel.curves.iter().map(|curve| font::width(&curve.name, SMALL)).fold(0.0, f32::max);
        let (width, height) = (widest + 54.0, step * panel.curves.len() as f32 + 10.0);
        let places = [[axes.left + 10.0, axes.bottom - 10.0 - height], [axes.right - 10.0 - width, axes.top + 10.0]];
        let hides = |[left, top]: &Place| {
            let covers = |[x, y]: Place| (0.0..=width).contains(&(x - left)) && (0.0..=height).contains(&(y - top));
            let points = panel.curves.iter().flat_map(|curve| &curve.points).filter(|point| point[1] > 0.0);
            points.map(|point| [axes.x(point[0]), axes.y(point[1])]).filter(|place| covers(*place)).count()
        };
        let [left, top] = if hides(&places[0]) > hides(&places[1]) { places[1] } else { places[0] };
        let corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]];
        self.scene.shapes.push(Shape::Area { corners: corners.to_vec(), color: self.palette.background });
        self.line(corners.into_iter().chain([corners[0]]).collect(), 1.0, self.palette.grid, &[]);
        for (number, curve) in panel.curves.iter().enumerate() {
            let y = top + 5.0 + step * (number as f32 + 0.5);
            let (color, dashes) = (self.color(number), DASHES[number / LIGHT.curves.len() % DASHES.len()]);
            self.line(vec![[left + 8.0, y], [left + 38.0, y]], sizes(number)[0], color, dashes);
            self.mark([left + 23.0, y], number, color);
            self.text(&curve.name, [left + 46.0, y + 4.5], Anchor::Start, SMALL);
        }
    }
}

/// Line width and mark radius of curve `number`.
fn sizes(number: usize) -> [f32; 2] {
    let shrink = 0.13 * number.min(3) as f32;
    FIRST.map(|size| size * (1.0 - shrink))
}

/// The corners of the mark of curve `number`, in units of its radius.
fn mark(number: usize) -> Vec<Place> {
    match number % 6 {
        0 => (0..16).map(|i| (std::f32::consts::TAU * i as f32 / 16.0).sin_cos()).map(|(y, x)| [x, y]).collect(),
        1 => vec![[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
        2 => vec![[0.0, -1.2], [1.15, 0.85], [-1.15, 0.85]],
        3 => vec![[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]],
        4 => vec![[0.0, 1.2], [1.15, -0.85], [-1.15, -0.85]],
        _ => {
            let (a, b) = (0.4, 1.2);
            [[-a, -b], [a, -b], [a, -a], [b, -a], [b, a], [a, a], [a, b], [-a, b], [-a, a], [-b, a], [-b, -a], [-a, -a]]
                .to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> Panel {
        let points = vec![[0.0, 0.1, 0.05, 0.2], [10.0, 1e-3, 0.0, 1e-2], [20.0, 0.0, 0.0, 1e-3]];
        Panel { x_label: "x".into(), y_label: "y".into(), curves: vec![Curve { name: "one".into(), points }] }
    }

    #[test]
    fn everything_lies_within_the_picture() {
        let names = ["a curve", "another"].map(str::to_owned);
        let curves = names.into_iter().map(|name| Curve { name, ..panel().curves[0].clone() }).collect();
        let scene = figure(
            "a title that is far too long for a figure of one panel ".repeat(3).trim(),
            &[Panel { curves, ..panel() }],
            Theme::Dark,
        );
        let inside = |[x, y]: Place| (0.0..=scene.size[0]).contains(&x) && (0.0..=scene.size[1]).contains(&y);
        for shape in &scene.shapes {
            let places = match shape {
                Shape::Line { points, .. } => points.clone(),
                Shape::Area { corners, .. } => corners.clone(),
                Shape::Text(text) => {
                    let half = 0.5 * font::width(&text.words, text.size);
                    let horizontal = text.anchor == Anchor::Middle && !text.upwards;
                    if horizontal {
                        vec![[text.at[0] - half, text.at[1]], [text.at[0] + half, text.at[1]]]
                    } else {
                        vec![text.at]
                    }
                }
            };
            assert!(places.into_iter().all(inside), "{shape:?}");
        }
    }

    #[test]
    fn points_stand_at_their_numbers_and_zero_is_an_upper_limit() {
        let panel = panel();
        let axes = Axes::of(&panel, 0.0);
        assert_eq!(axes.y, (-3, -1), "decades of 0.1, 1e-3 and the limit 1e-3");
        assert_eq!((axes.y(0.1), axes.y(1e-3)), (axes.top, axes.bottom));
        let middle = 0.5 * (axes.left + axes.right);
        assert!((axes.x(10.0) - middle).abs() < 1e-3 && axes.x(0.0) > axes.left && axes.x(20.0) < axes.right);
        assert_eq!(axes.y(1e-2), 0.5 * (axes.top + axes.bottom), "the middle decade");
        let scene = figure("", &[panel], Theme::Light);
        let thick = |shape: &Shape| match shape {
            Shape::Line { points, width, .. } if *width == FIRST[0] => Some(points.clone()),
            _ => None,
        };
        let lines: Vec<_> = scene.shapes.iter().filter_map(thick).collect();
        let legend = lines.len() - 1;
        let expected = vec![[axes.x(0.0), axes.top], [axes.x(10.0), axes.bottom]];
        assert_eq!(lines[..legend], [expected], "the line ends before the zero");
    }

    #[test]
    fn the_legend_stands_where_it_hides_less() {
        let background = LIGHT.background;
        let left_of_legend = |points: Vec<[f64; 4]>| {
            let curves = vec![Curve { name: "one".into(), points }];
            let scene = figure("", &[Panel { curves, ..panel() }], Theme::Light);
            scene.shapes.iter().find_map(|shape| match shape {
                Shape::Area { corners, color } if *color == background => Some(corners[0][0]),
                _ => None,
            })
        };
        let middle = 0.5 * PANEL[0];
        let falling = left_of_legend(vec![[0.0, 0.1, 0.1, 0.1], [9.0, 1e-3, 1e-3, 1e-3]]).expect("a legend");
        assert!(falling < middle, "a falling curve leaves the left free: {falling}");
        let low = left_of_legend(vec![[0.0, 0.9, 0.9, 0.9], [1.0, 0.012, 0.012, 0.012], [9.0, 0.011, 0.011, 0.011]]);
        assert!(low.expect("a legend") > middle, "a curve that has fallen early leaves the right free: {low:?}");
    }

    #[test]
    fn a_figure_without_an_error_is_drawn_too() {
        let curves = vec![Curve { name: "none".into(), points: vec![[3.0, 0.0, 0.0, 0.02]] }];
        let panel = Panel { curves, ..panel() };
        let picture = super::super::svg(&figure("", &[panel], Theme::Light));
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    }
}
