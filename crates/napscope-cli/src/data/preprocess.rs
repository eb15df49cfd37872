//! What is done to a picture before a network sees it: resize, crop, scale, mean and standard deviation, order of the axes.
//!
//! As torchvision does it with Pillow's pictures: the shorter side is resized (bilinear, antialiased), a square is cut out of
//! the middle, pixels run from 0 to `scale`, and each channel becomes (pixel − mean) / std.

use super::resize::resize;
use super::resolve::{ModelInput, fits};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, RgbImage, imageops};
use napscope::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Prepared pictures of more pixels are refused.
const MAX_PIXELS: u64 = 1 << 28;

/// How pictures are prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preprocess {
    /// Pixels that the shorter side is resized to; `None` leaves pictures as they are.
    pub resize: Option<u32>,
    /// Side of the square that is cut out of the middle; `None` keeps everything.
    pub crop: Option<u32>,
    /// A pixel runs from 0 to this before mean and std: 1 or 255.
    pub scale: f32,
    /// Subtracted from each channel, on the scale of `scale`: one number for each channel, one for all, or none for 0.
    pub mean: Vec<f32>,
    /// Each channel is divided by it, as `mean`; none for 1.
    pub std: Vec<f32>,
    /// Colour; `None` for what the network takes, else that of the first picture.
    pub color: Option<Color>,
    /// Order of the axes; `None` for what the network takes, else channels first.
    pub layout: Option<Layout>,
}

/// The channels of a prepared picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// Red, green, blue.
    Rgb,
    /// One channel: 0.299 R + 0.587 G + 0.114 B, as Pillow's `convert("L")`.
    Grey,
}

impl Color {
    /// Number of channels.
    pub fn channels(self) -> usize {
        match self {
            Color::Rgb => 3,
            Color::Grey => 1,
        }
    }
}

/// The order of a batch's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Samples, channels, height, width (PyTorch).
    Nchw,
    /// Samples, height, width, channels (TensorFlow).
    Nhwc,
}

impl Default for Preprocess {
    /// The preset `none`: pictures as they are, pixels from 0 to 1.
    fn default() -> Self {
        Preprocess { resize: None, crop: None, scale: 1.0, mean: vec![], std: vec![], color: None, layout: None }
    }
}

/// The names that [`Preprocess::preset`] knows.
pub const PRESETS: [&str; 3] = ["imagenet", "imagenet-tf", "none"];

impl Preprocess {
    /// A preparation by name: `imagenet` (torchvision's classifiers), `imagenet-tf` (Keras' mode "tf": pixels from −1 to 1,
    /// channels last) or `none`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for another name.
    pub fn preset(name: &str) -> Result<Self> {
        let imagenet =
            Preprocess { resize: Some(256), crop: Some(224), color: Some(Color::Rgb), ..Preprocess::default() };
        match name {
            "imagenet" => Ok(Preprocess {
                mean: vec![0.485, 0.456, 0.406],
                std: vec![0.229, 0.224, 0.225],
                layout: Some(Layout::Nchw),
                ..imagenet
            }),
            "imagenet-tf" => Ok(Preprocess { mean: vec![0.5], std: vec![0.5], layout: Some(Layout::Nhwc), ..imagenet }),
            "none" => Ok(Preprocess::default()),
            _ => Err(Error::unknown("image preset", name, PRESETS)),
        }
    }

