//! Power-delay profiles: TDL-A to TDL-E of TR 38.901 (tables 7.7.2-1 to -5), TDLA30, TDLB100 and TDLC300 of TS 38.101-4
//! (annex B.2.1), and the flat channels of the textbooks.
//!
//! The tables stand here as the specifications print them, delays normalised to an RMS delay spread of one (A to E) or in
//! nanoseconds, powers in dB. [`ChannelModel::profile`] scales and normalises them to unit power.

use crate::error::{Error, Result, in_range};

/// A channel model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChannelModel {
    /// No fading: the channel is one.
    Awgn,
    /// One tap of Rayleigh fading: all subcarriers fade alike.
    Rayleigh,
    /// One tap of Rice fading.
    Rician {
        /// Power of the specular path over that of the scattered ones [dB].
        k_factor_db: f64,
    },
    /// A tapped delay line of the specifications.
    Tdl(Tdl),
}

/// The tapped delay lines, by the letter of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tdl {
    /// TDL-A, no line of sight.
    A,
    /// TDL-B, no line of sight.
    B,
    /// TDL-C, no line of sight.
    C,
    /// TDL-D, line of sight (K = 13.3 dB on the first tap).
    D,
    /// TDL-E, line of sight (K = 22 dB on the first tap).
    E,
    /// TDLA30: 30 ns.
    A30,
    /// TDLB100: 100 ns.
    B100,
    /// TDLC300: 300 ns.
    C300,
}

/// The channel models by name; Rice fading with its default factor of 10 dB.
pub const CHANNEL_MODELS: [(&str, ChannelModel); 11] = [
    ("awgn", ChannelModel::Awgn),
    ("rayleigh", ChannelModel::Rayleigh),
    ("rician", ChannelModel::Rician { k_factor_db: 10.0 }),
    ("tdl-a", ChannelModel::Tdl(Tdl::A)),
    ("tdl-b", ChannelModel::Tdl(Tdl::B)),
    ("tdl-c", ChannelModel::Tdl(Tdl::C)),
    ("tdl-d", ChannelModel::Tdl(Tdl::D)),
    ("tdl-e", ChannelModel::Tdl(Tdl::E)),
    ("tdl-a30", ChannelModel::Tdl(Tdl::A30)),
    ("tdl-b100", ChannelModel::Tdl(Tdl::B100)),
    ("tdl-c300", ChannelModel::Tdl(Tdl::C300)),
];

/// Delays and mean powers of the taps of one channel, of unit total power.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PowerDelayProfile {
    /// Delay of each tap [s].
    pub delays_secs: Vec<f64>,
    /// Mean power of the scattered (Rayleigh) part of each tap.
    pub powers: Vec<f64>,
    /// Power of the specular path, which belongs to the first tap; zero without line of sight.
    pub specular_power: f64,
}

impl ChannelModel {
    /// The model called `name`: `tdl-c`, `TDL-C`, `tdlc`, `C` (Sionna), `rician:k_factor_db=6` …
    ///
    /// # Errors
    /// [`crate::ErrorKind::UnknownName`] for a name that the list lacks, [`crate::ErrorKind::InvalidParameter`] for an
    /// option that is none.
    pub fn from_name(name: &str) -> Result<Self> {
        let (base, option) = name.split_once(':').unwrap_or((name, ""));
        let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
        let wanted = plain(base);
        let found = CHANNEL_MODELS.iter().find(|(known, _)| {
            let known = plain(known);
            wanted == known || known.strip_prefix("tdl") == Some(&wanted)
        });
        let (_, model) = found.ok_or_else(|| Error::unknown("channel model", name, CHANNEL_MODELS.map(|m| m.0)))?;
        match (model, option) {
            (model, "") => Ok(*model),
            (ChannelModel::Rician { .. }, option) => {
                let value = option.strip_prefix("k_factor_db=").and_then(|value| value.trim().parse::<f64>().ok());
                let k_factor_db = value.ok_or_else(|| {
                    Error::parameter(format!("channel model rician: `{option}` is not understood"))
                        .hint("write the factor in dB: rician:k_factor_db=6")
                })?;
                in_range("k_factor_db", k_factor_db, -100.0..=100.0)?;
                Ok(ChannelModel::Rician { k_factor_db })
            }
            (_, option) => Err(Error::parameter(format!("channel model {base} has no option, got `{option}`"))),
        }
    }

    /// The name, as [`from_name`](Self::from_name) reads it.
    pub fn name(self) -> String {
        if let ChannelModel::Rician { k_factor_db } = self {
            return format!("rician:k_factor_db={k_factor_db}");
        }
        CHANNEL_MODELS.iter().find(|(_, model)| *model == self).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }

    /// The RMS delay spread that the model has by itself [s]; `None` when it is scaled to the one that is asked for.
    pub fn fixed_delay_spread_secs(self) -> Option<f64> {
        match self {
            ChannelModel::Tdl(Tdl::A30) => Some(30e-9),
            ChannelModel::Tdl(Tdl::B100) => Some(100e-9),
            ChannelModel::Tdl(Tdl::C300) => Some(300e-9),
            ChannelModel::Tdl(_) => None,
            _ => Some(0.0),
        }
    }

