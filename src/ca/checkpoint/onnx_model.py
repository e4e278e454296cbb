"""An automaton for other tools: one tick of its rule as an ONNX model, for grids of any size."""

import json
from collections.abc import Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ca import __version__
from ca.model import CellularAutomaton
from ca.system.errors import FailedError

OPSET, IR_VERSION = 18, 8  # of December 2022, so that older tools can read the model
TOLERANCE = 1e-4  # relative to the largest channel; both sides compute in float32
DESCRIPTION = """\
grid: the liveness of each cell, then its state, whose last channels are the outputs, one for each class.
fired: the cells that take part if they are alive, each with probability fire_rate.
noise: normally distributed with standard deviation noise_level.
grid_after: the grid after one tick."""

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]  # kernel (outputs, inputs, side, side) and bias


def onnx_model(automaton: CellularAutomaton, classes: Sequence[str]) -> bytes:
    """The model as the content of a file.

    Its inputs are those of `CellularAutomaton.tick`, and its output is what `tick` returns: "grid" and
    "grid_after" (batch, channels, height, width) float32, "fired" (batch, height, width) bool and "noise"
    (batch, state channels, height, width) float32. Its metadata are `fire_rate`, `noise_level`,
    `alive_threshold` and `classes`, a list of names as JSON.

    Raises:
        FailedError: the automaton's `tick` is another rule than the one that is written
    """
    model = helper.make_model(
        _graph(_layers(automaton), automaton.architecture.alive_threshold),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ca",
        producer_version=__version__,
    )
    metadata = {
        "fire_rate": str(automaton.fire_rate),
        "noise_level": str(automaton.noise),
        "alive_threshold": str(automaton.architecture.alive_threshold),
        "classes": json.dumps(list(classes)),
    }
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    _refuse_other_rule(automaton, model)
    return model.SerializeToString()


def _layers(automaton: CellularAutomaton) -> list[Layer]:
    """The layers as convolutions: the first of 3x3 cells, the others of one."""
    first, *others = (tensor.detach().cpu() for tensor in automaton.weights()[1:])
    kernels = [automaton.perception_kernel().detach().cpu()]
    kernels += [weight[..., None, None] for weight in others[::2]]
    biases = [first, *others[1::2]]
    return [(kernel.numpy(), bias.numpy()) for kernel, bias in zip(kernels, biases, strict=True)]


def _graph(layers: list[Layer], alive_threshold: float) -> onnx.GraphProto:
    """The graph of a tick, with all sizes but those of the channels left open."""
    node = helper.make_node
    channels, states = layers[0][0].shape[1], len(layers[-1][1])
    constants = {
        "sizes": np.array([1, states]),
        "axis": np.array([1]),
        "alive_threshold": np.array(alive_threshold, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
    }
    nodes, values = [node("Split", ["grid", "sizes"], ["liveness", "state"], axis=1)], "grid"
    for number, (kernel, bias) in enumerate(layers, 1):
        weights = {f"kernel_{number}": kernel, f"bias_{number}": bias}
        constants |= weights
        margin = kernel.shape[-1] // 2
        nodes.append(node("Conv", [values, *weights], [f"layer_{number}"], pads=[margin] * 4))
        values = f"layer_{number}"
        if number < len(layers):
            nodes.append(node("Relu", [values], [f"active_{number}"]))
            values = f"active_{number}"
    nodes += [
        node("Greater", ["liveness", "alive_threshold"], ["alive"]),
        node("Unsqueeze", ["fired", "axis"], ["takes_part"]),
        node("And", ["alive", "takes_part"], ["updates"]),
        node("Add", [values, "noise"], ["change"]),
        node("Where", ["updates", "change", "zero"], ["added"]),
        node("Add", ["state", "added"], ["state_after"]),
        node("Concat", ["liveness", "state_after"], ["grid_after"], axis=1),
    ]
    value, square = helper.make_tensor_value_info, ["height", "width"]
    inputs = [
        value("grid", TensorProto.FLOAT, ["batch", channels, *square]),
        value("fired", TensorProto.BOOL, ["batch", *square]),
        value("noise", TensorProto.FLOAT, ["batch", states, *square]),
    ]
    results = [value("grid_after", TensorProto.FLOAT, ["batch", channels, *square])]
    arrays = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    return helper.make_graph(nodes, "tick", inputs, results, arrays, DESCRIPTION)


@torch.no_grad()
def _refuse_other_rule(automaton: CellularAutomaton, model: onnx.ModelProto) -> None:
    """Raise FailedError if the automaton's `tick` is another rule than the model's."""
    random = np.random.default_rng(0)
    channels = automaton.perception_kernel().shape[1]
    grid = random.uniform(0, 1, (2, channels, 5, 7)).astype(np.float32)
    fired = random.uniform(0, 1, (2, 5, 7)) < 0.7
    noise = random.normal(0, 0.1, (2, channels - 1, 5, 7)).astype(np.float32)
    expected = automaton.tick(*(torch.from_numpy(array) for array in (grid, fired, noise))).numpy()
    (found,) = ReferenceEvaluator(model).run(None, {"grid": grid, "fired": fired, "noise": noise})
    difference = np.abs(found - expected).max()
    if not difference <= TOLERANCE * max(1, np.abs(expected).max()):
        raise FailedError(
            f"can't write this {type(automaton).__name__} as ONNX: its tick differs by {difference:.2g} from "
            "the rule that ca/checkpoint/onnx_model.py writes"
        )
