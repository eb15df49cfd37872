"""Expected alignments of covariates, from scikit-learn and dcor: writes alignment.json beside this file.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 dcor==0.7
    python make_alignment.py
"""

import json
import pathlib
from importlib.metadata import version

import dcor
import numpy as np
from scipy.stats import false_discovery_control
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(9)
NEIGHBORS = 10
PENALTIES = np.array([1e-3, 1e-2, 1e-1, 1.0, 10.0])


def clouds():
    t = rng.uniform(0, 3, 120)
    curve = np.column_stack([np.sin(t), np.cos(2 * t), np.exp(t) / 10, 0.1 * rng.normal(size=120)])
    yield "a curve", curve, [("t", np.round(t, 3), False), ("third", (t // 1).astype(int), True)]
    ball = rng.normal(size=(150, 8)) * np.array([5, 3, 1, 1, 1, 0.5, 0.2, 0.1])
    weak = np.round(ball[:, 7] * 10 + 0.2 * rng.normal(size=150), 3)
    yield "a ball", ball, [("weak", weak, False), ("noise", np.round(rng.normal(size=150), 3), False), ("bent", np.round(ball[:, 0] ** 2, 3), False)]


def targets(values, classes):
    if classes:
        return (values[:, None] == np.unique(values)).astype(float)
    values = values.astype(float)[:, None]
    return (values - values.mean()) / values.std()


def by_neighbors(x, y):
    nearest = NearestNeighbors(n_neighbors=NEIGHBORS).fit(x).kneighbors(return_distance=False)
    return share(y, y[nearest].mean(axis=1))


def by_ridge(x, y):
    penalties = PENALTIES * np.mean(np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2)
    # One penalty for all columns: the one with the least error over all of them.
    errors = RidgeCV(penalties, store_cv_results=True).fit(x, y).cv_results_.reshape(len(x), -1, len(penalties))
    left = errors.sum(axis=(0, 1)).min()
    return 1 - left / ((y - y.mean(axis=0)) ** 2).sum()


def share(y, predicted):
    found = 1 - ((y - predicted) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum()
    assert np.isclose(found, r2_score(y, predicted, multioutput="variance_weighted"))
    return found


def distance_correlation(x, y, classes):
    # Of classes: 0 within one, 1 between two, which is the distance of indicator columns over the root of 2.
    return dcor.u_distance_correlation_sqr(x, y / np.sqrt(2) if classes else y)


def left_over(z, values):
    return values - LinearRegression().fit(z, values).predict(z)


def covariate(cloud, columns, index):
    name, values, classes = columns[index]
    y = targets(values, classes)
    z = np.column_stack([targets(v, c) for i, (_, v, c) in enumerate(columns) if i != index])
    # Not all of indicator columns that add up to 1: any will do but one.
    x_left, y_left = left_over(z, cloud), left_over(z, y)
    return {
        "name": name,
        "classes": classes,
        "values": values.tolist(),
        "knn": by_neighbors(cloud, y),
        "ridge": by_ridge(cloud, y),
        "distance_correlation": distance_correlation(cloud, y, classes),
        "partial_knn": by_neighbors(x_left, y_left),
        "partial_ridge": by_ridge(x_left, y_left),
        "left": (y_left**2).sum() / ((y - y.mean(axis=0)) ** 2).sum(),
    }


def main():
    cases = []
    for name, cloud, columns in clouds():
        cloud = np.round(cloud, 4).astype(np.float32).astype(float)
        found = [covariate(cloud, columns, index) for index in range(len(columns))]
        cases.append({"name": name, "columns": cloud.shape[1], "values": np.round(cloud, 9).ravel().tolist(), "covariates": found})
    p_values = [0.001, 0.8, 0.02, 0.02, 0.04, 0.3, 0.001, 1.0]
    document = {
        "versions": {package: version(package) for package in ("numpy", "scipy", "scikit-learn", "dcor")},
        "cases": cases,
        "p_values": p_values,
        "adjusted": false_discovery_control(p_values).tolist(),
    }
    pathlib.Path(__file__).with_name("alignment.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
