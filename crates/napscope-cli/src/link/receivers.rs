//! The receivers that a command compares, as they were asked for.

use super::told;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::link::tensor::{RECEIVER_INPUTS, ReceiverInput};
use napscope_ofdm::receiver::ReceiverConfig;
use std::path::PathBuf;

/// A receiver and what it is called in tables.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedReceiver {
    /// As it was asked for; a network by its file's name without `.onnx`, unless another receiver is called so.
    pub name: String,
    /// What it is.
    pub kind: ReceiverKind,
}

/// What a receiver is.
#[derive(Debug, Clone, PartialEq)]
pub enum ReceiverKind {
    /// One of the link's own, by its parts.
    Classical(ReceiverConfig),
    /// A network.
    Network(NetworkSpec),
}

/// A network that receives, before it is opened.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSpec {
    /// Its ONNX file.
    pub path: PathBuf,
    /// What it is given, where the user says so; else the file must.
    pub input: Option<ReceiverInput>,
    /// How far off the noise variance is that its input is made with, in dB.
    pub noise_offset_db: f64,
}

/// Reads receivers, each text one or several of them with commas between. Options have commas, too: a part with `=` and without
/// `:` goes on with the receiver before it, as in `perfect_csi,ls_linear:noise=estimated,demapping=exact`. A name that ends in
/// `.onnx` is a network: `receiver.onnx`, `receiver.onnx:input=raw`.
///
/// # Errors
/// [`ErrorKind::UnknownName`] for a name that no receiver bears; [`ErrorKind::InvalidParameter`] for one that stands twice.
pub fn read<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<NamedReceiver>> {
    let mut receivers: Vec<NamedReceiver> = Vec::new();
    for spec in texts.into_iter().flat_map(specs) {
        let kind = kind(&spec).map_err(|error| error.context(format!("receiver {spec}")))?;
        if let Some(same) = receivers.iter().find(|other| other.kind == kind) {
            let message = format!("`{}` and `{spec}` are the same receiver", same.name);
            return Err(Error::new(ErrorKind::InvalidParameter, message).hint("name each receiver once"));
        }
        receivers.push(NamedReceiver { name: spec, kind });
    }
    if receivers.is_empty() {
        let known = napscope_ofdm::receiver::RECEIVERS.map(|known| known.0);
        return Err(Error::new(ErrorKind::InvalidParameter, "no receiver is named")
            .hint(format!("choose one or several of: {}, or an .onnx file", known.join(", "))));
    }
    shorten(&mut receivers);
    Ok(receivers)
}

fn kind(spec: &str) -> Result<ReceiverKind> {
    let Some((path, options)) = network(spec) else {
        return ReceiverConfig::from_name(spec).map(ReceiverKind::Classical).map_err(told);
    };
    let (mut input, mut noise_offset_db) = (None, 0.0);
    for option in options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        match option.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("input", name)) => input = Some(ReceiverInput::from_name(name).map_err(told)?),
            Some(("noise_offset_db", value)) => {
                let offset = value.parse().ok().filter(|offset: &f64| offset.abs() <= 60.0);
                let message = || format!("noise_offset_db must lie from -60 to 60, got `{value}`");
                noise_offset_db =
                    offset.ok_or_else(|| Error::new(ErrorKind::InvalidParameter, message()).hint("0 is the truth"))?;
            }
            _ => {
                let inputs = RECEIVER_INPUTS.map(|known| known.0).join("|");
                let message = format!("`{option}` is no option of a network");
                return Err(Error::new(ErrorKind::InvalidParameter, message)
                    .hint(format!("its options: input={inputs}, noise_offset_db=DB")));
            }
        }
    }
    Ok(ReceiverKind::Network(NetworkSpec { path: PathBuf::from(path), input, noise_offset_db }))
}

/// Path and options of a network. The path may hold colons, as those of Windows do.
fn network(spec: &str) -> Option<(&str, &str)> {
    const ENDING: &str = ".onnx";
    let end = spec.to_ascii_lowercase().rfind(ENDING)? + ENDING.len();
    match &spec[end..] {
        "" => Some((spec, "")),
        options => Some((&spec[..end], options.strip_prefix(':')?)),
    }
}

/// Calls networks by the names of their files, as far as that is clear.
fn shorten(receivers: &mut [NamedReceiver]) {
    let short = |receiver: &NamedReceiver| match &receiver.kind {
        ReceiverKind::Classical(_) => receiver.name.clone(),
        ReceiverKind::Network(spec) => {
            let stem = spec.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
            if spec.noise_offset_db == 0.0 { stem } else { format!("{stem}:noise_offset_db={}", spec.noise_offset_db) }
        }
    };
    let names: Vec<String> = receivers.iter().map(short).collect();
    for (receiver, name) in receivers.iter_mut().zip(&names) {
        if names.iter().filter(|other| *other == name).count() == 1 {
            receiver.name.clone_from(name);
        }
    }
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
        assert_eq!(names(&["lmmse,studies/receiver.onnx,b.onnx:input=raw"]), ["lmmse", "receiver", "b"]);
        assert_eq!(names(&["lmmse,lmmse.onnx"]), ["lmmse", "lmmse.onnx"], "which is which stays clear");
        assert_eq!(names(&["a/r.onnx,b/r.onnx"]), ["a/r.onnx", "b/r.onnx"]);
        assert_eq!(names(&["a/r.onnx,a/r.onnx:noise_offset_db=3"]), ["r", "r:noise_offset_db=3"]);
    }

    #[test]
    fn networks_are_told_by_their_ending() {
        for (spec, path, input, noise_offset_db) in [
            ("r.onnx", "r.onnx", None, 0.0),
            ("r.onnx:input=estimate", "r.onnx", Some(ReceiverInput::Estimate), 0.0),
            (r"C:\models\R.ONNX: input = raw", r"C:\models\R.ONNX", Some(ReceiverInput::Raw), 0.0),
            ("r.onnx:noise_offset_db=-3,input=raw", "r.onnx", Some(ReceiverInput::Raw), -3.0),
        ] {
            let expected = ReceiverKind::Network(NetworkSpec { path: path.into(), input, noise_offset_db });
            assert_eq!(kind(spec).expect(spec), expected, "{spec}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (text, expected) in [
            ("lmmmse", "no receiver is called `lmmmse`"),
            ("lmmse,lmmse_matched", "`lmmse` and `lmmse_matched` are the same receiver"),
            ("r.onnx,r.onnx", "`r.onnx` and `r.onnx` are the same receiver"),
            ("r.onnx:input=row", "no input of a neural receiver is called `row`"),
            ("r.onnx:output=llr", "`output=llr` is no option of a network"),
            ("r.onnx:noise_offset_db=much", "noise_offset_db must lie from -60 to 60, got `much`"),
            ("lmmse:noise=estimated,noise_offset_db=3", "noise that is estimated has no noise_offset_db"),
            (",", "no receiver is named"),
        ] {
            let error = read([text]).expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(error.how_to_mend().is_some(), "{text}");
        }
    }
}
