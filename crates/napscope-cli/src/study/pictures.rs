//! The pictures of the vision study. In-distribution ones are parted into those to learn from, those held out to calibrate and
//! choose by, and fresh ones to judge by; what lies outside is shipped (digits) or made by seed.
//!
//! `mixed` pictures are averages of two pictures that are learned from. They lie off the manifold, but are no out-of-distribution
//! set: recipes are chosen by them, and judged by the others.

use super::grid::Grid;
use super::sets::{Random, Set, side_by_side};
use crate::data::{DataSet, InputKind, ModelInput, OpenOptions, TensorValues};
use crate::files::npz::{ArraySpec, NpzWriter, Opened};
use anyhow::Context;
use std::path::Path;

/// Rows and columns of a picture.
const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;
const SEED: u64 = 5;

type Picture = [f32; PIXELS];

/// What is made of a picture, or of none, by chance.
type Make = fn(&Picture, &mut Random) -> Picture;

/// The sets that are made: name, meaning, how.
const MADE: [(&str, &str, Make); 6] = [
    ("noise", "every pixel drawn by itself", |_, random| std::array::from_fn(|_| (255.0 * random.uniform()) as f32)),
    ("clouds", "noise, smoothed and stretched", |_, random| {
        let noise: Picture = std::array::from_fn(|_| random.uniform() as f32);
        stretch(&blur(&blur(&noise)))
    }),
    ("grain", "other garments with Gaussian noise of standard deviation 60", |picture, random| {
        std::array::from_fn(|at| (picture[at] + 60.0 * random.normal() as f32).clamp(0.0, 255.0))
    }),
    ("blurred", "other garments, each pixel averaged over 5 x 5, twice", |picture, _| blur(&blur(picture))),
    ("inverted", "other garments, dark for light", |picture, _| picture.map(|value| 255.0 - value)),
    ("turned", "other garments, turned by 90 degrees", |picture, _| {
        std::array::from_fn(|at| picture[(SIDE - 1 - at % SIDE) * SIDE + at / SIDE])
    }),
];

/// The sets in the order in which they stand in the file: reference, held out, fresh, mixed, then those outside.
pub(super) fn sets(grid: &Grid) -> Vec<Set> {
    let [reference, held_out, fresh, base] = grid.parts;
    let [digits, made] = grid.outside;
    let given = [
        ("reference", "garments that detectors learn from", reference),
        ("held out", "garments that thresholds and recipes are chosen by", held_out),
        ("fresh", "garments that recipes are judged by", fresh),
        ("mixed", "averages of two garments of the reference", base),
        ("digits", "handwritten digits (MNIST)", digits),
    ];
    side_by_side(given.into_iter().chain(MADE.map(|(name, meaning, _)| (name, meaning, made))))
}

/// Writes all pictures to `target` (`.npz`), out of the shipped garments and digits.
///
/// # Errors
/// When they cannot be read, or the file cannot be written.
pub(super) fn write(grid: &Grid, garments: &Path, digits: &Path, target: &Path) -> anyhow::Result<()> {
    let garments = read(garments)?;
    let [reference, held_out, fresh, base] = grid.parts;
    let order = shuffled(garments.len(), &mut Random(SEED));
    anyhow::ensure!(reference + held_out + fresh + base <= order.len(), "the study needs more garments than there are");
    let mut all: Vec<Picture> = order[..reference + held_out + fresh].iter().map(|&at| garments[at]).collect();
    let mut random = Random(SEED + 1);
    for number in 0..base {
        let [a, b] = [number, random.below(reference)].map(|at| garments[order[at % reference]]);
        let share = (0.35 + 0.3 * random.uniform()) as f32;
        all.push(std::array::from_fn(|at| share * a[at] + (1.0 - share) * b[at]));
    }
    let digits = read(digits)?;
    let shown = shuffled(digits.len(), &mut Random(SEED + 2));
    all.extend(shown.iter().take(grid.outside[0]).map(|&at| digits[at]));
    // Garments of their own: what is made of a garment that recipes are judged by would not be drawn apart from it.
    let base = &order[reference + held_out + fresh..][..base];
    for (number, (_, _, make)) in MADE.into_iter().enumerate() {
        let mut random = Random(SEED + 10 + number as u64);
        all.extend((0..grid.outside[1]).map(|at| make(&garments[base[at % base.len()]], &mut random)));
    }
    let spec =
        ArraySpec { name: "image".into(), descr: "|u1".into(), element_bytes: 1, row_shape: vec![1, SIDE, SIDE] };
    let comment = r#"{"made_by":"napscope study vision"}"#;
    match NpzWriter::open(target, &[spec], all.len() as u64, comment, false, true)? {
        Opened::Done => Ok(()),
        Opened::Work(mut writer) => {
            let bytes = all.iter().flatten().map(|value| value.round().clamp(0.0, 255.0) as u8).collect();
            writer.append(&[bytes])?;
            Ok(writer.finish()?)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Picture>> {
    let shape = Some(vec![None, Some(1), Some(SIDE), Some(SIDE)]);
    let input = ModelInput { name: "image".into(), kind: InputKind::Float, shape };
    let data = DataSet::open(path, &OpenOptions { model_inputs: vec![input], ..OpenOptions::default() })?;
    let all: Vec<usize> = (0..data.samples()).collect();
    let tensor = data.read(&all)?.pop().context("there is one input")?;
    let TensorValues::F32(values) = tensor.values else { anyhow::bail!("pictures are numbers") };
    Ok(values.as_chunks::<PIXELS>().0.to_vec())
}

/// Each pixel averaged over 5 × 5, those beyond the edge left out.
fn blur(picture: &Picture) -> Picture {
    let around = |at: usize| at.saturating_sub(2)..(at + 3).min(SIDE);
    std::array::from_fn(|at| {
        let (row, column) = (at / SIDE, at % SIDE);
        let near = around(row).flat_map(|row| around(column).map(move |column| picture[row * SIDE + column]));
        near.sum::<f32>() / (around(row).len() * around(column).len()) as f32
    })
}

/// Brings the darkest pixel to 0 and the lightest to 255.
fn stretch(picture: &Picture) -> Picture {
    let (low, high) =
        picture.iter().fold((f32::MAX, f32::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    picture.map(|value| 255.0 * (value - low) / (high - low).max(f32::MIN_POSITIVE))
}

fn shuffled(count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_what_it_says() {
        let mut picture = [0.0; PIXELS];
        picture[3] = 255.0;
        let make = |name: &str| MADE.into_iter().find(|made| made.0 == name).expect("it is made").2;
        let made = |name: &str| make(name)(&picture, &mut Random(1));
        assert_eq!(made("inverted")[3], 0.0);
        assert_eq!(made("turned")[3 * SIDE + SIDE - 1], 255.0, "the upper left is the upper right");
        let sum: f32 = made("blurred").iter().sum();
        assert!((200.0..400.0).contains(&sum), "blurring keeps the light, but for the edge: {sum}");
        let clouds = made("clouds");
        assert!(clouds.contains(&0.0) && clouds.iter().any(|value| (value - 255.0).abs() < 1e-3), "stretched");
        assert!(made("noise") != make("noise")(&picture, &mut Random(2)), "drawn by seed");
        assert_eq!(made("grain"), made("grain"), "and again the same");
    }

    #[test]
    fn sets_stand_side_by_side() {
        let sets = sets(&super::super::grid::VISION);
        assert!(sets.windows(2).all(|pair| pair[0].rows.end == pair[1].rows.start));
        assert_eq!(sets.last().expect("sets").rows.end, 1000 + 300 + 400 + 300 + 1000 + 6 * 300);
    }
}
