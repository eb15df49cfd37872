"""The peers of the detectors, on the data that crates/napscope/examples/bench_ood.rs left in target/bench: JSON lines, one thread.

CPU seconds (user and system) of fitting on the reference and of scoring the queries, the mean over as many runs as fit into some time.

    python oracles/bench_ood.py
"""

import os

os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})

import json
import pathlib
import time

import faiss
import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.svm import OneClassSVM

BENCH = pathlib.Path(__file__).resolve().parent.parent / "target/bench"
COLUMNS = 256
GOAL = 5
MEASURED_SECS = 2


def read(name):
    return np.fromfile(BENCH / f"ood-{name}.f32", "<f4").reshape(-1, COLUMNS)


def cpu(run):
    begun, runs = time.process_time(), 0
    while True:
        result = run()
        runs += 1
        spent = time.process_time() - begun
        if spent >= MEASURED_SECS:
            return result, spent / runs


def tell(detector, by, fit, score):
    fitted, seconds = cpu(fit)
    print(json.dumps({"row": f"{detector}: fit", "by": by, "cpu_secs": seconds, "goal": GOAL}), flush=True)
    _, seconds = cpu(lambda: score(fitted))
    print(json.dumps({"row": f"{detector}: score", "by": by, "cpu_secs": seconds, "goal": GOAL}), flush=True)


def index(reference):
    flat = faiss.IndexFlatL2(COLUMNS)
    flat.add(reference)
    return flat


def main():
    faiss.omp_set_num_threads(1)
    reference, queries = read("reference"), read("queries")
    wide, wide_queries = reference.astype(np.float64), queries.astype(np.float64)
    sklearn = "scikit-learn"
    tell("mahalanobis", sklearn, lambda: LedoitWolf().fit(wide), lambda fitted: fitted.mahalanobis(wide_queries))
    tell(
        "mahalanobis:unit=true",
        sklearn,
        lambda: LedoitWolf().fit(normalize(wide)),
        lambda fitted: fitted.mahalanobis(normalize(wide_queries)),
    )
    neighbors = NearestNeighbors(n_neighbors=50, algorithm="brute")
    tell("knn:k=50", sklearn, lambda: neighbors.fit(reference), lambda fitted: fitted.kneighbors(queries))
    tell("knn:k=50", "faiss (flat)", lambda: index(reference), lambda flat: flat.search(queries, 50))
    tell(
        "residual",
        sklearn,
        lambda: PCA(0.95).fit(wide),
        lambda pca: np.linalg.norm(wide_queries - pca.inverse_transform(pca.transform(wide_queries)), axis=1),
    )
    for nu in (0.1, 0.5):
        svm = OneClassSVM(nu=nu, gamma="scale", cache_size=500)
        tell(f"one_class_svm:nu={nu}", sklearn, lambda: svm.fit(wide), lambda fitted: fitted.decision_function(wide_queries))


if __name__ == "__main__":
    main()
