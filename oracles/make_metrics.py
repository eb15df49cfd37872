"""Expected values of every metric, from SciPy and scikit-learn: writes metrics.json beside this file.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    python make_metrics.py
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy import stats
from scipy.optimize import linprog
from scipy.spatial.distance import cdist, jensenshannon
from sklearn.covariance import LedoitWolf

rng = np.random.default_rng(11)


def f32(array):
    return np.asarray(array, dtype=np.float32).astype(float)


def rounded(array):
    return [float(f"{value:.9g}") for value in np.ravel(array)]


def plain_cases():
    for samples, columns in [(12, 4), (5, 9)]:
        reference = f32(rng.normal(size=(samples, columns)) @ rng.normal(size=(columns, columns)) + 1)
        x = f32(rng.normal(size=(6, columns)) * 2)
        x[1] = x[0] * 4
        fitted = LedoitWolf().fit(reference)
        cosine = cdist(x, x, "cosine")
        expected = {
            "euclidean": cdist(x, x),
            "manhattan": cdist(x, x, "cityblock"),
            "cosine": cosine,
            "angular": np.arccos(np.clip(1 - cosine, -1, 1)) / np.pi,
            "mahalanobis": cdist(x, x, "mahalanobis", VI=np.linalg.inv(fitted.covariance_)),
        }
        np.fill_diagonal(expected["cosine"], 0)
        np.fill_diagonal(expected["angular"], 0)
        yield {
            "columns": columns,
            "reference": rounded(reference),
            "x": rounded(x),
            "expected": {name: rounded(values) for name, values in expected.items()},
        }


def wasserstein_2(x, y, p, q):
    """By the transport problem itself: least Σ flow · squared way, given what leaves and what arrives."""
    cost = (np.asarray(x)[:, None] - np.asarray(y)[None, :]) ** 2
    rows = np.kron(np.eye(len(p)), np.ones(len(q)))
    columns = np.kron(np.ones(len(p)), np.eye(len(q)))
    solved = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, q]), method="highs")
    assert solved.success
    return np.sqrt(max(solved.fun, 0))


# (distance of one channel from places and masses, True where channels add as squares)
DISTRIBUTION = {
    "wasserstein_1": (lambda x, p, q: stats.wasserstein_distance(x, x, p, q), False),
    "wasserstein_2": (lambda x, p, q: wasserstein_2(x, x, p, q), True),
    "energy": (lambda x, p, q: stats.energy_distance(x, x, p, q), True),
    "hellinger": (lambda x, p, q: np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2), True),
    "total_variation": (lambda x, p, q: np.abs(p - q).sum() / 2, False),
    "jensen_shannon": (lambda x, p, q: jensenshannon(p, q), False),
}


def combined(per_channel, squares):
    return np.sqrt(np.sum(np.square(per_channel))) if squares else np.sum(per_channel)


def masses(samples, bins):
    """Multiples of 1/64, so that 64 levels of probability lose nothing for wasserstein_2."""
    counts = rng.multinomial(64, rng.dirichlet(np.full(bins, 0.7)), size=samples)
    counts[0] = 0
    counts[0, 0] = 64
    counts[1] = 0
    counts[1, -1] = 64
    return counts / 64


def grid_cases():
    for statistic in ["bin", "density"]:
        channels, bins, samples = 3, 7, 6
        edges = np.sort(f32(rng.normal(size=(channels, bins + 1)) * 2), axis=1)
        if statistic == "density":
            edges = np.linspace(edges[:, 0], edges[:, -1], bins + 1, axis=1)
        places = (edges[:, 1:] + edges[:, :-1]) / 2
        p = np.stack([masses(samples, bins) for _ in range(channels)], axis=1)
        expected = {}
        for name, (distance, squares) in DISTRIBUTION.items():
            expected[name] = [
                combined([distance(places[c], p[i, c], p[j, c]) for c in range(channels)], squares)
                for i in range(samples)
                for j in range(samples)
            ]
        yield {
            "statistic": statistic,
            "channels": channels,
            "edges": rounded(edges),
            "probabilities": rounded(p),
            "expected": {name: rounded(values) for name, values in expected.items()},
        }


def quantile_case():
    channels, count, samples = 2, 5, 5
    shares = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    values = np.sort(f32(rng.normal(size=(samples, channels, count)) * [[1], [5]]), axis=2)
    one = lambda i, j, c: (values[i, c], values[j, c], shares, shares)
    pairs = [(i, j) for i in range(samples) for j in range(samples)]
    w1 = [sum(stats.wasserstein_distance(*one(i, j, c)) for c in range(channels)) for i, j in pairs]
    w2 = [combined([wasserstein_2(*one(i, j, c)) for c in range(channels)], True) for i, j in pairs]
    return {
        "channels": channels,
        "shares": rounded(shares),
        "values": rounded(values),
        "expected": {"wasserstein_1": rounded(w1), "wasserstein_2": rounded(w2)},
    }


document = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "plain": list(plain_cases()),
    "grid": list(grid_cases()),
    "quantiles": [quantile_case()],
}
out = pathlib.Path(__file__).with_name("metrics.json")
out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
