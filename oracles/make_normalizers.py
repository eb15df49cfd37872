"""Expected values of every normalizer, from NumPy and scikit-learn: writes normalizers.json beside this file.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python make_normalizers.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn import covariance, decomposition, preprocessing

rng = np.random.default_rng(7)


def f32(array):
    return np.asarray(array, dtype=np.float32).astype(float)


def rounded(array):
    return [float(f"{value:.9g}") for value in np.ravel(array)]


def table(samples, columns):
    """Correlated columns of different scales; where there is room: a constant one, ties, a heavy tail, an all-zero one."""
    x = rng.normal(size=(samples, columns)) @ rng.normal(size=(columns, columns))
    x = x * np.logspace(-2, 2, columns) + rng.normal(size=columns)
    if columns > 4:
        x[:, 1] = 3.5
        x[:, 2] = np.maximum(x[:, 2], np.median(x[:, 2]))
        x[:, 3] = np.exp(x[:, 3] / np.abs(x[:, 3]).max() * 5)
        x[:, 4] = 0
    return f32(x)


def max_abs(x, new):
    """Equation 2 of NAP: 0 where the maximum is about 0."""
    largest = np.abs(x).max(axis=0)
    usable = ~np.isclose(largest, 0)
    return [np.divide(y, largest, out=np.zeros_like(y), where=usable) for y in (x, new)]


def scaler(scaler):
    return lambda x, new: [scaler.fit(x).transform(x), scaler.transform(new)]


def quantile(x, new):
    return scaler(preprocessing.QuantileTransformer(n_quantiles=len(x), subsample=None))(x, new)


def zca(estimator):
    def apply(x, new):
        fitted = estimator.fit(x)
        values, vectors = np.linalg.eigh(fitted.covariance_)
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        return [(x - fitted.location_) @ root, (new - fitted.location_) @ root]

    return apply


def pca_whitening(x, new):
    """Population variance (n, not n - 1), as a covariance has it here; only components with variance."""
    pca = decomposition.PCA(whiten=True, svd_solver="full").fit(x)
    keep = pca.explained_variance_ > 1e-10 * pca.explained_variance_[0]
    grow = np.sqrt(len(x) / (len(x) - 1))
    return [pca.transform(y)[:, keep] * grow for y in (x, new)]


METHODS = {
    "none": lambda x, new: [x, new],
    "max_abs": max_abs,
    "standard": scaler(preprocessing.StandardScaler()),
    "robust": scaler(preprocessing.RobustScaler()),
    "min_max": scaler(preprocessing.MinMaxScaler()),
    "unit_l2": lambda x, new: [preprocessing.normalize(x), preprocessing.normalize(new)],
    "quantile": quantile,
    "whiten": zca(covariance.LedoitWolf()),
    "whiten:shrinkage=0.3": zca(covariance.ShrunkCovariance(shrinkage=0.3)),
    "whiten:shrinkage=0,method=pca": pca_whitening,
}


def plain_cases():
    # n - 1 is a power of 2, so that scikit-learn's quantiles are the samples to the bit and ties stay ties.
    for samples, columns in [(17, 6), (9, 12)]:
        x, new = table(samples, columns), table(4, columns) * 1.5
        x[samples // 2] = x[0]
        new[0] = x[0]
        new = f32(new)
        for spec, method in METHODS.items():
            # PCA without shrinkage cannot see constant columns: give it none.
            keep = [c for c in range(columns) if np.ptp(x[:, c]) > 0] if "pca" in spec else list(range(columns))
            expected, expected_new = method(x[:, keep], new[:, keep])
            yield {
                "spec": spec,
                "columns": len(keep),
                "reference": rounded(x[:, keep]),
                "new": rounded(new[:, keep]),
                "expected": rounded(expected),
                "expected_new": rounded(expected_new),
            }


def piecewise_quantile(edges, mass, p):
    return np.interp(p, np.concatenate([[0], np.cumsum(mass)]) / mass.sum(), edges)


def support_cases():
    """One channel's histogram over several samples: where the bin edges move. Every bin holds mass."""
    for name in ["max_abs", "standard", "robust", "min_max"]:
        edges = np.sort(f32(rng.normal(size=7) * 3))
        probabilities = f32(rng.dirichlet(np.ones(6), size=9))
        pooled = probabilities.sum(axis=0)
        centers = (edges[1:] + edges[:-1]) / 2
        if name == "max_abs":
            shift, scale = 0, np.abs(edges).max()
        elif name == "standard":
            shift = np.average(centers, weights=pooled)
            scale = np.sqrt(np.average((centers - shift) ** 2, weights=pooled))
        elif name == "robust":
            shift = piecewise_quantile(edges, pooled, 0.5)
            scale = piecewise_quantile(edges, pooled, 0.75) - piecewise_quantile(edges, pooled, 0.25)
        else:
            shift, scale = edges[0], edges[-1] - edges[0]
        yield {
            "spec": name,
            "edges": rounded(edges),
            "probabilities": rounded(probabilities),
            "expected_edges": rounded((edges - shift) / scale),
        }


def quantile_cases():
    """One channel's quantiles over several samples: one scaler fitted on all of them together."""
    for name, method in [(n, METHODS[n]) for n in ["max_abs", "standard", "robust", "min_max"]]:
        quantiles = f32(np.sort(rng.normal(size=(8, 5)) * 2 + 1, axis=1))
        expected, _ = method(quantiles.reshape(-1, 1), quantiles[:1].reshape(-1, 1))
        yield {"spec": name, "quantiles": rounded(quantiles), "expected": rounded(expected)}


document = {
    "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
    "plain": list(plain_cases()),
    "support": list(support_cases()),
    "quantiles": list(quantile_cases()),
}
out = pathlib.Path(__file__).with_name("normalizers.json")
out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
