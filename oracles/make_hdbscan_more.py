"""Expected values for cluster selection and validity, from Python's hdbscan and fast_hdbscan.

    pip install hdbscan==0.8.44 fast_hdbscan==0.3.4 numpy==2.4.6
    python make_hdbscan_more.py

writes hdbscan_more.json: of the trees of hdbscan_selection.json and of some larger ones, cuts at a level (DBSCAN*), the
labels of PLSCAN and relative validities; and the validity index (DBCV) of some clusterings.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from fast_hdbscan import cluster_trees, layer_clusters
from hdbscan import HDBSCAN
from hdbscan import hdbscan as run_hdbscan
from hdbscan._hdbscan_linkage import label
from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters, labelling_at_cut
from hdbscan.validity import validity_index

from make_hdbscan import points, round9

HERE = pathlib.Path(__file__).parent


def trees():
    """Spanning trees with distinct heights, by rising height: those of the other oracle, and larger ones."""
    for case in json.loads((HERE / "hdbscan_selection.json").read_text())["cases"]:
        yield np.column_stack([case["a"], case["b"], case["height"]]).astype(float), None
    for seed, (kind, n, d) in enumerate([("clusters", 400, 2), ("uniform", 500, 2), ("clusters", 300, 5), ("curve", 400, 3)]):
        x = points(kind, 700 + seed, n, d)
        mst = run_hdbscan(x, 2, 4, 1.0, metric="euclidean", algorithm="prims_kdtree", gen_min_span_tree=True)[5]
        mst = mst[np.argsort(mst[:, 2], kind="stable")]
        mst[:, 2] = round9(mst[:, 2] * (1 + 1e-6 * np.arange(len(mst))))
        assert (np.diff(mst[:, 2]) > 0).all(), "heights must be distinct"
        tree = dict(a=mst[:, 0].astype(int).tolist(), b=mst[:, 1].astype(int).tolist(), height=mst[:, 2].tolist())
        yield mst, tree


def levels(mst):
    """Cuts half way between two heights, so that `below` and `not above` are the same."""
    linkage = label(mst)
    for share, min_cluster_size in [(0.3, 2), (0.6, 3), (0.8, 5), (0.9, 2), (0.97, 5), (1.0, 4)]:
        at = int(share * (len(mst) - 1))
        above = mst[at + 1, 2] if at + 1 < len(mst) else 2 * mst[at, 2]
        cut = float(f"{0.5 * (mst[at, 2] + above):.12g}")
        labels = labelling_at_cut(linkage, cut, min_cluster_size)
        yield dict(distance=cut, min_cluster_size=min_cluster_size, labels=labels.tolist())


def plscan(mst, base):
    """build_cluster_layers of fast_hdbscan behind its spanning tree. Half of the core distances are `low`, half `high`."""
    low, high = float(f"{0.5 * mst[0, 2]:.9g}"), float(f"{np.median(mst[:, 2]):.9g}")
    edges, n = mst.copy(), len(mst) + 1
    mean = (low * ((n + 1) // 2) + high * (n // 2)) / n
    edges[:, 2] = (edges[:, 2] - low) / (mean - low)
    linkage = cluster_trees.mst_to_linkage_tree(edges)
    tree = cluster_trees.condense_tree(linkage, base, lambda_method="plscan")
    clusters = cluster_trees.mask_condensed_tree(tree, tree.child >= n)
    leaves = cluster_trees.extract_leaves(tree)
    labels = cluster_trees.get_cluster_label_vector(tree, leaves, 0.0, n)
    sizes, total = np.array([]), np.array([])
    if len(clusters.child) == 0:
        labels[:] = -1  # it makes the root a leaf, and labels the samples that stay in it longest; we take no root
    else:
        births, deaths, _, densities = layer_clusters.min_cluster_size_barcode(clusters, n, base)
        sizes, total = layer_clusters.compute_total_persistence(births, deaths, densities)
        peaks = layer_clusters.find_peaks(total)
        best = layer_clusters.select_diverse_peaks(peaks, total, sizes, births, deaths, 0.2, 9)[:1]
        for peak in best:
            chosen = np.where((births <= sizes[peak]) & (deaths > sizes[peak]))[0] + n
            labels, _ = layer_clusters.extract_clusters_by_id(tree, chosen)
    return dict(min_cluster_size=base, core=[low, high], sizes=[int(s) for s in sizes],
                persistence=[float(f"{p:.6g}") for p in total], labels=labels.tolist())


def joined_at(mst, labels):
    """Height at which each pattern is whole, and at which it is joined with another one."""
    count = labels.max() + 1
    parts = [{i} for i in range(len(labels))]
    whole, meets = np.full(count, np.nan), np.full(count, np.nan)
    for a, b, height in mst:
        x, y = parts[int(a)], parts[int(b)]
        inside = [set(labels[list(part)]) - {-1} for part in (x, y)]
        for own, other, part in [(inside[0], inside[1], x), (inside[1], inside[0], y)]:
            for c in own:
                done = not np.isnan(whole[c])
                if np.isnan(meets[c]) and done and len(inside[0] | inside[1]) > 1:
                    meets[c] = height
        x |= y
        for i in y:
            parts[i] = x
        for c in range(count):
            if np.isnan(whole[c]) and set(np.flatnonzero(labels == c)) <= x:
                whole[c] = height
    return whole, meets


def validities(mst):
    linkage = label(mst)
    for min_cluster_size, method, single in [(2, "eom", False), (4, "leaf", False), (5, "eom", False), (5, "eom", True), (9, "eom", False)]:
        tree = condense_tree(linkage, min_cluster_size)
        labels, _, _ = get_clusters(tree, compute_stability(tree), method, single, False, 0.0, 0)
        if labels.max() < 0:
            continue
        whole, meets = joined_at(mst, labels)
        scores = np.where(np.isnan(meets), 0.0, (meets - whole) / meets)
        sizes = np.bincount(labels[labels >= 0])
        clusterer = HDBSCAN(gen_min_span_tree=True)
        clusterer.labels_, clusterer._min_spanning_tree = labels, mst
        # hdbscan's separation: the lowest edge with ends in both. Where each is the height of the join, so is its result.
        ends = labels[mst[:, :2].astype(int)]
        between = (ends[:, 0] != ends[:, 1]) & (ends >= 0).all(axis=1)
        lowest = [mst[between & (ends == c).any(axis=1), 2].min(initial=np.inf) for c in range(len(sizes))]
        yield dict(min_cluster_size=min_cluster_size, method=method, single=single, labels=labels.tolist(),
                   patterns=round9(scores), index=round9([(scores * sizes).sum() / len(labels)])[0],
                   hdbscan=round9([clusterer.relative_validity_])[0] if np.array_equal(lowest, meets) else None)


def indices():
    """The validity index: hdbscan works with powers d^-dimensions, which keep their range in few dimensions."""
    for seed, (kind, n, d) in enumerate([("clusters", 80, 1), ("clusters", 100, 2), ("uniform", 60, 2), ("clusters", 80, 4),
                                         ("curve", 60, 3), ("clusters", 70, 8), ("uniform", 50, 5), ("duplicates", 60, 2)]):
        x = points(kind, 900 + seed, n, d)
        labels = run_hdbscan(x, 4, 2, 1.0, metric="euclidean", allow_single_cluster=False)[0]
        if labels.max() < 1:
            labels = np.where(np.arange(n) % 7 == 6, -1, (x[:, 0] > np.median(x[:, 0])).astype(int))
        index, scores = validity_index(x, labels, per_cluster_scores=True)
        yield dict(n=n, d=d, values=x.astype(np.float32).ravel().tolist(), labels=labels.tolist(), index=index, patterns=round9(scores))


if __name__ == "__main__":
    cases = []
    for mst, tree in trees():
        cases.append(dict(tree=tree, levels=list(levels(mst)), plscan=[plscan(mst, base) for base in (2, 3, 5)],
                          validities=list(validities(mst))))
    content = dict(cases=cases, indices=list(indices()))
    versions = {p: importlib.metadata.version(p) for p in ("hdbscan", "fast_hdbscan", "numpy")}
    path = HERE / "hdbscan_more.json"
    path.write_text(json.dumps(dict(made_by="make_hdbscan_more.py", versions=versions, **content), separators=(",", ":")) + "\n")
    print(path.name, path.stat().st_size, "bytes", sum(v["hdbscan"] is not None for c in cases for v in c["validities"]), "direct of", sum(len(c["validities"]) for c in cases))
