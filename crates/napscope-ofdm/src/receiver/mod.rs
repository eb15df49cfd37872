//! Classical receivers: channel estimation, noise estimation, equalisation, demapping.
//!
//! A [`Receiver`] is a chain of these four, put together by a [`ReceiverConfig`], most of all by its name in [`RECEIVERS`]. It sees
//! what a real receiver sees, [`Received`]; what no real receiver knows comes separately as [`Genie`], and only the
//! receivers that say so look at it.

mod equalizer;
mod estimate;
mod least_squares;
mod lmmse;
mod lmmse_filter;
mod noise;
mod statistics;

pub use estimate::{ChannelEstimate, Received};
pub use least_squares::{Interpolation, LsChannelEstimator};
pub use lmmse::{LmmseChannelEstimator, StatisticsSource};
pub use statistics::ChannelStatistics;

use crate::dmrs::PilotPattern;
use crate::error::{Error, Result, in_range};
use crate::grid::ResourceGrid;
use crate::mapping::{Demapper, DemappingMethod, MODULATIONS, Modulation};
use equalizer::{Noise, equalize};
use noise::estimate_noise_covariance;
use rustfft::num_complex::Complex32;

/// How a receiver knows the channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChannelKnowledge {
    /// The true channel at the middle of each symbol.
    Perfect,
    /// Least squares at the pilots, interpolated.
    LeastSquares(Interpolation),
    /// Linear MMSE estimation over the slot.
    Lmmse(StatisticsSource),
}

/// How a receiver knows the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoiseKnowledge {
    /// The true N0, as in Sionna's examples. Interference is not part of it.
    #[default]
    Known,
    /// One variance, estimated from the pilots; interference is part of it.
    Estimated,
    /// A covariance over the antennas, estimated from the pilots: interference-rejection combining.
    Covariance,
}

/// A receiver's parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReceiverConfig {
    /// Channel estimation.
    pub channel: ChannelKnowledge,
    /// Noise estimation.
    pub noise: NoiseKnowledge,
    /// How far off the known noise variance is [dB]: what a receiver takes for N0 over what it is. For sensitivity studies.
    pub noise_offset_db: f64,
    /// Demapping.
    pub demapping: DemappingMethod,
}

/// The Doppler shift that the robust LMMSE estimator is made for [Hz], unless another is asked for: 135 km/h at 4 GHz.
const ROBUST_DOPPLER_HZ: f64 = 500.0;

/// The receivers by name: (name, other names of it, one line of help, channel estimation).
pub const RECEIVERS: [(&str, &[&str], &str, ChannelKnowledge); 7] = [
    ("perfect_csi", &["perfect", "perf_csi", "baseline_perf_csi"], "knows the channel", ChannelKnowledge::Perfect),
    (
        "ls_nearest",
        &["ls_nn", "nn"],
        "least squares, the nearest pilot",
        ChannelKnowledge::LeastSquares(Interpolation::Nearest),
    ),
    (
        "ls_linear",
        &["ls", "ls_lin", "lin", "baseline_lslin_lmmse"],
        "least squares, linear interpolation over frequency and time",
        ChannelKnowledge::LeastSquares(Interpolation::Linear),
    ),
    (
        "ls_time_average",
        &["ls_lin_time_avg", "lin_time_avg"],
        "least squares, linear over frequency, averaged over time",
        ChannelKnowledge::LeastSquares(Interpolation::LinearTimeAverage),
    ),
    (
        "lmmse",
        &["lmmse_matched"],
        "linear MMSE with the true statistics of the channel",
        ChannelKnowledge::Lmmse(StatisticsSource::Matched),
    ),
    (
        "lmmse_robust",
        &[],
        "linear MMSE made for any delay in the cyclic prefix and 500 Hz of Doppler",
        ChannelKnowledge::Lmmse(StatisticsSource::Robust { max_doppler_hz: ROBUST_DOPPLER_HZ }),
    ),
    (
        "lmmse_estimated",
        &[],
        "linear MMSE with statistics estimated from the slot's own pilots",
        ChannelKnowledge::Lmmse(StatisticsSource::Estimated),
    ),
];

