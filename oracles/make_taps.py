"""Small networks of every kind and layout, exported to ONNX, and what onnxruntime computes in them without optimisation.

Writes taps/*.onnx and make_taps.json beside this file. Weights are random (seeded), BatchNorm statistics too, so that no
operator is an identity. Inputs are not stored: `number(i)` below makes them, and the Rust test makes them the same way.
Each value of a graph is described by its shape, its sum, the sum and the maximum of its absolute values, and a few entries.

Run: python make_taps.py   (versions as recorded in the JSON)
"""

import ast
import json
import pathlib
import platform
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
TAPS = HERE / "taps"
ENTRIES = 6


def number(i):
    """A number in [-1, 1) that f32 holds exactly, from the upper 24 bits of a multiplicative hash."""
    return ((i + 1) * 2654435761 % 2**32 >> 8) / 2**23 - 1


def floats(shape):
    return np.array([number(i) for i in range(np.prod(shape))], np.float32).reshape(shape)


def integers(shape, below):
    return np.array([(i * 7 + 3) % below for i in range(np.prod(shape))], np.int64).reshape(shape)


# Networks


def conv_bn(a, b, size, **options):
    return nn.Sequential(nn.Conv2d(a, b, size, bias=False, **options), nn.BatchNorm2d(b))


class PlainCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.LeakyReLU(0.1), nn.AvgPool2d(2)
        )
        self.classifier = nn.Sequential(nn.Linear(8 * 2 * 2, 10), nn.Tanh(), nn.Linear(10, 4))

    def forward(self, x):
        return torch.softmax(self.classifier(torch.flatten(self.features(x), 1)), 1)


