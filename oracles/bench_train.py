"""How long PyTorch takes for a step of training and a forward pass of the receiver's network: one JSON line a row, over the
networks that crates/napscope-train/examples/bench_train.rs measures this project on.

Run:  pip install torch==2.15.0 numpy==2.4.6 && python oracles/bench_train.py

CPU milliseconds on one thread (eager mode, plain and channels_last), and wall seconds of a step with one thread and two.
"""

import json
import time

import torch
from torch import nn

SLOTS, INPUTS, BITS = 16, 19, 4
MEASUREMENTS, MEASURED_SECS, WALLS = 5, 0.3, 5
SIZES = {
    "tiny": (16, [(16, (1, 1)), (16, (2, 3)), (16, (2, 3)), (16, (1, 1))]),
    "small": (32, [(32, (1, 1)), (32, (2, 3)), (32, (3, 6)), (32, (2, 3)), (32, (2, 3)), (32, (1, 1))]),
}


def convolution(inputs, outputs, kernel=1, dilation=(1, 1), groups=1):
    padding = tuple(d * (kernel - 1) // 2 for d in dilation)
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, groups=groups)


class Block(nn.Module):
    """A block that keeps the width, as all of these networks' do."""

    def __init__(self, width, dilation):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.dw1 = convolution(width, 2 * width, 3, dilation, width)
        self.dw2 = convolution(width, 2 * width, 3, dilation, width)
        self.pw1, self.pw2 = convolution(2 * width, width), convolution(2 * width, width)

    def forward(self, x):
        half = self.pw1(self.dw1(torch.relu(self.bn1(x))))
        return x + self.pw2(self.dw2(torch.relu(self.bn2(half))))


def network(size):
    stem, blocks = SIZES[size]
    layers = [convolution(INPUTS, stem, 3)] + [Block(width, dilation) for width, dilation in blocks]
    return nn.Sequential(*layers, nn.BatchNorm2d(stem), nn.ReLU(), convolution(stem, BITS))


def best(work):
    work()
    times = []
    for _ in range(MEASUREMENTS):
        done, start = 0, time.process_time()
        while time.process_time() - start < MEASURED_SECS:
            work()
            done += 1
        times.append((time.process_time() - start) / done)
    return min(times)


def measure(size, num_prb, by, memory_format):
    torch.manual_seed(0)
    model = network(size).to(memory_format=memory_format)
    x = torch.randn(SLOTS, INPUTS, 14, 12 * num_prb).to(memory_format=memory_format)
    bits = torch.randint(0, 2, (SLOTS, BITS, 14, 12 * num_prb)).float()
    mask = (torch.rand(bits.shape) < 0.7).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def step():
        optimizer.zero_grad()
        loss = (nn.functional.binary_cross_entropy_with_logits(model(x), bits, reduction="none") * mask).sum() / mask.sum()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    def forward():
        with torch.inference_mode():
            model(x)

    def wall(threads):
        torch.set_num_threads(threads)
        times = []
        for _ in range(WALLS):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        torch.set_num_threads(1)
        return min(times)

    parameters = sum(parameter.numel() for parameter in model.parameters())
    name = f"{size} ({parameters} parameters), {SLOTS} slots of {num_prb} PRB"
    row = {"row": f"training step, {name}", "by": by, "cpu_ms": 1e3 * best(step), "wall_1": wall(1), "wall_2": wall(2)}
    print(json.dumps(row), flush=True)
    model.eval()
    print(json.dumps({"row": f"forward, {name}", "by": by, "cpu_ms": 1e3 * best(forward)}), flush=True)


torch.set_num_threads(1)
for size, num_prb in [("tiny", 6), ("small", 6), ("small", 26)]:
    for by, memory_format in [("PyTorch", torch.contiguous_format), ("PyTorch, channels_last", torch.channels_last)]:
        measure(size, num_prb, by, memory_format)
