"""What tapping and sketching cost beside the plain forward pass, and how memory grows with the number of samples.

Drives the release build of `napscope extract` on the vision example (studies/vision) and does the same work with onnxruntime
and NumPy. CPU time is user + system time of one process with one thread; the time of a run over few samples is subtracted
from that of a run over many, so that loading and starting do not count. Prints JSON lines.

    python oracles/bench_pipeline.py
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "studies/vision/fashion_resnet.onnx"
DATA = ROOT / "studies/vision/fashion_test_2000.npz"
NAPSCOPE = ROOT / "target/release/napscope"
FEW, MANY = 200, 2000
REPEATS = 5


def peak_of(command):
    """Peak memory (MiB) of a child process, by the kernel's high-water mark of its own memory.

    wait4's figure would start at what this process, which the child was forked from, held.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            break
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))])
        time.sleep(0.005)
    if process.wait() != 0:
        sys.exit(f"{command} failed")
    return peak / 1024


def cpu_of(command, env=None):
    """CPU seconds of a child process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed: {process.stderr.read().decode()}")
    return usage.ru_utime + usage.ru_stime


def napscope_ms(folder, engine, layers, sketch):
    """CPU milliseconds a sample of `napscope extract`: the median over paired runs."""
    figures = []
    for repeat in range(REPEATS):
        seconds = []
        for samples in (FEW, MANY):
            out = folder / f"{engine}-{sketch}-{layers[0].strip('*') or 'all'}-{samples}-{repeat}"
            command = [NAPSCOPE, "extract", MODEL, "--data", DATA, "--limit", str(samples), "--threads", "1", "--quiet"]
            command += ["--engine", engine, "--sketch", sketch, "--calibration", "64", "-o", out]
            if engine == "ort":
                command += ["--ort-library", next(pathlib.Path(ort.__file__).parent.glob("capi/libonnxruntime.so*"))]
            for layer in layers:
                command += ["--layer", layer]
            seconds.append(cpu_of([str(word) for word in command]))
        figures.append(1000 * (seconds[1] - seconds[0]) / (MANY - FEW))
    return float(np.median(figures))


def session(outputs):
    """An onnxruntime session on one thread that delivers all `outputs`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(spliced(outputs), options, providers=["CPUExecutionProvider"])


def spliced(names):
    """The model's bytes with `names` added to the graph's outputs (a second `graph` field merges into the first)."""
    model = MODEL.read_bytes()
    entries = b"".join(b"\x62" + bytes([len(name) + 2]) + b"\x0a" + bytes([len(name)]) + name.encode() for name in names)
    size, prefix = len(entries), b""
    while size >= 0x80:
        prefix += bytes([size & 0x7F | 0x80])
        size >>= 7
    return model + b"\x3a" + prefix + bytes([size]) + entries


def kde_numpy(values, low, high, grid=64):
    """Binned KDE of every (sample, channel) row with Scott's bandwidth, vectorised as well as NumPy allows."""
    rows = values.reshape(values.shape[0] * values.shape[1], -1).astype(np.float64)
    count = rows.shape[1]
    step = (high - low) / (grid - 1)
    place = np.clip((rows - low) / step, 0, grid - 1.001)
    cell = place.astype(np.int64)
    share = place - cell
    at = np.arange(rows.shape[0])[:, None] * grid + cell
    mass = np.bincount(at.ravel(), (1 - share).ravel(), minlength=rows.shape[0] * grid)
    mass += np.bincount((at + 1).ravel(), share.ravel(), minlength=rows.shape[0] * grid)[: mass.size]
    std = rows.std(axis=1, ddof=1) if count > 1 else np.zeros(rows.shape[0])
    width = np.maximum(std * count ** (-1 / 5), step / 2)
    lags = np.arange(-(grid - 1), grid) * step
    kernel = np.exp(-0.5 * (lags[None, :] / width[:, None]) ** 2)
    spectrum = np.fft.rfft(mass.reshape(-1, grid), 4 * grid) * np.fft.rfft(kernel, 4 * grid)
    smooth = np.fft.irfft(spectrum, 4 * grid)[:, grid - 1 : 2 * grid - 1]
    return smooth / smooth.sum(axis=1, keepdims=True)


def python_ms(names, reduce):
    """CPU milliseconds a sample of onnxruntime with all `names` delivered and `reduce` over each."""
    images = np.load(DATA)["image"].astype(np.float32)
    runner = session(names)
    figures = []
    for _ in range(REPEATS):
        begun = time.process_time()
        for first in range(0, 512, 8):
            outputs = runner.run(None, {"image": images[first : first + 8]})
            if reduce:
                for value in outputs[1:]:
                    reduce(value)
        figures.append(1000 * (time.process_time() - begun) / 512)
    return float(np.median(figures))


def tell(row, by, figure, **more):
    print(json.dumps({"row": row, "by": by, "cpu_ms_per_sample": figure, **more}), flush=True)


def peak_memory(folder):
    """Peak memory of extraction over growing data: the same pictures over and over, as an uncompressed array."""
    images = np.load(DATA)["image"].astype(np.float32)
    peaks = []
    for samples in (2000, 8000, 32000):
        path = folder / f"{samples}.npy"
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(samples, *images.shape[1:]))
        for first in range(0, samples, len(images)):
            array[first : first + len(images)] = images
        array.flush()
        del array
        command = [NAPSCOPE, "extract", MODEL, "--data", path, "--layer", "*relu*", "--sketch", "histogram", "--threads", "2", "--quiet"]
        command += ["--engine", "rten", "-o", folder / f"memory-{samples}"]
        peak = peak_of([str(word) for word in command])
        peaks.append(f"{samples:,} samples {peak:.0f} MiB")
    print(json.dumps({"note": f"peak memory of `extract` (7 layers, histogram, 2 threads): {', '.join(peaks)}"}), flush=True)


def main():
    listing = json.loads(subprocess.run([NAPSCOPE, "layers", MODEL, "--engine", "rten", "--format", "json"], check=True, capture_output=True).stdout)
    tensors = [layer["tensor"] for layer in listing["layers"] if layer["tensor"] != "logits"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for engine in ("rten", "ort"):
            plain = napscope_ms(folder, engine, ["dense"], "mean")
            tell(f"{engine}: plain forward pass", "napscope", plain)
            for sketch in ("mean", "histogram", "kde"):
                cost = napscope_ms(folder, engine, ["*"], sketch)
                tell(f"{engine}: all {len(tensors) + 1} layers, {sketch}", "napscope", cost, note=f"{engine}: all layers with {sketch} cost {cost / plain:.2f} × the plain forward pass")
        tell("ort: plain forward pass", "onnxruntime + NumPy", python_ms([], None))
        tell(f"ort: all {len(tensors) + 1} layers, mean", "onnxruntime + NumPy", python_ms(tensors, lambda a: a.reshape(a.shape[0], a.shape[1], -1).mean(axis=2)))
        tell(f"ort: all {len(tensors) + 1} layers, kde", "onnxruntime + NumPy", python_ms(tensors, lambda a: kde_numpy(a, float(a.min()), float(a.max()) + 1e-6)))
        peak_memory(folder)


if __name__ == "__main__":
    main()
