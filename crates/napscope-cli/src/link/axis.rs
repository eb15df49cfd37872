//! The x axis of a measurement: a parameter of the link that steps through its values, while the others are drawn as ever.

use super::told;
use napscope::{Error, ErrorKind, Result};
use napscope_ofdm::link::{LinkConfig, SETTINGS, Setting, Values};

/// More points than this are a mistake in the step.
const MOST_POINTS: usize = 1000;

/// A parameter that can be an x axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// The parameter's name.
    pub name: &'static str,
    /// What a figure calls it.
    pub title: &'static str,
    /// The unit that people write it in.
    pub unit: &'static str,
    /// How many of that unit the parameter's own is.
    pub scale: f64,
}

const fn axis(name: &'static str, title: &'static str, unit: &'static str, scale: f64) -> Axis {
    Axis { name, title, unit, scale }
}

/// Every parameter that slots draw; the first one is the usual axis.
pub const AXES: [Axis; 9] = [
    axis("snr_db", "Es/N0", "dB", 1.0),
    axis("delay_spread_secs", "RMS delay spread", "ns", 1e9),
    axis("speed_mps", "Speed", "m/s", 1.0),
    axis("max_doppler_hz", "Largest Doppler shift", "Hz", 1.0),
    axis("cfo_hz", "Carrier frequency offset", "Hz", 1.0),
    axis("phase_noise_linewidth_hz", "Phase noise, line width", "Hz", 1.0),
    axis("pa_backoff_db", "Back-off of the power amplifier", "dB", 1.0),
    axis("narrowband_sir_db", "Signal to narrow-band interference", "dB", 1.0),
    axis("co_channel_sir_db", "Signal to co-channel interference", "dB", 1.0),
];

/// How a range is stepped through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spacing {
    /// From point to point.
    Step(f64),
    /// This many points from end to end, both included; evenly on the scale of the range.
    Points(usize),
}

impl Axis {
    /// The axis called `name`, or by another name of its parameter.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for names of nothing that slots draw.
    pub fn named(name: &str) -> Result<Axis> {
        let plain = |text: &str| text.replace('-', "_").to_lowercase();
        let called =
            |setting: &&Setting| setting.aliases.iter().chain([&setting.name]).any(|known| plain(known) == plain(name));
        let setting = SETTINGS.iter().filter(|setting| setting.is_drawn()).find(called);
        let axis = setting.and_then(|setting| AXES.into_iter().find(|axis| axis.name == setting.name));
        axis.ok_or_else(|| Error::unknown("parameter to step through", name, AXES.map(|axis| axis.name)))
    }

    /// Its name and unit, as people write them: `RMS delay spread [ns]`.
    pub fn label(&self) -> String {
        format!("{} [{}]", self.title, self.unit)
    }

    /// A value in the unit that people write, with its rounding.
    pub fn shown(&self, value: f64) -> f64 {
        let value = value * self.scale;
        format!("{value:.9e}").parse().unwrap_or(value)
    }

    /// The values of the parameter in `config`; `None` where it is absent.
    pub fn values(&self, config: &LinkConfig) -> Option<Values> {
        config.settings().find(|(setting, _)| setting.name == self.name)?.1.parse().ok()
    }

    /// `config` with `value` for the parameter.
    ///
    /// # Errors
    /// Those of the link.
    pub fn at(&self, config: &LinkConfig, value: f64) -> Result<LinkConfig> {
        let mut config = config.clone();
        config.set(self.name, &value.to_string()).map_err(told)?;
        Ok(config)
    }

