//! Lets a network run on made-up samples with its values tapped, to see what they are.
//!
//! It runs once with one sample and once with two (a network of a fixed batch: twice with other neighbors of the first
//! sample). The axis that grows is the batch's; a value in which the first sample is not what it was alone is no value of a
//! sample.

use crate::engine::{Choice, Engine};
use crate::graph::Computed;
use crate::model::{Input, Model};
use crate::tensor::{DataType, InputData, InputTensor};
use napscope::Result;

/// What the two runs showed of a value, or why the engine cannot deliver it.
pub(crate) type Sight = Result<[Seen; 2], String>;

/// The numbers of samples in the two runs.
pub(crate) fn batches(model: &Model) -> [usize; 2] {
    model.fixed_batch().map_or([1, 2], |batch| [batch, batch])
}

/// Looks at `values` in both runs.
///
/// # Errors
/// [`ErrorKind::Source`](napscope::ErrorKind::Source) when the engine cannot run the model as it is.
pub(crate) fn look(
    model: &Model,
    engine: &Choice,
    sample_shapes: &[Vec<usize>],
    values: &[Computed<'_>],
) -> Result<Vec<Sight>> {
    let [alone, among] = batches(model);
    // Where nothing grows, the second run has other neighbors.
    let neighbors = if alone == among { 2 } else { 1 };
    let inputs = [made_up(model, sample_shapes, alone, 1), made_up(model, sample_shapes, among, neighbors)];
    let probe = Probe { model, engine, inputs };
    match probe.observe(values) {
        Ok(seen) => Ok(seen.into_iter().map(Ok).collect()),
        Err(_) => {
            probe.prove_it_runs()?;
            let mut seen = vec![Err(String::new()); values.len()];
            probe.halve(values, &mut seen);
            Ok(seen)
        }
    }
}

/// `batch` made-up samples for every input: the same first one whatever `neighbors` is, and others as it says.
pub(crate) fn made_up(model: &Model, sample_shapes: &[Vec<usize>], batch: usize, neighbors: u64) -> Vec<InputTensor> {
    let tensor = |(input, shape): (&Input, &Vec<usize>)| {
        let len: usize = shape.iter().product();
        let data = if input.dtype.is_float() {
            let sample = |index: usize| noise(if index == 0 { 0 } else { neighbors + index as u64 }, len);
            InputData::Float((0..batch).flat_map(sample).collect())
        } else {
            // Integers are mostly indices into tables of unknown length: 0 is in each.
            InputData::Integer(vec![0; batch * len])
        };
        InputTensor::new([&[batch], shape.as_slice()].concat(), data)
    };
    model.inputs().iter().zip(sample_shapes).filter_map(|pair| tensor(pair).ok()).collect()
}

/// `len` numbers between -1 and 1 that look like chance (a linear congruential generator, Knuth's constants).
fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(&mut next).take(len).collect()
}

/// What a run showed of one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) dtype: DataType,
    pub(crate) shape: Vec<usize>,
    /// Evenly spread values of the first sample, if the first axis of the value counts the samples.
    first_sample: Vec<f32>,
    /// The largest absolute value among all.
    peak: f32,
}

struct Probe<'a> {
    model: &'a Model,
    engine: &'a Choice,
    inputs: [Vec<InputTensor>; 2],
}

