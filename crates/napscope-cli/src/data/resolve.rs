//! Which arrays of a file are the network's inputs, and whether they fit.

use super::array_file::{ArrayEntry, ArrayFile, refused_type, show_shape};
use super::dtype::{DType, Kind};
use napscope::{Error, ErrorKind, Result};

/// What a network's input takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Floating-point numbers, delivered as f32.
    Float,
    /// Integers or truth values, delivered as i64.
    Int,
}

/// An input as the network declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInput {
    /// Its name in the network.
    pub name: String,
    /// What it takes.
    pub kind: InputKind,
    /// Its shape, the batch axis first; `None` for a size that is free, and in whole for a shape that is not known.
    pub shape: Option<Vec<Option<usize>>>,
}

/// Names that data are given most often, in any letter case.
const USUAL_NAMES: [&str; 9] =
    ["x", "input", "inputs", "image", "images", "data", "features", "activations", "input_features"];

/// One array for each input of the network, in the network's order; without a network, the one array that looks like data.
///
/// Each input takes, in this order: the array that `given` (`(input, array)`) says; the array of its own name; and, when it is
/// the only one left, the array that looks like data.
///
/// # Errors
/// [`ErrorKind::UnknownName`] for a name that does not exist; [`ErrorKind::InvalidParameter`] when the choice is not clear:
/// the message lists the arrays, the hint shows `--input`.
pub(super) fn resolve<'a>(
    file: &'a ArrayFile,
    inputs: &[ModelInput],
    given: &[(String, String)],
) -> Result<Vec<(String, &'a ArrayEntry)>> {
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let mut chosen: Vec<Option<&ArrayEntry>> = vec![None; inputs.len().max(1)];
    for (input, array) in given {
        let at = match names.iter().position(|name| name == input) {
            Some(at) => at,
            None if names.is_empty() => 0,
            None => return Err(Error::unknown("input of the network", input, names.iter().copied())),
        };
        chosen[at] = Some(file.entry(array)?);
    }
    for (choice, name) in chosen.iter_mut().zip(&names) {
        *choice = choice.or_else(|| file.entries.iter().find(|entry| entry.name() == *name));
    }
    let open: Vec<usize> = (0..chosen.len()).filter(|at| chosen[*at].is_none()).collect();
    if let [only] = open[..] {
        let free = file.entries.iter().filter(|entry| !chosen.iter().flatten().any(|used| std::ptr::eq(*used, *entry)));
        chosen[only] = looks_like_data(free.collect());
    }
    let mut resolved = Vec::new();
    for (at, choice) in chosen.into_iter().enumerate() {
        let name = names.get(at).copied();
        let entry = choice.ok_or_else(|| unclear(file, name))?;
        resolved.push((name.unwrap_or(entry.name()).to_string(), entry));
    }
    Ok(resolved)
}

fn unclear(file: &ArrayFile, input: Option<&str>) -> Error {
    let (question, hint) = match input {
        Some(input) => (format!("which array feeds `{input}`?"), format!("say it with --input {input}=ARRAY")),
        None => ("which array is meant?".to_owned(), "say it with --array ARRAY".to_owned()),
    };
    Error::new(ErrorKind::InvalidParameter, format!("{question} The file holds\n{}", file.listing())).hint(hint)
}

fn looks_like_data(entries: Vec<&ArrayEntry>) -> Option<&ArrayEntry> {
    let usual = |entry: &&ArrayEntry| USUAL_NAMES.contains(&entry.name().to_ascii_lowercase().as_str());
    let float_maps = |entry: &&ArrayEntry| entry.dtype().kind() == Kind::Float && entry.shape().len() >= 2;
    let number_maps =
        |entry: &&ArrayEntry| matches!(entry.dtype().kind(), Kind::Float | Kind::Int) && entry.shape().len() >= 2;
    let rules: [&dyn Fn(&&ArrayEntry) -> bool; 4] = [&usual, &float_maps, &number_maps, &|_| true];
    rules.iter().find_map(|rule| {
        let matching: Vec<&ArrayEntry> = entries.iter().copied().filter(|entry| rule(entry)).collect();
        match matching[..] {
            [only] => Some(only),
            _ => None,
        }
    })
}

