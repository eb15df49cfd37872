"""Exact clustering, neighbors and all-pairs distances beside every peer: each row is ours and theirs on the same file, in turns.

The data is made by seed by crates/napscope/examples/bench_clustering.rs, or is what the vision example's layers answer to
Fashion-MNIST's test pictures (Debian's dataset-fashion-mnist; without it the 2,000 pictures of the example). One thread unless
said. CPU seconds of the fit alone (user and system; neither starting the program nor reading the file), the median of some
runs; for `cold` those of the whole process. A peer that needs more than CAP seconds is ended, and its figure is a lower bound.
Prints JSON lines.

    python oracles/bench_clustering.py GROUP [WORD]        the groups are below; WORD: only rows that contain it
    python oracles/bench_clustering.py peer NAME           a peer that takes jobs by lines on stdin (used by the above)
"""

import os

os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")})

import functools
import gzip
import json
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ROOT / "target/release/examples/bench_clustering"
NAPSCOPE = ROOT / "target/release/napscope"
RUST_PEERS = ROOT / "target/peers/release/peers"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
FOLDER = ROOT / "target/bench"
CAP = 400
LONGEST = 60  # CPU seconds of a run of ours beside nobody
SEED = 7
LAYERS = [  # what is looked at of the vision example: layer, sketch, dimensions
    ("stage3.relu2", "mean", 64),
    ("stage1.relu2", "histogram", 512),
    ("stage2.relu2", "histogram", 1024),
    ("stage3.relu2", "none", 3136),
]
BINS = 32


# Data: (name, file, samples, dimensions)


def made(kind, n, d):
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{kind}-{n}-{d}.f32"
    if not path.exists():
        subprocess.run([OURS, "make", kind, str(n), str(d), str(SEED), path], check=True)
    return f"{kind} {thousands(n)} × {d}", path, n, d


def thousands(n):
    return f"{n // 1000}k" if n >= 1000 and n % 1000 == 0 else str(n)


@functools.cache
def pictures():
    if not FASHION.exists():
        return ROOT / "studies/vision/fashion_test_2000.npz"
    path = FOLDER / "fashion_test.npz"
    if not path.exists():
        raw = np.frombuffer(gzip.decompress(FASHION.read_bytes()), np.uint8, offset=16)
        FOLDER.mkdir(parents=True, exist_ok=True)
        np.savez(path, image=raw.reshape(-1, 1, 28, 28))
    return path


def real(layer, sketch, d):
    """The features of a layer, as `napscope extract` writes them: 8 bytes of header length, JSON, then arrays."""
    n = np.load(pictures())["image"].shape[0]
    path = FOLDER / f"{layer}-{sketch}-{n}-{d}.f32"
    if not path.exists():
        run = FOLDER / f"run-{layer}-{sketch}"
        command = [NAPSCOPE, "extract", ROOT / "studies/vision/fashion_resnet.onnx", "--data", pictures(), "--layer", layer]
        subprocess.run([*command, "--sketch", sketch, "--quiet", "--force", "-o", run], check=True, stdout=subprocess.DEVNULL)
        (file,) = run.glob("features/*.safetensors")
        raw = file.read_bytes()
        size = int.from_bytes(raw[:8], "little")
        entries = json.loads(raw[8 : 8 + size])
        (entry,) = [entry for name, entry in entries.items() if entry.get("shape") == [n, d]]
        first, last = entry["data_offsets"]
        path.write_bytes(raw[8 + size + first : 8 + size + last])
    return f"{layer} {sketch} {thousands(n)} × {d}", path, n, d


def load(path, n, d):
    return np.fromfile(path, np.float32).reshape(n, d)


# Who is measured: what runs a job {"file", "n", "d", ...} and returns {"cpu_secs", "wall_secs", "peak_mb", ...}


