//! The figure of a sweep: a panel for each kind of error rate, with the link in the title.

use super::axis::{AXES, Axis};
use super::error_rates::{Confidence, Point, metrics};
use crate::chart::{Curve, Panel, Scene, Theme, figure};
use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::link::{LinkConfig, Motion, Values};

/// Draws the error rates of `measured`.
pub fn draw(
    config: &LinkConfig,
    axis: &Axis,
    measured: &[Point],
    receivers: &[String],
    confidence: Confidence,
    theme: Theme,
) -> Scene {
    let panels: Vec<Panel> = metrics(config.coding.is_some())
        .map(|metric| {
            let curve = |at: usize| Curve {
                name: receivers[at].clone(),
                points: measured
                    .iter()
                    .map(|point| {
                        let count = (metric.count)(&point.rates[at]);
                        let interval = count.interval(confidence.z);
                        [axis.shown(point.x), count.rate(), interval.low, interval.high]
                    })
                    .collect(),
            };
            Panel {
                x_label: axis.label(),
                y_label: metric.title.to_owned(),
                curves: (0..receivers.len()).map(curve).collect(),
            }
        })
        .collect();
    figure(&title(config, axis), &panels, theme)
}

/// The link in a line, without what steps along `axis`: `16qam · tdl-c 100 ns · 10 m/s · 26 PRB · 2 antennas · 1 DMRS symbol`.
pub fn title(config: &LinkConfig, axis: &Axis) -> String {
    let steps = |name: &str| axis.name == name;
    let modulations: Vec<&str> = config.modulations.iter().map(|modulation| modulation.name()).collect();
    let models: Vec<String> = config.channel_models.iter().map(|model| model.name()).collect();
    let mut parts = vec![modulations.join(", "), models.join(", ")];
    let fading = config.channel_models.iter().any(|model| *model != ChannelModel::Awgn);
    let scaled_by_it =
        |model: &ChannelModel| matches!(model, ChannelModel::Tdl(_)) && model.fixed_delay_spread_secs().is_none();
    if config.channel_models.iter().any(scaled_by_it) && !steps("delay_spread_secs") {
        parts[1].push_str(&format!(" {} ns", scaled(&config.delay_spread_secs, 1e9)));
    }
    if fading && !steps("speed_mps") && !steps("max_doppler_hz") {
        parts.push(match &config.motion {
            Motion::SpeedMps(speed) => format!("{} m/s", scaled(speed, 1.0)),
            Motion::MaxDopplerHz(doppler) => format!("{} Hz Doppler", scaled(doppler, 1.0)),
        });
    }
    if axis.name != AXES[0].name {
        parts.push(format!("Es/N0 {} dB", scaled(&config.snr_db, 1.0)));
    }
    parts.push(format!("{} PRB", config.num_prb));
    parts.push(match config.num_rx_ant {
        1 => "1 antenna".to_owned(),
        several => format!("{several} antennas"),
    });
    parts.push(match config.dmrs.additional_position {
        0 => "1 DMRS symbol".to_owned(),
        more => format!("{} DMRS symbols", more + 1),
    });
    if let Some(coding) = &config.coding {
        parts.push(format!("code rate {}", rounded(coding.target_coderate)));
    }
    parts.join(" · ")
}

/// `values` times `factor`, ranges with a dash.
fn scaled(values: &Values, factor: f64) -> String {
    let number = |value: f64| rounded(value * factor);
    match values {
        Values::Fixed(value) => number(*value),
        Values::Uniform(low, high) | Values::LogUniform(low, high) => format!("{}–{}", number(*low), number(*high)),
        Values::OneOf(values) => values.iter().map(|value| number(*value)).collect::<Vec<_>>().join(", "),
    }
}

/// To the thousandth.
fn rounded(value: f64) -> String {
    ((value * 1e3).round() / 1e3).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::settings::LinkSettings;
    use super::*;

    #[test]
    fn titles_say_what_matters() {
        let title = |flags: &[(&'static str, &str)], preset, axis: &str| {
            let axis = Axis::named(axis).expect("an axis");
            let flags: Vec<_> = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            title(&LinkSettings::resolve(&flags, preset).expect("valid").config, &axis)
        };
        let snr = "snr_db";
        assert_eq!(title(&[], None, snr), "16qam · tdl-c 100 ns · 10 m/s · 26 PRB · 2 antennas · 2 DMRS symbols");
        assert_eq!(
            title(&[("dmrs_additional_position", "0")], Some("awgn"), snr),
            "16qam · awgn · 26 PRB · 1 antenna · 1 DMRS symbol · code rate 0.643"
        );
        let swept = "16qam · tdl-b, tdl-c, tdl-d 10–300 ns · Es/N0 -4–32 dB · 26 PRB · 2 antennas · 2 DMRS symbols · code rate 0.643";
        assert_eq!(title(&[], Some("deeprx"), "max_doppler_hz"), swept);
        assert_eq!(
            title(&[("max_doppler_hz", "0..300"), ("snr_db", "3")], Some("deeprx"), "delay_spread_secs"),
            "16qam · tdl-b, tdl-c, tdl-d · 0–300 Hz Doppler · Es/N0 3 dB · 26 PRB · 2 antennas · 2 DMRS symbols · code rate 0.643"
        );
    }
}