    /// The points of `values`: one, a list, or a range in steps.
    ///
    /// # Errors
    /// For a step that leads nowhere and ranges without points.
    pub fn points(&self, values: &Values, spacing: Spacing) -> Result<Vec<f64>> {
        let (low, high) = match values {
            Values::Fixed(value) => return Ok(vec![*value]),
            Values::OneOf(values) => {
                let mut values = values.clone();
                values.sort_by(f64::total_cmp);
                values.dedup();
                return Ok(values);
            }
            Values::Uniform(low, high) | Values::LogUniform(low, high) => (*low, *high),
        };
        let (name, logarithmic) = (self.name, matches!(values, Values::LogUniform(..)));
        let wrong = |message: String, hint: &str| Err(Error::new(ErrorKind::InvalidParameter, message).hint(hint));
        if low > high {
            return wrong(
                format!("{name} runs from {low} to {high}, which is backwards"),
                &format!("write {high}..{low}"),
            );
        }
        if logarithmic && self.unit == "dB" {
            return wrong(format!("{name} is in dB, which is a logarithm already"), "write LOW..HIGH");
        }
        if logarithmic && low <= 0.0 {
            return wrong(
                format!("{name} has a logarithmic range from {low}"),
                "a logarithmic range has positive ends",
            );
        }
        let (count, at): (f64, Box<dyn Fn(f64) -> f64>) = match spacing {
            Spacing::Step(step) if !(step.is_finite() && step > 0.0) => {
                return wrong(format!("snr-step: a step of {step} dB leads nowhere"), "give a positive number of dB");
            }
            // A little more than the last step, so that 0..1 in steps of 0.1 has its end.
            Spacing::Step(step) => (((high - low) / step + 1e-9).floor() + 1.0, Box::new(move |at| low + at * step)),
            Spacing::Points(count) => {
                let last = (count as f64 - 1.0).max(1.0);
                let even = Box::new(move |at: f64| low + (high - low) * (at / last));
                let log = Box::new(move |at: f64| if at == last { high } else { low * (high / low).powf(at / last) });
                (count as f64, if logarithmic { log } else { even })
            }
        };
        if count.is_nan() || count > MOST_POINTS as f64 {
            let message = format!("{name} would have {count} points; at most {MOST_POINTS} are measured");
            return wrong(message, "widen --snr-step, or take fewer --points");
        }
        Ok((0..count as u32).map(|number| at(f64::from(number))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Spacing::{Points, Step};

    const SNR: Axis = AXES[0];
    const SPREAD: Axis = AXES[1];

    #[test]
    fn axes_are_the_parameters_that_slots_draw() {
        let drawn: Vec<&str> =
            SETTINGS.iter().filter(|setting| setting.is_drawn()).map(|setting| setting.name).collect();
        let mut axes = AXES.map(|axis| axis.name);
        axes.sort_by_key(|name| drawn.iter().position(|other| other == name));
        assert_eq!(axes.as_slice(), drawn);
        for (name, expected) in [("delay-spread", "delay_spread_secs"), ("SNRdB", "snr_db"), ("speed_mps", "speed_mps")]
        {
            assert_eq!(Axis::named(name).expect(name).name, expected);
        }
        assert!(Axis::named("num_prb").is_err(), "slots do not draw their size");
        assert_eq!((SPREAD.label().as_str(), SPREAD.shown(300e-9)), ("RMS delay spread [ns]", 300.0));
    }

    #[test]
    fn points_are_those_that_were_asked_for() {
        for (values, spacing, expected) in [
            (Values::Fixed(3.0), Step(1.0), vec![3.0]),
            (Values::OneOf(vec![5.0, 0.0, 5.0]), Step(1.0), vec![0.0, 5.0]),
            (Values::Uniform(-4.0, 2.0), Step(2.0), vec![-4.0, -2.0, 0.0, 2.0]),
            (Values::Uniform(0.0, 1.0), Step(0.3), vec![0.0, 0.3, 0.6, 0.3 * 3.0]),
            (Values::Uniform(2.0, 2.0), Step(1.0), vec![2.0]),
            (Values::Uniform(10.0, 20.0), Points(3), vec![10.0, 15.0, 20.0]),
            (Values::Uniform(10.0, 20.0), Points(1), vec![10.0]),
        ] {
            assert_eq!(SNR.points(&values, spacing).expect("points"), expected, "{values}, {spacing:?}");
        }
        assert_eq!(SNR.points(&Values::Uniform(0.0, 1.0), Step(0.1)).expect("points").len(), 11, "with its end");
        let points = SPREAD.points(&Values::LogUniform(1e-8, 1e-6), Points(3)).expect("points");
        assert!(points[0] == 1e-8 && points[2] == 1e-6 && (points[1] / 1e-7 - 1.0).abs() < 1e-12, "{points:?}");
    }

    #[test]
    fn sweeps_without_points_are_refused() {
        for (axis, values, spacing, expected) in [
            (SNR, Values::Uniform(0.0, 1.0), Step(0.0), "leads nowhere"),
            (SNR, Values::Uniform(0.0, 1.0), Step(-1.0), "leads nowhere"),
            (SNR, Values::Uniform(0.0, 1.0), Step(f64::NAN), "leads nowhere"),
            (SNR, Values::Uniform(1.0, 0.0), Step(1.0), "backwards"),
            (SNR, Values::Uniform(0.0, f64::INFINITY), Step(1.0), "points"),
            (SNR, Values::Uniform(0.0, 1.0), Step(1e-6), "points"),
            (SNR, Values::LogUniform(1.0, 2.0), Step(1.0), "logarithm already"),
            (SPREAD, Values::LogUniform(0.0, 2.0), Points(9), "logarithmic range"),
            (SPREAD, Values::Uniform(0.0, 2.0), Points(5000), "points"),
        ] {
            let error = axis.points(&values, spacing).expect_err(expected);
            assert!(error.to_string().contains(expected), "{values}, {spacing:?}: {error}");
        }
    }
}