impl Probe<'_> {
    /// The engine must run the model as it is; else its complaint is about the model and not about a tap.
    fn prove_it_runs(&self) -> Result<()> {
        self.engine.load(self.model, &[], &self.inputs[0]).map(|_| ())
    }

    /// Looks at `values` where the engine cannot deliver them all together; the culprits are found by halving.
    fn halve(&self, values: &[Computed<'_>], seen: &mut [Sight]) {
        match self.observe(values) {
            Ok(observed) => seen.iter_mut().zip(observed).for_each(|(slot, observed)| *slot = Ok(observed)),
            Err(error) if values.len() == 1 => seen[0] = Err(error.to_string()),
            Err(_) => {
                let half = values.len() / 2;
                let (left, right) = seen.split_at_mut(half);
                self.halve(&values[..half], left);
                self.halve(&values[half..], right);
            }
        }
    }

    fn observe(&self, values: &[Computed<'_>]) -> Result<Vec<[Seen; 2]>> {
        let taps: Vec<&str> = values.iter().map(|value| value.tensor).collect();
        let engine = self.engine.load(self.model, &taps, &self.inputs[0])?;
        let runs = [run(&*engine, &self.inputs[0])?, run(&*engine, &self.inputs[1])?];
        let [alone, among] = runs;
        Ok(alone.into_iter().zip(among).map(|(alone, among)| [alone, among]).collect())
    }
}

fn run(engine: &dyn Engine, inputs: &[InputTensor]) -> Result<Vec<Seen>> {
    const LOOKED_AT: usize = 256;
    let mut seen = Vec::new();
    engine.run(inputs, &mut |_, output| {
        let len = output.values.len() / output.shape.first().copied().unwrap_or(1).max(1);
        let step = len.div_ceil(LOOKED_AT).max(1);
        seen.push(Seen {
            dtype: output.dtype,
            shape: output.shape.to_vec(),
            first_sample: output.values[..len].iter().step_by(step).copied().collect(),
            peak: output.values.iter().fold(0.0, |peak, value| peak.max(value.abs())),
        });
        Ok(())
    })?;
    Ok(seen)
}

/// The axis that counts the samples, or why there is none.
pub(crate) fn batch_axis([alone, among]: &[Seen; 2], batches: [usize; 2]) -> Result<usize, String> {
    if !alone.dtype.is_float() {
        return Err(format!("{} is no floating-point type", alone.dtype));
    }
    if alone.shape.contains(&0) {
        return Err("it holds no number".into());
    }
    let grown = |axis: usize| alone.shape[axis] == batches[0] && among.shape.get(axis) == Some(&batches[1]);
    let same_rank = alone.shape.len() == among.shape.len();
    let others_stay =
        |axis: usize| (0..alone.shape.len()).all(|other| other == axis || alone.shape[other] == among.shape[other]);
    let axis = if batches[0] == batches[1] {
        // Nothing grows where the batch is fixed: only the first axis can be trusted to count the samples.
        (same_rank && !alone.shape.is_empty() && grown(0) && others_stay(0)).then_some(0)
    } else {
        (0..alone.shape.len()).find(|&axis| same_rank && grown(axis) && others_stay(axis))
    };
    let Some(axis) = axis else {
        return Err(format!(
            "no axis counts the samples: its shape is {:?} for {} and {:?} for {}",
            alone.shape, batches[0], among.shape, batches[1]
        ));
    };
    // Rounding may differ between batch sizes by a few units in the last place; a neighbor's influence is no rounding.
    const ROUNDING: f32 = 1e-3;
    let differs = |(a, b): (&f32, &f32)| (a - b).abs() > ROUNDING * alone.peak.max(among.peak);
    if axis == 0 && alone.first_sample.iter().zip(&among.first_sample).any(differs) {
        return Err("a sample's values depend on the other samples of its batch".into());
    }
    Ok(axis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(shape: &[usize], first_sample: &[f32]) -> Seen {
        Seen { dtype: DataType::Float32, shape: shape.to_vec(), first_sample: first_sample.to_vec(), peak: 1.0 }
    }

    #[test]
    fn the_axis_that_grows_counts_the_samples() {
        for (alone, among, batches, expected) in [
            (&[1, 4][..], &[2, 4][..], [1, 2], Some(0)),
            (&[4, 1], &[4, 2], [1, 2], Some(1)),
            (&[1, 1, 1], &[1, 2, 1], [1, 2], Some(1)),
            (&[1], &[2], [1, 2], Some(0)),
            (&[3, 4], &[6, 4], [1, 2], None),
            (&[1, 1], &[2, 2], [1, 2], None),
            (&[1, 4], &[1, 4], [1, 2], None),
            (&[1, 4], &[2, 4, 1], [1, 2], None),
            (&[], &[], [1, 2], None),
            (&[1, 0], &[2, 0], [1, 2], None),
            (&[3, 4], &[3, 4], [3, 3], Some(0)),
            (&[4, 3], &[4, 3], [3, 3], None),
            (&[], &[], [3, 3], None),
        ] {
            let found = batch_axis(&[seen(alone, &[]), seen(among, &[])], batches);
            assert_eq!(found.ok(), expected, "{alone:?} for {} samples, {among:?} for {}", batches[0], batches[1]);
        }
    }

    #[test]
    fn a_neighbors_influence_is_no_rounding() {
        for (among, expected) in
            [([0.5, 1.0], true), ([0.5, 0.999_99], true), ([0.49, 1.0], false), ([f32::NAN, 1.0], true)]
        {
            let found = batch_axis(&[seen(&[1, 2], &[0.5, 1.0]), seen(&[2, 2], &among)], [1, 2]);
            assert_eq!(found.is_ok(), expected, "0.5, 1.0 alone and {among:?} among others");
        }
    }

    #[test]
    fn made_up_numbers_are_spread_and_never_the_same_twice() {
        let (first, second) = (noise(0, 1000), noise(1, 1000));
        assert!(first.iter().all(|value| (-1.0..1.0).contains(value)), "between -1 and 1");
        assert!((first.iter().sum::<f32>() / 1000.0).abs() < 0.1, "around 0");
        assert!(first.iter().zip(&second).all(|(a, b)| a != b), "another seed, other numbers");
    }
}