/// The shape of one sample for `input`, made from `entry`: the array's own, or the network's where they differ only by axes
/// of length 1 (grey pictures often come as (n, 28, 28) and are wanted as (n, 1, 28, 28)).
///
/// # Errors
/// Arrays of the wrong type or shape.
pub(super) fn fit(input: &ModelInput, entry: &ArrayEntry) -> Result<Vec<usize>> {
    let context = |error: Error| error.context(format!("array `{}` for input `{}`", entry.name(), input.name));
    match (entry.dtype().kind(), input.kind) {
        (Kind::Refused, _) => return Err(context(refused_type(entry.name(), entry.dtype()))),
        (Kind::Text, _) => {
            return Err(context(
                Error::new(ErrorKind::Source, format!("a network takes numbers, it holds {}", entry.dtype()))
                    .hint(format!("choose another array with --input {}=ARRAY", input.name)),
            ));
        }
        (Kind::Float, InputKind::Int) => {
            return Err(context(
                Error::new(ErrorKind::Source, format!("the network takes integers, it holds {}", entry.dtype()))
                    .hint(format!("save it with {}.astype(np.int64), or choose another with --input", entry.name())),
            ));
        }
        (Kind::Float | Kind::Int, _) => {}
    }
    let own = entry.shape().get(1..).unwrap_or(&[]);
    if entry.shape().is_empty() {
        return Err(context(
            Error::new(ErrorKind::ShapeMismatch, "it is a single number: its first axis must count the samples")
                .hint("save one row a sample"),
        ));
    }
    let Some(wanted) = &input.shape else { return Ok(own.to_vec()) };
    let wanted = wanted.get(1..).unwrap_or(&[]);
    if let Some(shape) = fits(wanted, own) {
        return Ok(shape);
    }
    let wanted_text: Vec<String> =
        wanted.iter().map(|size| size.map_or("any".into(), |size| size.to_string())).collect();
    let message =
        format!("the network takes (n, {}), its shape is {}", wanted_text.join(", "), show_shape(entry.shape()));
    Err(context(Error::new(ErrorKind::ShapeMismatch, message).hint(reshape_hint(entry, wanted, own))))
}

/// The shape in which samples of shape `own` go to a network that takes `wanted` (`None` is any size): their own, or the
/// network's where they differ only by axes of length 1. `None` where they do not fit.
pub(super) fn fits(wanted: &[Option<usize>], own: &[usize]) -> Option<Vec<usize>> {
    let same = |wanted: &[Option<usize>], own: &[usize]| {
        wanted.len() == own.len() && wanted.iter().zip(own).all(|(size, own)| size.is_none_or(|size| size == *own))
    };
    if same(wanted, own) {
        return Some(own.to_vec());
    }
    let long: Vec<Option<usize>> = wanted.iter().copied().filter(|size| *size != Some(1)).collect();
    let own_long: Vec<usize> = own.iter().copied().filter(|size| *size != 1).collect();
    if !same(&long, &own_long) {
        return None;
    }
    let mut sizes = own_long.into_iter();
    Some(wanted.iter().map(|size| if *size == Some(1) { 1 } else { sizes.next().unwrap_or(1) }).collect())
}

fn reshape_hint(entry: &ArrayEntry, wanted: &[Option<usize>], own: &[usize]) -> String {
    let axes = own.len();
    let last_first = (0..axes).map(|at| if at == 0 { axes } else { at });
    let first_last = (0..axes).map(|at| if at + 1 == axes { 1 } else { at + 2 });
    for order in [last_first.collect::<Vec<usize>>(), first_last.collect()] {
        let moved: Vec<usize> = order.iter().map(|axis| own[axis - 1]).collect();
        if fits(wanted, &moved).is_some() {
            let order: Vec<String> = order.iter().map(usize::to_string).collect();
            return format!("swap its axes: {}.transpose(0, {})", entry.name(), order.join(", "));
        }
    }
    "save it in the shape the network was trained on, or choose another array with --input".into()
}

/// What the user should know about how `entry` is delivered to a float input.
pub(super) fn note(entry: &ArrayEntry, input: &ModelInput) -> Option<String> {
    let unscaled = input.kind == InputKind::Float && *entry.dtype() == DType::U8;
    unscaled.then(|| {
        format!(
            "array `{}` is uint8: the network gets its values 0 … 255 as they are (save it scaled if the network was trained on scaled values)",
            entry.name()
        )
    })
}