    /// Settles what is left open, for the network input `input` and pictures that are `grey` or not.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidParameter`] for numbers that make no sense.
    pub(super) fn settle(&self, input: Option<&ModelInput>, grey: bool) -> Result<Prepared> {
        let sizes = input.and_then(|input| input.shape.as_deref()).unwrap_or(&[]);
        let guess = match *sizes {
            [_, Some(1), _, _] => Some((Color::Grey, Layout::Nchw)),
            [_, Some(3), _, _] => Some((Color::Rgb, Layout::Nchw)),
            [_, _, _, Some(1)] => Some((Color::Grey, Layout::Nhwc)),
            [_, _, _, Some(3)] => Some((Color::Rgb, Layout::Nhwc)),
            _ => None,
        };
        let own = if grey { Color::Grey } else { Color::Rgb };
        let color = self.color.unwrap_or(guess.map_or(own, |guess| guess.0));
        let layout = self.layout.unwrap_or(guess.map_or(Layout::Nchw, |guess| guess.1));
        let refuse = |message: String, hint: &str| Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint));
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return refuse(
                format!("scale {} is no positive number", self.scale),
                "pixels run from 0 to --scale: 1 or 255",
            );
        }
        if self.resize == Some(0) || self.crop == Some(0) {
            return refuse("pictures of 0 pixels".into(), "--resize and --crop take 1 or more");
        }
        let each = |name: &str, values: &[f32], default: f32| match values.len() {
            0 => Ok(vec![default; color.channels()]),
            1 => Ok(vec![values[0]; color.channels()]),
            length if length == color.channels() => Ok(values.to_vec()),
            length => Err(Error::new(
                ErrorKind::InvalidParameter,
                format!("{name} has {length} values for {} channels", color.channels()),
            )
            .hint(format!("give --{name} one value, or one for each channel"))),
        };
        let (mean, std) = (each("mean", &self.mean, 0.0)?, each("std", &self.std, 1.0)?);
        if mean.iter().chain(&std).any(|value| !value.is_finite()) || std.contains(&0.0) {
            return refuse(
                format!("mean {mean:?}, std {std:?} cannot be applied"),
                "give finite numbers, and no std of 0",
            );
        }
        Ok(Prepared { resize: self.resize, crop: self.crop, scale: self.scale, mean, std, color, layout })
    }
}

/// A preparation with nothing left open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prepared {
    resize: Option<u32>,
    crop: Option<u32>,
    scale: f32,
    mean: Vec<f32>,
    std: Vec<f32>,
    color: Color,
    layout: Layout,
}

impl Prepared {
    /// Width and height of a prepared picture that was `width` × `height`.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] when it is smaller than the crop.
    pub(super) fn size(&self, width: u32, height: u32) -> Result<(u32, u32)> {
        let (width, height) = self.resized(width, height);
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            let message = format!("it would be resized to {width} × {height} pixels");
            return Err(
                Error::new(ErrorKind::ShapeMismatch, message).hint("take a smaller --resize, or remove the picture")
            );
        }
        match self.crop {
            None => Ok((width, height)),
            Some(side) if side <= width && side <= height => Ok((side, side)),
            Some(side) => Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("a square of {side} pixels cannot be cut out of {width} × {height}"),
            )
            .hint("resize pictures first (--resize), or cut out less (--crop)")),
        }
    }

    /// The longer side is rounded down, as torchvision does.
    fn resized(&self, width: u32, height: u32) -> (u32, u32) {
        let Some(side) = self.resize else { return (width, height) };
        let longer = |long: u32, short: u32| (u64::from(side) * u64::from(long) / u64::from(short.max(1))) as u32;
        if width <= height { (side, longer(height, width)) } else { (longer(width, height), side) }
    }

    /// The shape of one sample of this width and height.
    pub(super) fn shape(&self, (width, height): (u32, u32)) -> Vec<usize> {
        let (width, height, channels) = (width as usize, height as usize, self.color.channels());
        match self.layout {
            Layout::Nchw => vec![channels, height, width],
            Layout::Nhwc => vec![height, width, channels],
        }
    }

    /// True where prepared pixels are the whole numbers 0 … 255.
    pub(super) fn is_whole(&self) -> bool {
        self.scale == 255.0 && self.mean.iter().all(|mean| *mean == 0.0) && self.std.iter().all(|std| *std == 1.0)
    }

    /// Appends the prepared picture to `out`. [`Prepared::size`] says how large it is.
    pub(super) fn append(&self, picture: &DynamicImage, out: &mut Vec<f32>) {
        let (channels, pixels) = match self.color {
            Color::Rgb => (3, self.geometry::<_, 3>(picture.to_rgb8()).into_raw()),
            Color::Grey => (1, self.geometry::<_, 1>(to_grey(picture)).into_raw()),
        };
        let value = |channel: usize, pixel: u8| {
            (f32::from(pixel) / 255.0 * self.scale - self.mean[channel]) / self.std[channel]
        };
        match self.layout {
            Layout::Nhwc => out.extend(pixels.iter().enumerate().map(|(at, pixel)| value(at % channels, *pixel))),
            Layout::Nchw => (0..channels).for_each(|channel| {
                out.extend(pixels.iter().skip(channel).step_by(channels).map(|pixel| value(channel, *pixel)));
            }),
        }
    }

    fn geometry<P, const CHANNELS: usize>(&self, picture: ImageBuffer<P, Vec<u8>>) -> ImageBuffer<P, Vec<u8>>
    where
        P: image::Pixel<Subpixel = u8> + 'static,
    {
        let (from, to) = (picture.dimensions(), self.resized(picture.width(), picture.height()));
        let size = |(width, height): (u32, u32)| (width as usize, height as usize);
        let pixels = resize::<CHANNELS>(picture.into_raw(), size(from), size(to));
        let (width, height) = to;
        let resized = ImageBuffer::from_raw(width, height, pixels).unwrap_or_default();
        match self.crop {
            None => resized,
            Some(side) => {
                let (left, top) = (middle(width, side), middle(height, side));
                imageops::crop_imm(&resized, left, top, side, side).to_image()
            }
        }
    }
}

