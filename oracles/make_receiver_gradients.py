"""Loss and gradients of a small receiver network by PyTorch: what napscope-train's operations must give.

The network has everything that the real one has: a 3x3 convolution, pre-activation blocks with dilated depthwise convolutions,
an identity and a projected shortcut, batch norms in training and in use, a masked cross-entropy.
"""

import json
import pathlib

import torch
from torch import nn

torch.manual_seed(7)
torch.use_deterministic_algorithms(True)
BLOCKS = [(4, (1, 1)), (6, (2, 3))]
INPUTS, STEM, BITS = 3, 4, 2
SLOTS, HEIGHT, WIDTH = 3, 6, 11


def convolution(inputs, outputs, kernel=1, dilation=(1, 1), groups=1):
    padding = tuple(d * (kernel - 1) // 2 for d in dilation)
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, groups=groups)


class Block(nn.Module):
    def __init__(self, inputs, outputs, dilation):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        if inputs != outputs:
            self.shortcut = convolution(inputs, outputs)
        self.dw1 = convolution(inputs, 2 * inputs, 3, dilation, inputs)
        self.pw1 = convolution(2 * inputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.dw2 = convolution(outputs, 2 * outputs, 3, dilation, outputs)
        self.pw2 = convolution(2 * outputs, outputs)

    def forward(self, x):
        activated = torch.relu(self.bn1(x))
        shortcut = self.shortcut(activated) if hasattr(self, "shortcut") else x
        half = self.pw1(self.dw1(activated))
        return shortcut + self.pw2(self.dw2(torch.relu(self.bn2(half))))


class Receiver(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = convolution(INPUTS, STEM, 3)
        width = STEM
        for number, (outputs, dilation) in enumerate(BLOCKS, 1):
            setattr(self, f"block{number}", Block(width, outputs, dilation))
            width = outputs
        self.bn_out = nn.BatchNorm2d(width)
        self.conv_out = convolution(width, BITS)

    def forward(self, x):
        x = self.conv_in(x)
        for number in range(1, len(BLOCKS) + 1):
            x = getattr(self, f"block{number}")(x)
        return self.conv_out(torch.relu(self.bn_out(x)))


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().double().flatten().tolist()]


def main():
    model = Receiver()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bn" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    weights = {name: numbers(parameter) for name, parameter in model.named_parameters()}
    x = torch.randn(SLOTS, INPUTS, HEIGHT, WIDTH)
    bits = torch.randint(0, 2, (SLOTS, BITS, HEIGHT, WIDTH))
    bits[torch.rand(bits.shape) < 0.3] = -1
    # What each batch norm sees in this batch, with the biased variance that it divides by.
    running = {}

    def keep(name):
        def hook(module, inputs, _):
            mean = inputs[0].mean((0, 2, 3))
            variance = inputs[0].var((0, 2, 3), unbiased=False)
            running[name] = numbers(torch.stack([mean, variance], 1))
        return hook

    norms = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [module.register_forward_hook(keep(name)) for name, module in norms]
    logits = model(x)
    for hook in hooks:
        hook.remove()
    mask = bits >= 0
    loss = nn.functional.binary_cross_entropy_with_logits(logits[mask], bits[mask].float())
    loss.backward()
    gradients = {name: numbers(parameter.grad) for name, parameter in model.named_parameters()}

    model.eval()
    with torch.no_grad():
        for _, module in norms:
            module.running_mean.fill_(0.1)
            module.running_var.fill_(0.7)
        in_use = model(x)
    document = {
        "versions": {"torch": torch.__version__.split("+")[0]},
        "blocks": [[width, list(dilation)] for width, dilation in BLOCKS],
        "inputs": INPUTS, "stem": STEM, "bits_per_element": BITS,
        "slots": SLOTS, "height": HEIGHT, "width": WIDTH,
        "weights": weights, "input": numbers(x), "bits": bits.flatten().tolist(),
        "loss": float(f"{loss.item():.9g}"), "logits": numbers(logits), "moments": running, "gradients": gradients,
        "running_mean": 0.1, "running_var": 0.7, "logits_in_use": numbers(in_use),
    }
    path = pathlib.Path(__file__).with_name("receiver_gradients.json")
    path.write_text(json.dumps(document) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
