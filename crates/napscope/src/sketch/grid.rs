//! The stretch of the activation axis that a channel's grid covers.

use super::ChannelRanges;
use crate::activations::MapShape;
use crate::error::{Error, ErrorKind, Result};

/// Ranges narrower than this count as one value: dividing by them would overflow f32.
const NARROWEST: f32 = 1e-30;

/// The range [low, high] of one channel, in activation units; always low < high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Span {
    /// The spans of all channels of a layer, for the sketch called `sketch`.
    ///
    /// # Errors
    /// When `ranges` are missing, belong to another number of channels, or have seen no sample.
    pub(super) fn of_channels(sketch: &str, shape: MapShape, ranges: Option<&ChannelRanges>) -> Result<Vec<Span>> {
        let ranges = ranges.ok_or_else(|| {
            Error::new(ErrorKind::InvalidParameter, format!("sketch {sketch} needs the range of each channel"))
                .hint("gather `ChannelRanges` over some samples first")
        })?;
        if ranges.channels() != shape.channels {
            return Err(Error::shape("ranges of the channels", shape.channels, ranges.channels()));
        }
        (0..shape.channels).map(|channel| Self::new(channel, ranges.of(channel))).collect()
    }

    /// The span of a channel that was seen between `low` and `high`. A channel that never moved (a dead ReLU, say) gets a
    /// span about its value, wide enough that f32 can tell its ends apart.
    fn new(channel: usize, (low, high): (f32, f32)) -> Result<Span> {
        if low > high {
            return Err(Error::new(ErrorKind::TooFewSamples, format!("no sample was seen of channel {channel}"))
                .hint("gather the ranges over at least one sample"));
        }
        let width = high - low;
        if !(2.0 * width).is_finite() {
            let message = format!("channel {channel} spans {low:e} to {high:e}, too wide for a grid in f32");
            return Err(Error::new(ErrorKind::NonFinite, message)
                .hint("leave the layer out, or use a sketch without a grid, such as `quantiles`"));
        }
        if width >= NARROWEST {
            return Ok(Span { low, high });
        }
        let half = f32::max(0.5, low.abs() / 1024.0);
        Ok(Span { low: low - half, high: high + half })
    }

    /// Its width.
    pub(super) fn width(self) -> f32 {
        self.high - self.low
    }

    /// The point at `fraction` (0: low, 1: high) of the span.
    pub(super) fn at(self, fraction: f64) -> f64 {
        f64::from(self.low) + fraction * (f64::from(self.high) - f64::from(self.low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_always_a_width_to_divide_by() {
        for (range, expected) in [
            ((0.0, 2.0), Span { low: 0.0, high: 2.0 }),
            ((0.0, 0.0), Span { low: -0.5, high: 0.5 }),
            ((0.0, f32::from_bits(1)), Span { low: -0.5, high: 0.5 }),
            ((1e9, 1e9), Span { low: 1e9 - 1e9 / 1024.0, high: 1e9 + 1e9 / 1024.0 }),
        ] {
            let span = Span::new(0, range).expect("a finite range");
            assert_eq!(span, expected, "of {range:?}");
            assert!((4096.0 / span.width()).is_finite() && span.low < span.high, "of {range:?}");
        }
    }

    #[test]
    fn what_has_no_grid_is_refused() {
        for (range, kind) in [
            ((f32::INFINITY, f32::NEG_INFINITY), ErrorKind::TooFewSamples),
            ((f32::MIN, f32::MAX), ErrorKind::NonFinite),
        ] {
            let error = Span::new(3, range).expect_err("no grid");
            assert_eq!(error.kind(), kind, "of {range:?}");
            assert!(error.to_string().contains("channel 3"), "{error}");
        }
    }
}