impl ReceiverConfig {
    /// The receiver called `spec`: a name of [`RECEIVERS`], then options after a colon, as in
    /// `ls_linear:noise=estimated,demapping=exact` or `lmmse_robust:max_doppler_hz=200`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::UnknownName`] for a name or option that is none, [`crate::ErrorKind::InvalidParameter`] for a value
    /// that is none.
    pub fn from_name(spec: &str) -> Result<Self> {
        let (name, options) = spec.split_once(':').unwrap_or((spec, ""));
        let plain = name.trim().to_lowercase().replace('-', "_");
        let known = RECEIVERS.iter().find(|known| known.0 == plain || known.1.contains(&plain.as_str()));
        let known = known.ok_or_else(|| Error::unknown("receiver", name, RECEIVERS.map(|known| known.0)))?;
        let mut config = ReceiverConfig {
            channel: known.3,
            noise: NoiseKnowledge::default(),
            noise_offset_db: 0.0,
            demapping: DemappingMethod::default(),
        };
        for option in options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').ok_or_else(|| {
                Error::parameter(format!("receiver {name}: `{option}` is not option=value"))
                    .hint("its options: noise=known|estimated|covariance, noise_offset_db=DB, demapping=maxlog|exact")
            })?;
            config.set(key.trim(), value.trim())?;
        }
        if config.noise_offset_db != 0.0 && config.noise != NoiseKnowledge::Known {
            return Err(Error::parameter(format!("receiver {name}: noise that is estimated has no noise_offset_db"))
                .hint("leave one of the two options away"));
        }
        Ok(config)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let choice = |known: &[&str]| Error::unknown(&format!("value of receiver option {key}"), value, known.to_vec());
        match (key, &mut self.channel) {
            ("noise", _) => {
                self.noise = match value {
                    "known" => NoiseKnowledge::Known,
                    "estimated" => NoiseKnowledge::Estimated,
                    "covariance" | "irc" => NoiseKnowledge::Covariance,
                    _ => return Err(choice(&["known", "estimated", "covariance"])),
                }
            }
            ("noise_offset_db", _) => {
                let parsed = value.parse::<f64>().map_err(|_| {
                    Error::parameter(format!("receiver option noise_offset_db must be a number, got `{value}`"))
                })?;
                in_range("noise_offset_db", parsed, -60.0..=60.0)?;
                self.noise_offset_db = parsed;
            }
            ("demapping", _) => {
                self.demapping = match value {
                    "maxlog" => DemappingMethod::MaxLog,
                    "exact" | "app" => DemappingMethod::Exact,
                    _ => return Err(choice(&["maxlog", "exact"])),
                }
            }
            ("max_doppler_hz", ChannelKnowledge::Lmmse(StatisticsSource::Robust { max_doppler_hz })) => {
                let parsed = value.parse::<f64>().map_err(|_| {
                    Error::parameter(format!("receiver option max_doppler_hz must be a number, got `{value}`"))
                })?;
                in_range("max_doppler_hz", parsed, 0.0..=1e5)?;
                *max_doppler_hz = parsed;
            }
            _ => {
                let mut known = vec!["noise", "noise_offset_db", "demapping"];
                if matches!(self.channel, ChannelKnowledge::Lmmse(StatisticsSource::Robust { .. })) {
                    known.push("max_doppler_hz");
                }
                return Err(Error::unknown("option of this receiver", key, known));
            }
        }
        Ok(())
    }
}

/// What the simulation knows and no receiver does.
#[derive(Debug, Clone, Copy)]
pub struct Genie<'a> {
    /// The channel at the middle of each symbol, `[rx_ant, num_ofdm_symbols, num_subcarriers]`.
    pub h: &'a [Complex32],
    /// Its long-term statistics.
    pub statistics: &'a ChannelStatistics,
}

/// What a receiver makes of one slot.
#[derive(Debug, Clone, Default)]
pub struct Detected {
    /// Equalised symbols without bias, `[data element]`.
    pub x_hat: Vec<Complex32>,
    /// Variance of their error, as the receiver believes it, `[data element]`.
    pub noise_eff: Vec<f32>,
    /// LLR = ln P(1)/P(0), `[data element, num_bits_per_symbol]`.
    pub llr: Vec<f32>,
    /// The channel estimate that they come from.
    pub estimate: ChannelEstimate,
}

/// A receiver for slots of one pattern. It keeps its memory and its filters from slot to slot.
#[derive(Debug, Clone)]
pub struct Receiver {
    config: ReceiverConfig,
    least_squares: Option<LsChannelEstimator>,
    lmmse: Option<LmmseChannelEstimator>,
    demappers: [Demapper; MODULATIONS.len()],
    h_ls: Vec<Complex32>,
}

