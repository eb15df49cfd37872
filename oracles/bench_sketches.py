"""How fast the peers are: one JSON line a row, on one thread, over the activations that
crates/napscope/examples/bench_sketches.rs measures this project on.

Run:  pip install numpy==2.4.6 scipy==1.17.1 KDEpy==1.1.12 && python oracles/bench_sketches.py [SAMPLES [ROW]]
(1000 samples and every row unless said)

Each peer is written as a user of NumPy would write it when speed matters: whole arrays at a time, f32 kept where the library
keeps it. SciPy and KDEpy estimate one density at a time, so they are called in a loop.
"""

import os

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})

import json
import sys
import time
import warnings

import numpy as np
import scipy.special
import scipy.stats
from KDEpy import FFTKDE

CHANNELS, POSITIONS = 256, 196
BATCH = 8  # samples that are sketched at a time, as a network delivers them
MEASUREMENTS, MEASURED_SECS = 5, 0.3  # each row is the best of this many measurements of at least this much CPU time
BINS, GRID, QUANTILES = 32, 64, 32

warnings.simplefilter("ignore")  # KDEpy warns of equal values (a ReLU's zeros) for every map


def activations(count):
    """Nearly bell-shaped numbers, every other channel behind a ReLU; value i depends on i alone (SplitMix64)."""
    index = np.arange(count, dtype=np.uint64)
    z = (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    total = sum((z >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
    bell = ((total.astype(np.float64) / 65536 - 2) * np.sqrt(3)).astype(np.float32)
    return np.where(index // np.uint64(POSITIONS) % np.uint64(2) == 1, np.maximum(bell, 0), bell)


def histogram(batch, low, high):
    """The vectorised bincount: all maps of the batch in one call, each with its own stretch of the counters."""
    maps = batch.reshape(-1, POSITIONS)
    low, scale = np.tile(low, len(batch)), np.tile(BINS / (high - low), len(batch))
    bins = np.clip((maps - low[:, None]) * scale[:, None], 0, BINS - 1).astype(np.int32)
    bins += np.arange(len(maps), dtype=np.int32)[:, None] * BINS
    return np.bincount(bins.ravel(), minlength=len(maps) * BINS).reshape(-1, BINS) / np.float32(POSITIONS)


def grids(low, high):
    margin = (high - low) / 8
    return np.linspace(low - margin, high + margin, GRID, axis=-1)


def exact_kde(batch, low, high):
    """The direct sum, vectorised over the positions and grid points of a map, in f32."""
    grid = grids(low, high).astype(np.float32)
    rows = np.empty((len(batch) * CHANNELS, GRID), np.float32)
    for row, x in enumerate(batch.reshape(-1, POSITIONS)):
        width = x.std(ddof=1) * POSITIONS**-0.2
        z = (grid[row % CHANNELS][:, None] - x) / width
        density = np.exp(-0.5 * z * z).sum(axis=1)
        rows[row] = density / density.sum()
    return rows


def each_map(density, normalize=True):
    """A library that estimates one density at a time, in a loop over the maps."""

    def run(batch, low, high):
        grid = grids(low, high).astype(np.float64)
        for row, x in enumerate(batch.reshape(-1, POSITIONS).astype(np.float64)):
            values = density(x, grid[row % CHANNELS])
            values / values.sum()

    return run


def scipy_kde(rule):
    return each_map(lambda x, grid: scipy.stats.gaussian_kde(x, bw_method=rule)(grid))


def kdepy(rule):
    def density(x, grid):
        # FFTKDE wants every value inside of the grid.
        return FFTKDE(bw=rule).fit(np.clip(x, grid[1], grid[-2])).evaluate(grid)

    return each_map(density)


def moments(batch, low, high):
    return [batch.mean(-1), batch.std(-1), scipy.stats.skew(batch, axis=-1), scipy.stats.kurtosis(batch, axis=-1)]


PEERS = [
    ("ranges", "NumPy", lambda a, low, high: (a.min(axis=(0, 2)), a.max(axis=(0, 2)))),
    ("mean", "NumPy", lambda a, low, high: a.mean(-1)),
    ("mean_std", "NumPy", lambda a, low, high: (a.mean(-1), a.std(-1))),
    ("max", "NumPy", lambda a, low, high: a.max(-1)),
    ("min_max", "NumPy", lambda a, low, high: (a.min(-1), a.max(-1))),
    ("none", "NumPy", lambda a, low, high: a.copy()),
    ("histogram", "NumPy", histogram),
    ("kde", "SciPy", scipy_kde("scott")),
    ("kde:bandwidth=silverman", "SciPy", scipy_kde("silverman")),
    ("kde:bandwidth=silverman", "KDEpy", kdepy("silverman")),
    ("kde:bandwidth=isj", "KDEpy", kdepy("ISJ")),
    ("kde:method=exact", "NumPy", exact_kde),
    ("quantiles", "NumPy", lambda a, low, high: np.quantile(a, (np.arange(QUANTILES) + 0.5) / QUANTILES, axis=-1)),
    ("moments", "SciPy", moments),
    ("sparsity", "NumPy", lambda a, low, high: (a <= 0).mean(-1)),
    ("free_energy", "SciPy", lambda a, low, high: -scipy.special.logsumexp(a, axis=-1)),
]


NOTES = [
    "NumPy's histogram is one vectorised `np.bincount` a batch, its exact KDE one vectorised sum a map, both in f32.",
    "SciPy's (`gaussian_kde`) and KDEpy's (`FFTKDE`) estimates are called in a loop over the maps, as neither takes many.",
]


def measure(row, by, run, values):
    low, high = values[:BATCH].min(axis=(0, 2)), values[:BATCH].max(axis=(0, 2))
    best, spent, sample = 0.0, 0.0, 0
    for _ in range(MEASUREMENTS):
        start, done, secs = time.thread_time(), 0, 0.0
        while secs < MEASURED_SECS:
            batch = values[sample : sample + BATCH]
            run(batch, low, high)
            done += batch.size
            sample = (sample + BATCH) % len(values)
            secs = time.thread_time() - start
        best, spent = max(best, done / secs), spent + secs
    rate = float(f"{best / 1e6:.5g}")
    print(json.dumps({"row": row, "by": by, "million_activations_per_s": rate, "cpu_s": round(spent, 4)}), flush=True)


def main():
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    values = activations(samples * CHANNELS * POSITIONS).reshape(samples, CHANNELS, POSITIONS)
    for row, by, run in PEERS:
        if len(sys.argv) < 3 or sys.argv[2] == row:
            measure(row, by, run, values)
    for note in NOTES:
        print(json.dumps({"note": note}))


if __name__ == "__main__":
    main()
