"""skreg's estimators and transformers as operators of skl2onnx."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection._search import BaseSearchCV

from skreg.export.describe import PREDICTORS, best_of, program_of, target_steps
from skreg.export.graph import Graph, label_and_probabilities, raw_of
from skreg.export.program import Program, Standardize
from skreg.export.transformers import TRANSFORMERS, transformation_of
from skreg.model_selection import PathSearchCV

if TYPE_CHECKING:
    from onnx import ModelProto

# The operators for machine learning that came with opset 17.
_ML_OPSET = 3
# Of the largest prediction: what float32 may change.
_SAME = 1e-3
# What classifiers of skl2onnx may be asked for.
_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}


def register_with_skl2onnx() -> None:
    """Make skreg's estimators and transformers known to skl2onnx, and what it lacks around them.

    That is `PathSearchCV`, and scikit-learn's ``TransformedTargetRegressor``.

    After it ``skl2onnx.to_onnx`` converts Pipelines, ensembles and column transformers that hold
    them. `skreg.to_onnx` calls it where it needs to. It does no harm to call it again.

    Raises
    ------
    ImportError
        Without the package skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> import skl2onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import Normalizer
    >>> from skreg import QuadraticApproxRidge
    >>> from skreg.export import register_with_skl2onnx
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> model = make_pipeline(Normalizer(), QuadraticApproxRidge()).fit(X, X[:, 0])
    >>> register_with_skl2onnx()
    >>> graph = skl2onnx.to_onnx(model, X, target_opset=17)
    >>> [output.name for output in graph.graph.output]
    ['variable']
    """
    from skl2onnx import update_registered_converter

    parsers = {
        PathSearchCV: _parse_search,
        TransformedTargetRegressor: _parse_transformed_target,
    }
    own = [kind for kind in (*PREDICTORS, *TRANSFORMERS) if kind.__module__.startswith("skreg")]
    for kind in (*own, *parsers):
        classifies = kind is PathSearchCV or is_classifier(kind())
        update_registered_converter(
            kind,
            f"Skreg{kind.__name__}",
            _shapes,
            _convert,
            parser=parsers.get(kind),
            options=_OPTIONS if classifies else None,
        )


def _parse_search(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """The best estimator in the place of the search, with the search's options."""
    from skl2onnx._parse import parse_sklearn

    best = best_of(model)
    if is_classifier(best):
        scope.add_options(id(best), scope.get_options(model, {"zipmap": True}))
    return parse_sklearn(scope, best, inputs, custom_parsers=custom_parsers)


def _parse_transformed_target(
    scope: Any, model: Any, inputs: Any, custom_parsers: Any = None
) -> Any:
    """The regressor inside, and an operator behind it that takes its output to the target."""
    from skl2onnx._parse import parse_sklearn
    from skl2onnx.common.data_types import guess_tensor_type

    found = parse_sklearn(scope, model.regressor_, inputs, custom_parsers=custom_parsers)
    operator = scope.declare_local_operator(f"Skreg{type(model).__name__}", model)
    operator.inputs = found
    operator.outputs.append(
        scope.declare_local_variable("variable", guess_tensor_type(found[0].type))
    )
    return operator.outputs


class _ContainerGraph(Graph):
    """The graph of a container of skl2onnx."""

    def __init__(self, dtype: np.dtype, scope: Any, container: Any) -> None:
        self.dtype, self.scope, self.container = dtype, scope, container

    def node(self, kind, *inputs, **attributes):
        """See `Graph.node`."""
        output = self.scope.get_unique_variable_name(kind.lower())
        name = self.scope.get_unique_operator_name(kind)
        self.container.add_node(kind, list(inputs), [output], name=name, **attributes)
        return output

    def constant(self, array):
        """See `Graph.constant`."""
        from onnx import TensorProto, helper

        name = self.scope.get_unique_variable_name("constant")
        is_text = array.dtype.kind == "U"
        kind = TensorProto.STRING if is_text else helper.np_dtype_to_tensor_dtype(array.dtype)
        values = [label.encode() for label in array] if is_text else array.ravel()
        self.container.add_initializer(name, kind, list(array.shape), values)
        return name


def _program(model: Any) -> Program:
    """The program of one operator; labels as skl2onnx has them, text or int64."""
    if type(model) in PREDICTORS:
        program = program_of(model).with_offset(False)
        if program.classes is None or program.classes.dtype.kind == "U":
            return program
        return replace(program, classes=program.classes.astype(np.int64))
    if type(model) is TransformedTargetRegressor:
        steps, width = target_steps(model), model.transformer_.n_features_in_
    else:
        steps, width = transformation_of(model), model.n_features_in_
    return Program(type(model).__name__, width, None, tuple(steps), np.dtype(np.float64))


