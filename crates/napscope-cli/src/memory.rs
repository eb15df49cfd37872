//! The memory that a run will need, told beforehand, and the limit that it must keep.

use napscope::{Error, ErrorKind, Result};

/// Reads `4GiB`, `500 MB`, `2G`, `1073741824` or `50%` (of the machine's memory).
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for anything else.
pub fn parse(text: &str) -> Result<u64> {
    let bad = || {
        Error::new(ErrorKind::InvalidParameter, format!("memory-limit: `{text}` is no amount of memory"))
            .hint("write it as 4GiB, 500MB or 50%")
    };
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let number: f64 = trimmed[..split].parse().map_err(|_| bad())?;
    let factor = match trimmed[split..].trim().to_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "kb" => 1e3,
        "m" | "mib" => 1024f64.powi(2),
        "mb" => 1e6,
        "g" | "gib" => 1024f64.powi(3),
        "gb" => 1e9,
        "t" | "tib" => 1024f64.powi(4),
        "tb" => 1e12,
        "%" => available().ok_or_else(bad)? as f64 / 100.0,
        _ => return Err(bad()),
    };
    Ok((number * factor) as u64)
}

/// Memory that this machine can give now; `None` where the system does not say (only Linux does, without a dependency).
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// What a run will need at most, item by item. Stages follow each other, so the peak is the largest stage.
#[derive(Debug, Default)]
pub struct Forecast {
    stages: Vec<(String, u64)>,
}

impl Forecast {
    /// Adds a stage and what it needs.
    pub fn stage(&mut self, what: impl Into<String>, bytes: u64) {
        self.stages.push((what.into(), bytes));
    }

    /// The stage that needs most.
    pub fn peak(&self) -> (&str, u64) {
        self.stages.iter().max_by_key(|stage| stage.1).map_or(("nothing", 0), |stage| (&stage.0, stage.1))
    }

    /// Refuses a run that would need more than `limit`.
    ///
    /// # Errors
    /// [`ErrorKind::MemoryLimit`] with the stage that needs most.
    pub fn check(&self, limit: u64) -> Result<()> {
        let (stage, bytes) = self.peak();
        if bytes <= limit {
            return Ok(());
        }
        let (needs, has) = (crate::terminal::bytes(bytes), crate::terminal::bytes(limit));
        Err(Error::new(ErrorKind::MemoryLimit, format!("{stage} would need {needs}, the limit is {has}")).hint(
            "choose fewer layers, a smaller sketch (mean), fewer samples (--limit), a smaller --batch or another --memory-limit",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, expected) in
            [("1024", 1024), ("4GiB", 4 << 30), ("4 G", 4 << 30), ("1.5k", 1536), ("500MB", 500_000_000)]
        {
            assert_eq!(parse(text).expect(text), expected, "{text}");
        }
        for text in ["", "much", "4 parsecs", "-1", "."] {
            assert!(parse(text).is_err(), "{text:?} is no amount");
        }
    }

    #[test]
    fn the_largest_stage_decides() {
        let mut forecast = Forecast::default();
        forecast.stage("tapping", 100);
        forecast.stage("clustering layer a", 300);
        assert!(forecast.check(300).is_ok());
        let error = forecast.check(299).expect_err("300 bytes are more than 299");
        assert_eq!(error.to_string(), "clustering layer a would need 300 B, the limit is 299 B");
    }
}
