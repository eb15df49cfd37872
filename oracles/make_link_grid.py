"""Expected DMRS grids and demapper LLRs, from Sionna.

Run: python make_link_grid.py   (needs sionna-no-rt; writes link_grid.json beside this file)

dmrs: every combination of the listed options that TS 38.211 allows. `signs` holds, for each pilot (symbol by symbol, subcarriers
ascending), the sign bits of its real and imaginary part as a hexadecimal number (first pilot in the highest place, 1 =
negative); `blocked` likewise the resource elements of the DMRS symbols that carry no data.
demapper: received values and noise variances with the LLRs of both methods, in double precision.
"""

import importlib.metadata
import itertools
import json
import pathlib

import numpy as np
import torch
from sionna.phy.mapping import Constellation, Demapper
from sionna.phy.nr import CarrierConfig, PUSCHConfig, PUSCHDMRSConfig

NUM_PRB = 3


def hexadecimal(bits):
    return hex(int("1" + "".join(str(int(bit)) for bit in bits), 2))[3:] if len(bits) % 4 == 0 else hexadecimal([*bits, 0])


def dmrs_case(config_type, type_a_position, additional_position, groups, port, n_id, n_scid, slot, num_symbols, spacing_khz):
    dmrs = PUSCHDMRSConfig(
        config_type=config_type,
        type_a_position=type_a_position,
        additional_position=additional_position,
        length=1,
        dmrs_port_set=[port],
        n_id=n_id,
        n_scid=n_scid,
        num_cdm_groups_without_data=groups,
    )
    carrier = CarrierConfig(n_size_grid=NUM_PRB, subcarrier_spacing=spacing_khz, slot_number=slot)
    pusch = PUSCHConfig(carrier_config=carrier, pusch_dmrs_config=dmrs, mapping_type="A", symbol_allocation=[0, num_symbols])
    grid = pusch.dmrs_grid[0]  # [num_subcarriers, num_symbols]
    symbols = pusch.dmrs_symbol_indices
    pilots = np.concatenate([grid[:, s][grid[:, s] != 0] for s in symbols])
    signs = [bit for p in pilots for bit in (p.real < 0, p.imag < 0)]
    blocked = np.concatenate([pusch.dmrs_mask[:, s] for s in symbols])
    return {
        "config": [config_type, type_a_position, additional_position, groups, port, n_id, n_scid, slot, num_symbols, spacing_khz],
        "symbols": symbols,
        "subcarriers": np.nonzero(grid[:, symbols[0]])[0].tolist(),
        "amplitude": round(float(np.abs(pilots[0].real)), 9),
        "signs": hexadecimal(signs),
        "blocked": hexadecimal(blocked),
    }


def dmrs_cases():
    cases = []
    rng = np.random.default_rng(1)
    for config_type, position, additional, groups in itertools.product((1, 2), (2, 3), (0, 1, 2, 3), (1, 2, 3)):
        if groups > config_type + 1 or (position == 3 and additional == 3):
            continue
        for num_symbols in (14, int(rng.integers(4, 14))):
            spacing_khz = int(rng.choice([15, 30, 60]))
            cases.append(
                dmrs_case(
                    config_type,
                    position,
                    additional,
                    groups,
                    int(rng.integers(0, 2 * groups)),
                    int(rng.integers(0, 65536)),
                    int(rng.integers(0, 2)),
                    int(rng.integers(0, 10 * spacing_khz // 15)),
                    num_symbols,
                    spacing_khz,
                )
            )
    # The whole table of additional positions over the length of the allocation.
    for num_symbols, additional in itertools.product(range(4, 15), range(4)):
        cases.append(dmrs_case(1, 2, additional, 2, 0, 1, 0, 0, num_symbols, 15))
    return cases


def demapper_cases():
    cases = []
    rng = np.random.default_rng(2)
    for num_bits in (2, 4, 6, 8):
        constellation = Constellation("qam", num_bits, precision="double")
        y = (rng.normal(size=12) + 1j * rng.normal(size=12)) * 0.8
        no = 10 ** rng.uniform(-2.0, 0.5, size=12)
        llr = {}
        for method in ("app", "maxlog"):
            demapper = Demapper(method, constellation=constellation, precision="double")
            out = demapper(torch.tensor(y), torch.tensor(no))
            llr[method] = [float(f"{v:.9g}") for v in out.numpy().ravel()]
        cases.append(
            {
                "num_bits_per_symbol": num_bits,
                "y": [float(f"{v:.9g}") for z in y for v in (z.real, z.imag)],
                "no": [float(f"{v:.9g}") for v in no],
                **llr,
            }
        )
    return cases


def main():
    oracle = {
        "made_with": {name: importlib.metadata.version(name) for name in ("sionna-no-rt", "torch", "numpy")},
        "num_prb": NUM_PRB,
        "dmrs": dmrs_cases(),
        "demapper": demapper_cases(),
    }
    path = pathlib.Path(__file__).with_name("link_grid.json")
    path.write_text(json.dumps(oracle, separators=(",", ":")).replace('{"config"', '\n{"config"') + "\n")
    print(f"{path.name}: {len(oracle['dmrs'])} DMRS grids, {len(oracle['demapper'])} demappers, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
