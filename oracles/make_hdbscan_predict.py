"""Expected values for new points, from Python's hdbscan.

    pip install hdbscan==0.8.44 numpy==2.4.6
    python make_hdbscan_predict.py

writes hdbscan_predict.json: of trees with distinct heights, what approximate_predict, approximate_predict_scores,
membership_vector and all_points_membership_vectors say of new points and of the samples. hdbscan's functions run on our
definitions where they would mix their own: core distances count `min_samples` neighbors for samples and new points alike.
"""

import importlib.metadata
import json
import pathlib
import types

import numpy as np
from hdbscan import hdbscan as run_hdbscan
from hdbscan._hdbscan_linkage import label
from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters
from hdbscan.plots import CondensedTree
from hdbscan.prediction import (
    PredictionData,
    _find_neighbor_and_lambda,
    all_points_membership_vectors,
    approximate_predict,
    approximate_predict_scores,
    membership_vector,
)

from make_hdbscan import points, round9, uniform

HERE = pathlib.Path(__file__).parent


def clusterer_of(x, mst, min_samples, min_cluster_size, method):
    """What the functions of hdbscan.prediction ask of a fitted HDBSCAN."""
    raw = condense_tree(label(mst), min_cluster_size)
    tree = CondensedTree(raw, get_clusters(raw, compute_stability(raw), method, False, False, 0.0, 0)[0])
    data = PredictionData(x, tree, min_samples)
    distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    data.core_distances = np.sort(distance, axis=1)[:, min_samples]
    # They read the core distance of a new point at [min_samples], and ask for 2 * min_samples neighbors.
    real = data.tree
    data.tree = types.SimpleNamespace(query=lambda new, k: real.query(new, k=k + 2))
    return types.SimpleNamespace(condensed_tree_=tree, prediction_data_=data, min_samples=min_samples - 1,
                                 min_cluster_size=min_cluster_size)


class Tree:
    """The condensed tree by parents, for what hdbscan keeps to itself."""

    def __init__(self, raw):
        self.root = raw["parent"].min()
        self.parent = {int(r["child"]): int(r["parent"]) for r in raw}
        self.leave = {int(r["child"]): float(r["lambda_val"]) for r in raw}
        self.death = {}
        for r in raw:
            self.death[int(r["parent"])] = max(self.death.get(int(r["parent"]), 0.0), float(r["lambda_val"]))
        self.deepest = dict(self.death)
        for cluster in sorted(self.death, reverse=True):
            if cluster != self.root:
                parent = self.parent[cluster]
                self.deepest[parent] = max(self.deepest[parent], self.deepest[cluster])

    def path(self, cluster):
        path = [cluster]
        while path[-1] != self.root:
            path.append(self.parent[path[-1]])
        return path

    def joint(self, cluster, other, lambda_):
        mine, theirs = self.path(cluster), self.path(other)
        if cluster in theirs or other in mine:
            return lambda_
        return self.leave[next(c for c in theirs if self.parent[c] in mine)]

    def probability(self, cluster, lambda_, selected):
        """hdbscan divides by the death of the first of the clusters that are joined at once; we by the largest."""
        joints = np.array([self.joint(cluster, s, lambda_) for s in selected])
        deaths = [self.death[s] for s, j in zip(selected, joints) if j == joints.max()]
        return joints, joints.max() / max([lambda_] + deaths), len(set(deaths)) == 1


def check_rows(rows, places, tree, selected):
    """hdbscan's rows with the probability to be in any pattern as we define it."""
    result = []
    for row, (cluster, lambda_) in zip(rows, places):
        _, probability, unique = tree.probability(cluster, lambda_, selected)
        assert not unique or abs(row.sum() - probability) < 1e-6, (row.sum(), probability)
        result.append([float(f"{value:.7g}") for value in row / row.sum() * probability])
    return result


