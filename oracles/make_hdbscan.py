"""Expected values for clustering, from Python's hdbscan and scikit-learn.

    pip install hdbscan==0.8.44 scikit-learn==1.9.1 numpy==2.4.6
    python make_hdbscan.py

writes hdbscan_spanning.json (sorted spanning-tree weights) and hdbscan_selection.json (labels, probabilities, persistence,
GLOSH of given trees). GLOSH as it was up to 0.8.41 comes from the wheel of hdbscan 0.8.40, fetched into a temporary folder.
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from hdbscan import hdbscan as run_hdbscan
from hdbscan._hdbscan_linkage import label
from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters, outlier_scores
from sklearn.cluster import HDBSCAN

HERE = pathlib.Path(__file__).parent
MASK = (1 << 64) - 1


def uniform(seed, count):
    """SplitMix64's numbers seed, seed + 1, ... as multiples of 2^-24 in [0, 1); the Rust test draws the same."""
    z = (np.uint64(seed) * np.uint64(1 << 32) + np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) / 2.0**24


def points(kind, seed, n, d):
    """Data sets of n points in d dimensions; every value is exact in binary, so that both languages agree."""
    u = uniform(seed, n * d).reshape(n, d)
    if kind == "uniform":
        x = u
    elif kind == "clusters":  # 4 groups and some background, on a fine binary grid
        centers = uniform(seed + 1, 4 * d).reshape(4, d)
        group = np.arange(n) % 5
        x = np.where((group == 4)[:, None], u, centers[group % 4] + (u - 0.5) / 8)
    elif kind == "grid":  # exact ties everywhere
        x = np.floor(u * 4)
    elif kind == "duplicates":  # every point three times, some five
        x = u[np.arange(n) // 3 % max(n // 4, 1)]
    elif kind == "relu":  # many exact zeros
        x = np.maximum(u - 0.6, 0.0)
    elif kind == "curve":  # a line with noise
        x = np.arange(n)[:, None] / 64 + u / 16
    return x.astype(np.float32).astype(np.float64)


def distance_matrix(x, metric):
    diff = x[:, None, :] - x[None, :, :]
    if metric in ("euclidean", "half_square"):
        square = (diff**2).sum(-1)
        return np.sqrt(square) if metric == "euclidean" else 0.5 * np.sqrt(square) ** 2
    return np.abs(diff).sum(-1) if metric == "manhattan" else np.abs(diff).max(-1)


def round9(values):
    return [float(f"{v:.9g}") for v in values]


def spanning_cases():
    kinds = ["uniform", "clusters", "grid", "duplicates", "relu", "curve"]
    metrics = ["euclidean", "manhattan", "euclidean", "half_square", "chebyshev"]
    sizes = [5, 6, 8, 12, 17, 25, 33, 48, 64, 96, 130, 200, 400]
    dims = [1, 2, 3, 5, 8, 16, 33, 64]
    for case in range(232):
        kind, metric = kinds[case % 6], metrics[case // 6 % 5]
        n = sizes[case * 7 % 13] if case % 29 else 400
        if n >= 130 and case % 3:
            n = 40 + case % 41
        d = dims[case * 5 % 8]
        min_samples = min(1 + case * 11 % 15, n - 1)
        alpha = [1.0, 1.0, 0.5, 1.0, 1.75][case % 5 if metric != "half_square" else 0]
        x = points(kind, 100 + case, n, d)
        library = "sklearn" if case % 9 == 4 and alpha == 1.0 and metric in ("euclidean", "manhattan") else "hdbscan"
        if library == "sklearn":  # counts the point itself
            fit = HDBSCAN(min_cluster_size=2, min_samples=min_samples + 1, metric=metric, algorithm="brute", copy=True).fit(x)
            weights = fit._single_linkage_tree_["value"]
        elif metric == "half_square":
            weights = run_hdbscan(distance_matrix(x, metric), 2, min_samples, alpha, metric="precomputed")[4][:, 2]
        else:
            weights = run_hdbscan(x, 2, min_samples, alpha, metric=metric, algorithm="prims_kdtree")[4][:, 2]
        yield dict(kind=kind, seed=100 + case, n=n, d=d, metric=metric, min_samples=min_samples, alpha=alpha,
                   library=library, weights=round9(np.sort(weights)))


def old_outlier_scores():
    """outlier_scores of 0.8.40. It sorts the rows of the tree by parent with an unstable sort and stops at the first
    sample, so its own result depends on the machine; a stable sort takes that away."""
    folder = tempfile.mkdtemp()
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, "hdbscan==0.8.40"], check=True)
    path = next(pathlib.Path(folder, "hdbscan").glob("_hdbscan_tree*.so"))
    spec = importlib.util.spec_from_file_location("old._hdbscan_tree", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def stable(tree):
        argsort, np.argsort = np.argsort, lambda a: a.argsort(kind="stable")
        try:
            return module.outlier_scores(tree)
        finally:
            np.argsort = argsort

    return stable


def selection_cases(old_scores):
    shapes = [("clusters", 60, 2), ("uniform", 50, 1), ("clusters", 90, 3), ("curve", 60, 2), ("clusters", 40, 8), ("uniform", 70, 3)]
    for case in range(18):
        kind, n, d = shapes[case % 6]
        x = points(kind, 500 + case, n, d)
        mst = run_hdbscan(x, 2, 1 + case % 4, 1.0, metric="euclidean", algorithm="prims_kdtree", gen_min_span_tree=True)[5]
        mst = mst[np.argsort(mst[:, 2], kind="stable")]
        mst[:, 2] = round9(mst[:, 2] * (1 + 1e-6 * np.arange(len(mst))))
        assert (np.diff(mst[:, 2]) > 0).all(), "heights must be distinct"
        linkage = label(mst)
        quantile = lambda q: float(f"{np.quantile(mst[:, 2], q):.4g}")
        trees = []
        for min_cluster_size in (2 + case % 2, 4, 7):
            tree = condense_tree(linkage, min_cluster_size)
            settings = [("eom", 0.0, 0, False), ("leaf", 0.0, 0, False), ("eom", 0.0, 0, True),
                        ("eom", quantile(0.9), 0, False), ("leaf", quantile(0.8), 0, False), ("leaf", quantile(0.95), 0, True),
                        ("eom", quantile(0.97), 0, True), ("eom", 0.0, n // 4, False), ("eom", quantile(0.85), n // 5, False)]
            selections = []
            for index, (method, epsilon, limit, single) in enumerate(settings):
                if (index + case + min_cluster_size) % 3 == 2:
                    continue
                labels, probabilities, persistence = get_clusters(
                    tree, compute_stability(tree), method, single, False, epsilon, limit)
                selections.append(dict(method=method, epsilon=epsilon, max_cluster_size=limit, allow_single_cluster=single,
                                       labels=labels.tolist(), probabilities=[float(f"{p:.7g}") for p in probabilities],
                                       persistence=round9(persistence)))
            trees.append(dict(min_cluster_size=min_cluster_size, rows=len(tree), selections=selections,
                              glosh=round9(outlier_scores(tree)), glosh_compat=round9(old_scores(tree))))
        yield dict(n=n, a=mst[:, 0].astype(int).tolist(), b=mst[:, 1].astype(int).tolist(), height=mst[:, 2].tolist(), trees=trees)


def write(name, **content):
    versions = {p: importlib.metadata.version(p) for p in ("hdbscan", "scikit-learn", "numpy")}
    path = HERE / name
    path.write_text(json.dumps(dict(made_by="make_hdbscan.py", versions=versions, **content), separators=(",", ":")) + "\n")
    print(name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    write("hdbscan_spanning.json", cases=list(spanning_cases()))
    write("hdbscan_selection.json", glosh_compat="hdbscan 0.8.40", cases=list(selection_cases(old_outlier_scores())))
