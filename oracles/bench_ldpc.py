"""How many information bits a second one core of Sionna decodes and encodes: one JSON line a row, on one thread, over the codes that
crates/napscope-ofdm/examples/bench_ldpc.rs measures this project on.

Run:  pip install sionna-no-rt==2.2.0 && python oracles/bench_ldpc.py [ROW]     (every row unless said)

Sionna's decoder floods, has no early stop, and runs its min-sum rule here (ours its more exact one). Both do 20 iterations, of which a
layered decoder needs about half as many for the same error rate.
"""

import os

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})

import json
import sys
import time

import torch
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

CODES = [("bg1", 8448, 12672), ("bg1", 1500, 2000), ("bg2", 1000, 3000), ("bg2", 120, 480)]
BATCHES = (1, 16)  # the faster one counts
MEASUREMENTS, MEASURED_SECS = 2, 1.0  # each row is the best of this many measurements of at least this much CPU time

torch.set_num_threads(1)


def rate(work, batch):
    work()
    best = 0.0
    for _ in range(MEASUREMENTS):
        start, blocks, secs = time.process_time(), 0, 0.0
        while secs < MEASURED_SECS:
            work()
            blocks += batch
            secs = time.process_time() - start
        best = max(best, blocks / secs)
    return best


def main():
    for base_graph, k, n in CODES:
        encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=2, bg=base_graph)
        decoder = LDPC5GDecoder(encoder, num_iter=20, hard_out=True, cn_update="minsum")
        name = f"base graph {base_graph[-1]}, {k} of {n} bits"
        inputs = {
            "decode, 20 iterations": (decoder, lambda batch: torch.randn(batch, n)),
            "encode": (encoder, lambda batch: torch.randint(0, 2, (batch, k), dtype=torch.float32)),
        }
        for what, (block, make) in inputs.items():
            row = f"{name}: {what}"
            if len(sys.argv) > 1 and sys.argv[1] != row:
                continue
            rates = {}
            for batch in BATCHES:
                x = make(batch)
                rates[batch] = rate(lambda: block(x), batch)
            batch = max(rates, key=rates.get)
            print(json.dumps({"row": row, "by": "Sionna", "mbit_per_s": round(rates[batch] * k / 1e6, 6), "batch": batch}), flush=True)


if __name__ == "__main__":
    main()