    /// The profile at an RMS delay spread of `delay_spread_secs` [s], which models of a fixed spread ignore.
    pub fn profile(self, delay_spread_secs: f64) -> PowerDelayProfile {
        let mut profile = PowerDelayProfile::default();
        self.write_profile(delay_spread_secs, &mut profile);
        profile
    }

    /// As [`profile`](Self::profile), into buffers that are there already.
    pub(crate) fn write_profile(self, delay_spread_secs: f64, profile: &mut PowerDelayProfile) {
        let (scale, specular_db, taps): (f64, Option<f64>, &[(f64, f64)]) = match self {
            ChannelModel::Awgn => (0.0, Some(0.0), &[(0.0, f64::NEG_INFINITY)]),
            ChannelModel::Rayleigh => (0.0, None, &[(0.0, 0.0)]),
            ChannelModel::Rician { k_factor_db } => (0.0, Some(k_factor_db), &[(0.0, 0.0)]),
            ChannelModel::Tdl(tdl) => tdl.table(delay_spread_secs),
        };
        let power = |db: f64| 10f64.powf(db / 10.0);
        let specular = specular_db.map_or(0.0, power);
        let total = specular + taps.iter().map(|tap| power(tap.1)).sum::<f64>();
        profile.specular_power = specular / total;
        profile.delays_secs.clear();
        profile.delays_secs.extend(taps.iter().map(|tap| tap.0 * scale));
        profile.powers.clear();
        profile.powers.extend(taps.iter().map(|tap| power(tap.1) / total));
    }
}

impl Tdl {
    /// (scale of the delays [s], power of the specular path [dB], (delay, power [dB]) of each tap).
    fn table(self, delay_spread_secs: f64) -> (f64, Option<f64>, &'static [(f64, f64)]) {
        match self {
            Tdl::A => (delay_spread_secs, None, &TDL_A),
            Tdl::B => (delay_spread_secs, None, &TDL_B),
            Tdl::C => (delay_spread_secs, None, &TDL_C),
            Tdl::D => (delay_spread_secs, Some(-0.2), &TDL_D),
            Tdl::E => (delay_spread_secs, Some(-0.03), &TDL_E),
            Tdl::A30 => (1e-9, None, &TDL_A30),
            Tdl::B100 => (1e-9, None, &TDL_B100),
            Tdl::C300 => (1e-9, None, &TDL_C300),
        }
    }
}

impl PowerDelayProfile {
    /// Mean power of tap `tap`, its specular part included.
    pub fn tap_power(&self, tap: usize) -> f64 {
        self.powers[tap] + if tap == 0 { self.specular_power } else { 0.0 }
    }

    /// The RMS delay spread [s]: the standard deviation of the delay, weighted by power.
    pub fn rms_delay_spread_secs(&self) -> f64 {
        let moment = |order: i32| -> f64 {
            self.delays_secs.iter().enumerate().map(|(l, tau)| self.tap_power(l) * tau.powi(order)).sum()
        };
        (moment(2) - moment(1).powi(2)).max(0.0).sqrt()
    }

    /// The delay of the last tap [s].
    pub fn max_delay_secs(&self) -> f64 {
        self.delays_secs.iter().copied().fold(0.0, f64::max)
    }
}

/// TR 38.901, table 7.7.2-1.
#[rustfmt::skip]
const TDL_A: [(f64, f64); 23] = [
    (0.0, -13.4), (0.3819, 0.0), (0.4025, -2.2), (0.5868, -4.0), (0.461, -6.0), (0.5375, -8.2),
    (0.6708, -9.9), (0.575, -10.5), (0.7618, -7.5), (1.5375, -15.9), (1.8978, -6.6), (2.2242, -16.7),
    (2.1718, -12.4), (2.4942, -15.2), (2.5119, -10.8), (3.0582, -11.3), (4.081, -12.7), (4.4579, -16.2),
    (4.5695, -18.3), (4.7966, -18.9), (5.0066, -16.6), (5.3043, -19.9), (9.6586, -29.7),
];

/// TR 38.901, table 7.7.2-2.
#[rustfmt::skip]
const TDL_B: [(f64, f64); 23] = [
    (0.0, 0.0), (0.1072, -2.2), (0.2155, -4.0), (0.2095, -3.2), (0.287, -9.8), (0.2986, -1.2),
    (0.3752, -3.4), (0.5055, -5.2), (0.3681, -7.6), (0.3697, -3.0), (0.57, -8.9), (0.5283, -9.0),
    (1.1021, -4.8), (1.2756, -5.7), (1.5474, -7.5), (1.7842, -1.9), (2.0169, -7.6), (2.8294, -12.2),
    (3.0219, -9.8), (3.6187, -11.4), (4.1067, -14.9), (4.279, -9.2), (4.7834, -11.3),
];

