"""How many slots a second of one core Sionna simulates: one JSON line a row, on one thread, over the links that
crates/napscope-ofdm/examples/bench_link.rs measures this project on.

Run:  pip install sionna-no-rt==2.2.0 && python oracles/bench_link.py [ROW]     (every row unless said)

A slot is all of it: bits, symbols, channel, noise, and for each receiver channel estimation, equalisation and LLRs. Slots come in
batches, as a user of Sionna would have it; the batch size is the fastest of those tried.
"""

import os

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})

import json
import sys
import time

import torch
from sionna.phy.channel import ApplyOFDMChannel, cir_to_ofdm_channel, subcarrier_frequencies
from sionna.phy.channel.tr38901 import TDL
from sionna.phy.mapping import Demapper, Mapper
from sionna.phy.mimo import StreamManagement
from sionna.phy.nr import CarrierConfig, PUSCHConfig, PUSCHDMRSConfig, PUSCHPilotPattern
from sionna.phy.ofdm import (
    LMMSEChannelEstimator,
    LMMSEEqualizer,
    LSChannelEstimator,
    ResourceGrid,
    ResourceGridMapper,
    tdl_freq_cov_mat,
    tdl_time_cov_mat,
)

NUM_PRB, NUM_RX_ANT, NUM_BITS = 26, 2, 4
MODEL, DELAY_SPREAD, CARRIER_HZ, DOPPLER_HZ, SPACING_HZ, SNR_DB = "C", 100e-9, 4e9, 100.0, 15e3, 15.0
SPEED = DOPPLER_HZ * 299792458.0 / CARRIER_HZ
BATCHES = (1, 4, 16)
MEASUREMENTS, MEASURED_SECS = 3, 2.0  # each row is the best of this many measurements of at least this much CPU time

torch.set_num_threads(1)


class Link:
    def __init__(self, receivers):
        dmrs = PUSCHDMRSConfig(config_type=1, additional_position=1, length=1, dmrs_port_set=[0], n_id=1)
        pusch = PUSCHConfig(carrier_config=CarrierConfig(n_size_grid=NUM_PRB), pusch_dmrs_config=dmrs)
        num_subcarriers = 12 * NUM_PRB
        self.symbol_secs = 1e-3 / 14
        self.grid = ResourceGrid(
            num_ofdm_symbols=14,
            fft_size=num_subcarriers,
            subcarrier_spacing=SPACING_HZ,
            pilot_pattern=PUSCHPilotPattern(pusch),
        )
        self.mapper, self.grid_mapper = Mapper("qam", NUM_BITS), ResourceGridMapper(self.grid)
        self.tdl = TDL(MODEL, DELAY_SPREAD, CARRIER_HZ, min_speed=SPEED, num_rx_ant=NUM_RX_ANT)
        self.frequencies = subcarrier_frequencies(num_subcarriers, SPACING_HZ)
        self.apply_channel = ApplyOFDMChannel()
        self.equalizer = LMMSEEqualizer(self.grid, StreamManagement([[1]], 1))
        self.demapper = Demapper("maxlog", "qam", NUM_BITS)
        make = {
            "ls_linear": lambda: LSChannelEstimator(self.grid, "lin"),
            "lmmse": lambda: LMMSEChannelEstimator(
                self.grid,
                tdl_time_cov_mat(MODEL, SPEED, CARRIER_HZ, self.symbol_secs, 14),
                tdl_freq_cov_mat(MODEL, SPACING_HZ, num_subcarriers, DELAY_SPREAD),
                order="f-t",
            ),
        }
        self.estimators = [make[name]() for name in receivers]
        self.no = torch.tensor(10.0 ** (-SNR_DB / 10.0), dtype=torch.float32)

    def run(self, batch):
        bits = torch.randint(0, 2, (batch, 1, 1, self.grid.num_data_symbols * NUM_BITS), dtype=torch.float32)
        x = self.grid_mapper(self.mapper(bits))
        h = cir_to_ofdm_channel(self.frequencies, *self.tdl(batch, 14, 1.0 / self.symbol_secs), normalize=False)
        y = self.apply_channel(x, h, self.no)
        for estimator in self.estimators:
            h_hat, err_var = estimator(y, self.no)
            self.demapper(*self.equalizer(y, h_hat, err_var, self.no))


def rate(link, batch):
    link.run(batch)
    best = 0.0
    for _ in range(MEASUREMENTS):
        start, slots, secs = time.process_time(), 0, 0.0
        while secs < MEASURED_SECS:
            link.run(batch)
            slots += batch
            secs = time.process_time() - start
        best = max(best, slots / secs)
    return best


def main():
    rows = {
        "slot with LS and LMMSE": ("ls_linear", "lmmse"),
        "slot with LS": ("ls_linear",),
        "slot with LMMSE": ("lmmse",),
        "slot alone, nothing received": (),
    }
    for row, receivers in rows.items():
        if len(sys.argv) > 1 and sys.argv[1] != row:
            continue
        link = Link(receivers)
        rates = {batch: rate(link, batch) for batch in BATCHES}
        batch = max(rates, key=rates.get)
        print(json.dumps({"row": row, "by": "Sionna", "slots_per_s": round(rates[batch], 4), "batch": batch}), flush=True)


if __name__ == "__main__":
    main()
