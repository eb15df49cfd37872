"""Expected uncoded bit error rates of classical receivers over TDL channels, from Sionna.

Run: python make_link_ber.py   (needs sionna-no-rt; some minutes; writes link_ber.json beside this file)

One transmitter, two receive antennas, 4 PRB, DMRS type 1 with one additional position, 16-QAM. For each point and receiver:
slots, bits, bit errors, and the sum over the slots of the squared number of bit errors, from which a confidence interval
follows that respects that the bits of a slot fade together.
"""

import importlib.metadata
import json
import pathlib
import time

import torch
from sionna.phy import config
from sionna.phy.channel import ApplyOFDMChannel, cir_to_ofdm_channel, subcarrier_frequencies
from sionna.phy.channel.tr38901 import TDL
from sionna.phy.mapping import Demapper, Mapper
from sionna.phy.mimo import StreamManagement
from sionna.phy.nr import CarrierConfig, PUSCHConfig, PUSCHDMRSConfig, PUSCHPilotPattern
from sionna.phy.ofdm import (
    LMMSEChannelEstimator,
    LMMSEEqualizer,
    LSChannelEstimator,
    RemoveNulledSubcarriers,
    ResourceGrid,
    ResourceGridMapper,
    tdl_freq_cov_mat,
    tdl_time_cov_mat,
)

NUM_PRB = 4
NUM_RX_ANT = 2
NUM_BITS = 4
CARRIER_HZ = 4e9
SLOTS = 1500
BATCH = 100
# (model, delay spread [s], speed [m/s], spacing [kHz], snr_db)
POINTS = [
    ("A", 30e-9, 1.0, 15, 10.0),
    ("A", 300e-9, 30.0, 15, 18.0),
    ("B", 100e-9, 10.0, 30, 14.0),
    ("C", 100e-9, 10.0, 15, 6.0),
    ("C", 300e-9, 3.0, 30, 20.0),
    ("C", 100e-9, 80.0, 30, 16.0),
    ("D", 100e-9, 20.0, 15, 12.0),
    ("E", 50e-9, 40.0, 30, 14.0),
]


def measure(model, delay_spread, speed, spacing_khz, snr_db):
    dmrs = PUSCHDMRSConfig(
        config_type=1, type_a_position=2, additional_position=1, length=1, n_id=1, n_scid=0, num_cdm_groups_without_data=2,
        dmrs_port_set=[0],
    )
    pusch = PUSCHConfig(
        carrier_config=CarrierConfig(n_size_grid=NUM_PRB, subcarrier_spacing=spacing_khz), pusch_dmrs_config=dmrs
    )
    num_subcarriers, spacing = 12 * NUM_PRB, spacing_khz * 1e3
    # The mean length of a symbol with its cyclic prefix: fourteen of them in a slot.
    symbol_secs = 1e-3 * 15 / spacing_khz / 14
    grid = ResourceGrid(
        num_ofdm_symbols=14,
        fft_size=num_subcarriers,
        subcarrier_spacing=spacing,
        num_tx=1,
        num_streams_per_tx=1,
        pilot_pattern=PUSCHPilotPattern(pusch),
    )
    mapper, grid_mapper = Mapper("qam", NUM_BITS), ResourceGridMapper(grid)
    tdl = TDL(model, delay_spread, CARRIER_HZ, min_speed=speed, num_rx_ant=NUM_RX_ANT)
    frequencies = subcarrier_frequencies(num_subcarriers, spacing)
    apply_channel, remove_nulled = ApplyOFDMChannel(), RemoveNulledSubcarriers(grid)
    equalizer = LMMSEEqualizer(grid, StreamManagement([[1]], 1))
    demapper = Demapper("maxlog", "qam", NUM_BITS)
    estimators = {
        "ls_nearest": LSChannelEstimator(grid, "nn"),
        "ls_linear": LSChannelEstimator(grid, "lin"),
        "ls_time_average": LSChannelEstimator(grid, "lin_time_avg"),
        "lmmse": LMMSEChannelEstimator(
            grid,
            tdl_time_cov_mat(model, speed, CARRIER_HZ, symbol_secs, 14),
            tdl_freq_cov_mat(model, spacing, num_subcarriers, delay_spread),
            order="f-t",
        ),
    }
    no = torch.tensor(10.0 ** (-snr_db / 10.0), dtype=torch.float32)
    counts = {name: [0, 0, 0, 0] for name in ("perfect_csi", *estimators)}
    for _ in range(SLOTS // BATCH):
        bits = torch.randint(0, 2, (BATCH, 1, 1, grid.num_data_symbols * NUM_BITS), dtype=torch.float32)
        x = grid_mapper(mapper(bits))
        a, tau = tdl(BATCH, 14, 1.0 / symbol_secs)
        h = cir_to_ofdm_channel(frequencies, a, tau, normalize=False)
        y = apply_channel(x, h, no)
        for name, count in counts.items():
            h_hat, err_var = (remove_nulled(h), torch.zeros(1)) if name == "perfect_csi" else estimators[name](y, no)
            x_hat, no_eff = equalizer(y, h_hat, err_var, no)
            llr = demapper(x_hat, no_eff)
            errors = ((llr > 0) != (bits > 0.5)).reshape(BATCH, -1).sum(-1)
            count[0] += BATCH
            count[1] += bits.numel()
            count[2] += int(errors.sum())
            count[3] += int((errors * errors).sum())
    return counts


def main():
    config.seed = 1
    torch.manual_seed(1)
    points = []
    for point in POINTS:
        start = time.time()
        counts = measure(*point)
        model, delay_spread, speed, spacing_khz, snr_db = point
        points.append(
            {
                "model": f"tdl-{model.lower()}",
                "delay_spread_secs": delay_spread,
                "speed_mps": speed,
                "subcarrier_spacing_hz": spacing_khz * 1000,
                "snr_db": snr_db,
                "receivers": counts,
            }
        )
        rates = ", ".join(f"{name} {c[2] / c[1]:.3g}" for name, c in counts.items())
        print(f"{point}: {rates} ({time.time() - start:.0f} s)", flush=True)
    oracle = {
        "made_with": {name: importlib.metadata.version(name) for name in ("sionna-no-rt", "torch", "numpy")},
        "num_prb": NUM_PRB,
        "num_rx_ant": NUM_RX_ANT,
        "num_bits_per_symbol": NUM_BITS,
        "carrier_frequency_hz": CARRIER_HZ,
        "counts": ["slots", "bits", "bit_errors", "sum_of_squared_bit_errors_of_a_slot"],
        "points": points,
    }
    path = pathlib.Path(__file__).with_name("link_ber.json")
    path.write_text(json.dumps(oracle, separators=(",", ":")).replace('{"model"', '\n{"model"') + "\n")
    print(f"{path.name}: {len(points)} points, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
