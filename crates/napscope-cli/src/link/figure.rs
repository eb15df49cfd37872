//! The figure of a sweep: a panel for each kind of error rate, with the link in the title.

use super::error_rates::{Confidence, Point, metrics};
use super::receivers::NamedReceiver;
use crate::chart::{Curve, Panel, Scene, Theme, figure};
use napscope_ofdm::channel::ChannelModel;
use napscope_ofdm::link::{LinkConfig, Motion, Values};

/// Draws the error rates of `measured`.
pub fn draw(
    config: &LinkConfig,
    measured: &[Point],
    receivers: &[NamedReceiver],
    confidence: Confidence,
    theme: Theme,
) -> Scene {
    let panels: Vec<Panel> = metrics(config.coding.is_some())
        .map(|metric| {
            let curve = |at: usize| Curve {
                name: receivers[at].name.clone(),
                points: measured
                    .iter()
                    .map(|point| {
                        let count = (metric.count)(&point.rates[at]);
                        let interval = count.interval(confidence.z);
                        [point.snr_db, count.rate(), interval.low, interval.high]
                    })
                    .collect(),
            };
            Panel {
                x_label: "Es/N0 [dB]".to_owned(),
                y_label: metric.title.to_owned(),
                curves: (0..receivers.len()).map(curve).collect(),
            }
        })
        .collect();
    figure(&title(config), &panels, theme)
}

/// The link in a line: `16qam · tdl-c 100 ns · 10 m/s · 26 PRB · 2 antennas`.
pub fn title(config: &LinkConfig) -> String {
    let modulations: Vec<&str> = config.modulations.iter().map(|modulation| modulation.name()).collect();
    let models: Vec<String> = config.channel_models.iter().map(|model| model.name()).collect();
    let mut parts = vec![modulations.join(", "), models.join(", ")];
    let fading = config.channel_models.iter().any(|model| *model != ChannelModel::Awgn);
    let scaled_by_it =
        |model: &ChannelModel| matches!(model, ChannelModel::Tdl(_)) && model.fixed_delay_spread_secs().is_none();
    if config.channel_models.iter().any(scaled_by_it) {
        parts[1].push_str(&format!(" {} ns", scaled(&config.delay_spread_secs, 1e9)));
    }
    if fading {
        parts.push(match &config.motion {
            Motion::SpeedMps(speed) => format!("{} m/s", scaled(speed, 1.0)),
            Motion::MaxDopplerHz(doppler) => format!("{} Hz Doppler", scaled(doppler, 1.0)),
        });
    }
    parts.push(format!("{} PRB", config.num_prb));
    parts.push(match config.num_rx_ant {
        1 => "1 antenna".to_owned(),
        several => format!("{several} antennas"),
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
        let title = |flags: &[(&'static str, &str)], preset| {
            let flags: Vec<_> = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            title(&LinkSettings::resolve(&flags, preset).expect("valid").config)
        };
        assert_eq!(title(&[], None), "16qam · tdl-c 100 ns · 10 m/s · 26 PRB · 2 antennas");
        assert_eq!(title(&[], Some("awgn")), "16qam · awgn · 26 PRB · 1 antenna · code rate 0.643");
        assert_eq!(
            title(&[("max_doppler_hz", "0..300")], Some("deeprx")),
            "16qam · tdl-b, tdl-c, tdl-d 10–300 ns · 0–300 Hz Doppler · 26 PRB · 2 antennas · code rate 0.643"
        );
    }
}