class Block(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(a, b, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(b)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(b, b, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(b)
        self.downsample = conv_bn(a, b, 1, stride=stride) if stride != 1 or a != b else None

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(Block(6, 6, 1), Block(6, 6, 1))
        self.layer2 = nn.Sequential(Block(6, 8, 2), Block(8, 8, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x)))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class DepthwiseBlock(nn.Module):
    """A pre-activation block of depthwise-separable convolutions with dilation, as neural receivers use."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.depthwise = nn.Conv2d(channels, 2 * channels, 3, padding=dilation, dilation=dilation, groups=channels)
        self.pointwise = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        return x + self.pointwise(self.depthwise(torch.relu(self.bn(x))))


class Depthwise(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(4, 8, 3, padding=1)
        self.blocks = nn.ModuleList([DepthwiseBlock(8, (1, 1)), DepthwiseBlock(8, (2, 3))])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class InvertedResidual(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.expand = nn.Sequential(*conv_bn(channels, hidden, 1), nn.ReLU6())
        self.depthwise = nn.Sequential(*conv_bn(hidden, hidden, 3, padding=1, groups=hidden), nn.ReLU6())
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(hidden, 4, 1), nn.ReLU(), nn.Conv2d(4, hidden, 1))
        self.gate = nn.Hardsigmoid()
        self.project = conv_bn(hidden, channels, 1)

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        return x + self.project(y * self.gate(self.squeeze(y)))


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, 8, 3, stride=2, padding=1), nn.Hardswish())
        self.blocks = nn.Sequential(InvertedResidual(8, 16), InvertedResidual(8, 16))
        self.classifier = nn.Linear(8, 5)

    def forward(self, x):
        return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.position = nn.Parameter(torch.randn(1, 5, 8) * 0.3)
        self.token = nn.Parameter(torch.randn(1, 1, 8) * 0.3)
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.encoder(x)[:, 0])


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(10, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Linear(16, 12), nn.LayerNorm(12), nn.SiLU(), nn.Linear(12, 3)
        )

    def forward(self, x):
        return self.layers(x)


class Conv1d(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(2, 6, 5, stride=2), nn.BatchNorm1d(6), nn.ELU(), nn.Conv1d(6, 8, 3, groups=2), nn.GroupNorm(2, 8), nn.PReLU(8)
        )
        self.lstm = nn.LSTM(8, 5, batch_first=True)

    def forward(self, x):
        return self.lstm(self.net(x).transpose(1, 2))[0][:, -1]


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.words = nn.Linear(6, 6)
        self.numbers = nn.Linear(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, words, numbers):
        sentence = torch.relu(self.words(self.embedding(words)))
        return self.head(sentence.mean(1) * torch.sigmoid(self.numbers(numbers)))


def randomised(network, seed):
    torch.manual_seed(seed)
    network = network()
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def exported(name, network, inputs, dynamo, batch=True, external=False):
    path = TAPS / f"{name}.onnx"
    names = list(inputs)
    example = tuple(torch.from_numpy(array) for array in inputs.values())
    if dynamo:
        shapes = tuple({0: torch.export.Dim("n")} for _ in names) if batch else None
        torch.onnx.export(
            network, example, path, dynamo=True, input_names=names, dynamic_shapes=shapes, external_data=False, verbose=False
        )
    else:
        axes = {key: {0: "n"} for key in names} if batch else None
        torch.onnx.export(network, example, path, dynamo=False, opset_version=17, input_names=names, dynamic_axes=axes)
    model = onnx.load(path)
    scrub(model)
    onnx.save(model, path, save_as_external_data=external, location=f"{name}.onnx.data", size_threshold=100)
    return path


def scrub(model):
    """Drops what exporters note of the machine they ran on, all but the scopes."""
    for part in [*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, model.graph, model]:
        part.doc_string = ""
        kept = [entry for entry in part.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
        for entry in kept:
            ast.literal_eval(entry.value)
        del part.metadata_props[:]
        part.metadata_props.extend(kept)
    for function in model.functions:
        raise SystemExit(f"unexpected function {function.name}")


# Graphs written by hand


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def saved(name, nodes, inputs, outputs, constants, opset=17):
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, TAPS / f"{name}.onnx")
    return TAPS / f"{name}.onnx"


def nhwc():
    """As tf2onnx writes a Keras network: NHWC values, transposed to NCHW and back around each convolution."""
    rng = np.random.default_rng(7)

    def weights(*shape):
        return (rng.standard_normal(shape) * 0.4).astype(np.float32)

    node = helper.make_node
    nodes = [
        node("Mul", ["image", "scale"], ["model/rescaling/mul:0"]),
        node("Transpose", ["model/rescaling/mul:0"], ["conv/t0"], perm=[0, 3, 1, 2]),
        node("Conv", ["conv/t0", "k0"], ["conv/c0"], pads=[1, 1, 1, 1], strides=[1, 1], dilations=[1, 1]),
        node("Transpose", ["conv/c0"], ["model/conv2d/Conv2D:0"], perm=[0, 2, 3, 1]),
        node("Add", ["model/conv2d/Conv2D:0", "b0"], ["model/conv2d/BiasAdd:0"]),
        node("Relu", ["model/conv2d/BiasAdd:0"], ["model/conv2d/Relu:0"]),
        node("Transpose", ["model/conv2d/Relu:0"], ["pool/t1"], perm=[0, 3, 1, 2]),
        node("MaxPool", ["pool/t1"], ["pool/p1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["pool/p1"], ["model/max_pooling2d/MaxPool:0"], perm=[0, 2, 3, 1]),
        node("Mul", ["model/max_pooling2d/MaxPool:0", "gamma"], ["model/bn/mul:0"]),
        node("ReduceMean", ["model/bn/mul:0"], ["model/gap/Mean:0"], axes=[1, 2], keepdims=0),
        node("MatMul", ["model/gap/Mean:0", "w"], ["model/dense/MatMul:0"]),
        node("Add", ["model/dense/MatMul:0", "b"], ["dense"]),
    ]
    constants = [
        constant("scale", np.float32(0.5)),
        constant("k0", weights(5, 3, 3, 3)),
        constant("b0", weights(5)),
        constant("gamma", weights(5)),
        constant("w", weights(5, 4)),
        constant("b", weights(4)),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["unk__1", 8, 6, 3])
    dense = helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["unk__2", 4])
    return saved("nhwc", nodes, [image], [dense], constants)


def oddities():
    """Values of every kind that cannot be tapped, and some unusual ones that can."""
    node = helper.make_node
    nodes = [
        node("Constant", [], ["constant"], value=constant("c", np.float32([1, 2, 3, 4]))),
        node("Add", ["constant", "four"], ["folded"]),
        node("Mul", ["x", "folded"], ["scaled"]),
        node("Shape", ["scaled"], ["shape"]),
        node("Cast", ["shape"], ["shape_as_float"], to=TensorProto.FLOAT),
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("ReduceMean", ["scaled"], ["batch_mean"], axes=[0], keepdims=1),
        node("Sub", ["scaled", "batch_mean"], ["centred_over_batch"]),
        node("Transpose", ["scaled"], ["samples_last"], perm=[1, 0]),
        node("Reshape", ["scaled", "halves"], ["halved"]),
        node("ArgMax", ["scaled"], ["argmax"], axis=1, keepdims=0),
        node("Greater", ["scaled", "zero"], ["positive"]),
        node("Cast", ["scaled"], ["as_half"], to=TensorProto.FLOAT16),
        node("Cast", ["scaled"], ["as_double"], to=TensorProto.DOUBLE),
        node("ReduceSum", ["scaled", "axis1"], ["one_number"], keepdims=0),
        node("NonZero", ["positive"], ["where_positive"]),
        node("Split", ["scaled"], ["left", "right"], axis=1),
        node("Add", ["left", "right"], ["y"]),
    ]
    constants = [
        constant("four", np.float32([4])),
        constant("zero", np.float32(0)),
        constant("halves", np.int64([-1, 2])),
        constant("axis1", np.int64([1])),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    return saved("oddities", nodes, [x], [y], constants)


def bare():
    """Operators with no attribute but those that the standard asks for: the kernel's shape, strides and dilations are left out."""
    rng = np.random.default_rng(8)
    weights = lambda name, *shape: constant(name, (rng.standard_normal(shape) * 0.4).astype(np.float32))
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "k0"], ["conv"]),
        node("MaxPool", ["conv"], ["max_pool"], kernel_shape=[2, 2]),
        node("ConvTranspose", ["max_pool", "k1"], ["conv_transpose"]),
        node("AveragePool", ["conv_transpose"], ["average_pool"], kernel_shape=[2, 3]),
        node("Conv", ["average_pool", "k2"], ["conv_same"], auto_pad="SAME_UPPER"),
        node("Reshape", ["conv_same", "line"], ["rows"]),
        node("Conv", ["rows", "k3"], ["y"]),
    ]
    constants = [weights("k0", 4, 3, 3, 3), weights("k1", 4, 3, 3, 3), weights("k2", 2, 3, 3, 3), weights("k3", 5, 1, 3)]
    constants.append(constant("line", np.int64([0, 1, -1])))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5, "length"])
    return saved("bare", nodes, [x], [y], constants)


