//! Channels against the tables of the specifications, against Sionna's correlation functions and against theory.
//!
//! Statistical tests have fixed seeds, so they either always pass or always fail; their bounds are those of a 99 % test,
//! corrected for the number of comparisons where there are several.

use crate::support::{bessel_j0, oracle};
use napscope_ofdm::Complex32;
use napscope_ofdm::channel::{
    CHANNEL_MODELS, ChannelModel, DEFAULT_NUM_SINUSOIDS, Fading, FrequencyResponse, PowerDelayProfile, max_doppler_hz,
};
use napscope_ofdm::grid::{ResourceGrid, SubcarrierSpacing};
use napscope_ofdm::random::{Purpose, Stream};
use serde::Deserialize;

#[derive(Deserialize)]
struct Oracle {
    carrier_frequency_hz: f64,
    subcarrier_spacing_hz: f64,
    symbol_secs: f64,
    profiles: Vec<Profile>,
    correlations: Vec<Correlation>,
}

#[derive(Deserialize)]
struct Profile {
    model: String,
    delay_spread_secs: f64,
    delays_secs: Vec<f64>,
    powers: Vec<f64>,
    specular_power: f64,
}

#[derive(Deserialize)]
struct Correlation {
    model: String,
    delay_spread_secs: f64,
    speed_mps: f64,
    frequency: Vec<f64>,
    time: Vec<f64>,
}

#[test]
fn profiles_equal_the_tables() {
    let oracle: Oracle = oracle("link_channel.json");
    assert_eq!(oracle.profiles.len(), 13);
    for case in &oracle.profiles {
        let profile =
            ChannelModel::from_name(&case.model).expect("a model of the list").profile(case.delay_spread_secs);
        assert_eq!(profile.delays_secs.len(), case.delays_secs.len(), "taps of {}", case.model);
        for (l, (delay, power)) in case.delays_secs.iter().zip(&case.powers).enumerate() {
            let (got_delay, got_power) = (profile.delays_secs[l], profile.tap_power(l));
            assert!((got_delay - delay).abs() < 1e-8 * delay.max(1e-9), "{} tap {l}: {got_delay} s", case.model);
            assert!((got_power - power).abs() < 1e-8 * power, "{} tap {l}: power {got_power}", case.model);
        }
        assert!((profile.specular_power - case.specular_power).abs() < 1e-8, "{}: specular power", case.model);
    }
}

/// Gains of `num_slots` slots, `[slot][tap, time]`, of one antenna.
fn gains(profile: &PowerDelayProfile, doppler_hz: f64, times: &[f64], num_slots: usize) -> Vec<Vec<Complex32>> {
    let (mut fading, num_taps) = (Fading::default(), profile.powers.len());
    let (mut re, mut im) = (vec![0.0; times.len() * num_taps], vec![0.0; times.len() * num_taps]);
    (0..num_slots as u64)
        .map(|slot| {
            let mut random = Stream::new(11, slot, Purpose::Channel);
            fading.draw(profile, doppler_hz, 1, DEFAULT_NUM_SINUSOIDS, &mut random);
            fading.gains(times, &mut re, &mut im);
            (0..num_taps)
                .flat_map(|l| (0..times.len()).map(move |t| t * num_taps + l))
                .map(|i| Complex32::new(re[i], im[i]))
                .collect()
        })
        .collect()
}

/// Largest distance between the empirical distribution of `sample` and `cdf` (Kolmogorov and Smirnov).
fn kolmogorov_smirnov(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = |(i, &x): (usize, &f64)| {
        let p = cdf(x);
        (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs())
    };
    sample.iter().enumerate().map(distance).fold(0.0, f64::max)
}

/// P(|a| ≤ x) of a specular path of amplitude `s` and scattered power 2σ²: the Rice density, integrated up to each x.
fn rice_cdf(s: f64, sigma: f64) -> impl Fn(f64) -> f64 {
    let density = |r: f64| {
        // I₀ by its integral, scaled by exp(-r s / σ²) so that it does not overflow.
        let (n, z) = (200, r * s / (sigma * sigma));
        let angle = |k: i32| std::f64::consts::PI * (f64::from(k) + 0.5) / f64::from(n);
        let i0: f64 = (0..n).map(|k| (z * (angle(k).cos() - 1.0)).exp()).sum();
        r / (sigma * sigma) * (-(r - s) * (r - s) / (2.0 * sigma * sigma)).exp() * i0 / f64::from(n)
    };
    let step = (s + 8.0 * sigma) / 2000.0;
    let mut total = 0.0;
    let cumulative: Vec<f64> = (0..2000)
        .map(|i| {
            total += density((f64::from(i) + 0.5) * step) * step;
            total
        })
        .collect();
    move |x| cumulative[((x / step) as usize).min(1999)]
}

#[test]
fn tap_magnitudes_follow_rayleigh_and_rice() {
    let num_slots = 4000;
    let critical = 1.628 / f64::from(num_slots).sqrt(); // 1 % of the Kolmogorov distribution
    for name in ["rayleigh", "tdl-a", "tdl-c", "tdl-d", "tdl-e", "rician:k_factor_db=3"] {
        let profile = ChannelModel::from_name(name).expect(name).profile(100e-9);
        let slots = gains(&profile, 100.0, &[0.3e-3], num_slots as usize);
        for tap in [0, profile.powers.len() / 2] {
            let sample = slots.iter().map(|slot| f64::from(slot[tap].norm())).collect();
            let sigma = (profile.powers[tap] / 2.0).sqrt();
            let specular = if tap == 0 { profile.specular_power.sqrt() } else { 0.0 };
            let distance = match specular {
                0.0 => kolmogorov_smirnov(sample, |x| 1.0 - (-x * x / (2.0 * sigma * sigma)).exp()),
                s => kolmogorov_smirnov(sample, rice_cdf(s, sigma)),
            };
            assert!(distance < critical, "{name} tap {tap}: distance {distance}, critical {critical}");
        }
    }
}

