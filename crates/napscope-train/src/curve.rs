//! The log of a training as a picture: loss, and the bit error rate of the validation by SNR.

use crate::loss::{SNR_EDGES_DB, SNR_RANGES};
use anyhow::{Context, Result, bail};
use napscope_chart::{Curve, Panel, Theme, figure, svg};

/// Ranges of SNR in one panel: more curves than these would hide behind the legend.
const RANGES_A_PANEL: usize = 3;

/// Draws the log `text` (the file `log.csv` of a training) as SVG.
///
/// # Errors
/// When it is no such log, or has no row yet.
pub fn draw(text: &str) -> Result<String> {
    let log = Log::read(text)?;
    let loss = ["loss", "validation_loss"].map(|column| Ok((column, log.points(column)?)));
    let loss = loss.into_iter().collect::<Result<Vec<_>>>()?;
    let named =
        |(column, points)| Curve { name: if column == "loss" { "training" } else { "validation" }.into(), points };
    let mut panels = vec![panel("cross-entropy, nats a bit", loss.into_iter().map(named).collect())];
    for first in (0..SNR_RANGES).step_by(RANGES_A_PANEL) {
        let curve = |range: usize| {
            let [low, high] = [SNR_EDGES_DB[range], SNR_EDGES_DB[range + 1]];
            let points = log.points(&format!("validation_ber_{low}_to_{high}_db"))?;
            Ok(Curve { name: format!("{low} to {high} dB").replace('-', "−"), points })
        };
        let ranges = first..(first + RANGES_A_PANEL).min(SNR_RANGES);
        panels.push(panel("bit error rate, validation", ranges.map(curve).collect::<Result<_>>()?));
    }
    Ok(svg(&figure("", &panels, Theme::Light)))
}

fn panel(y_label: &str, curves: Vec<Curve>) -> Panel {
    Panel { x_label: "steps".into(), y_label: y_label.into(), curves }
}

/// The log as text.
struct Log<'t> {
    head: Vec<&'t str>,
    rows: Vec<Vec<&'t str>>,
}

impl<'t> Log<'t> {
    fn read(text: &'t str) -> Result<Self> {
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().unwrap_or_default();
        let rows: Vec<_> = lines.collect();
        if rows.is_empty() {
            bail!("the log has no row yet: the first comes with the first validation");
        }
        if let Some(row) = rows.iter().find(|row| row.len() != head.len()) {
            bail!("a row of the log has {} values, expected {}: {}", row.len(), head.len(), row.join(","));
        }
        Ok(Log { head, rows })
    }

    /// (steps, value, value, value) of each row: a log knows no interval.
    fn points(&self, column: &str) -> Result<Vec<[f64; 4]>> {
        let place = |name: &str| {
            let found = self.head.iter().position(|other| *other == name);
            found.with_context(|| format!("the log has no column `{name}`: it is not that of a training"))
        };
        let (step, value) = (place("step")?, place(column)?);
        let number = |text: &str| text.parse::<f64>().with_context(|| format!("`{text}` in the log is no number"));
        let point = |row: &Vec<&str>| {
            let (step, value) = (number(row[step])?, number(row[value])?);
            Ok([step, value, value, value])
        };
        self.rows.iter().map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(rows: &[(u64, f64)]) -> String {
        let ranges = SNR_EDGES_DB.windows(2).map(|edges| format!("validation_ber_{}_to_{}_db", edges[0], edges[1]));
        let mut text = format!("step,loss,validation_loss,{}\n", ranges.collect::<Vec<_>>().join(","));
        for (step, value) in rows {
            text.push_str(&format!("{step},{value},{value}{}\n", format!(",{value}").repeat(SNR_RANGES)));
        }
        text
    }

    #[test]
    fn every_column_is_a_curve() {
        let picture = draw(&log(&[(250, 0.3), (500, 0.03), (750, 0.01)])).expect("a picture");
        for words in ["training", "validation", "−4 to 2 dB", "26 to 32 dB", "steps"] {
            assert!(picture.contains(&format!(">{words}</text>")), "no `{words}`");
        }
        // Three corners each: the three points of the log.
        let lines = picture.lines().filter(|line| line.starts_with("<polyline"));
        let curves = lines.filter(|line| {
            line.split("points=\"")
                .nth(1)
                .is_some_and(|rest| rest.split('"').next().is_some_and(|points| points.split(' ').count() == 3))
        });
        assert_eq!(curves.count(), 2 + SNR_RANGES);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        for (text, expected) in [
            (String::new(), "no row"),
            (log(&[]), "no row"),
            ("a,b\n1,2\n".into(), "no column `step`"),
            (log(&[(250, 0.3)]).replace("250,0.3", "250,many"), "`many`"),
            (log(&[(250, 0.3)]) + "500,0.2\n", "2 values"),
        ] {
            let error = draw(&text).expect_err(expected);
            assert!(format!("{error:#}").contains(expected), "expected `{expected}`, got: {error:#}");
        }
    }
}
