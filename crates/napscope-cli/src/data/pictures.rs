//! Small PNGs of samples, for the report: from picture files, and from arrays that look like pictures.

use super::array::Array;
use super::dtype::{DType, Kind};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use std::io::Cursor;

/// Samples that decide which values are black and white.
const PROBES: usize = 16;
/// Fewer pixels a side are no picture.
const MIN_SIDE: usize = 8;
/// Longer than this many times their other side are no pictures either.
const MAX_ASPECT: usize = 4;

/// How the samples of an array are drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ArrayPictures {
    /// Index of the array among the inputs.
    pub(super) array: usize,
    width: usize,
    height: usize,
    channels: usize,
    channels_last: bool,
    /// The value that is black, and the one that is white.
    range: (f32, f32),
}

impl ArrayPictures {
    /// The first of `arrays` that looks like pictures: (n, h, w), (n, 1 or 3, h, w) or (n, h, w, 1 or 3), with values 0 … 255
    /// or 0 … 1. Other values are stretched over black and white where pictures are square, as normalised pictures are;
    /// what is not square then is taken for something else.
    pub(super) fn find(arrays: &[Array]) -> Option<Self> {
        arrays.iter().enumerate().find_map(|(at, array)| {
            let (width, height, channels, channels_last) = layout(array.shape())?;
            let range = range(array, width == height)?;
            Some(ArrayPictures { array: at, width, height, channels, channels_last, range })
        })
    }

    /// A sample of the array as a PNG, at most `max_side` pixels wide and high.
    pub(super) fn png(&self, array: &Array, sample: usize, max_side: u32) -> Option<Vec<u8>> {
        let values = array.f32(&[sample]).ok()?;
        let (low, high) = self.range;
        let pixel = |value: f32| ((value - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8;
        let (channels, positions) = (self.channels, self.width * self.height);
        let at = |position: usize, channel: usize| match self.channels_last {
            true => values[position * channels + channel],
            false => values[channel * positions + position],
        };
        let pixels = (0..positions).flat_map(|position| (0..channels).map(move |channel| (position, channel)));
        let pixels: Vec<u8> = pixels.map(|(position, channel)| pixel(at(position, channel))).collect();
        let (width, height) = (u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
        let picture = match channels {
            3 => DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels)?),
            _ => DynamicImage::ImageLuma8(GrayImage::from_raw(width, height, pixels)?),
        };
        png(&picture, max_side)
    }
}

/// Width, height, channels, and whether the channels come last.
fn layout(shape: &[usize]) -> Option<(usize, usize, usize, bool)> {
    let found = match *shape {
        [_, height, width] => (width, height, 1, true),
        [_, channels @ (1 | 3), height, width] => (width, height, channels, false),
        [_, height, width, channels @ (1 | 3)] => (width, height, channels, true),
        _ => return None,
    };
    let (short, long) = (found.0.min(found.1), found.0.max(found.1));
    (short >= MIN_SIDE && long <= MAX_ASPECT * short).then_some(found)
}

/// The values of black and white, judged by samples spread over the array.
fn range(array: &Array, square: bool) -> Option<(f32, f32)> {
    if *array.dtype() == DType::U8 {
        return Some((0.0, 255.0));
    }
    if !matches!(array.dtype().kind(), Kind::Float | Kind::Int) {
        return None;
    }
    let step = array.rows().div_ceil(PROBES).max(1);
    let probes: Vec<usize> = (0..array.rows()).step_by(step).collect();
    let values = array.f32(&probes).ok()?;
    let (low, high) = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    match (low, high) {
        _ if !values.iter().all(|value| value.is_finite()) => None,
        (0.0.., ..=1.0) => Some((0.0, 1.0)),
        (0.0.., ..=255.0) => Some((0.0, 255.0)),
        _ => (square && low < high).then_some((low, high)),
    }
}

/// A picture as a PNG, made smaller until no side is longer than `max_side`.
pub(super) fn png(picture: &DynamicImage, max_side: u32) -> Option<Vec<u8>> {
    let longest = picture.width().max(picture.height());
    let side = |length: u32| (u64::from(length) * u64::from(max_side) / u64::from(longest)).max(1) as u32;
    let (width, height) = match longest > max_side {
        true => (side(picture.width()), side(picture.height())),
        false => (picture.width(), picture.height()),
    };
    let picture = match picture.color().has_color() {
        true => DynamicImage::from(imageops::resize(&picture.to_rgb8(), width, height, FilterType::Triangle)),
        false => DynamicImage::from(imageops::resize(&picture.to_luma8(), width, height, FilterType::Triangle)),
    };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).ok()?;
    Some(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_can_be_pictures() {
        for (shape, expected) in [
            (vec![5, 28, 28], Some((28, 28, 1, true))),
            (vec![5, 3, 32, 48], Some((48, 32, 3, false))),
            (vec![5, 32, 48, 3], Some((48, 32, 3, true))),
            (vec![5, 2, 32, 32], None),
            (vec![5, 14, 72], None),
            (vec![5, 4, 4], None),
            (vec![5, 784], None),
        ] {
            assert_eq!(layout(&shape), expected, "{shape:?}");
        }
    }

    #[test]
    fn pictures_shrink_and_never_grow() {
        for (width, height, max_side, expected) in [(40, 20, 10, (10, 5)), (4, 2, 10, (4, 2)), (1000, 1, 10, (10, 1))] {
            let picture = DynamicImage::from(RgbImage::new(width, height));
            let bytes = png(&picture, max_side).expect("a PNG");
            let read = image::load_from_memory(&bytes).expect("our own PNG");
            assert_eq!((read.width(), read.height()), expected);
        }
    }
}