def cases():
    shapes = [("clusters", 70, 2), ("uniform", 60, 2), ("clusters", 90, 3), ("curve", 60, 2), ("clusters", 50, 8)]
    for number in range(10):
        kind, n, d = shapes[number % 5]
        seed, min_samples, min_cluster_size = 1300 + number, 2 + number % 4, [3, 5, 4][number % 3]
        method = ["eom", "leaf"][number // 2 % 2]
        x = points(kind, seed, n, d)
        mst = run_hdbscan(x, 2, min_samples, 1.0, metric="euclidean", algorithm="prims_kdtree", gen_min_span_tree=True)[5]
        mst = mst[np.argsort(mst[:, 2], kind="stable")]
        mst[:, 2] = round9(mst[:, 2] * (1 + 1e-6 * np.arange(len(mst))))
        assert (np.diff(mst[:, 2]) > 0).all(), "heights must be distinct"
        clusterer = clusterer_of(x, mst, min_samples, min_cluster_size, method)
        raw, data = clusterer.condensed_tree_._raw_tree, clusterer.prediction_data_
        tree, selected = Tree(raw), sorted(int(c) for c in clusterer.condensed_tree_._select_clusters())
        if len(selected) < 2:
            continue
        # hdbscan takes the first cluster that a sample of the pattern leaves for the pattern; it may be one inside of it.
        own_labels = [next((selected.index(c) for c in tree.path(tree.parent[i]) if c in selected), -1) for i in range(n)]
        if not np.array_equal(np.array(own_labels) < 0, clusterer.condensed_tree_._labels < 0):
            continue
        u = uniform(seed + 500, 40 * d).reshape(40, d)
        near = x[np.arange(40) * 7 % n] + (u - 0.5) / 8
        new = np.where((np.arange(40) % 3 == 0)[:, None], u * np.ptp(x, axis=0) * 1.4 + x.min(axis=0), near).astype(np.float32)
        wide = new.astype(np.float64)
        distances, indices = data.tree.query(wide, 2 * (min_samples - 1))
        labels, probabilities = approximate_predict(clusterer, wide)
        theirs = np.clip(approximate_predict_scores(clusterer, wide), 0, 1)
        scores, places, told = [], [], []
        for i in range(40):
            sample, lambda_ = _find_neighbor_and_lambda(indices[i], distances[i], data.core_distances, min_samples - 1)
            home = tree.parent[int(sample)]
            cluster = next(c for c in tree.path(home) if c == tree.root or tree.leave[c] < lambda_)
            scores.append(max(0.0, 1 - lambda_ / tree.deepest[cluster]))
            assert cluster != home or abs(scores[-1] - theirs[i]) < 1e-9
            leaves = min(lambda_, tree.leave[int(sample)])
            places.append((home, leaves))
            # Their lambda is an f32 here: near the death its digits are not enough. And they leave the point with its neighbor.
            gap = [1 - j / tree.death[home] for j in tree.probability(home, leaves, selected)[0]]
            told.append(bool(cluster == home and not any(0 < abs(g) < 1e-3 for g in gap)))
        vectors = check_rows(membership_vector(clusterer, wide), places, tree, selected)
        own_places = [(tree.parent[i], tree.leave[i]) for i in range(n)]
        own = check_rows(all_points_membership_vectors(clusterer), own_places, tree, selected)
        yield dict(kind=kind, seed=seed, n=n, d=d, min_samples=min_samples, min_cluster_size=min_cluster_size, method=method,
                   a=mst[:, 0].astype(int).tolist(), b=mst[:, 1].astype(int).tolist(), height=mst[:, 2].tolist(),
                   own_labels=own_labels, own_vectors=own, new=new.ravel().tolist(), labels=labels.tolist(),
                   probabilities=round9(probabilities), scores=round9(scores), same_cluster=told, vectors=vectors)


if __name__ == "__main__":
    versions = {p: importlib.metadata.version(p) for p in ("hdbscan", "numpy")}
    content = dict(made_by="make_hdbscan_predict.py", versions=versions, cases=list(cases()))
    path = HERE / "hdbscan_predict.json"
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    told = [sum(case["same_cluster"]) for case in content["cases"]]
    print(path.name, path.stat().st_size, "bytes,", len(told), "cases, new points with vectors to compare:", told)
