"""Expected intrinsic dimensions, dips and dependences, from scikit-dimension, diptest, SciPy and dcor: writes structure.json
beside this file.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 scikit-dimension==0.5.0 diptest==0.12.0 dcor==0.7
    python make_structure.py
"""

import json
import pathlib
from importlib.metadata import version

import dcor
import diptest
import numpy as np
import skdim
from scipy import stats
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(5)
K = 12


def clouds():
    angle, height = rng.uniform(0, 4, 150), rng.uniform(0, 2, 150)
    roll = np.column_stack([angle * np.cos(angle), height, angle * np.sin(angle)])
    yield "line", np.outer(rng.uniform(size=120), rng.normal(size=5))
    yield "roll", np.column_stack([roll, 0.01 * rng.normal(size=(150, 3))])
    yield "ball", rng.normal(size=(200, 6))
    yield "ten", rng.normal(size=(300, 10)) @ rng.normal(size=(10, 14))


def dimensions(name, cloud):
    cloud = cloud.astype(np.float32).astype(np.float64)
    distances = NearestNeighbors(n_neighbors=K + 1).fit(cloud).kneighbors(cloud)[0][:, 1:]
    local = skdim.id.MLE(K=K).fit_transform_pw(cloud, n_neighbors=K)
    return {
        "name": name,
        "columns": cloud.shape[1],
        "values": cloud.ravel().tolist(),
        "two_nn": float(skdim.id.TwoNN(discard_fraction=0.1).fit_transform(cloud)),
        # Its local dimensions are Levina and Bickel's; the harmonic mean is MacKay and Ghahramani's way to join them.
        "levina_bickel": float(1 / np.mean(1 / by_definition(distances))),
        "local_difference": float(np.max(np.abs(local / by_definition(distances) - 1))),
    }


def by_definition(distances):
    """Levina and Bickel (2005), equation 8."""
    return 1 / np.mean(np.log(distances[:, -1:] / distances[:, :-1]), axis=1)


def samples():
    yield "uniform", rng.uniform(size=60)
    yield "normal", rng.normal(size=101)
    yield "two modes", np.concatenate([rng.normal(0, 1, 40), rng.normal(5, 1, 50)])
    yield "three modes", np.concatenate([rng.normal(m, 0.3, 30) for m in (0, 2, 4)])
    yield "heavy tails", rng.standard_t(1.5, size=80)
    yield "four", np.array([0.0, 1.0, 5.0, 6.0])
    yield "ties", np.round(3 * rng.normal(size=80))
    yield "ties with a heap", np.concatenate([np.round(8 * rng.normal(size=80)), np.full(25, 3.0)])
    yield "a shut ReLU", np.maximum(rng.normal(size=60), 0)
    yield "far apart", np.concatenate([rng.normal(0, 1e-3, 20), rng.normal(1e3, 1e-3, 20)])


def main():
    dips = [{"name": name, "values": x.tolist(), "dip": float(diptest.dipstat(x)), "p_value": float(diptest.diptest(x)[1])} for name, x in samples()]
    dependences = []
    for noise in (0.0, 0.3, 3.0):
        x = rng.normal(size=70)
        y = np.round(x**2 + noise * rng.normal(size=70), 1)
        dependences.append({"x": x.tolist(), "y": y.tolist(), "spearman": float(stats.spearmanr(x, y).statistic), "distance": float(dcor.distance_correlation(x, y))})
    packages = ("numpy", "scipy", "scikit-learn", "scikit-dimension", "diptest", "dcor")
    document = {
        "versions": {name: version(name) for name in packages},
        "k": K,
        "dimensions": [dimensions(name, cloud) for name, cloud in clouds()],
        "dips": dips,
        "dependences": dependences,
    }
    pathlib.Path(__file__).with_name("structure.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
