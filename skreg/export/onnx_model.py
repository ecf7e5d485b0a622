"""`to_onnx`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skreg._version import __version__
from skreg.export.describe import program_of
from skreg.export.graph import Graph, label_and_probabilities, onnx_labels, raw_of
from skreg.export.program import FLOATS, Program, Standardize, checked_dtype
from skreg.export.transformers import UnknownStepError

if TYPE_CHECKING:
    from onnx import ModelProto

#: The least opset whose operators are all that is written.
_LEAST_OPSET = 13


class OnnxGraph(Graph):
    """A graph that becomes a model."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self._constants: dict[tuple, tuple[str, NDArray]] = {}

    def node(self, kind, *inputs, **attributes):
        """See `Graph.node`."""
        return self._named_node(kind, inputs, f"{kind.lower()}_{len(self.nodes)}", attributes)

    def _named_node(self, kind, inputs, output, attributes):
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, array):
        """See `Graph.constant`; equal ones are one."""
        key = (array.dtype.str, array.shape, array.tobytes())
        return self._constants.setdefault(key, (f"constant_{len(self._constants)}", array))[0]

    def input(self, name: str, width: int) -> None:
        """Declare an input of shape (n, width)."""
        self.inputs.append(_declared(name, self.dtype, (width,)))

    def output(self, name: str, tensor: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        """Make a tensor of shape (n, *shape) an output of this name."""
        self._named_node("Identity", [tensor], name, {})
        self.outputs.append(_declared(name, dtype, shape))

    def model(self, target_opset: int, metadata: dict[str, str]) -> ModelProto:
        """The model, checked."""
        from onnx import checker, helper, numpy_helper

        constants = [
            numpy_helper.from_array(
                array.astype(object) if array.dtype.kind == "U" else array, name
            )
            for name, array in self._constants.values()
        ]
        opset = [helper.make_opsetid("", target_opset)]
        made = helper.make_model(
            helper.make_graph(self.nodes, "skreg", self.inputs, self.outputs, constants),
            opset_imports=opset,
            ir_version=helper.find_min_ir_version_for(opset),
            producer_name="skreg",
            producer_version=metadata["skreg_version"],
        )
        helper.set_model_props(made, metadata)
        checker.check_model(made)
        return made


def _declared(name: str, dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    from onnx import TensorProto, helper

    number = TensorProto.STRING if dtype.kind == "U" else helper.np_dtype_to_tensor_dtype(dtype)
    return helper.make_tensor_value_info(name, number, ["n", *shape])


def to_onnx(
    model: Any,
    X: Any = None,
    *,
    offset: bool = False,
    dtype: DTypeLike | None = None,
    target_opset: int = 17,
) -> ModelProto:
    """A fitted model as an ONNX graph, to be run by onnxruntime without Python or skreg.

    The input is ``X`` of shape (n, n_features), and ``offset`` of shape (n, 1) or (n, n_classes) if
    asked for. The output of a regressor is ``prediction`` of shape (n, n_targets); those of a
    classifier are ``label`` of shape (n,), and ``probabilities`` of shape (n, n_classes) in the
    order of ``classes_``; of several labels a row, both are of shape (n, n_labels). Inputs and
    hidden neurons that a network does not use are left out. The model's metadata hold
    ``feature_names`` as JSON, ``model`` and ``skreg_version``.

    Parameters
    ----------
    model : estimator
        A fitted estimator of skreg; a search, whose ``best_estimator_`` is exported; a
        `TransformedTargetRegressor`; or a Pipeline, whose steps may be scalers, `SimpleImputer`,
        `PCA`, feature selectors and those of `skreg.preprocessing`. With other parts of
        scikit-learn it is converted by skl2onnx, and X is needed.
    X : array-like, default=None
        A few rows such as ``predict`` takes, of which the types are looked at. Where skl2onnx
        converts, each column of a DataFrame becomes an input, its name made an identifier, and the
        graph has to predict these rows as the model does.
    offset : bool, default=False
        Whether the graph of a linear model takes an offset, as its ``predict`` does.
    dtype : {"float32", "float64"}, default=None
        Of the input, the output and what is between them. None is that of X, if X is of one of
        these, or else that of the model's parameters.
    target_opset : int, default=17
        The version of ONNX's operators, at least 13. 17 is that of onnx 1.12.

    Returns
    -------
    onnx.ModelProto
        ``model.SerializeToString()`` are the bytes for a file or for onnxruntime.

    Raises
    ------
    ImportError
        Without the package onnx, or skl2onnx where it is needed.
    TypeError
        For a model with parts that are not known, without X; the message names them.
    ValueError
        If numbers do not fit the dtype, or the offset the model; or if the graph that skl2onnx
        makes does not predict for X what the model does.

    Notes
    -----
    In float64 predictions are those of ``predict`` up to rounding. onnxruntime has no Erf in
    float64, which GELU needs: there the graph holds a polynomial that is exact to float64.
    A feature is centered and scaled in float64 in either case.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> import skreg
    >>> X, y = load_diabetes(return_X_y=True)
    >>> lasso = skreg.QuadraticApproxLasso(0.1).fit(X, y)
    >>> graph = skreg.to_onnx(lasso)
    >>> [node.op_type for node in graph.graph.node]
    ['Gather', 'MatMul', 'Add', 'Identity']
    >>> from onnxruntime import InferenceSession
    >>> session = InferenceSession(graph.SerializeToString())
    >>> np.allclose(session.run(["prediction"], {"X": X})[0][:, 0], lasso.predict(X))
    True
    """
    onnx = _onnx()
    last = onnx.defs.onnx_opset_version()
    if not isinstance(target_opset, Integral) or not _LEAST_OPSET <= target_opset <= last:
        raise ValueError(
            f"target_opset must be from {_LEAST_OPSET} to {last}, the "
            f"last that the installed onnx knows, got {target_opset!r}."
        )
    chosen = None if dtype is None else checked_dtype(dtype)
    try:
        program = program_of(model)
    except UnknownStepError as unknown:
        return _by_skl2onnx(model, X, offset, chosen, target_opset, unknown)
    program = program.with_offset(offset).pruned()
    chosen = _dtype_of(X, program) if chosen is None else chosen
    graph = _graph(program.cast(chosen, keep=Standardize), chosen)
    return graph.model(target_opset, _metadata(program.model, program.feature_names))


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the package onnx: pip install onnx onnxruntime."
        ) from error
    return onnx


def _dtype_of(X: Any, program: Program) -> np.dtype:
    own = getattr(X, "dtype", None)
    return own if own is not None and own in FLOATS else program.dtype


def _by_skl2onnx(
    model: Any,
    X: Any,
    offset: bool,
    dtype: np.dtype | None,
    target_opset: int,
    unknown: UnknownStepError,
) -> ModelProto:
    """The graph of a model with parts that skl2onnx may know."""
    if offset or X is None or not hasattr(model, "predict"):
        raise unknown
    try:
        from skreg.export.skl2onnx_converters import converted

        made = converted(model, X, dtype, target_opset)
    except ImportError as error:
        raise ImportError(
            f"{unknown} skl2onnx converts more, but it is not installed: pip install skl2onnx."
        ) from error
    from onnx import helper

    names = getattr(X, "columns", getattr(model, "feature_names_in_", None))
    helper.set_model_props(made, _metadata(type(model).__name__, names))
    return made


def _graph(program: Program, dtype: np.dtype) -> OnnxGraph:
    graph = OnnxGraph(dtype)
    graph.input("X", program.n_features)
    if program.offset_width:
        graph.input("offset", program.offset_width)
    raw = raw_of(program, graph, "X", "offset")
    if program.classes is None:
        graph.output("prediction", raw, dtype, (program.width,))
        return graph
    label, probabilities = label_and_probabilities(program, graph, raw)
    width = (len(program.classes),)
    if program.is_multilabel:
        graph.output("label", label, np.dtype(np.int64), width)
    else:
        graph.output("label", label, onnx_labels(program.classes).dtype, ())
    graph.output("probabilities", probabilities, dtype, width)
    return graph


def _metadata(model: str, names: Iterable[str] | None) -> dict[str, str]:
    """What is written beside the graph."""
    listed = None if names is None else list(map(str, names))
    return {
        "model": model,
        "skreg_version": __version__,
        "feature_names": json.dumps(listed, ensure_ascii=False),
    }
