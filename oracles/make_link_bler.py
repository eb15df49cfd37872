"""Expected block error rates of the NR LDPC codes, from Sionna.

Run: python make_link_bler.py   (needs sionna-no-rt; some minutes; writes link_bler.json beside this file)

block_errors: QPSK over AWGN at three SNRs: [Es/N0 in dB, blocks, block errors, ends of the 95 % interval (Wilson)] of belief propagation
(flooding, 40 iterations: 20 are not enough for long codes) on the exact LLRs.
"""

import importlib.metadata
import json
import pathlib
import time

import torch
from sionna.phy import config
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

BATCH = 100
# (base graph, information bits, coded bits, blocks, SNRs [dB]): around a block error rate of 10 %; the longer the code, the steeper its
# curve, and the fewer blocks place it
CODES = [
    ("bg2", 120, 480, 1500, (-2.6, -2.2, -1.8)),
    ("bg2", 500, 1000, 400, (1.1, 1.4, 1.7)),
    ("bg2", 1000, 3000, 300, (-1.3, -1.1, -0.9)),
    ("bg1", 1500, 2000, 300, (3.85, 4.05, 4.25)),
    ("bg1", 3000, 3334, 300, (6.2, 6.4, 6.6)),
]


def interval(errors, blocks, z=1.96):
    rate = errors / blocks
    center = (rate + z * z / (2 * blocks)) / (1 + z * z / blocks)
    half = z / (1 + z * z / blocks) * (rate * (1 - rate) / blocks + z * z / (4 * blocks * blocks)) ** 0.5
    return [round(center - half, 6), round(center + half, 6)]


def block_errors(base_graph, k, n, blocks, snrs):
    encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=2, bg=base_graph)
    decoder = LDPC5GDecoder(encoder, num_iter=40, hard_out=True)
    counts = []
    for snr_db in snrs:
        noise_var = 10.0 ** (-snr_db / 10.0)
        errors = 0
        for _ in range(blocks // BATCH):
            bits = torch.randint(0, 2, (BATCH, k), dtype=torch.float32)
            coded = encoder(bits)
            # One axis of QPSK: amplitude 1/√2, noise variance N0 / 2; LLR = ln P(1) / P(0).
            received = (1.0 - 2.0 * coded) * 2**-0.5 + (noise_var / 2.0) ** 0.5 * torch.randn(coded.shape)
            llr = -4.0 * 2**-0.5 * received / noise_var
            errors += int((decoder(llr) != bits).any(-1).sum())
        counts.append([snr_db, blocks, errors, *interval(errors, blocks)])
    return {"base_graph": base_graph, "k": k, "n": n, "counts": counts}


def main():
    config.seed = 1
    torch.manual_seed(1)
    codes = []
    for code in CODES:
        start = time.process_time()
        codes.append(block_errors(*code))
        print(code, codes[-1]["counts"], f"({time.process_time() - start:.0f} CPU s)", flush=True)
    oracle = {
        "made_with": {name: importlib.metadata.version(name) for name in ("sionna-no-rt", "torch", "numpy")},
        "block_errors": codes,
    }
    path = pathlib.Path(__file__).with_name("link_bler.json")
    path.write_text(json.dumps(oracle, separators=(",", ":")).replace('{"base_graph"', '\n{"base_graph"') + "\n")
    print(f"{path.name}: {len(codes)} codes, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
