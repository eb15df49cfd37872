//! Where the pilots of the uplink lie and what they are: DMRS of PUSCH (TS 38.211, 6.4.1.1), mapping type A, single symbol.
//!
//! A [`DmrsConfig`] says it in the standard's words; [`PilotPattern`] is the same worked out over a grid. Pilots of one antenna
//! port occupy every second subcarrier (configuration type 1) or two neighbours of every six (type 2) of one to four
//! symbols. They are the same subcarriers in each of these symbols, which the channel estimators rely on.

use crate::error::{Error, Result};
use crate::gold::GoldSequence;
use crate::grid::{NUM_OFDM_SYMBOLS, ResourceGrid};
use rustfft::num_complex::Complex32;

/// DMRS in the words of TS 38.211 and of Sionna's `PUSCHDMRSConfig`; the defaults are Sionna's, except for
/// `additional_position`, which is 1 here so that a channel that moves within the slot can be followed.
#[derive(Debug, Clone, PartialEq)]
pub struct DmrsConfig {
    /// 1: every second subcarrier; 2: two neighbours of every six. MATLAB: `DMRSConfigurationType`.
    pub config_type: u8,
    /// First symbol with DMRS, 2 or 3. MATLAB: `DMRSTypeAPosition`.
    pub type_a_position: usize,
    /// Further symbols with DMRS at most, 0 to 3. MATLAB: `DMRSAdditionalPosition`.
    pub additional_position: usize,
    /// Groups of subcarriers in a DMRS symbol that hold no data, 1 to 2 (type 1) or 3 (type 2). Their power goes to the
    /// pilots: 0, 3 or 4.77 dB (TS 38.214, table 6.2.2-1).
    pub num_cdm_groups_without_data: usize,
    /// Antenna port, 0 to 3 (type 1) or 5 (type 2), of a group without data.
    pub port: usize,
    /// Scrambling identity N_ID of the chosen `n_scid`, 0 to 65535 (Sionna: `n_id[n_scid]`). MATLAB: `NIDNSCID`.
    pub n_id: u32,
    /// Scrambling initialisation, 0 or 1. MATLAB: `NSCID`.
    pub n_scid: u32,
    /// Symbols of the slot that the uplink uses, counted from symbol 0: 4 to 14 (Sionna: `symbol_allocation[1]`).
    pub num_allocated_symbols: usize,
}

impl Default for DmrsConfig {
    fn default() -> Self {
        DmrsConfig {
            config_type: 1,
            type_a_position: 2,
            additional_position: 1,
            num_cdm_groups_without_data: 2,
            port: 0,
            n_id: 1,
            n_scid: 0,
            num_allocated_symbols: NUM_OFDM_SYMBOLS,
        }
    }
}

impl DmrsConfig {
    fn check(&self) -> Result<()> {
        let within = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::parameter(format!("DMRS {name} must lie from {low} to {high}, got {value}")))
        };
        within("config_type", self.config_type.into(), 1, 2)?;
        within("type_a_position", self.type_a_position, 2, 3)?;
        within("additional_position", self.additional_position, 0, 3)?;
        within("num_cdm_groups_without_data", self.num_cdm_groups_without_data, 1, self.num_cdm_groups())
            .map_err(|error| error.hint("config_type 1 has two groups of subcarriers, config_type 2 has three"))?;
        within("n_id", self.n_id as usize, 0, 65_535)?;
        within("n_scid", self.n_scid as usize, 0, 1)?;
        within("num_allocated_symbols", self.num_allocated_symbols, 4, NUM_OFDM_SYMBOLS)?;
        if self.port >= 2 * self.num_cdm_groups_without_data {
            return Err(Error::parameter(format!(
                "DMRS port must be below {} with {} CDM groups without data, got {}",
                2 * self.num_cdm_groups_without_data,
                self.num_cdm_groups_without_data,
                self.port
            ))
            .hint("two ports share a CDM group, and data may not stand on the pilots of its own port"));
        }
        if self.type_a_position == 3 && self.additional_position == 3 {
            return Err(Error::parameter("DMRS additional_position 3 needs type_a_position 2, got 3")
                .hint("TS 38.211, 6.4.1.1.3: use additional_position 0 to 2, or type_a_position 2"));
        }
        if self.type_a_position >= self.num_allocated_symbols {
            return Err(Error::parameter(format!(
                "DMRS type_a_position {} lies outside of the {} allocated symbols",
                self.type_a_position, self.num_allocated_symbols
            )));
        }
        Ok(())
    }

    /// The groups of subcarriers that a configuration type knows.
    fn num_cdm_groups(&self) -> usize {
        if self.config_type == 1 { 2 } else { 3 }
    }

    /// The CDM group of a subcarrier of a DMRS symbol.
    fn cdm_group(&self, subcarrier: usize) -> usize {
        if self.config_type == 1 { subcarrier % 2 } else { subcarrier / 2 % 3 }
    }

    /// Symbols that carry DMRS: table 6.4.1.1.3-3 of TS 38.211, mapping type A, without frequency hopping.
    fn symbol_indices(&self) -> Vec<usize> {
        let additional: &[usize] = match (self.num_allocated_symbols, self.additional_position) {
            (..=7, _) | (_, 0) => &[],
            (..=9, _) => &[7],
            (..=12, 1) => &[9],
            (..=11, _) | (12, 2) => &[6, 9],
            (_, 1) => &[11],
            (_, 2) => &[7, 11],
            _ => &[5, 8, 11],
        };
        std::iter::once(self.type_a_position).chain(additional.iter().copied()).collect()
    }

    /// Amplitude of a pilot relative to a data symbol of unit energy.
    fn amplitude(&self) -> f64 {
        (self.num_cdm_groups_without_data as f64).sqrt()
    }
}

