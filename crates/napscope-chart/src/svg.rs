//! A scene as SVG: texts stay texts, so that they can be searched and edited.

use super::{Anchor, Color, Place, Scene, Shape, Text};
use std::fmt::Write;

/// The fonts that look like the one of the PNG, best first.
const FONTS: &str = "Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif";

/// `scene` as an SVG document.
pub fn svg(scene: &Scene) -> String {
    let [width, height] = scene.size;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"{FONTS}\" fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
        hex(scene.background)
    );
    for shape in &scene.shapes {
        // Writing to a String cannot fail.
        let _ = match shape {
            Shape::Line { points, width, color, dashes } => {
                let dashes = match dashes {
                    [] => String::new(),
                    dashes => format!(" stroke-dasharray=\"{}\"", numbers(dashes)),
                };
                let (points, color) = (places(points), hex(*color));
                writeln!(text, "<polyline points=\"{points}\" stroke=\"{color}\" stroke-width=\"{width}\"{dashes}/>")
            }
            Shape::Area { corners, color } => {
                writeln!(text, "<polygon points=\"{}\" fill=\"{}\"/>", places(corners), hex(*color))
            }
            Shape::Text(words) => writeln!(text, "{}", element(words)),
        };
    }
    text.push_str("</svg>\n");
    text
}

fn element(text: &Text) -> String {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let [x, y] = text.at;
    let (x, y) = (number(x), number(y));
    let turned = if text.upwards { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let (size, color, words) = (text.size, hex(text.color), escaped(&text.words));
    format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{color}\"{anchor}{turned}>{words}</text>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Hundredths of a pixel are enough.
fn number(value: f32) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn numbers(values: &[f32]) -> String {
    values.iter().map(|value| number(*value)).collect::<Vec<_>>().join(" ")
}

fn places(points: &[Place]) -> String {
    points.iter().map(|[x, y]| format!("{},{}", number(*x), number(*y))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_markup() {
        let words = "<script> & \"quotes\"".to_owned();
        let text = Text { words, at: [1.0, 2.5], anchor: Anchor::End, size: 12.0, color: [0, 0, 255], upwards: true };
        let scene = Scene { size: [10.0, 20.0], background: [255; 3], shapes: vec![Shape::Text(text)] };
        let expected = "<text x=\"1\" y=\"2.5\" font-size=\"12\" fill=\"#0000ff\" text-anchor=\"end\" \
                        transform=\"rotate(-90 1 2.5)\">&lt;script&gt; &amp; &quot;quotes&quot;</text>";
        assert!(svg(&scene).contains(expected), "{}", svg(&scene));
    }
}