/// Where a crop begins; halves are rounded to the even number, as Python's `round` does.
fn middle(length: u32, side: u32) -> u32 {
    (f64::from(length.saturating_sub(side)) / 2.0).round_ties_even() as u32
}

/// Grey as Pillow makes it, in 16-bit fixed point.
fn to_grey(picture: &DynamicImage) -> GrayImage {
    if !picture.color().has_color() {
        return picture.to_luma8();
    }
    let rgb: RgbImage = picture.to_rgb8();
    GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
        let [red, green, blue] = rgb.get_pixel(x, y).0.map(u32::from);
        Luma([((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16) as u8])
    })
}

/// Does a sample of shape `own` fit `input`? Axes of length 1 may be missing.
pub(super) fn fit(input: &ModelInput, own: &[usize]) -> Option<Vec<usize>> {
    match &input.shape {
        None => Some(own.to_vec()),
        Some(wanted) => fits(wanted.get(1..).unwrap_or(&[]), own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_takes_settles_colour_and_layout() {
        let input = |shape: &[usize]| ModelInput {
            name: "x".into(),
            kind: super::super::resolve::InputKind::Float,
            shape: Some(std::iter::once(None).chain(shape.iter().map(|size| Some(*size))).collect()),
        };
        for (shape, grey, expected) in [
            (Some(vec![3, 32, 32]), true, (Color::Rgb, Layout::Nchw)),
            (Some(vec![1, 28, 28]), false, (Color::Grey, Layout::Nchw)),
            (Some(vec![32, 32, 3]), true, (Color::Rgb, Layout::Nhwc)),
            (Some(vec![28, 28]), true, (Color::Grey, Layout::Nchw)),
            (None, true, (Color::Grey, Layout::Nchw)),
            (None, false, (Color::Rgb, Layout::Nchw)),
        ] {
            let settled = Preprocess::default().settle(shape.as_deref().map(input).as_ref(), grey).expect("sound");
            assert_eq!((settled.color, settled.layout), expected, "{shape:?}, grey: {grey}");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let none = Preprocess::default;
        for (what, preprocess) in [
            ("a scale of 0", Preprocess { scale: 0.0, ..none() }),
            ("a std of 0", Preprocess { std: vec![0.0], ..none() }),
            ("a NaN mean", Preprocess { mean: vec![f32::NAN], ..none() }),
            ("two means for three channels", Preprocess { mean: vec![0.5, 0.5], ..none() }),
            ("nothing to crop", Preprocess { crop: Some(0), ..none() }),
        ] {
            let error = preprocess.settle(None, false).expect_err(what);
            assert!(error.how_to_mend().is_some(), "{what}: {error}");
        }
    }

    #[test]
    fn every_preset_can_be_built_and_others_name_the_nearest() {
        for name in PRESETS {
            Preprocess::preset(name).and_then(|preset| preset.settle(None, false)).expect(name);
        }
        let error = Preprocess::preset("imagnet").expect_err("misspelt");
        assert!(error.how_to_mend().is_some_and(|hint| hint.contains("`imagenet`")));
    }
}
