//! The receivers that a command compares, as they were asked for.

use super::told;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::receiver::ReceiverConfig;

/// A receiver and what it is called in tables.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedReceiver {
    /// As it was asked for.
    pub name: String,
    /// Its parts.
    pub config: ReceiverConfig,
}

/// Reads receivers, each text one or several of them with commas between. Options have commas, too: a part with `=` and without
/// `:` goes on with the receiver before it, as in `perfect_csi,ls_linear:noise=estimated,demapping=exact`.
///
/// # Errors
/// [`ErrorKind::UnknownName`] for a name that no receiver bears; [`ErrorKind::InvalidParameter`] for one that stands twice.
pub fn read<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<NamedReceiver>> {
    let mut receivers: Vec<NamedReceiver> = Vec::new();
    for spec in texts.into_iter().flat_map(specs) {
        let config =
            ReceiverConfig::from_name(&spec).map_err(|error| told(error).context(format!("receiver {spec}")))?;
        if let Some(same) = receivers.iter().find(|other| other.config == config) {
            let message = format!("`{}` and `{spec}` are the same receiver", same.name);
            return Err(Error::new(ErrorKind::InvalidParameter, message).hint("name each receiver once"));
        }
        receivers.push(NamedReceiver { name: spec, config });
    }
    if receivers.is_empty() {
        let known = napscope_ofdm::receiver::RECEIVERS.map(|known| known.0);
        return Err(Error::new(ErrorKind::InvalidParameter, "no receiver is named")
            .hint(format!("choose one or several of: {}", known.join(", "))));
    }
    Ok(receivers)
}

fn specs(text: &str) -> Vec<String> {
    let mut specs: Vec<String> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match specs.last_mut() {
            Some(last) if part.contains('=') && !part.contains(':') => {
                let separator = if last.contains(':') { ',' } else { ':' };
                last.push(separator);
                last.push_str(part);
            }
            _ => specs.push(part.to_owned()),
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_receivers_and_their_options() {
        let names = |texts: &[&str]| {
            let receivers = read(texts.iter().copied()).unwrap_or_else(|error| panic!("{texts:?}: {error}"));
            receivers.into_iter().map(|receiver| receiver.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["perfect_csi, lmmse"]), ["perfect_csi", "lmmse"]);
        assert_eq!(
            names(&["ls_linear:noise=estimated,demapping=exact,lmmse", "perfect_csi"]),
            ["ls_linear:noise=estimated,demapping=exact", "lmmse", "perfect_csi"]
        );
    }

    #[test]
    fn mistakes_are_told() {
        for (text, expected) in [
            ("lmmmse", "no receiver is called `lmmmse`"),
            ("lmmse,lmmse_matched", "`lmmse` and `lmmse_matched` are the same receiver"),
            (",", "no receiver is named"),
        ] {
            let error = read([text]).expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(error.how_to_mend().is_some(), "{text}");
        }
    }
}