/// The pilots and data of one slot, worked out over a grid. Sionna: `PilotPattern`.
#[derive(Debug, Clone)]
pub struct PilotPattern {
    config: DmrsConfig,
    num_subcarriers: usize,
    symbols: Vec<usize>,
    subcarriers: Vec<usize>,
    data: Vec<u32>,
}

impl PilotPattern {
    /// The pattern of `config` over `grid`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidParameter`] when the configuration contradicts the standard.
    pub fn new(grid: &ResourceGrid, config: &DmrsConfig) -> Result<Self> {
        config.check()?;
        let num_subcarriers = grid.num_subcarriers();
        let symbols = config.symbol_indices();
        // Tables 6.4.1.1.3-1 and -2: ports 2λ and 2λ + 1 belong to CDM group λ.
        let subcarriers = (0..num_subcarriers).filter(|&k| config.cdm_group(k) == config.port / 2).collect();
        let data = (0..config.num_allocated_symbols)
            .flat_map(|symbol| (0..num_subcarriers).map(move |k| (symbol, k)))
            .filter(|&(symbol, k)| {
                !symbols.contains(&symbol) || config.cdm_group(k) >= config.num_cdm_groups_without_data
            })
            .map(|(symbol, k)| (symbol * num_subcarriers + k) as u32)
            .collect();
        Ok(PilotPattern { config: config.clone(), num_subcarriers, symbols, subcarriers, data })
    }

    /// The configuration behind the pattern.
    pub fn config(&self) -> &DmrsConfig {
        &self.config
    }

    /// Symbols that carry pilots, ascending. Sionna: `dmrs_symbol_indices`.
    pub fn symbol_indices(&self) -> &[usize] {
        &self.symbols
    }

    /// Subcarriers that carry pilots in these symbols, ascending.
    pub fn pilot_subcarriers(&self) -> &[usize] {
        &self.subcarriers
    }

    /// Pilots of the slot.
    pub fn num_pilots(&self) -> usize {
        self.symbols.len() * self.subcarriers.len()
    }

    /// Resource elements that carry data, in the order of mapping: subcarriers first, then symbols (TS 38.211, 6.3.1.6).
    pub fn data_elements(&self) -> &[u32] {
        &self.data
    }

    /// Energy of a pilot relative to the mean energy of a data symbol (1, 2 or 3).
    pub fn pilot_energy(&self) -> f64 {
        self.config.num_cdm_groups_without_data as f64
    }

    /// The pilots of slot `slot_number` of a frame, symbol by symbol along the pilot subcarriers.
    ///
    /// # Shapes
    /// `pilots`: `[symbol_indices, pilot_subcarriers]`
    ///
    /// # Panics
    /// When `pilots` has another length than [`num_pilots`](Self::num_pilots).
    pub fn pilots(&self, slot_number: u32, pilots: &mut [Complex32]) {
        assert_eq!(pilots.len(), self.num_pilots(), "one value for each pilot");
        for (&symbol, row) in self.symbols.iter().zip(pilots.chunks_exact_mut(self.subcarriers.len())) {
            let mut sequence = GoldSequence::new(self.c_init(symbol, slot_number));
            // Each of the two ports of a CDM group sees the same sequence; w_f negates every second value of the odd port.
            let amplitude = (self.config.amplitude() * std::f64::consts::FRAC_1_SQRT_2) as f32;
            let mut part = || if sequence.next() == Some(1) { -amplitude } else { amplitude };
            for (n, pilot) in row.iter_mut().enumerate() {
                let value = Complex32::new(part(), part());
                *pilot = if self.config.port % 2 == 1 && n % 2 == 1 { -value } else { value };
            }
        }
    }

