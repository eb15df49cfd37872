"""Expected agreement of partitions and effect sizes, from scikit-learn and SciPy: writes evaluate.json beside this file.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    python make_evaluate.py
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics
from sklearn.metrics.cluster import contingency_matrix

rng = np.random.default_rng(3)


def partitions():
    """(name, found, truth); −1 is noise."""
    for samples, classes, wrong in [(40, 4, 0.2), (60, 3, 0.7), (25, 8, 0.4)]:
        truth = rng.integers(classes, size=samples)
        found = np.where(rng.random(samples) < wrong, rng.integers(classes + 1, size=samples), truth * 2 % (classes + 1))
        found[rng.random(samples) < 0.25] = -1
        yield f"{samples} samples, {wrong} wrong", found, truth
    yield "equal but for the names", np.array([2, 2, 0, 0, 1]), np.array([0, 0, 5, 5, 9])
    yield "one pattern", np.zeros(6, int), np.array([0, 0, 1, 1, 2, 2])
    yield "one class", np.array([0, 0, 1, 1, 2, -1]), np.zeros(6, int)
    yield "one on both sides", np.zeros(4, int), np.zeros(4, int)
    yield "all alone", np.arange(5), np.arange(5)[::-1].copy()
    yield "crosswise", np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])


def agreement(found, truth):
    return {
        "adjusted_rand": metrics.adjusted_rand_score(truth, found),
        "adjusted_mutual_information": metrics.adjusted_mutual_info_score(truth, found),
        "homogeneity": metrics.homogeneity_score(truth, found),
        "completeness": metrics.completeness_score(truth, found),
        "purity": contingency_matrix(truth, found).max(axis=0).sum() / len(truth),
    }


def partition_cases():
    for name, found, truth in partitions():
        keep = found >= 0
        yield {
            "name": name,
            "found": found.tolist(),
            "truth": truth.tolist(),
            "leave_out": agreement(found[keep], truth[keep]),
            "own_class": agreement(found, truth),
        }


def effect_cases():
    for inside, outside in [
        (rng.normal(1, 1, 12), rng.normal(0, 2, 30)),
        (rng.integers(0, 4, 9), rng.integers(0, 6, 15)),
        (rng.normal(-3, 1, 2), rng.normal(0, 1, 1)),
        (np.maximum(rng.normal(size=20), 0), np.maximum(rng.normal(size=25) - 1, 0)),
    ]:
        a, b = (np.asarray(side, dtype=np.float32).astype(float) for side in (inside, outside))
        freedom = len(a) + len(b) - 2
        pooled = np.sqrt((np.var(a) * len(a) + np.var(b) * len(b)) / freedom)
        d = (a.mean() - b.mean()) / pooled
        u = stats.mannwhitneyu(a, b).statistic
        yield {
            "inside": [float(f"{value:.9g}") for value in a],
            "outside": [float(f"{value:.9g}") for value in b],
            "cohens_d": d,
            "hedges_g": d * (1 - 3 / (4 * freedom - 1)),
            "auroc": u / (len(a) * len(b)),
        }


document = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "partitions": list(partition_cases()),
    "effects": list(effect_cases()),
}
out = pathlib.Path(__file__).with_name("evaluate.json")
out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