/// TR 38.901, table 7.7.2-3.
#[rustfmt::skip]
#[expect(clippy::approx_constant, reason = "0.6366 is a delay of the table, not 2 / π")]
const TDL_C: [(f64, f64); 24] = [
    (0.0, -4.4), (0.2099, -1.2), (0.2219, -3.5), (0.2329, -5.2), (0.2176, -2.5), (0.6366, 0.0),
    (0.6448, -2.2), (0.656, -3.9), (0.6584, -7.4), (0.7935, -7.1), (0.8213, -10.7), (0.9336, -11.1),
    (1.2285, -5.1), (1.3083, -6.8), (2.1704, -8.7), (2.7105, -13.2), (4.2589, -13.9), (4.6003, -13.9),
    (5.4902, -15.8), (5.6077, -17.1), (6.3065, -16.0), (6.6374, -15.7), (7.0427, -21.6), (8.6523, -22.8),
];

/// TR 38.901, table 7.7.2-4, without the specular path of the first tap.
#[rustfmt::skip]
const TDL_D: [(f64, f64); 13] = [
    (0.0, -13.5), (0.035, -18.8), (0.612, -21.0), (1.363, -22.8), (1.405, -17.9), (1.804, -20.1),
    (2.596, -21.9), (1.775, -22.9), (4.042, -27.8), (7.937, -23.6), (9.424, -24.8), (9.708, -30.0),
    (12.525, -27.7),
];

/// TR 38.901, table 7.7.2-5, without the specular path of the first tap.
#[rustfmt::skip]
const TDL_E: [(f64, f64); 14] = [
    (0.0, -22.03), (0.5133, -15.8), (0.544, -18.1), (0.563, -19.8), (0.544, -22.9), (0.7112, -22.4),
    (1.9092, -18.6), (1.9293, -20.8), (1.9589, -22.6), (2.6426, -22.3), (3.7136, -25.6), (5.4524, -20.2),
    (12.0034, -29.8), (20.6519, -29.2),
];

/// TS 38.101-4, table B.2.1.1-2.
#[rustfmt::skip]
const TDL_A30: [(f64, f64); 12] = [
    (0.0, -15.5), (10.0, 0.0), (15.0, -5.1), (20.0, -5.1), (25.0, -9.6), (50.0, -8.2),
    (65.0, -13.1), (75.0, -11.5), (105.0, -11.0), (135.0, -16.2), (150.0, -16.6), (290.0, -26.2),
];

/// TS 38.101-4, table B.2.1.1-3.
#[rustfmt::skip]
const TDL_B100: [(f64, f64); 12] = [
    (0.0, 0.0), (10.0, -2.2), (20.0, -0.6), (30.0, -0.6), (35.0, -0.3), (45.0, -1.2),
    (55.0, -5.9), (120.0, -2.2), (170.0, -0.8), (245.0, -6.3), (330.0, -7.5), (480.0, -7.1),
];

/// TS 38.101-4, table B.2.1.1-4.
#[rustfmt::skip]
const TDL_C300: [(f64, f64); 12] = [
    (0.0, -6.9), (65.0, 0.0), (70.0, -7.7), (190.0, -2.5), (195.0, -2.4), (200.0, -9.9),
    (240.0, -8.0), (325.0, -6.6), (520.0, -7.1), (1045.0, -13.0), (1510.0, -14.2), (2595.0, -16.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_unit_power_and_the_delay_spread_asked_for() {
        for (name, model) in CHANNEL_MODELS {
            let profile = model.profile(100e-9);
            let total: f64 = (0..profile.powers.len()).map(|l| profile.tap_power(l)).sum();
            assert!((total - 1.0).abs() < 1e-12, "{name}: total power {total}");
            // The specifications round delays and powers; TDLA30 … are quantised to 5 ns and 0.1 dB on top of that.
            let expected = model.fixed_delay_spread_secs().unwrap_or(100e-9);
            let spread = profile.rms_delay_spread_secs();
            assert!((spread - expected).abs() <= 0.02 * expected, "{name}: expected {expected}, got {spread}");
        }
    }

    #[test]
    fn names_are_read_in_any_of_their_spellings() {
        for (name, expected) in [
            ("TDL-C", ChannelModel::Tdl(Tdl::C)),
            ("C", ChannelModel::Tdl(Tdl::C)),
            ("TDLC300", ChannelModel::Tdl(Tdl::C300)),
            ("tdl_b100", ChannelModel::Tdl(Tdl::B100)),
            ("rician:k_factor_db=6", ChannelModel::Rician { k_factor_db: 6.0 }),
        ] {
            assert_eq!(ChannelModel::from_name(name).expect(name), expected);
        }
        for (name, model) in CHANNEL_MODELS {
            assert_eq!(ChannelModel::from_name(&model.name()).expect(name), model);
        }
        for wrong in ["cdl-c", "", "tdl", "rician:6", "rician:k_factor_db=inf", "tdl-a:x=1"] {
            assert!(ChannelModel::from_name(wrong).is_err(), "`{wrong}` is no channel model");
        }
    }
}
