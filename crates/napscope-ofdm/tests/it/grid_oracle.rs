//! DMRS grids and demapper LLRs against Sionna.

use crate::support::oracle;
use napscope_ofdm::Complex32;
use napscope_ofdm::dmrs::{DmrsConfig, PilotPattern};
use napscope_ofdm::grid::{ResourceGrid, SubcarrierSpacing};
use napscope_ofdm::mapping::{Demapper, DemappingMethod, MODULATIONS};
use serde::Deserialize;

#[derive(Deserialize)]
struct Oracle {
    num_prb: usize,
    dmrs: Vec<DmrsCase>,
    demapper: Vec<DemapperCase>,
}

#[derive(Deserialize)]
struct DmrsCase {
    config: [usize; 10],
    symbols: Vec<usize>,
    subcarriers: Vec<usize>,
    amplitude: f32,
    signs: String,
    blocked: String,
}

#[derive(Deserialize)]
struct DemapperCase {
    num_bits_per_symbol: usize,
    y: Vec<f32>,
    no: Vec<f32>,
    app: Vec<f32>,
    maxlog: Vec<f32>,
}

fn hexadecimal(bits: impl Iterator<Item = bool>) -> String {
    let bits: Vec<bool> = bits.collect();
    let digit =
        |four: &[bool]| four.iter().chain(std::iter::repeat(&false)).take(4).fold(0, |d, &b| d << 1 | u32::from(b));
    bits.chunks(4).map(|four| char::from_digit(digit(four), 16).expect("below 16")).collect()
}

#[test]
fn dmrs_grids_equal_those_of_sionna() {
    let oracle: Oracle = oracle("link_grid.json");
    assert!(oracle.dmrs.len() >= 100, "{} configurations", oracle.dmrs.len());
    for case in &oracle.dmrs {
        let [config_type, type_a_position, additional_position, groups, port, n_id, n_scid, slot, num_symbols, khz] =
            case.config;
        let spacing = SubcarrierSpacing::from_hz(khz as f64 * 1e3).expect("a spacing of the standard");
        let grid = ResourceGrid::new(spacing, oracle.num_prb, None).expect("a valid grid");
        let config = DmrsConfig {
            config_type: config_type as u8,
            type_a_position,
            additional_position,
            num_cdm_groups_without_data: groups,
            port,
            n_id: n_id as u32,
            n_scid: n_scid as u32,
            num_allocated_symbols: num_symbols,
        };
        let name = format!("{config:?}");
        let pattern = PilotPattern::new(&grid, &config).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(pattern.symbol_indices(), case.symbols, "symbols of {name}");
        assert_eq!(pattern.pilot_subcarriers(), case.subcarriers, "subcarriers of {name}");

        let mut pilots = vec![Complex32::default(); pattern.num_pilots()];
        pattern.pilots(slot as u32, &mut pilots);
        let signs = hexadecimal(pilots.iter().flat_map(|p| [p.re < 0.0, p.im < 0.0]));
        assert_eq!(signs, case.signs, "signs of {name}");
        for part in pilots.iter().flat_map(|p| [p.re, p.im]) {
            assert!((part.abs() - case.amplitude).abs() < 1e-7, "amplitude of {name}: {part}");
        }

        let num_subcarriers = grid.num_subcarriers();
        let is_data =
            |symbol: usize, k: usize| pattern.data_elements().contains(&((symbol * num_subcarriers + k) as u32));
        let blocked = case.symbols.iter().flat_map(|&symbol| (0..num_subcarriers).map(move |k| (symbol, k)));
        assert_eq!(hexadecimal(blocked.map(|(symbol, k)| !is_data(symbol, k))), case.blocked, "data of {name}");
    }
}

#[test]
fn llrs_equal_those_of_sionna() {
    let oracle: Oracle = oracle("link_grid.json");
    assert_eq!(oracle.demapper.len(), MODULATIONS.len(), "one case a modulation");
    for case in &oracle.demapper {
        let modulation = MODULATIONS
            .into_iter()
            .find(|m| m.num_bits_per_symbol() == case.num_bits_per_symbol)
            .expect("a modulation");
        let y: Vec<Complex32> = case.y.chunks_exact(2).map(|z| Complex32::new(z[0], z[1])).collect();
        for (method, expected) in [(DemappingMethod::Exact, &case.app), (DemappingMethod::MaxLog, &case.maxlog)] {
            let mut llr = vec![0.0; expected.len()];
            Demapper::new(modulation, method).demap(&y, &case.no, &mut llr);
            for (i, (got, expected)) in llr.iter().zip(expected).enumerate() {
                // 1e-4 absolute; single precision holds no more of LLRs beyond a thousand.
                let tolerance = 1e-4f32.max(2e-7 * expected.abs());
                assert!((got - expected).abs() <= tolerance, "{modulation:?} {method:?} LLR {i}: {expected} != {got}");
            }
        }
    }
}
