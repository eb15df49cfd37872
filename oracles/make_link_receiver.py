"""Expected least-squares channel estimates, from Sionna.

Run: python make_link_receiver.py   (needs sionna-no-rt; writes link_receiver.json beside this file)

One resource block of random received values, several DMRS configurations; estimates over the slot of the three interpolations.
Complex numbers are interleaved (real, imaginary), grids run over symbols, then subcarriers.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
import torch
from sionna.phy.nr import CarrierConfig, PUSCHConfig, PUSCHDMRSConfig, PUSCHPilotPattern
from sionna.phy.ofdm import LSChannelEstimator, ResourceGrid


def interleaved(values):
    return [float(f"{part:.7g}") for v in np.ravel(values) for part in (v.real, v.imag)]


def case(config_type, additional_position, groups, seed):
    dmrs = PUSCHDMRSConfig(
        config_type=config_type,
        type_a_position=2,
        additional_position=additional_position,
        length=1,
        dmrs_port_set=[0],
        n_id=1,
        n_scid=0,
        num_cdm_groups_without_data=groups,
    )
    pusch = PUSCHConfig(carrier_config=CarrierConfig(n_size_grid=1), pusch_dmrs_config=dmrs)
    grid = ResourceGrid(
        num_ofdm_symbols=14, fft_size=12, subcarrier_spacing=15e3, pilot_pattern=PUSCHPilotPattern(pusch), precision="double"
    )
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(14, 12)) + 1j * rng.normal(size=(14, 12))
    estimates = {}
    for name, kind in (("ls_nearest", "nn"), ("ls_linear", "lin"), ("ls_time_average", "lin_time_avg")):
        estimator = LSChannelEstimator(grid, kind, precision="double")
        h_hat, _ = estimator(torch.tensor(y)[None, None, None], torch.tensor(0.1, dtype=torch.float64))
        estimates[name] = interleaved(h_hat.numpy())
    return {
        "config_type": config_type,
        "additional_position": additional_position,
        "num_cdm_groups_without_data": groups,
        "y": interleaved(y),
        "h_hat": estimates,
    }


def main():
    oracle = {
        "made_with": {name: importlib.metadata.version(name) for name in ("sionna-no-rt", "torch", "numpy")},
        "cases": [case(1, 0, 2, 1), case(1, 1, 2, 2), case(1, 3, 1, 3), case(2, 1, 2, 4), case(2, 2, 3, 5)],
    }
    path = pathlib.Path(__file__).with_name("link_receiver.json")
    path.write_text(json.dumps(oracle, separators=(",", ":")).replace('{"config_type"', '\n{"config_type"') + "\n")
    print(f"{path.name}: {len(oracle['cases'])} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
