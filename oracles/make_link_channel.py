"""Expected power-delay profiles and correlation functions of the TDL channels, from Sionna.

Run: python make_link_channel.py   (needs sionna-no-rt; writes link_channel.json beside this file)

profiles: delays [s] and mean powers of every tap (specular path included), power of the specular path.
frequency: correlation between subcarrier 0 and subcarriers 0, 8, 16, ... (real and imaginary parts interleaved).
time: correlation between symbol 0 and symbols 0 to 13.
"""

import importlib.metadata
import json
import pathlib

from sionna.phy.channel.tr38901 import TDL
from sionna.phy.ofdm import tdl_freq_cov_mat, tdl_time_cov_mat

CARRIER_HZ = 3.5e9
SPACING_HZ = 30e3
SYMBOL_SECS = 1e-3 / 28


def rounded(values):
    return [float(f"{float(v):.9g}") for v in values]


def interleaved(values):
    return rounded(part for v in values for part in (v.real, v.imag))


def profile(model, delay_spread):
    tdl = TDL(model, delay_spread, CARRIER_HZ, precision="double")
    return {
        "model": f"tdl-{model.lower()}",
        "delay_spread_secs": delay_spread,
        "delays_secs": rounded(tdl.delays),
        "powers": rounded(tdl.mean_powers),
        "specular_power": rounded([tdl.mean_power_los])[0] if tdl.los else 0.0,
    }


def correlation(model, delay_spread, speed):
    frequency = tdl_freq_cov_mat(model, SPACING_HZ, 256, delay_spread, precision="double")[::8, 0]
    time = tdl_time_cov_mat(model, speed, CARRIER_HZ, SYMBOL_SECS, 14, precision="double")[:, 0]
    return {
        "model": f"tdl-{model.lower()}",
        "delay_spread_secs": delay_spread,
        "speed_mps": speed,
        "frequency": interleaved(frequency.numpy()),
        "time": interleaved(time.numpy()),
    }


def main():
    oracle = {
        "made_with": {name: importlib.metadata.version(name) for name in ("sionna-no-rt", "torch", "numpy", "scipy")},
        "carrier_frequency_hz": CARRIER_HZ,
        "subcarrier_spacing_hz": SPACING_HZ,
        "symbol_secs": SYMBOL_SECS,
        "profiles": [profile(m, ds) for m in "ABCDE" for ds in (30e-9, 363e-9)]
        + [profile(m, ds) for m, ds in (("A30", 30e-9), ("B100", 100e-9), ("C300", 300e-9))],
        "correlations": [
            correlation(m, ds, v)
            for m, ds, v in zip(
                "ABCDEABC",
                (30e-9, 100e-9, 300e-9, 300e-9, 100e-9, 500e-9, 10e-9, 60e-9),
                (3.0, 15.0, 50.0, 30.0, 120.0, 60.0, 0.5, 90.0),
            )
        ],
    }
    path = pathlib.Path(__file__).with_name("link_channel.json")
    path.write_text(json.dumps(oracle, separators=(",", ":")).replace('{"model"', '\n{"model"') + "\n")
    print(f"{path.name}: {len(oracle['profiles'])} profiles, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
