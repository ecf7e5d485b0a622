"""Programs as nodes of an ONNX graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.export.formulas import FORMULAS, Value
from skreg.export.program import (
    Affine,
    Apply,
    Bounds,
    Cosines,
    Fill,
    Mean,
    Offset,
    Program,
    RowMap,
    Softmax,
    Spread,
    Standardize,
    Take,
)

_OPERATORS = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div"}
_FUNCTIONS = {
    "neg": "Neg",
    "exp": "Exp",
    "tanh": "Tanh",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "maximum": "Max",
    "minimum": "Min",
}


class Graph(ABC):
    """A graph to which nodes are added; ``dtype`` is that of its numbers."""

    dtype: np.dtype

    @abstractmethod
    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; the name of the output."""

    @abstractmethod
    def constant(self, array: NDArray) -> str:
        """Add an array; its name."""

    def cast(self, name: str, dtype: Any) -> str:
        """The tensor in another dtype."""
        from onnx import helper

        return self.node("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


@dataclass(frozen=True)
class Tensor(Value):
    """A tensor of a graph by its name."""

    graph: Graph
    name: str

    def _node(self, kind: str, *operands: Tensor | float) -> Tensor:
        names = [
            operand.name
            if isinstance(operand, Tensor)
            else self.graph.constant(np.array(operand, self.graph.dtype))
            for operand in operands
        ]
        return Tensor(self.graph, self.graph.node(kind, *names))

    def combined(self, operator, left, right):
        """See `Value.combined`."""
        return self._node(_OPERATORS[operator], left, right)

    def function(self, name, *others):
        """See `Value.function`."""
        return self._node(_FUNCTIONS[name], self, *others)

    def upper_tail(self):
        """See `Value.upper_tail`: through Erf, which onnxruntime has in float32 only."""
        if self.graph.dtype == np.float64:
            return super().upper_tail()
        return 0.5 + self._node("Erf", self * np.sqrt(0.5)) * -0.5


def raw_of(program: Program, graph: Graph, x: str, offset: str | None = None) -> str:
    """Add the steps of a program to a graph.

    Parameters
    ----------
    program : Program
        In the dtype of the graph, but for `Standardize`, which stays in float64.
    graph : Graph
    x : str
        The rows, of shape (n, n_features).
    offset : str or None
        The offset, of shape (n, offset_width), where the program has one.

    Returns
    -------
    str
        Predictions of shape (n, width): of classes raw ones.
    """
    for step in program.steps:
        x = graph.node("Add", x, str(offset)) if isinstance(step, Offset) else _add(step, graph, x)
    return x


def label_and_probabilities(program: Program, graph: Graph, raw: str) -> tuple[str, str]:
    """Add what raw predictions mean for classes; names of labels and of probabilities."""
    probabilities = raw if program.has_shares else _shares(program, graph, raw)
    if program.is_multilabel or program.is_binary:
        least = _scalar(graph, 0.5 if program.has_shares else 0.0)
        above = graph.cast(graph.node("Greater", raw, least), np.int64)
    if program.is_multilabel:
        return above, probabilities
    if program.is_binary:
        index = graph.node("Squeeze", above, graph.constant(np.array([1])))
    else:
        index = graph.node("ArgMax", raw, axis=1, keepdims=0)
    if program.is_binary and program.has_shares:
        first = graph.node("Sub", _scalar(graph, 1.0), raw)
        probabilities = graph.node("Concat", first, raw, axis=1)
    labels = graph.constant(onnx_labels(program.classes))
    return graph.node("Gather", labels, index, axis=0), probabilities


def _shares(program: Program, graph: Graph, raw: str) -> str:
    """Probabilities of raw predictions."""
    share, value = FORMULAS["logistic"], Tensor(graph, raw)
    if program.is_multilabel:
        return share(value).name
    if program.is_binary:
        return graph.node("Concat", share(-value).name, share(value).name, axis=1)
    return _add(Softmax(), graph, raw)


def onnx_labels(classes: NDArray | None) -> NDArray:
    """Labels as ONNX has them: int64 for whole numbers."""
    labels = np.asarray(classes)
    if labels.dtype.kind not in "iu":
        return labels
    if labels.max() > np.iinfo(np.int64).max:
        raise ValueError(
            f"class {labels.max()} is beyond int64, which labels of ONNX are. Fit the model to "
            "other labels, such as text."
        )
    return labels.astype(np.int64)


def _scalar(graph: Graph, number: float) -> str:
    return graph.constant(np.array(number, graph.dtype))


@singledispatch
def _add(step: RowMap, graph: Graph, x: str) -> str:
    """Add a step; the name of its output."""
    raise NotImplementedError(type(step).__name__)


@_add.register
def _(step: Take, graph, x):
    return graph.node("Gather", x, graph.constant(step.indices.astype(np.int64)), axis=1)


@_add.register
def _(step: Fill, graph, x):
    values = graph.constant(step.values.astype(graph.dtype)[None])
    return graph.node("Where", graph.node("IsNaN", x), values, x)


@_add.register
def _(step: Standardize, graph, x):
    # In float64 always: where x and its shift are large and close, float32 would lose the digits.
    wide = x if graph.dtype == np.float64 else graph.cast(x, np.float64)
    moved = graph.node("Sub", wide, graph.constant(step.shift.astype(np.float64)))
    scaled = graph.node("Div", moved, graph.constant(step.scale.astype(np.float64)))
    return scaled if graph.dtype == np.float64 else graph.cast(scaled, graph.dtype)


@_add.register
def _(step: Bounds, graph, x):
    above = graph.node("Max", x, graph.constant(step.lower))
    return graph.node("Min", above, graph.constant(step.upper))


@_add.register
def _(step: Cosines, graph, x):
    moved = graph.node("Mul", x, graph.constant(step.frequency))
    turns = graph.node("Add", moved, graph.constant(step.phase))
    waves = graph.node("Cos", graph.node("Mul", turns, _scalar(graph, 2 * np.pi)))
    return graph.node("Where", graph.constant(step.waves.astype(bool)), waves, x)


@_add.register
def _(step: Apply, graph, x):
    return FORMULAS[step.formula](Tensor(graph, x), *step.parameters).name


@_add.register
def _(step: Affine, graph, x):
    weights, biases = graph.constant(step.weights), graph.constant(step.biases)
    return graph.node("Add", graph.node("MatMul", x, weights), biases)


@_add.register
def _(step: Spread, graph, x):
    return graph.node("Mul", x, graph.constant(step.factors))


@_add.register
def _(step: Mean, graph, x):
    total = graph.node("ReduceSum", x, graph.constant(np.array([0])), keepdims=0)
    return graph.node("Mul", total, _scalar(graph, 1 / step.n_members))


@_add.register
def _(step: Softmax, graph, x):
    return graph.node("Softmax", x, axis=-1)
