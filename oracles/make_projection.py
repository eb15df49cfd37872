"""Expected principal components, from scikit-learn: writes projection.json beside this file.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python make_projection.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.decomposition import PCA

rng = np.random.default_rng(5)


def f32(array):
    return np.asarray(array, dtype=np.float32).astype(float)


def rounded(array):
    return [float(f"{value:.9g}") for value in np.ravel(array)]


def cases():
    for samples, columns, components in [(15, 4, 2), (6, 20, 3), (10, 3, 3), (30, 8, 1)]:
        spread = np.logspace(0, -1, columns) * 3
        mix = np.linalg.qr(rng.normal(size=(columns, columns)))[0]
        x, new = (f32(rng.normal(size=(n, columns)) * spread @ mix + 2) for n in (samples, 4))
        pca = PCA(components, svd_solver="full").fit(x)
        yield {
            "columns": columns,
            "components": components,
            "x": rounded(x),
            "new": rounded(new),
            "coordinates": rounded(pca.transform(x)),
            "new_coordinates": rounded(pca.transform(new)),
            "explained_variance_ratio": rounded(pca.explained_variance_ratio_),
        }


document = {"versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__}, "cases": list(cases())}
out = pathlib.Path(__file__).with_name("projection.json")
out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
