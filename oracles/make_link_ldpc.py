"""Expected transport-block sizes and coded bits of the NR LDPC codes, from Sionna.

Run: python make_link_ldpc.py   (needs sionna-no-rt; writes link_ldpc.json beside this file)

sizes: [coded bits, code rate, transport-block size, code blocks].
codes: single code blocks: k information bits, n coded bits, bits a symbol, redundancy version; bits as hexadecimal numbers, first bit
in the highest place, padded with zeros at the end.
encoded: transport blocks with check sums, segmentation, rate matching and scrambling, likewise. (Sionna chooses the base graph by the rate
that results, TS 38.212 by the target rate: the cases here lie where both agree.)
"""

import importlib.metadata
import json
import pathlib

import numpy as np
import torch
from sionna.phy.fec.ldpc import LDPC5GEncoder
from sionna.phy.nr import TBEncoder
from sionna.phy.nr.utils import calculate_tb_size

# (k, n, bits a symbol, redundancy version): both base graphs, each way of filling columns, puncturing and repetition
ENCODED = [
    (k, round(k / rate) // q * q, q, rv)
    for i, (k, rate) in enumerate(
        (k, rate)
        for k, rates in (
            (12, (0.2, 0.5)),
            (24, (0.2, 0.33, 0.9)),
            (60, (0.25, 0.75)),
            (100, (0.21, 0.5, 0.92)),
            (192, (0.3, 0.6)),
            (193, (0.3, 0.6)),
            (292, (0.4, 0.8)),
            (293, (0.4, 0.8)),
            (560, (0.22, 0.66)),
            (561, (0.5, 0.9)),
            (640, (0.35, 0.68)),
            (641, (0.2, 0.45)),
            (1000, (0.28, 0.55, 0.85)),
            (2222, (0.3, 0.7)),
            (3824, (0.26, 0.66, 0.92)),
            (3840, (0.2,)),
            (3841, (0.34, 0.5)),
            (5000, (0.4, 0.75)),
            (8448, (0.335, 0.64, 0.92)),
        )
        for rate in rates
    )
    for q, rv in (((2, 4, 6, 8)[i % 4], 0), ((2, 4, 6, 8)[(i + 1) % 4], 1 + i % 3))
    if 0.2 <= k / (round(k / rate) // q * q) <= 0.94
]


def hexadecimal(bits):
    bits = [int(bit) for bit in bits]
    bits += [0] * (-len(bits) % 4)
    return "".join(format(int("".join(map(str, bits[i : i + 4])), 2), "x") for i in range(0, len(bits), 4))


def size(num_coded_bits, coderate):
    tb_size, _, num_cb, *_ = calculate_tb_size(
        modulation_order=2, target_coderate=float(coderate), num_coded_bits=int(num_coded_bits), num_layers=1
    )
    return [int(num_coded_bits), float(coderate), int(tb_size), int(num_cb)]


def encoded(num_coded_bits, coderate, num_bits_per_symbol, n_rnti, n_id, rng):
    tb_size = size(num_coded_bits, coderate)[2]
    encoder = TBEncoder(tb_size, num_coded_bits, coderate, num_bits_per_symbol, n_rnti=n_rnti, n_id=n_id)
    bits = rng.integers(0, 2, tb_size)
    coded = encoder(torch.tensor(bits[None, None], dtype=torch.float32)).numpy().ravel()
    return {
        "num_coded_bits": num_coded_bits,
        "target_coderate": coderate,
        "num_bits_per_symbol": num_bits_per_symbol,
        "n_rnti": n_rnti,
        "n_id": n_id,
        "bits": hexadecimal(bits),
        "coded": hexadecimal(coded),
    }


def single(k, n, num_bits_per_symbol, rv, rng):
    bits = rng.integers(0, 2, k)
    encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=num_bits_per_symbol)
    coded = encoder(torch.tensor(bits[None], dtype=torch.float32), rv=[rv]).numpy().ravel()
    return {"code": [k, n, num_bits_per_symbol, rv], "bits": hexadecimal(bits), "coded": hexadecimal(coded)}


def main():
    rng = np.random.default_rng(1)
    sizes = [size(g, r) for g in (100, 480, 2000, 5000, 9000, 14976, 40000, 120000) for r in (0.12, 0.25, 0.33, 0.5, 0.6425781, 0.9)]
    blocks = [
        encoded(g, r, q, rnti, n_id, rng)
        for g, r, q, rnti, n_id in (
            (240, 0.5, 2, 1, 1),
            (600, 0.3, 4, 65535, 1007),
            (1200, 0.85, 2, 5, 0),
            (4800, 0.6, 6, 17, 500),
            (9600, 0.45, 8, 2, 3),
            (14976, 0.6425781, 4, 1, 1),
            (11232, 0.9, 6, 1, 2),
            (20000, 0.22, 4, 9, 9),
        )
    ]
    singles = [single(*code, rng) for code in ENCODED]
    oracle = {
        "made_with": {name: importlib.metadata.version(name) for name in ("sionna-no-rt", "torch", "numpy")},
        "sizes": sizes,
        "codes": singles,
        "encoded": blocks,
    }
    path = pathlib.Path(__file__).with_name("link_ldpc.json")
    text = json.dumps(oracle, separators=(",", ":"))
    text = text.replace('{"code"', '\n{"code"')
    path.write_text(text.replace('{"num_coded_bits"', '\n{"num_coded_bits"') + "\n")
    print(f"{path.name}: {len(sizes)} sizes, {len(singles)} code blocks, {len(blocks)} blocks, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