# Reference values


def described(array):
    flat = array.astype(np.float64).ravel()
    places = sorted({int(place) for place in np.linspace(0, flat.size - 1, min(ENTRIES, flat.size))})
    short = lambda value: float(f"{value:.9g}")
    return {
        **({"half": True} if array.dtype == np.float16 else {}),
        "shape": list(array.shape),
        "sum": short(flat.sum()),
        "abs_sum": short(np.abs(flat).sum()),
        "peak": short(np.abs(flat).max()),
        "entries": [[place, short(flat[place])] for place in places],
    }


def reference(path, inputs):
    model = onnx.load(path)
    taps = [name for node in model.graph.node for name in node.output if name]
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in taps if name not in present)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    values = {}
    for name, array in zip(taps, session.run(taps, inputs)):
        if array.dtype in (np.float16, np.float32, np.float64) and array.size and np.isfinite(array).all():
            values[name] = described(array)
    return values


def case(path, inputs, exporter):
    kinds = {
        name: {"shape": list(array.shape), **({} if array.dtype == np.float32 else {"below": 11})}
        for name, array in inputs.items()
    }
    return {"exporter": exporter, "inputs": kinds, "values": reference(path, inputs)}


def main():
    TAPS.mkdir(exist_ok=True)
    picture = {"x": floats((3, 3, 8, 8))}
    networks = [
        ("plain_cnn", PlainCnn, {"x": floats((3, 1, 12, 12))}, "both"),
        ("resnet", ResNet, picture, "both"),
        ("depthwise", Depthwise, {"x": floats((3, 4, 6, 7))}, "dynamo"),
        ("mobilenet", MobileNet, picture, "both"),
        ("transformer", Transformer, picture, "both"),
        ("mlp", Mlp, {"x": floats((3, 10))}, "dynamo"),
        ("conv1d", Conv1d, {"x": floats((3, 2, 30))}, "legacy"),
        ("two_inputs", TwoInputs, {"words": integers((3, 7), 11), "numbers": floats((3, 4))}, "dynamo"),
    ]
    cases = {}
    for seed, (name, network, inputs, exporter) in enumerate(networks):
        for kind in ["dynamo", "legacy"]:
            if exporter in (kind, "both"):
                path = exported(f"{name}_{kind}", randomised(network, seed), inputs, kind == "dynamo")
                cases[path.stem] = case(path, inputs, kind)
    inputs = {"x": floats((4, 3, 8, 8))}
    path = exported("fixed_batch", randomised(ResNet, 20), inputs, True, batch=False)
    cases[path.stem] = case(path, inputs, "dynamo")
    path = exported("external", randomised(PlainCnn, 21), {"x": floats((3, 1, 12, 12))}, True, external=True)
    cases[path.stem] = case(path, {"x": floats((3, 1, 12, 12))}, "dynamo")
    cases["nhwc"] = case(nhwc(), {"image": floats((3, 8, 6, 3))}, "by hand")
    cases["oddities"] = case(oddities(), {"x": floats((3, 4))}, "by hand")
    cases["bare"] = case(bare(), {"x": floats((3, 3, 8, 8))}, "by hand")
    versions = {module.__name__: module.__version__.split("+")[0] for module in (torch, onnx, onnxruntime, np)}
    document = {"versions": {"python": platform.python_version(), **versions}, "models": cases}
    (HERE / "make_taps.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
