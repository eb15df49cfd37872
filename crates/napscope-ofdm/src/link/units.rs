//! Units in values, as people write them: `10ns..300ns`, `0..135km/h`, `3.5GHz`.
//!
//! A parameter's name says its own unit (`_secs`, `_hz`, `_mps`, `_db`); a value with another one is converted to it. A unit
//! behind the last number of a range or list counts for those before it that have none.

/// How a number in a unit becomes one in the parameter's own.
#[derive(Clone, Copy)]
enum Conversion {
    /// Times ten to this power: exact in decimal.
    PowerOfTen(i32),
    /// Divided by this.
    Over(f64),
}

use Conversion::{Over, PowerOfTen};

/// (ending of the parameter's name, its units). Longer units stand first: `ns` ends in `s`, too.
const UNITS: [(&str, &[(&str, Conversion)]); 4] = [
    (
        "_secs",
        &[
            ("ns", PowerOfTen(-9)),
            ("us", PowerOfTen(-6)),
            ("µs", PowerOfTen(-6)),
            ("ms", PowerOfTen(-3)),
            ("s", PowerOfTen(0)),
        ],
    ),
    ("_hz", &[("GHz", PowerOfTen(9)), ("MHz", PowerOfTen(6)), ("kHz", PowerOfTen(3)), ("Hz", PowerOfTen(0))]),
    ("_mps", &[("km/h", Over(3.6)), ("kmh", Over(3.6)), ("m/s", PowerOfTen(0))]),
    ("_db", &[("dB", PowerOfTen(0))]),
];

/// The units that values of the parameter `name` may be written in.
pub(super) fn units_of(name: &str) -> impl Iterator<Item = &'static str> {
    let known = UNITS.iter().find(|(ending, _)| name.ends_with(ending));
    known.into_iter().flat_map(|(_, units)| units.iter().map(|(unit, _)| *unit))
}

/// `text`, a value of the parameter `name`, in the parameter's own unit and without it. What has no unit stays as it is.
pub(super) fn without_units(name: &str, text: &str) -> String {
    let Some((_, units)) = UNITS.iter().find(|(ending, _)| name.ends_with(ending)) else { return text.to_owned() };
    let (prefix, rest) = text.trim().strip_prefix("log:").map_or(("", text.trim()), |rest| ("log:", rest));
    let separator = if rest.contains("..") { ".." } else { "," };
    let parts: Vec<&str> = rest.split(separator).map(str::trim).collect();
    let last = parts.last().and_then(|part| unit_of(part, units)).map(|(_, unit)| unit);
    let converted = parts.iter().map(|part| match (unit_of(part, units), last) {
        (Some((number, unit)), _) => convert(number, unit),
        (None, Some(unit)) if part.parse::<f64>().is_ok() => convert(part, unit),
        _ => (*part).to_owned(),
    });
    format!("{prefix}{}", converted.collect::<Vec<_>>().join(separator))
}

/// The number in `part` and its unit, if it has one of `units`.
fn unit_of<'t>(part: &'t str, units: &[(&str, Conversion)]) -> Option<(&'t str, Conversion)> {
    units.iter().find_map(|&(unit, conversion)| {
        let split = part.len().checked_sub(unit.len()).filter(|&split| part.is_char_boundary(split))?;
        let (number, ending) = part.split_at(split);
        let number = number.trim_end();
        (ending.eq_ignore_ascii_case(unit) && number.parse::<f64>().is_ok()).then_some((number, conversion))
    })
}

fn convert(number: &str, conversion: Conversion) -> String {
    match conversion {
        PowerOfTen(0) => number.to_owned(),
        // The power goes into the decimal exponent, so that 300ns is read as the very number that 300e-9 is.
        PowerOfTen(power) => {
            let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
            match exponent.parse::<i32>() {
                Ok(exponent) => format!("{mantissa}e{}", exponent.saturating_add(power)),
                Err(_) => number.to_owned(),
            }
        }
        Over(divisor) => (number.parse().unwrap_or(f64::NAN) / divisor).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_the_parameters_own() {
        for (name, text, expected) in [
            ("delay_spread_secs", "10ns..300ns", "10e-9..300e-9"),
            ("delay_spread_secs", "10..300 ns", "10e-9..300e-9"),
            ("delay_spread_secs", "log:10ns..1us", "log:10e-9..1e-6"),
            ("delay_spread_secs", "30ns,100ns, 300ns", "30e-9,100e-9,300e-9"),
            ("delay_spread_secs", "1e2ns", "1e-7"),
            ("delay_spread_secs", "100e-9", "100e-9"),
            ("delay_spread_secs", "0.3µs", "0.3e-6"),
            ("speed_mps", "0..135km/h", "0..37.5"),
            ("speed_mps", "10m/s", "10"),
            ("carrier_frequency_hz", "3.5GHz", "3.5e9"),
            ("subcarrier_spacing_hz", "30 khz", "30e3"),
            ("snr_db", "-4dB..32dB", "-4..32"),
            ("snr_db", "-4..32", "-4..32"),
            ("pa_backoff_db", "none", "none"),
            ("num_prb", "26", "26"),
        ] {
            assert_eq!(without_units(name, text), expected, "{name} = {text}");
        }
        assert_eq!("300e-9".parse::<f64>(), Ok(300e-9), "to the last bit, as 3e-7 is read");
    }

    #[test]
    fn what_is_no_value_stays_for_the_link_to_refuse() {
        for (name, text) in
            [("delay_spread_secs", "10 fortnights"), ("snr_db", "10ns"), ("speed_mps", "ns"), ("cfo_hz", "")]
        {
            assert_eq!(without_units(name, text), text);
        }
    }
}