impl Receiver {
    /// A receiver of the parts in `config` for slots of `pattern`.
    pub fn new(grid: &ResourceGrid, pattern: &PilotPattern, config: ReceiverConfig) -> Self {
        let (mut least_squares, mut lmmse) = (None, None);
        match config.channel {
            ChannelKnowledge::Perfect => {}
            ChannelKnowledge::LeastSquares(kind) => least_squares = Some(LsChannelEstimator::new(grid, pattern, kind)),
            ChannelKnowledge::Lmmse(source) => lmmse = Some(LmmseChannelEstimator::new(source)),
        }
        let demappers = MODULATIONS.map(|modulation| Demapper::new(modulation, config.demapping));
        Receiver { config, least_squares, lmmse, demappers, h_ls: Vec::new() }
    }

    /// Its parts.
    pub fn config(&self) -> &ReceiverConfig {
        &self.config
    }

    /// Receives one slot of `modulation`.
    pub fn receive(&mut self, received: &Received<'_>, genie: &Genie<'_>, modulation: Modulation, out: &mut Detected) {
        let noise = match self.config.noise {
            NoiseKnowledge::Known => Noise::White(received.noise_off_by(self.config.noise_offset_db).noise_var),
            NoiseKnowledge::Estimated | NoiseKnowledge::Covariance => {
                let covariance = estimate_noise_covariance(received, &mut self.h_ls);
                match self.config.noise {
                    NoiseKnowledge::Covariance => Noise::Colored(covariance),
                    _ => Noise::White(noise::mean_variance(&covariance, received.num_rx_ant())),
                }
            }
        };
        let received = &Received { noise_var: noise.mean_variance(received.num_rx_ant()), ..*received };
        if let Some(estimator) = &mut self.least_squares {
            estimator.estimate(received, &mut out.estimate);
        } else if let Some(estimator) = &mut self.lmmse {
            estimator.estimate(received, genie.statistics, &mut out.estimate);
        } else {
            out.estimate.h_hat.clear();
            out.estimate.h_hat.extend_from_slice(genie.h);
            out.estimate.err_var.clear();
            out.estimate.err_var.resize(received.grid.num_resource_elements(), 0.0);
        }
        equalize(received, &out.estimate, &noise, &mut out.x_hat, &mut out.noise_eff);
        out.llr.resize(out.x_hat.len() * modulation.num_bits_per_symbol(), 0.0);
        self.demappers[modulation as usize].demap(&out.x_hat, &out.noise_eff, &mut out.llr);
    }
}

/// Wrong hard decisions of `llr` = ln P(1)/P(0) among the `bits` that were sent.
///
/// # Panics
/// When there are not as many bits as LLRs.
pub fn num_bit_errors(llr: &[f32], bits: &[u8]) -> usize {
    assert_eq!(bits.len(), llr.len(), "one bit for each LLR");
    bits.iter().zip(llr).filter(|&(&bit, &llr)| (llr > 0.0) != (bit == 1)).count()
}

impl Detected {
    /// Signal to interference and noise after equalisation, measured against the symbols `x` that were sent: 1/ε - 1 with ε the
    /// mean square error of the linear MMSE symbols. (Without the bias of MMSE, fades of a single antenna would make the
    /// mean infinite.) From -30 dB up.
    pub fn post_eq_sinr(&self, x: impl IntoIterator<Item = Complex32>) -> f64 {
        let error =
            |((x, x_hat), noise): ((Complex32, &Complex32), &f32)| f64::from((x_hat / (1.0 + noise) - x).norm_sqr());
        let sum: f64 = x.into_iter().zip(&self.x_hat).zip(&self.noise_eff).map(error).sum();
        (self.x_hat.len() as f64 / sum - 1.0).max(1e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_options_are_read() {
        let default = ReceiverConfig::from_name("perfect_csi").expect("a receiver");
        for (spec, expected) in [
            ("perf-csi", default),
            ("perfect_csi:noise=estimated", ReceiverConfig { noise: NoiseKnowledge::Estimated, ..default }),
            (
                "perfect_csi: noise = irc , demapping = app",
                ReceiverConfig { noise: NoiseKnowledge::Covariance, demapping: DemappingMethod::Exact, ..default },
            ),
            ("perfect_csi:noise_offset_db=-3", ReceiverConfig { noise_offset_db: -3.0, ..default }),
            (
                "lmmse_robust:max_doppler_hz=30",
                ReceiverConfig {
                    channel: ChannelKnowledge::Lmmse(StatisticsSource::Robust { max_doppler_hz: 30.0 }),
                    ..default
                },
            ),
        ] {
            assert_eq!(ReceiverConfig::from_name(spec).expect(spec), expected, "{spec}");
        }
        for (name, others, _, channel) in RECEIVERS {
            for name in others.iter().chain([&name]) {
                assert_eq!(ReceiverConfig::from_name(name).expect(name).channel, channel, "{name}");
            }
        }
    }
}