class Worker:
    """A process that measures jobs one after another, so that compiling and importing count once, or not at all."""

    def __init__(self, name):
        self.name = name
        limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (CAP + 60, CAP + 60))
        command = [sys.executable, __file__, "peer", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=limit)
        self.process.stdout.readline()

    def __call__(self, job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else ended(self.process.wait(), self.name)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ended(status, name):
    """The figure of a peer that gave none."""
    if status not in (-signal.SIGXCPU, -signal.SIGKILL):
        sys.exit(f"{name} failed: {status}")
    return {"cpu_secs": float(CAP), "at_least": True}


def fresh(name):
    """As a worker, a new process for every job."""

    def run(job):
        worker = Worker(name)
        found = worker(job)
        worker.close()
        return found

    return run


def ours(what, *more, threads=1):
    def run(job):
        command = [OURS, "run", what, job["file"], str(job["n"]), str(job["d"]), *more]
        env = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        return json.loads(subprocess.run(command, check=True, capture_output=True, env=env).stdout)

    return run


def rust_peer(name):
    def run(job):
        command = [RUST_PEERS, name, job["file"], str(job["n"]), str(job["d"])]
        limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (CAP, CAP))
        env = {**os.environ, "RAYON_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, preexec_fn=limit)
        return json.loads(done.stdout) if done.returncode == 0 else ended(done.returncode, name)

    return run


def cold(job):
    """The CPU seconds of a whole process that clusters once."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = fresh("fast_hdbscan")(job)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {**found, "cpu_secs": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


# The peers, inside of their processes; min_samples 6 where the library counts the point itself


def peer_hdbscan(algorithm):
    import hdbscan

    # Its generic way takes nothing but f64.
    return lambda x, job: hdbscan.HDBSCAN(5, 5, algorithm=algorithm, core_dist_n_jobs=1).fit(x.astype(np.float64))


def peer_sklearn(algorithm):
    from sklearn.cluster import HDBSCAN

    return lambda x, job: HDBSCAN(min_cluster_size=5, min_samples=6, algorithm=algorithm, n_jobs=1, copy=False).fit(x)


def peer_fast_hdbscan():
    import fast_hdbscan

    return lambda x, job: fast_hdbscan.HDBSCAN(min_cluster_size=5, min_samples=5).fit(x)


def peer_faiss():
    import faiss

    faiss.omp_set_num_threads(1)

    def run(x, job):
        index = faiss.IndexFlatL2(x.shape[1])
        index.add(x)
        index.search(x, 17)

    return run


def peer_manhattan():
    from sklearn.metrics.pairwise import manhattan_distances

    return lambda x, job: manhattan_distances(x)


def peer_new_points():
    import hdbscan

    fitted = {}

    def prepare(x, job):
        """The clustering itself is not timed."""
        if job["file"] not in fitted:
            seen = x[: len(x) // 2].astype(np.float64)
            parameters = {"cluster_selection_method": "eom", "prediction_data": True, "core_dist_n_jobs": 1}
            fitted[job["file"]] = hdbscan.HDBSCAN(50, 5, **parameters).fit(seen)

    def run(x, job):
        clusterer, new = fitted[job["file"]], x[len(x) // 2 :].astype(np.float64)
        if job["what"] == "all_points_membership_vectors":
            hdbscan.all_points_membership_vectors(clusterer)
        else:
            getattr(hdbscan, job["what"])(clusterer, new[: job.get("count")])

    run.prepare = prepare
    return run


def peer_jensen_shannon(one_call):
    from scipy.spatial.distance import jensenshannon, pdist

    def per_channel(x, job):
        """pdist channel by channel: the same sum as ours."""
        channels = x.reshape(len(x), -1, BINS)
        sum(pdist(channels[:, c].astype(np.float64), "jensenshannon") for c in range(channels.shape[1]))

    def per_pair(x, job):
        """SciPy's own function, all channels of a pair at once."""
        channels = x.reshape(len(x), -1, BINS).astype(np.float64)
        for i in range(len(x)):
            for j in range(i):
                jensenshannon(channels[i], channels[j], axis=1).sum()

    return per_channel if one_call else per_pair


PEERS = {
    "hdbscan_best": lambda: peer_hdbscan("best"),
    "hdbscan_generic": lambda: peer_hdbscan("generic"),
    "sklearn_auto": lambda: peer_sklearn("auto"),
    "sklearn_brute": lambda: peer_sklearn("brute"),
    "fast_hdbscan": peer_fast_hdbscan,
    "faiss": peer_faiss,
    "new_points": peer_new_points,
    "manhattan": peer_manhattan,
    "js_pdist": lambda: peer_jensen_shannon(True),
    "js_pairs": lambda: peer_jensen_shannon(False),
}


def serve(name):
    """Runs jobs from stdin; peak memory starts anew with each, where the kernel allows it."""
    run = PEERS[name]()
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        x = load(job["file"], job["n"], job["d"])[: job.get("rows")]
        getattr(run, "prepare", lambda x, job: None)(x, job)
        try:
            pathlib.Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            pass
        wall, cpu = time.perf_counter(), time.process_time()
        run(x, job)
        found = {"cpu_secs": time.process_time() - cpu, "wall_secs": time.perf_counter() - wall}
        status = pathlib.Path("/proc/self/status").read_text()
        (peak,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        print(json.dumps({**found, "peak_mb": peak / 1024}), flush=True)


# Rows


def tell(**row):
    print(json.dumps(row), flush=True)
    print(row, file=sys.stderr)


def compare(data, mine, peers, repeats=1):
    """Ours and the peers, each a (name, runner, goal), in turns; the median of each."""
    name, path, n, d = data
    if WORD not in name:
        return
    job = {"file": str(path), "n": n, "d": d}
    found = {who: [] for who in ["napscope", *(peer[0] for peer in peers)]}
    for _ in range(repeats):
        found["napscope"].append(mine(job))
        for who, run, _ in peers:
            found[who].append(run(job))
    goals = {who: goal for who, _, goal in peers}
    for who, runs in found.items():
        figures = {key: statistics.median(run[key] for run in runs) for key in ("cpu_secs", "peak_mb") if key in runs[0]}
        more = {"goal": goals[who]} if goals.get(who) else {}
        tell(row=name, by=who, **figures, **more, **({"at_least": True} if "at_least" in runs[-1] else {}))


def group_exact():
    """Peers that are exact, but slow."""
    mix = made("mix", 10_000, 256)
    best = [(name, fresh(peer), 80) for name, peer in (("hdbscan best", "hdbscan_best"), ("scikit-learn auto", "sklearn_auto"))]
    dense = [(name, fresh(peer), 15) for name, peer in (("hdbscan generic", "hdbscan_generic"), ("scikit-learn brute", "sklearn_brute"))]
    rust = [(name, rust_peer(peer), None) for name, peer in (("petal-clustering", "petal"), ("hdbscan crate", "hdbscan_crate"))]
    compare(mix, ours("hdbscan"), [*best, *dense, *rust])
    mix = made("mix", 30_000, 256)
    compare(mix, ours("hdbscan"), [(name, run, 200) for name, run, _ in best] + [(name, run, 120) for name, run, _ in rust])
    tell(note=f"A peer is ended after {CAP} CPU seconds; its ratio is then a lower bound.")


def group_approximate():
    """fast_hdbscan, which above 30 dimensions takes the tree of an approximate neighbor graph."""
    worker = Worker("fast_hdbscan")
    for warm_up in (made("mix", 2_000, 64), made("curve", 2_000, 256)):
        worker({"file": str(warm_up[1]), "n": warm_up[2], "d": warm_up[3]})
    kinds = ("mix", "curve", "spectrum2")
    rows = [(made(kind, n, d), 1.3) for kind in kinds for n in (10_000, 30_000) for d in (64, 256, 1024)]
    rows += [(real(*layer), 1.3) for layer in LAYERS]
    rows += [(made("spectrum1", 30_000, 256), 1), (made("spectrum1", 30_000, 1024), 1), (made("mix", 100_000, 256), 1)]
    rows += [(made("isotropic", 10_000, 128), None)]
    for data, goal in rows:
        compare(data, ours("hdbscan"), [("fast_hdbscan warm", worker, goal)], repeats=3)
    worker.close()
    name, *mix = made("mix", 30_000, 256)
    compare((f"{name}, a new process", *mix), ours("hdbscan"), [("fast_hdbscan cold", cold, 20)])
    tell(note="fast_hdbscan is approximate on all of these; warm: compiled before, in the same process.")


def group_neighbors():
    worker = Worker("faiss")
    for d in (64, 256, 1024):
        compare(made("mix", 30_000, d), ours("knn"), [("faiss IndexFlatL2", worker, 4)], repeats=3)
    compare(made("spectrum1", 30_000, 256), ours("knn"), [("faiss IndexFlatL2", worker, 4)], repeats=3)
    worker.close()


def group_distributions():
    histograms = made("histograms", 2_000, 256 * BINS)
    name = "256 channels × 32 bins"
    manhattan = fresh("manhattan")
    of_metric = lambda metric: (f"{metric}: 16 nearest of {thousands(2000)}, {name}", *histograms[1:])
    compare(of_metric("wasserstein_1"), ours("knn", "wasserstein_1"), [("scikit-learn manhattan_distances", manhattan, 30)], repeats=3)
    scaled = lambda peer, rows: lambda job: scale(fresh(peer)({**job, "rows": rows}), (job["n"] / rows) ** 2)
    peers = [("SciPy pdist, channel by channel", scaled("js_pdist", 1000), None), ("SciPy jensenshannon(axis=1)", scaled("js_pairs", 250), 250)]
    compare(of_metric("jensen_shannon"), ours("knn", "jensen_shannon"), peers)
    compare(of_metric("jensen_shannon, clustered"), ours("hdbscan", "jensen_shannon"), [])
    tell(note="SciPy's Jensen-Shannon figures are those of 1,000 and 250 samples, times the pairs; all peers compute a matrix.")


def scale(found, factor):
    return {**found, "cpu_secs": found["cpu_secs"] * factor}


def group_low():
    """Few dimensions, where fast_hdbscan is exact."""
    worker = Worker("fast_hdbscan")
    for d in (2, 16):
        data = made("mix", 2_000, d)
        worker({"file": str(data[1]), "n": data[2], "d": d})
    petal = ("petal-clustering", rust_peer("petal"), 1)
    for kind, d in (("mix", 2), ("uniform", 2), ("mix", 3), ("mix", 8), ("mix", 16)):
        compare(made(kind, 100_000, d), ours("hdbscan"), [("fast_hdbscan warm, exact here", worker, 1), petal])
    worker.close()


def group_predict():
    """New points: label, membership and outlier score; membership in every pattern."""
    n, d, count = 30_000, 16, 500
    _, *groups = made("groups", 2 * n, d)
    worker = Worker("new_points")
    peer = lambda what, **more: (what, lambda job: worker({**job, "what": what, **more}), None)
    name = f"of {thousands(n)} × {d} new in {thousands(n)}"
    compare((f"label, membership, outlier score {name}", *groups), ours("predict"), [peer("approximate_predict"), peer("approximate_predict_scores")])
    what, run, _ = peer("membership_vector", count=count)
    scaled = (what, lambda job: scale(run(job), n / count), None)
    compare((f"membership in every pattern {name}", *groups), ours("memberships"), [scaled])
    name = f"of the {thousands(n)} × {d} themselves"
    compare((f"membership in every pattern {name}", *groups), ours("sample_memberships"), [peer("all_points_membership_vectors")])
    worker.close()
    tell(note=f"The peer is hdbscan 0.8.44. Its membership_vector looked at {count} new points; its figure is that, times {n // count}.")
    tell(note="60 patterns; the clustering before is not counted.")


def group_exactness():
    kinds = ("mix", "curve", "spectrum1", "spectrum2", "isotropic", "uniform")
    sets = [made(kind, n, d) for kind in kinds for n, d in ((4_000, 16), (10_000, 256))] + [real(*layer) for layer in LAYERS]
    for name, path, n, d in sets:
        if WORD not in name:
            continue
        weights = FOLDER / "weights.f64"
        ours("hdbscan", "l2", str(weights))({"file": str(path), "n": n, "d": d})
        found, expected = np.fromfile(weights, np.float64), reference_weights(load(path, n, d).astype(np.float64), 5)
        deviation = np.abs(found - expected) / np.where(expected > 0, expected, 1)
        tell(row=name, by="napscope", deviation=float(deviation.max()))


def reference_weights(x, min_samples):
    """The sorted edges of the exact mutual reachability tree, in f64: Prim on the full matrix; the distances of the edges
    themselves and of the neighbors from differences."""
    x = x - x.mean(axis=0)
    norms = np.einsum("ij,ij->i", x, x)
    square = x @ x.T
    square *= -2
    square += norms[:, None]
    square += norms[None, :]
    np.fill_diagonal(square, np.inf)
    near = np.argpartition(square, min_samples + 3, axis=1)[:, : min_samples + 4]
    exact = np.stack([np.sqrt(((x - x[near[:, k]]) ** 2).sum(axis=1)) for k in range(near.shape[1])])
    core = np.sort(exact, axis=0)[min_samples - 1]
    height = np.sqrt(np.maximum(square, 0, out=square), out=square)
    np.maximum(height, core[:, None], out=height)
    np.maximum(height, core[None, :], out=height)
    return prim(x, height, core)


def prim(x, height, core):
    n = len(x)
    reach, source, outside = height[0].copy(), np.zeros(n, np.int64), np.ones(n, bool)
    outside[0], reach[0] = False, np.inf
    ends = np.empty((n - 1, 2), np.int64)
    for edge in range(n - 1):
        new = int(np.argmin(reach))
        ends[edge] = source[new], new
        outside[new], reach[new] = False, np.inf
        nearer = outside & (height[new] < reach)
        reach[nearer], source[nearer] = height[new][nearer], new
    a, b = ends.T
    lengths = np.sqrt(((x[a] - x[b]) ** 2).sum(axis=1))
    return np.sort(np.maximum(lengths, np.maximum(core[a], core[b])))


def gemm_gigaflops():
    """What this machine's best f32 matrix product does on one thread, by OpenBLAS with its kernels for AVX-512."""
    script = "import numpy as np, time; a = np.ones((3000, 3000), np.float32); a @ a; t = time.process_time(); a @ a; a @ a; a @ a; print(3 * 54 / (time.process_time() - t))"
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    env = {**os.environ, **({"OPENBLAS_CORETYPE": "SkylakeX"} if "avx512f" in flags else {})}
    return float(subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True).stdout)


def group_growth():
    """Ours alone, beside two passes over all pairs at the speed of a matrix product."""
    sizes, widths = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000), (16, 64, 256, 1024, 4096)
    rate = gemm_gigaflops()
    kinds = ("mix", "spectrum1")
    figures = {}
    for kind in kinds:
        for n, d in [(n, 256) for n in sizes] + [(10_000, d) for d in widths if d != 256]:
            expected = [figures[kind, m, 256] * (n / m) ** 2 for m in sizes if m < n and (kind, m, 256) in figures]
            if d == 256 and expected and expected[-1] > LONGEST:
                tell(note=f"{kind} with {thousands(n)} samples was left out: about {expected[-1]:.0f} CPU seconds.")
                continue
            name, path, n, d = made(kind, n, d)
            one, two = (ours("hdbscan", threads=threads)({"file": str(path), "n": n, "d": d}) for threads in (1, 2))
            figures[kind, n, d] = one["cpu_secs"]
            tell(row=name, by="napscope", cpu_secs=one["cpu_secs"], wall_1=one["wall_secs"], wall_2=two["wall_secs"], peak_mb=one["peak_mb"])
    bound = lambda n, d: 2 * n * n * d / (1e9 * rate)
    plot(figures, kinds, sizes, widths, bound)
    tell(note=f"The bound: two passes over all pairs as half a matrix product each, at the {rate:.0f} GFLOP/s that OpenBLAS reaches here.")


def plot(figures, kinds, sizes, widths, bound):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "napscope", "font.size": 9})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
    for axis, xs, point, label in (
        (axes[0], sizes, lambda n: (n, 256), "samples, at 256 dimensions"),
        (axes[1], widths, lambda d: (10_000, d), "dimensions, at 10,000 samples"),
    ):
        for kind, marker in zip(kinds, "os"):
            run = [x for x in xs if (kind, *point(x)) in figures]
            axis.loglog(run, [figures[(kind, *point(x))] for x in run], marker=marker, label=f"napscope, {kind}")
        axis.loglog(xs, [bound(*point(x)) for x in xs], "--", color="grey", label="two passes at GEMM speed")
        axis.set_xlabel(label)
        axis.grid(True, which="major", alpha=0.3)
    axes[0].set_ylabel("CPU seconds, one thread")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(ROOT / "docs/clustering_growth.svg", metadata={"Date": None})


if __name__ == "__main__":
    if sys.argv[1] == "peer":
        serve(sys.argv[2])
    else:
        WORD = sys.argv[2] if len(sys.argv) > 2 else ""
        globals()[f"group_{sys.argv[1]}"]()