    /// Writes the pilots of slot `slot_number` into a grid that is zero elsewhere. Sionna: `dmrs_grid`.
    ///
    /// # Shapes
    /// `grid`: `[num_ofdm_symbols, num_subcarriers]`
    ///
    /// # Panics
    /// When `grid` is no whole slot.
    pub fn dmrs_grid(&self, slot_number: u32, grid: &mut [Complex32]) {
        assert_eq!(grid.len(), NUM_OFDM_SYMBOLS * self.num_subcarriers, "one value for each resource element");
        grid.fill(Complex32::default());
        let mut pilots = vec![Complex32::default(); self.num_pilots()];
        self.pilots(slot_number, &mut pilots);
        for (&symbol, row) in self.symbols.iter().zip(pilots.chunks_exact(self.subcarriers.len())) {
            for (&subcarrier, &pilot) in self.subcarriers.iter().zip(row) {
                grid[symbol * self.num_subcarriers + subcarrier] = pilot;
            }
        }
    }

    /// TS 38.211, 6.4.1.1.1.1, without low-PAPR DMRS (λ̄ = 0).
    fn c_init(&self, symbol: usize, slot_number: u32) -> u32 {
        let (n_id, n_scid) = (u64::from(self.config.n_id), u64::from(self.config.n_scid));
        let symbol_in_frame = (NUM_OFDM_SYMBOLS as u64) * u64::from(slot_number) + symbol as u64;
        let c_init = (1 << 17) * (symbol_in_frame + 1) * (2 * n_id + 1) + 2 * n_id + n_scid;
        (c_init % (1 << 31)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::SubcarrierSpacing;

    fn pattern(config: &DmrsConfig) -> PilotPattern {
        let grid = ResourceGrid::new(SubcarrierSpacing::Khz15, 4, None).expect("a valid grid");
        PilotPattern::new(&grid, config).expect("a valid configuration")
    }

    #[test]
    fn ports_are_orthogonal_over_each_pair_of_pilots() {
        for config_type in [1u8, 2] {
            let groups = if config_type == 1 { 2 } else { 3 };
            let of_port = |port| {
                let config =
                    DmrsConfig { config_type, num_cdm_groups_without_data: groups, port, ..DmrsConfig::default() };
                let pattern = pattern(&config);
                let mut grid = vec![Complex32::default(); 14 * 48];
                pattern.dmrs_grid(3, &mut grid);
                grid
            };
            let grids: Vec<_> = (0..2 * groups).map(of_port).collect();
            for (a, grid_a) in grids.iter().enumerate() {
                for (b, grid_b) in grids.iter().enumerate() {
                    // Over one resource block, which is a whole number of pairs.
                    let block = 2 * 48..2 * 48 + 12;
                    let product: Complex32 =
                        grid_a[block.clone()].iter().zip(&grid_b[block]).map(|(x, y)| x * y.conj()).sum();
                    let expected = if a == b { 12.0 } else { 0.0 };
                    assert!(
                        (product - expected).norm() < 1e-5,
                        "type {config_type}, ports {a} and {b}: expected {expected}, got {product}"
                    );
                }
            }
        }
    }

    #[test]
    fn pilots_and_data_share_the_slot_without_overlap() {
        for (config_type, groups, data) in
            [(1u8, 1usize, 14 * 48 - 2 * 24), (1, 2, 12 * 48), (2, 1, 14 * 48 - 2 * 16), (2, 3, 12 * 48)]
        {
            let config = DmrsConfig { config_type, num_cdm_groups_without_data: groups, ..DmrsConfig::default() };
            let pattern = pattern(&config);
            assert_eq!(pattern.data_elements().len(), data, "type {config_type}, {groups} groups");
            for &element in pattern.data_elements() {
                let (symbol, k) = (element as usize / 48, element as usize % 48);
                let is_pilot = pattern.symbol_indices().contains(&symbol) && pattern.pilot_subcarriers().contains(&k);
                assert!(!is_pilot, "symbol {symbol}, subcarrier {k} is both");
            }
        }
    }
}
