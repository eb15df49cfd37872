//! Writing to people: data goes to stdout, everything else to stderr; colour only on a terminal that wants it.

use std::io::{IsTerminal, Write};

/// Writes one line to stderr.
pub fn say(line: &str) {
    // Where stderr is closed nobody reads: nothing is lost.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes data to stdout.
///
/// # Errors
/// When stdout is closed or full.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Colours, or none: `NO_COLOR` switches them off, `FORCE_COLOR` on (no-color.org).
#[derive(Debug, Clone, Copy)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// For stderr.
    pub fn stderr() -> Self {
        Self::of(std::io::stderr().is_terminal())
    }

    /// For stdout.
    pub fn stdout() -> Self {
        Self::of(std::io::stdout().is_terminal())
    }

    /// No colour: for files.
    pub fn plain() -> Self {
        Style { colour: false }
    }

    fn of(terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Style { colour: !set("NO_COLOR") && (terminal || set("FORCE_COLOR")) }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Errors.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// Hints and paths.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What may be overlooked.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// A table for the terminal: columns as wide as they need, numbers to the right.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub fn new<const N: usize>(head: [&str; N]) -> Self {
        Self::with_head(head.to_vec())
    }

    /// A table with a head of as many columns as the data want.
    pub fn with_head(head: Vec<&str>) -> Self {
        Table { head: head.into_iter().map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row of as many cells as the head has.
    pub fn push(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.head.len(), "a row has a cell a column");
        self.rows.push(cells);
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// The table as text. A column whose cells are all numbers (or blank) stands to the right.
    pub fn render(&self, style: Style) -> String {
        let columns = self.head.len();
        let width = |cell: &String| cell.chars().count();
        let widths: Vec<usize> = (0..columns)
            .map(|c| self.rows.iter().map(|row| width(&row[c])).chain([width(&self.head[c])]).max().unwrap_or(0))
            .collect();
        let numeric: Vec<bool> = (0..columns).map(|c| self.rows.iter().all(|row| is_number(&row[c]))).collect();
        let line = |cells: &[String]| {
            let padded: Vec<String> = cells
                .iter()
                .enumerate()
                .map(|(c, cell)| {
                    let blank = " ".repeat(widths[c] - width(cell));
                    if numeric[c] { format!("{blank}{cell}") } else { format!("{cell}{blank}") }
                })
                .collect();
            padded.join("  ").trim_end().to_owned()
        };
        let mut text = format!("{}\n", style.bold(&line(&self.head)));
        for row in &self.rows {
            text.push_str(&line(row));
            text.push('\n');
        }
        text
    }
}

fn is_number(cell: &str) -> bool {
    cell.chars().all(|c| c.is_ascii_digit() || " .,-–%×".contains(c)) || cell.is_empty()
}

/// 1234567 → "1,234,567".
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}

/// 1 → "1 pattern", 1200 → "1,200 patterns".
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// 1536 → "1.5 KiB".
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_bytes_rounded() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(thousands(number), expected);
        }
        for (count, expected) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB")] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(["layer", "n"]);
        table.row(["a".into(), "10".into()]);
        table.row(["conv".into(), "7".into()]);
        assert_eq!(table.render(Style { colour: false }), "layer   n\na      10\nconv    7\n");
    }
}
