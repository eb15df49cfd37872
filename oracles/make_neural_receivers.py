"""Small networks that receive: some whose LLRs can be written down, and one for each way in which a network is no receiver.

Writes neural_receivers/*.onnx beside this file. `equalised` demaps (max-log) the equalised symbols that its input holds, so that
its bits are those of the classical receiver `lmmse_estimated`, coded and uncoded, and `raw_awgn` takes the sum of its antennas for
the symbol, which is what `perfect_csi` does where there is noise alone. Everything else differs from one of them in one thing.
No number is stored: the tests compare with the classical receivers on the same slots.

Run: python make_neural_receivers.py   (onnx 1.23.2, numpy 2.4.6)
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).parent / "neural_receivers"
ROOT_HALF, ROOT_TENTH = np.sqrt(0.5), np.sqrt(0.1)


def card(**changes):
    """The metadata of `equalised` with some changes."""
    return {
        "version": 1,
        "input": "estimate",
        "num_rx_ant": 2,
        "num_bits": 4,
        "modulations": ["qpsk", "16qam"],
        "llr": "ln P(1)/P(0)",
        "axes": ["batch", "channel", "ofdm_symbol", "subcarrier"],
        "training": {"snr_db": "-4..32", "delay_spread_secs": "10ns..300ns", "max_doppler_hz": "0..500"},
        **changes,
    }


class Graph:
    """Nodes and constants, as they come."""

    def __init__(self, channels):
        self.channels, self.nodes, self.constants = channels, [], []

    def constant(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, operator, *inputs, output=None, **attributes):
        inputs = [self.constant(i) if not isinstance(i, str) else i for i in inputs]
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def matrix(self, x, rows):
        """A 1 x 1 convolution: each row is {input channel: weight}."""
        return self.add("Conv", x, np.array([[row.get(c, 0) for c in range(self.channels)] for row in rows])[..., None, None])


def equalised(graph, x):
    """Max-log LLRs of 16-QAM from channels 14 … 18: Re and Im of the antennas' shares of the equalised symbol, log10 of its error.

    The two last bits of a QPSK symbol are not read, and its first two have the sign (and in max-log the scale) of QPSK's own,
    as far as hard decisions go. Symbols are biased by 1 / (1 + error).
    """
    symbols = graph.matrix(x, [{14: 1, 15: 1}, {16: 1, 17: 1}])
    error = graph.add("Exp", graph.matrix(x, [{18: np.log(10)}]))
    unbiased = graph.add("Mul", symbols, graph.add("Add", error, np.float32(1)))
    size = graph.add("Abs", unbiased)
    # |distance²| differences of the one-dimensional map 3, 1, -1, -3 over sqrt(10): bits 0 and 1 are the signs.
    scale = graph.add("Div", np.float32(4 * ROOT_TENTH), error)
    beyond = graph.add("Max", np.float32(0), graph.add("Sub", size, np.float32(2 * ROOT_TENTH)))
    signed = graph.add("Mul", graph.add("Sign", unbiased), graph.add("Add", size, beyond))
    first = graph.add("Mul", graph.add("Neg", signed), scale)
    # The outer points have bit 1: TS 38.211, 5.1.4.
    last = graph.add("Mul", graph.add("Sub", size, np.float32(2 * ROOT_TENTH)), scale)
    return graph.add("Concat", first, last, axis=1)


def raw_awgn(graph, x):
    """LLRs of QPSK, but for a factor, where the channel is one: minus the sum over the antennas."""
    return graph.matrix(x, [{0: -1, 1: -1}, {2: -1, 3: -1}])


def write(name, body, channels=19, metadata=None, shape=None, outputs=("llr",), more_inputs=(), rank=4):
    graph = Graph(channels)
    llr = body(graph, "input")
    for other in outputs[:-1]:
        graph.add("Neg", llr, output=other)
    graph.add("Identity", llr, output=outputs[-1])
    shape = shape or ["batch", channels, 14, "subcarrier"]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
    inputs += [helper.make_tensor_value_info(other, TensorProto.FLOAT, ["batch", 1]) for other in more_inputs]
    values = [helper.make_tensor_value_info(output, TensorProto.FLOAT, list("abcd")[:rank]) for output in outputs]
    model = helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, values, graph.constants),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="make_neural_receivers.py",
    )
    if metadata is not None:
        entry = model.metadata_props.add()
        entry.key = "napscope.receiver"
        entry.value = metadata if isinstance(metadata, str) else json.dumps(metadata)
    onnx.checker.check_model(model)
    onnx.save(model, OUT / f"{name}.onnx")


def after(change):
    """`equalised`, and one thing more."""
    return lambda graph, x: change(graph, equalised(graph, x))


def main():
    OUT.mkdir(exist_ok=True)
    write("equalised", equalised, metadata=card())
    write("raw_awgn", raw_awgn, 10, card(input="raw", num_bits=2, modulations=["qpsk"]))
    write("raw_without_card", raw_awgn, 10)
    write("fixed_batch", equalised, metadata=card(), shape=[3, 19, 14, "subcarrier"])
    write("two_outputs", equalised, metadata=card(), outputs=("other", "llr"))

    write("card_torn", equalised, metadata='{"version": 1, ')
    write("card_of_tomorrow", equalised, metadata=card(version=2))
    write("other_sign", equalised, metadata=card(llr="ln P(0)/P(1)"))
    write("other_axes", equalised, metadata=card(axes=["batch", "subcarrier", "ofdm_symbol", "channel"]))
    write("unknown_input", equalised, metadata=card(input="spectrogram"))
    write("four_antennas", equalised, 35, card(num_rx_ant=4))
    write("qpsk_alone", equalised, metadata=card(modulations=["qpsk"]))
    write("too_few_channels", raw_awgn, 10, card(num_bits=2))
    write("two_bits", raw_awgn, 19, card(num_bits=2))
    write("bits_misstated", equalised, metadata=card(num_bits=8))
    write("fixed_grid", equalised, metadata=card(), shape=["batch", 19, 14, 36])
    write("twelve_symbols", equalised, metadata=card(), shape=["batch", 19, 12, "subcarrier"])
    write("flat", lambda graph, x: graph.add("Flatten", x, axis=1), 19, card(), rank=2)
    write("three_axes", lambda graph, x: graph.add("Identity", x), 19, card(), shape=["batch", 19, "subcarrier"], rank=3)
    write("channels_last", after(lambda graph, y: graph.add("Transpose", y, perm=[0, 2, 3, 1])), metadata=card())
    write("two_inputs", equalised, metadata=card(), more_inputs=("noise_var",))
    write("nameless_outputs", equalised, metadata=card(), outputs=("first", "second"))
    write("mixes_slots", after(lambda g, y: g.add("Sub", y, g.add("ReduceMean", y, axes=[0]))), metadata=card())
    # Of numbers beyond ± 1e-3 alone, so that made-up samples show it as well as slots.
    write("gives_nan", after(lambda g, y: g.add("Sqrt", g.add("Neg", g.add("Abs", y)))), metadata=card())
    write("gives_infinity", after(lambda g, y: g.add("Div", y, np.float32(0))), metadata=card())


main()
