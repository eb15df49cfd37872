//! How pictures are prepared: a preset, and the flags that go before it.

use crate::data::{Color, Layout, Preprocess};
use crate::settings::Settings;
use napscope::Result;

/// Reads `--preset`, `--resize`, `--crop`, `--scale`, `--mean`, `--std`, `--color` and `--layout`.
///
/// # Errors
/// [`napscope::ErrorKind::UnknownName`] and [`napscope::ErrorKind::InvalidParameter`].
pub fn preprocess(settings: &Settings) -> Result<Preprocess> {
    let mut preprocess = settings.text("preset").map_or_else(|| Ok(Preprocess::default()), Preprocess::preset)?;
    preprocess.resize = settings.get("resize")?.or(preprocess.resize);
    preprocess.crop = settings.get("crop")?.or(preprocess.crop);
    preprocess.scale = settings.get("scale")?.unwrap_or(preprocess.scale);
    preprocess.mean = numbers(settings, "mean")?.unwrap_or(preprocess.mean);
    preprocess.std = numbers(settings, "std")?.unwrap_or(preprocess.std);
    if settings.text("color").is_some() {
        preprocess.color = Some(settings.choice("color", &[("rgb", Color::Rgb), ("grey", Color::Grey)])?);
    }
    if settings.text("layout").is_some() {
        preprocess.layout = Some(settings.choice("layout", &[("nchw", Layout::Nchw), ("nhwc", Layout::Nhwc)])?);
    }
    Ok(preprocess)
}

/// Numbers with commas between them.
fn numbers(settings: &Settings, name: &'static str) -> Result<Option<Vec<f32>>> {
    let Some(text) = settings.text(name) else { return Ok(None) };
    let parts = text.split(',').map(|part| part.trim().parse::<f32>());
    parts
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
        .map_err(|_| settings.refuse(name, "is no number, or several with commas between"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn of(flags: &[(&'static str, &str)]) -> Result<Preprocess> {
        let flags: BTreeMap<_, _> = flags.iter().map(|(name, text)| (*name, vec![(*text).to_owned()])).collect();
        preprocess(&Settings::resolve(flags, None).expect("flags alone"))
    }

    #[test]
    fn a_flag_goes_before_the_preset() {
        let imagenet = of(&[("preset", "imagenet")]).expect("a preset");
        assert_eq!((imagenet.resize, imagenet.crop), (Some(256), Some(224)));
        let smaller = of(&[("preset", "imagenet"), ("crop", "64"), ("mean", "0.5, 0.4,0.3")]).expect("flags");
        assert_eq!((smaller.crop, smaller.mean, smaller.std), (Some(64), vec![0.5, 0.4, 0.3], imagenet.std));
    }

    #[test]
    fn mistakes_are_told() {
        for (name, text, told) in
            [("mean", "grey", "mean: `grey`"), ("color", "blue", "`blue`"), ("resize", "-3", "resize: `-3`")]
        {
            let error = of(&[(name, text)]).expect_err(text);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