def _shapes(operator: Any) -> None:
    """Types and shapes of the outputs."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType, guess_tensor_type

    program, n = _program(operator.raw_operator), operator.inputs[0].get_first_dimension()
    number = type(guess_tensor_type(operator.inputs[0].type))
    if program.classes is None:
        operator.outputs[0].type = number([n, program.width])
        return
    label = StringTensorType if program.classes.dtype.kind == "U" else Int64TensorType
    width = len(program.classes)
    operator.outputs[0].type = label([n, width] if program.is_multilabel else [n])
    operator.outputs[1].type = number([n, width])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """The nodes of an estimator or transformer."""
    from skl2onnx.common.data_types import DoubleTensorType

    model, given = operator.raw_operator, operator.inputs[0]
    dtype = np.dtype(np.float64 if isinstance(given.type, DoubleTensorType) else np.float32)
    graph = _ContainerGraph(dtype, scope, container)
    program = _program(model).pruned().cast(dtype, keep=Standardize)
    # What comes is float32, or whole numbers, or what another converter promised to be float64.
    found = [raw_of(program, graph, graph.cast(given.full_name, dtype))]
    if program.classes is not None:
        found = list(label_and_probabilities(program, graph, found[0]))
    for name, output in zip(found, operator.outputs, strict=True):
        container.add_node(
            "Identity", [name], [output.full_name], name=scope.get_unique_operator_name("Identity")
        )


def converted(model: Any, X: Any, dtype: np.dtype | None, target_opset: int) -> ModelProto:
    """The graph that skl2onnx makes of a model, with outputs named as `to_onnx` has them.

    Parameters
    ----------
    model : estimator
    X : ndarray or DataFrame
        Rows whose types are those of the inputs; of a DataFrame every column is one.
    dtype : dtype or None
        What numbers with fractions are made first.
    target_opset : int

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    ValueError
        If the graph does not predict for X what the model does.
    """
    import skl2onnx

    register_with_skl2onnx()
    while isinstance(model, BaseSearchCV):
        model = best_of(model)
    if dtype is not None:
        X = _in_dtype(X, dtype)
    classifies = is_classifier(model)
    made = skl2onnx.to_onnx(
        model,
        X,
        target_opset={"": target_opset, "ai.onnx.ml": _ML_OPSET},
        options={id(model): {"zipmap": False}} if classifies else None,
        final_types=None if classifies else [("prediction", None)],
    )
    _check_predictions(made, model, X)
    return made


def _check_predictions(made: ModelProto, model: Any, X: Any) -> None:
    """Raise unless the graph predicts what the model does: not all of it is ours.

    Without onnxruntime it cannot be run.
    """
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors
    except ImportError:
        return
    method, output = "predict", "prediction"
    if is_classifier(model):
        method, output = "predict_proba", "probabilities"
    if not hasattr(model, method):
        return
    advice = (
        f"The graph that skl2onnx makes of this {type(model).__name__} is not it: {{}}. Try "
        "dtype='float32', or X as one array, without names of columns. Otherwise do without the "
        "parts of scikit-learn that to_onnx does not know by itself."
    )
    columns = [X[[name]].to_numpy() for name in X.columns] if hasattr(X, "columns") else [X]
    try:
        session = onnxruntime.InferenceSession(
            made.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        inputs = zip(session.get_inputs(), columns, strict=True)
        (found,) = session.run([output], {i.name: _as_input(x, i.type) for i, x in inputs})
    except (errors.Fail, errors.NotImplemented, errors.RuntimeException) as error:
        raise ValueError(advice.format(error)) from error
    want = np.asarray(getattr(model, method)(X))
    difference = np.abs(np.reshape(found, want.shape) - want).max()
    if not difference <= _SAME * np.abs(want).max():
        raise ValueError(advice.format(f"its predictions for X are off by {difference:.2g}"))


def _as_input(column: Any, kind: str) -> np.ndarray:
    """An array of the type that an input of a graph has."""
    number = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    return np.asarray(column, number.get(kind, None if kind == "tensor(bool)" else object))


def _in_dtype(X: Any, dtype: np.dtype) -> Any:
    if not hasattr(X, "columns"):
        return np.asarray(X, dtype)
    return X.astype({c: dtype for c in X.columns if X[c].dtype.kind == "f"})
