"""Expected scores of the detectors and figures of separation, from scikit-learn, SciPy and hdbscan: writes ood.json beside this file.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 hdbscan==0.8.44
    python make_ood.py
"""

import importlib.metadata
import json
import pathlib

import hdbscan
import numpy as np
import scipy
import sklearn
from scipy import special, stats
from scipy.spatial.distance import cdist
from sklearn import metrics
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.svm import OneClassSVM

rng = np.random.default_rng(11)


def data(samples, columns, fresh):
    """In-distribution rows on a bent sheet with noise, and fresh rows of which some lie outside."""
    mix = rng.normal(size=(3, columns))
    latent = rng.normal(size=(samples + fresh, 2))
    bent = np.column_stack([latent, latent[:, 0] ** 2])
    rows = bent @ mix + 0.3 * rng.normal(size=(samples + fresh, columns))
    rows[samples + fresh // 2 :] += 2.0 * rng.normal(size=columns)
    rows = rows.astype(np.float32).astype(np.float64)
    return rows[:samples], rows[samples:]


def mahalanobis(estimator, reference, x):
    return estimator.fit(reference).mahalanobis(x)


def residual(reference, x, variance):
    ratios = PCA().fit(reference).explained_variance_ratio_
    kept = int(np.searchsorted(np.cumsum(ratios), variance) + 1)
    pca = PCA(kept).fit(reference)
    return np.linalg.norm(x - pca.inverse_transform(pca.transform(x)), axis=1)


def knn(reference, x, k, mean, **options):
    distances, _ = NearestNeighbors(n_neighbors=k, algorithm="brute", **options).fit(reference).kneighbors(x)
    return distances.mean(axis=1) if mean else distances[:, -1]


def svm(reference, x, nu, gamma):
    return -OneClassSVM(nu=nu, gamma=gamma, tol=1e-9, cache_size=500).fit(reference).decision_function(x)


def relative(reference, x, group):
    """min_c d_c² − d_0², groups around their own means with one covariance (Ren et al. 2021)."""
    means = np.array([reference[group == c].mean(axis=0) for c in np.unique(group)])
    around = LedoitWolf(assume_centered=True).fit(reference - means[group]).precision_
    near = [np.einsum("ij,jk,ik->i", x - mean, around, x - mean) for mean in means]
    return np.min(near, axis=0) - LedoitWolf().fit(reference).mahalanobis(x)


def bins(reference, count):
    """Equally many along the first principal axis."""
    along = PCA(1).fit_transform(reference)[:, 0]
    return np.argsort(np.argsort(along)) * count // len(along)


def patterns(reference, x, size):
    """Three groups, found by hdbscan: distances to the means, and relative Mahalanobis distances."""
    labels = hdbscan.HDBSCAN(min_cluster_size=size, min_samples=5).fit(reference).labels_
    assert labels.max() == 2
    means = np.array([reference[labels == c].mean(axis=0) for c in range(3)])
    inside = labels >= 0
    around = LedoitWolf(assume_centered=True).fit(reference[inside] - means[labels[inside]]).precision_
    near = np.min([np.einsum("ij,jk,ik->i", x - mean, around, x - mean) for mean in means], axis=0)
    return {
        f"nearest_pattern:min_cluster_size={size}": cdist(x, means).min(axis=1),
        f"relative_mahalanobis:min_cluster_size={size}": near - LedoitWolf().fit(reference).mahalanobis(x),
    }


def groups(samples, fresh):
    """Samples of three round groups in five dimensions, and fresh ones of which some lie outside."""
    centers = 8 * rng.normal(size=(3, 5))
    rows = centers[np.arange(samples + fresh) % 3] + rng.normal(size=(samples + fresh, 5))
    rows[samples + fresh // 2 :] += 4 * rng.normal(size=(fresh - fresh // 2, 5))
    rows = rows.astype(np.float32).astype(np.float64)
    return rows[:samples], rows[samples:]


def scores(reference, x):
    return {
        "relative_mahalanobis:groups=bins,bins=5": relative(reference, x, bins(reference, 5)),
        "mahalanobis": mahalanobis(LedoitWolf(), reference, x),
        "mahalanobis:shrinkage=0": mahalanobis(EmpiricalCovariance(), reference, x),
        "mahalanobis:unit=true": mahalanobis(LedoitWolf(), normalize(reference), normalize(x)),
        "knn:k=5": knn(reference, x, 5, False),
        "knn:k=7,score=mean,metric=manhattan": knn(reference, x, 7, True, metric="manhattan"),
        "knn:k=3,metric=cosine": knn(reference, x, 3, False, metric="cosine"),
        "one_class_svm": svm(reference, x, 0.5, "scale"),
        "one_class_svm:nu=0.1": svm(reference, x, 0.1, "scale"),
        "one_class_svm:nu=0.07,gamma=0.02": svm(reference, x, 0.07, 0.02),
        "residual": residual(reference, x, 0.95),
        "residual:variance=0.5": residual(reference, x, 0.5),
        "energy": -special.logsumexp(x, axis=1),
        "energy:temperature=2": -2 * special.logsumexp(x / 2, axis=1),
        "energy:form=multi_label": -np.logaddexp(0, x).sum(axis=1),
        "energy:form=soft_bits": -(np.logaddexp(x / 2, -x / 2)).sum(axis=1),
    }


def separations():
    """Scores with and without ties, and what scikit-learn says of them. `expected` leaves out what it does not know."""
    for id_count, ood_count, shift, digits in [(50, 40, 1.0, None), (200, 30, 0.2, 1), (35, 90, 3.0, 0), (7, 5, 50.0, None)]:
        id, ood = rng.normal(0, 1, id_count), rng.normal(shift, 1.5, ood_count)
        if digits is not None:
            id, ood = np.round(id, digits), np.round(ood, digits)
        all_scores = np.concatenate([id, ood])
        is_ood = np.concatenate([np.zeros(id_count), np.ones(ood_count)])
        fpr_id, tpr_ood, _ = metrics.roc_curve(is_ood, all_scores, drop_intermediate=False)
        fpr_ood, tpr_id, _ = metrics.roc_curve(1 - is_ood, -all_scores, drop_intermediate=False)
        expected = {
            "auroc": metrics.roc_auc_score(is_ood, all_scores),
            "aupr_in": metrics.average_precision_score(1 - is_ood, -all_scores),
            "aupr_out": metrics.average_precision_score(is_ood, all_scores),
            "fpr_ood_at_tpr_id_95": fpr_ood[np.argmax(tpr_id >= 0.95)],
            "fpr_id_at_tpr_ood_95": fpr_id[np.argmax(tpr_ood >= 0.95)],
        }
        yield {"id": id.tolist(), "ood": ood.tolist(), "expected": expected, "delong": delong(id, ood)}


def delong(id, ood):
    """DeLong's variance by its definition: all pairs."""
    kernel = (ood[:, None] > id[None, :]) + 0.5 * (ood[:, None] == id[None, :])
    return kernel.mean(axis=1).var(ddof=1) / len(ood) + kernel.mean(axis=0).var(ddof=1) / len(id)


def main():
    cases = []
    for samples, columns, fresh in [(60, 6, 20), (150, 12, 24), (20, 30, 12)]:
        reference, x = data(samples, columns, fresh)
        wanted = scores(reference, x)
        if samples < columns:
            # Without shrinkage and with fewer samples than columns, implementations differ in what they leave out.
            del wanted["mahalanobis:shrinkage=0"]
        expected = {name: [float(f"{value:.9g}") for value in found] for name, found in wanted.items()}
        cases.append({"columns": columns, "reference": reference.ravel().tolist(), "x": x.ravel().tolist(), "expected": expected})
    separated = list(separations())
    reference, x = groups(120, 24)
    expected = {name: [float(f"{value:.9g}") for value in found] for name, found in patterns(reference, x, 10).items()}
    cases.append({"columns": 5, "reference": reference.ravel().tolist(), "x": x.ravel().tolist(), "expected": expected})
    fusion = {"p_values": [0.03, 0.2, 0.5]}
    for method in ("fisher", "stouffer"):
        fusion[method] = float(stats.combine_pvalues(fusion["p_values"], method=method).statistic)
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__,
                "hdbscan": importlib.metadata.version("hdbscan")}
    document = {"versions": versions, "detectors": cases, "separations": separated, "fusion": fusion}
    pathlib.Path(__file__).with_name("ood.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
