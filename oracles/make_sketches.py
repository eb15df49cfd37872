"""Expected values of every sketch, from NumPy, SciPy and KDEpy, for crates/napscope/tests/it/sketches.rs.

Run:  pip install numpy==2.4.6 scipy==1.17.1 KDEpy==1.1.12 && python oracles/make_sketches.py

Each case is one channel's map of one sample, with the range that the channel was seen in beforehand.
"""

import json
import pathlib
from importlib.metadata import version

import numpy as np
import scipy.fft
import scipy.special
import scipy.stats
from KDEpy.binning import linear_binning
from KDEpy.bw_selection import _fixed_point, _root

rng = np.random.default_rng(20260101)


def cases():
    bell = rng.normal(size=(14, 14))
    tails = rng.standard_t(2, size=(9, 11))
    yield "bell", bell, None
    yield "relu", np.maximum(rng.normal(size=(14, 14)) - 0.3, 0), (0, 4)
    yield "two peaks", np.where(rng.random((10, 10)) < 0.4, 3, -2) + 0.5 * rng.normal(size=(10, 10)), (-4, 5)
    yield "every value twice", np.repeat(rng.normal(size=(10, 6)), 2, axis=1), (-3, 3)
    yield "heavy tails, seen narrower", tails, (-3, 3)
    yield "tokens, skewed", rng.exponential(size=(1, 37)), (0, 5)
    yield "far from zero", 1000 + rng.normal(size=(8, 8)), None
    yield "small unit", 1e-6 * rng.normal(size=(8, 8)), None
    yield "two positions", np.array([[0.25, 1.5]]), (-1, 2)
    yield "constant", np.full((2, 3), 0.7), (0, 1)
    yield "single position", np.array([[-0.4]]), (-1, 1)
    yield "channel never moved, position at it", np.zeros((3, 3)), (0, 0)
    yield "channel never moved, map does", np.abs(rng.normal(size=(6, 6))) / 4, (0, 0)


def span(low, high):
    """The stretch of a grid: a channel that never moved gets half a unit at either side."""
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def constant(x):
    """True for a map without spread, a single position included: SciPy refuses it or gives NaN."""
    return x.min() == x.max()


def histogram(x, bins, low, high):
    low, high = span(low, high)
    counts, _ = np.histogram(np.clip(x, low, high), bins=bins, range=(low, high))
    return counts / x.size


def improved_sheather_jones(x):
    """KDEpy's equations on Botev's mesh, with the mesh's length as the unit (KDEpy multiplies by the data's range)."""
    cells = 1024
    reach = x.max() - x.min()
    mesh = x.min() - reach / 2 + (np.arange(cells) + 0.5) * 2 * reach / cells
    transform = scipy.fft.dct(linear_binning(x.reshape(-1, 1), mesh), type=2)
    distinct = len(np.unique(x))
    squares = np.arange(1, cells, dtype=np.float64) ** 2
    return np.sqrt(_root(_fixed_point, distinct, (distinct, squares, transform[1:] ** 2))) * 2 * reach


def bandwidth(x, rule):
    if not isinstance(rule, str):
        return rule
    if constant(x):
        return 0.0
    if rule == "isj":
        try:
            return improved_sheather_jones(x)
        except ValueError:
            rule = "silverman"
    return scipy.stats.gaussian_kde(x, bw_method=rule).factor * x.std(ddof=1)


def kde(x, points, rule, method, low, high):
    low, high = span(low, high)
    margin = (high - low) / 8
    grid = np.linspace(float(np.float32(low - margin)), high + margin, points)  # the grid starts at an f32
    step = grid[1] - grid[0]
    width = max(bandwidth(x, rule), step / 2)
    x = np.clip(x, grid[0], grid[-1])
    if method == "binned":
        mass = linear_binning(x.reshape(-1, 1), grid)
        kernel = scipy.stats.norm.pdf(np.arange(-(points - 1), points) * step / width)
        density = np.convolve(mass, kernel)[points - 1 : 2 * points - 1]
    elif not constant(x):
        density = scipy.stats.gaussian_kde(x, bw_method=width / x.std(ddof=1))(grid)
    else:
        density = scipy.stats.norm.pdf((grid[:, None] - x) / width).sum(axis=1)
    return density / density.sum()


def rows(x, low, high):
    flat = x.ravel()
    yield "mean", [flat.mean()]
    yield "mean_std", [flat.mean(), flat.std()]
    yield "max", [flat.max()]
    yield "min_max", [flat.min(), flat.max()]
    yield "none", flat
    for bins in (32, 5):
        yield f"histogram:bins={bins}", histogram(flat, bins, low, high)
    for method in ("binned", "exact"):
        for rule in ("scott", "silverman", "isj", 0.2):
            yield f"kde:grid=40,bandwidth={rule},method={method}", kde(flat, 40, rule, method, low, high)
    yield "kde", kde(flat, 64, "scott", "binned", low, high)
    for count in (32, 7):
        yield f"quantiles:count={count}", np.quantile(flat, (np.arange(count) + 0.5) / count, method="linear")
    higher = [0, 0] if constant(flat) else [scipy.stats.skew(flat), scipy.stats.kurtosis(flat)]
    yield "moments", [flat.mean(), flat.std(), *higher]
    for threshold in (0, 0.5):
        yield f"sparsity:threshold={threshold}", [(flat <= threshold).mean()]
    for t in (1, 0.1):
        yield f"free_energy:temperature={t}", [-t * scipy.special.logsumexp(flat / t)]


def rounded(values):
    return [float(f"{v:.9g}") for v in values]


def main():
    made = []
    for name, x, seen in cases():
        x = x.astype(np.float32).astype(np.float64)
        low, high = seen or (x.min(), x.max())
        made.append(
            {
                "case": name,
                "height": x.shape[0],
                "width": x.shape[1],
                "range": rounded([low, high]),
                "map": rounded(x.ravel()),
                "rows": {spec: rounded(row) for spec, row in rows(x, low, high)},
            }
        )
    versions = {package: version(package) for package in ("numpy", "scipy", "KDEpy")}
    out = pathlib.Path(__file__).with_suffix("").name.removeprefix("make_") + ".json"
    text = json.dumps({"versions": versions, "cases": made}).replace('{"case"', '\n{"case"')
    pathlib.Path(__file__).with_name(out).write_text(text + "\n")


if __name__ == "__main__":
    main()