#[test]
fn gains_decorrelate_in_time_as_j0() {
    let times: Vec<f64> = (0..14).map(|symbol| f64::from(symbol) / 14e3).collect();
    let num_slots = 3000;
    for doppler_hz in [0.0, 70.0, 500.0, 2000.0] {
        let profile = ChannelModel::from_name("tdl-b").expect("a model").profile(100e-9);
        let slots = gains(&profile, doppler_hz, &times, num_slots);
        let num_taps = profile.powers.len();
        for (t, &time) in times.iter().enumerate() {
            let sum: f64 = slots
                .iter()
                .flat_map(|slot| (0..num_taps).map(move |l| slot[l * 14 + t] * slot[l * 14].conj()))
                .map(|product| f64::from(product.re))
                .sum();
            let got = sum / num_slots as f64; // the powers of the taps add up to one
            let expected = bessel_j0(std::f64::consts::TAU * doppler_hz * time);
            // A tap of power P adds P² / n to the variance of the estimate.
            let variance: f64 = profile.powers.iter().map(|p| p * p).sum::<f64>() / num_slots as f64;
            assert!(
                (got - expected).abs() < 3.5 * variance.sqrt(),
                "{doppler_hz} Hz, {time} s: expected {expected}, got {got}"
            );
        }
    }
}

#[test]
fn delay_spread_of_the_simulated_taps_is_the_one_asked_for() {
    for (name, model) in CHANNEL_MODELS {
        let profile = model.profile(200e-9);
        let expected = model.fixed_delay_spread_secs().unwrap_or(200e-9);
        let slots = gains(&profile, 50.0, &[0.0], 5_000);
        let powers: Vec<f64> = (0..profile.powers.len())
            .map(|l| slots.iter().map(|slot| f64::from(slot[l].norm_sqr())).sum::<f64>() / slots.len() as f64)
            .collect();
        let measured = PowerDelayProfile { powers, specular_power: 0.0, delays_secs: profile.delays_secs };
        let total: f64 = measured.powers.iter().sum();
        assert!((total - 1.0).abs() < 0.02, "{name}: power {total}");
        let scaled: Vec<f64> = measured.powers.iter().map(|p| p / total).collect();
        let spread = PowerDelayProfile { powers: scaled, ..measured }.rms_delay_spread_secs();
        assert!((spread - expected).abs() <= 0.02 * expected, "{name}: expected {expected} s, measured {spread} s");
    }
}

#[test]
fn frequency_and_time_correlation_are_those_of_sionna() {
    let oracle: Oracle = oracle("link_channel.json");
    let spacing = SubcarrierSpacing::from_hz(oracle.subcarrier_spacing_hz).expect("a spacing");
    let grid = ResourceGrid::new(spacing, 22, None).expect("a valid grid");
    let times: Vec<f64> = (0..14).map(|symbol| f64::from(symbol) * oracle.symbol_secs).collect();
    let num_slots = 1500;
    assert!(oracle.correlations.len() >= 6);
    for case in &oracle.correlations {
        let profile = ChannelModel::from_name(&case.model).expect("a model").profile(case.delay_spread_secs);
        let doppler = max_doppler_hz(case.speed_mps, oracle.carrier_frequency_hz);
        let mut response = FrequencyResponse::default();
        response.set_delays(&grid, &profile.delays_secs);
        let (mut fading, rows) = (Fading::default(), 14);
        let mut re = vec![0.0; rows * profile.powers.len()];
        let mut im = re.clone();
        let mut h = vec![Complex32::default(); rows * grid.num_subcarriers()];
        let (mut over_frequency, mut over_time) = (vec![Complex32::default(); 32], vec![Complex32::default(); rows]);
        for slot in 0..num_slots {
            fading.draw(&profile, doppler, 1, DEFAULT_NUM_SINUSOIDS, &mut Stream::new(5, slot, Purpose::Channel));
            fading.gains(&times, &mut re, &mut im);
            response.respond(&re, &im, &mut h);
            for (i, sum) in over_frequency.iter_mut().enumerate() {
                *sum += h[8 * i] * h[0].conj() / num_slots as f32;
            }
            for (t, sum) in over_time.iter_mut().enumerate() {
                *sum += h[t * grid.num_subcarriers()] * h[0].conj() / num_slots as f32;
            }
        }
        // Each part of each of these averages has a standard error of at most √(1 / n).
        let bound = 3.9 / (num_slots as f64).sqrt(); // 99 % over the 46 values of a case
        for (what, got, expected) in [("frequency", &over_frequency, &case.frequency), ("time", &over_time, &case.time)]
        {
            for (i, (got, expected)) in got.iter().zip(expected.chunks_exact(2)).enumerate() {
                let off = (f64::from(got.re) - expected[0]).abs().max((f64::from(got.im) - expected[1]).abs());
                assert!(off < bound, "{} {what} lag {i}: expected {expected:?}, got {got}", case.model);
            }
        }
    }
}
