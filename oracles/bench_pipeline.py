"""What tapping and sketching cost beside the plain forward pass, and how memory grows with the number of samples.

Drives the release build of `napscope extract` on the vision example (studies/vision) and on a ResNet-18 for 224 × 224 pictures
(random weights: what is computed does not change what it costs), and does the same work with onnxruntime and NumPy. CPU time is user + system time of one process with one thread; the time of a run over few samples is subtracted
from that of a run over many, so that loading and starting do not count. Prints JSON lines.

    python oracles/bench_pipeline.py
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "studies/vision/fashion_resnet.onnx"
DATA = ROOT / "studies/vision/fashion_test_2000.npz"
NAPSCOPE = ROOT / "target/release/napscope"
REPEATS = 3


class Case:
    """A network and its data, how many samples the two runs take, and the layer that counts as the plain forward pass."""

    def __init__(self, prefix, model, data, few, many, last):
        self.prefix, self.model, self.data, self.few, self.many, self.last = prefix, model, data, few, many, last


def resnet18(path):
    """Writes ResNet-18 (He et al. 2015, table 1) with random weights."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def constant(name, array):
        weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def conv_bn(name, x, a, b, size, stride):
        kernel = constant(f"{name}.w", rng.standard_normal((b, a, size, size)) * (2 / (a * size * size)) ** 0.5)
        nodes.append(helper.make_node("Conv", [x, kernel], [f"{name}.conv"], strides=[stride] * 2, dilations=[1, 1], pads=[size // 2] * 4))
        statistics = [constant(f"{name}.{word}", np.full(b, value)) for word, value in (("g", 1), ("b", 0), ("m", 0), ("v", 1))]
        nodes.append(helper.make_node("BatchNormalization", [f"{name}.conv", *statistics], [f"{name}.bn"]))
        return f"{name}.bn"

    def relu(name, x):
        nodes.append(helper.make_node("Relu", [x], [name]))
        return name

    x = relu("stem.relu", conv_bn("stem", "image", 3, 64, 7, 2))
    nodes.append(helper.make_node("MaxPool", [x], ["stem.pool"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4))
    x, width = "stem.pool", 64
    for stage, channels in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = relu(f"{name}.relu1", conv_bn(f"{name}.1", x, width, channels, 3, stride))
            y = conv_bn(f"{name}.2", y, channels, channels, 3, 1)
            short = conv_bn(f"{name}.down", x, width, channels, 1, stride) if width != channels else x
            nodes.append(helper.make_node("Add", [y, short], [f"{name}.add"]))
            x, width = relu(f"{name}.relu2", f"{name}.add"), channels
    nodes.append(helper.make_node("GlobalAveragePool", [x], ["pool"]))
    nodes.append(helper.make_node("Flatten", ["pool"], ["features"]))
    matrix = constant("fc.w", rng.standard_normal((512, 1000)) / 512**0.5)
    nodes.append(helper.make_node("MatMul", ["features", matrix], ["logits"]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 224, 224])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000])
    graph = helper.make_graph(nodes, "resnet18", [image], [logits], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


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


def napscope_ms(folder, case, engine, layers, sketch):
    """CPU milliseconds a sample of `napscope extract`: the median over paired runs."""
    figures = []
    for repeat in range(REPEATS):
        seconds = []
        for samples in (case.few, case.many):
            out = folder / "run"
            shutil.rmtree(out, ignore_errors=True)
            command = [NAPSCOPE, "extract", case.model, "--data", case.data, "--limit", str(samples), "--threads", "1", "--quiet"]
            command += ["--engine", engine, "--sketch", sketch, "--calibration", str(min(64, case.few)), "-o", out]
            if engine == "ort":
                command += ["--ort-library", next(pathlib.Path(ort.__file__).parent.glob("capi/libonnxruntime.so*"))]
            for layer in layers:
                command += ["--layer", layer]
            seconds.append(cpu_of([str(word) for word in command]))
        figures.append(1000 * (seconds[1] - seconds[0]) / (case.many - case.few))
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


def measure(folder, case):
    """The plain forward pass and every sketch of all layers (or of the ReLUs), for both engines."""
    for engine in ("rten", "ort"):
        plain = napscope_ms(folder, case, engine, [case.last], "mean")
        tell(f"{case.prefix}{engine}: plain forward pass", "napscope", plain)
        for layers, words in (("*", "all values"), ("*relu*", "all ReLUs")):
            for sketch in ("mean", "histogram", "kde"):
                cost = napscope_ms(folder, case, engine, [layers], sketch)
                note = f"{case.prefix}{engine}: {words} with {sketch} cost {cost / plain:.2f} × the plain forward pass"
                tell(f"{case.prefix}{engine}: {words}, {sketch}", "napscope", cost, note=note)


def main():
    listing = json.loads(subprocess.run([NAPSCOPE, "layers", MODEL, "--engine", "rten", "--format", "json"], check=True, capture_output=True).stdout)
    tensors = [layer["tensor"] for layer in listing["layers"] if layer["tensor"] != "logits"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        resnet18(folder / "resnet18.onnx")
        np.save(folder / "pictures.npy", np.random.default_rng(1).standard_normal((40, 3, 224, 224)).astype(np.float32))
        measure(folder, Case("", MODEL, DATA, 200, 2000, "dense"))
        measure(folder, Case("ResNet-18, ", folder / "resnet18.onnx", folder / "pictures.npy", 8, 40, "logits"))
        tell("ort: plain forward pass", "onnxruntime + NumPy", python_ms([], None))
        tell("ort: all values, mean", "onnxruntime + NumPy", python_ms(tensors, lambda a: a.reshape(a.shape[0], a.shape[1], -1).mean(axis=2)))
        tell("ort: all values, kde", "onnxruntime + NumPy", python_ms(tensors, lambda a: kde_numpy(a, float(a.min()), float(a.max()) + 1e-6)))
        peak_memory(folder)


if __name__ == "__main__":
    main()
