"""Expected projections: diffusion maps by dense eigenvalues (NumPy), the parts of UMAP and its quality (umap-learn): writes
manifold.json beside this file.

    pip install numpy==2.4.6 scikit-learn==1.9.1 umap-learn==0.5.12
    python make_manifold.py
"""

import json
import pathlib

import numpy as np
import sklearn
import umap
from sklearn.manifold import trustworthiness
from umap.umap_ import find_ab_params, fuzzy_simplicial_set, smooth_knn_dist

rng = np.random.default_rng(11)


def f32(array):
    return np.asarray(array, dtype=np.float32).astype(float)


def rounded(array):
    return [float(f"{value:.9g}") for value in np.ravel(array)]


def nearest(x, k):
    """Each row's k nearest rows, itself first, and their distances."""
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    apart = distances - 2 * np.eye(len(x))
    order = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, 1)


def diffusion(x, k, bandwidth, alpha):
    n = len(x)
    order, near = nearest(x, k)
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    joined = np.zeros((n, n), dtype=bool)
    np.put_along_axis(joined, order, True, 1)
    joined |= joined.T
    sigma = near[:, 1:][:, (k - 1) // 2] if bandwidth == "local" else np.full(n, bandwidth)
    kernel = np.where(joined, np.exp(-(distances**2) / np.outer(sigma, sigma)), 0)
    density = kernel.sum(1) ** alpha
    kernel /= np.outer(density, density)
    degree = kernel.sum(1)
    values, vectors = np.linalg.eigh(kernel / np.sqrt(np.outer(degree, degree)))
    first = np.sqrt(degree / degree.sum())
    assert values[-2] < 1 - 1e-9, "one part"
    psi = vectors[:, [-2, -3]] / first[:, None] * values[[-2, -3]]
    psi *= np.sign(psi[np.abs(psi).argmax(0), [0, 1]])
    return values[[-2, -3]], psi


def diffusions():
    turns = np.sort(rng.uniform(0, 3 * np.pi, 90))
    spiral = f32(np.c_[turns * np.cos(turns), turns * np.sin(turns), rng.normal(size=90)])
    cloud = f32(rng.normal(size=(500, 2)) * [4, 1])
    for x, k, bandwidth, alpha in [(spiral, 8, "local", 1.0), (spiral, 12, 2.5, 0.5), (cloud, 15, "local", 1.0)]:
        eigenvalues, coordinates = diffusion(x, k, bandwidth, alpha)
        spec = f"diffusion:neighbors={k},bandwidth={bandwidth},alpha={alpha}"
        yield {
            "spec": spec,
            "columns": x.shape[1],
            "x": rounded(x),
            "eigenvalues": rounded(eigenvalues),
            "coordinates": rounded(coordinates),
        }


def memberships():
    plain = f32(rng.normal(size=(40, 3)))
    twins = plain.copy()
    twins[7] = twins[3]
    uneven = f32(np.r_[rng.normal(size=(30, 2)) * 0.2, rng.normal(size=(10, 2)) * 5])
    for x, k in [(plain, 8), (twins, 5), (uneven, 15)]:
        order, near = nearest(x, k)
        near = near.astype(np.float32)
        sigmas, rhos = smooth_knn_dist(near, float(k))
        graph, _, _ = fuzzy_simplicial_set(x, k, None, "euclidean", knn_indices=order, knn_dists=near)
        graph = graph.tocsr().sorted_indices().tocoo()
        yield {
            "columns": x.shape[1],
            "neighbors": k,
            "x": rounded(x),
            "sigmas": rounded(sigmas),
            "rhos": rounded(rhos),
            "edges": rounded(np.c_[graph.row, graph.col, graph.data]),
        }


def curves():
    for min_dist in [0.0, 0.1, 0.25, 0.5, 0.99]:
        a, b = find_ab_params(1.0, min_dist)
        yield {"min_dist": min_dist, "a": float(f"{a:.9g}"), "b": float(f"{b:.9g}")}


def qualities():
    turns = rng.uniform(1.5 * np.pi, 4.5 * np.pi, 400)
    roll = f32(np.c_[turns * np.cos(turns), rng.uniform(0, 20, 400), turns * np.sin(turns)])
    centers = rng.normal(size=(8, 10)) * 4
    groups = f32(centers[rng.integers(0, 8, 400)] + rng.normal(size=(400, 10)))
    for name, x in [("swiss roll", roll), ("eight groups", groups)]:
        picture = umap.UMAP(random_state=42).fit_transform(x)
        yield {
            "name": name,
            "columns": x.shape[1],
            "x": [float(f"{value:.6g}") for value in np.ravel(x)],
            "trustworthiness": float(trustworthiness(x, picture, n_neighbors=15)),
        }


document = {
    "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "umap-learn": umap.__version__},
    "diffusion": list(diffusions()),
    "memberships": list(memberships()),
    "curves": list(curves()),
    "qualities": list(qualities()),
}
out = pathlib.Path(__file__).with_name("manifold.json")
out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
