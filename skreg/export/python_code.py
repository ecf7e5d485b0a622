"""`export_python`."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg._version import __version__
from skreg.export.describe import program_of
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
from skreg.export.text import Language, float64_number, number_lines

_FUNCTIONS = {
    "exp": "np.exp",
    "tanh": "np.tanh",
    "sqrt": "np.sqrt",
    "abs": "np.abs",
    "maximum": "np.maximum",
    "minimum": "np.minimum",
}


class _NumPy(Language):
    def number(self, value):
        return float64_number(value)

    def call(self, function, arguments):
        return f"{_FUNCTIONS[function]}({', '.join(arguments)})"

    def assign(self, name, code):
        self.lines.append(f"    {name} = {code}")
        return name

    def polynomial(self, x, coefficients):
        self.lines.append("    coefficients = [")
        self.lines += number_lines(np.array(coefficients), self, "        ")
        self.lines.append("    ]")
        return f"np.polyval(coefficients, {x})"


class _Module:
    """The constants and functions of a module, and the lines that map x."""

    def __init__(self) -> None:
        self.language = _NumPy()
        self.constants: list[str] = []
        self.functions: dict[tuple[str, tuple[float, ...]], str] = {}
        self.lines: list[str] = []
        self.written: list[str] = []

    def constant(self, name: str, array: NDArray) -> str:
        """Write an array; its name."""
        name = f"{name}_{len(self.lines)}"
        shape = f".reshape{array.shape}" if array.ndim > 1 else ""
        numbers = number_lines(array, self.language)
        self.constants += [f"{name} = np.array([", *numbers, f"]){shape}"]
        return name

    def formula(self, name: str, parameters: tuple[float, ...] = ()) -> str:
        """Write a formula as a function; its name."""
        key = (name, parameters)
        if key not in self.functions:
            self.functions[key] = f"{name}_{len(self.functions)}" if parameters else name
            lines, value = self.language.function_of(name, parameters)
            self.function(f"{self.functions[key]}(x)", [*lines, f"    return {value}"])
        return self.functions[key]

    def softmax(self) -> str:
        """Write the function; its name."""
        if ("softmax", ()) not in self.functions:
            self.functions["softmax", ()] = "softmax"
            shifted = "    x = np.exp(x - x.max(axis=-1, keepdims=True))"
            shares = "    return x / x.sum(axis=-1, keepdims=True)"
            self.function("softmax(x)", [shifted, shares])
        return "softmax"

    def function(self, head: str, lines: list[str]) -> None:
        """Write a function; an exponential beyond the largest float is inf, without a warning."""
        self.written += ["", "", '@np.errstate(over="ignore")', f"def {head}:", *lines]

    @singledispatchmethod
    def add(self, step: RowMap) -> None:
        """Write the line of a step."""
        raise NotImplementedError(type(step).__name__)

    @add.register
    def _(self, step: Take):
        self.lines.append(f"x = x[:, {step.indices.tolist()}]")

    @add.register
    def _(self, step: Fill):
        self.lines.append(f"x = np.where(np.isnan(x), {self.constant('FILL', step.values)}, x)")

    @add.register
    def _(self, step: Standardize):
        shift, scale = self.constant("SHIFT", step.shift), self.constant("SCALE", step.scale)
        self.lines.append(f"x = (x - {shift}) / {scale}")

    @add.register
    def _(self, step: Bounds):
        lower, upper = self.constant("LOWER", step.lower), self.constant("UPPER", step.upper)
        self.lines.append(f"x = np.clip(x, {lower}, {upper})")

    @add.register
    def _(self, step: Cosines):
        frequency, phase = (
            self.constant("FREQUENCY", step.frequency), self.constant("PHASE", step.phase)
        )  # fmt: skip
        turned = f"np.cos(2 * np.pi * (x * {frequency} + {phase}))"
        self.lines.append(f"x = np.where({self.constant('WAVES', step.waves)}, {turned}, x)")

    @add.register
    def _(self, step: Apply):
        self.lines.append(f"x = {self.formula(step.formula, step.parameters)}(x)")

    @add.register
    def _(self, step: Affine):
        weights = self.constant("WEIGHTS", step.weights)
        self.lines.append(f"x = x @ {weights} + {self.constant('BIASES', step.biases)}")

    @add.register
    def _(self, step: Spread):
        self.lines.append(f"x = x * {self.constant('FACTORS', step.factors)}")

    @add.register
    def _(self, step: Mean):
        self.lines.append("x = x.mean(axis=0)")

    @add.register
    def _(self, step: Softmax):
        self.lines.append(f"x = {self.softmax()}(x)")

    @add.register
    def _(self, step: Offset):
        columns = "np.asarray(offset, dtype=np.float64).reshape(len(x), -1)"
        self.lines.append(f"x = x if offset is None else x + {columns}")


def _write_raw(module: _Module, program: Program, arguments: str) -> None:
    """The function from rows to raw predictions."""
    filled = [i for i, step in enumerate(program.steps, start=1) if isinstance(step, Fill)]
    for step in program.steps:
        module.add(step)
    module.lines.insert(max(filled, default=0), "check_finite(x)")
    if filled:  # bounds ahead of it would hide an infinity
        module.lines.insert(0, "check_finite(x[~np.isnan(x)])")
    module.function(
        f"raw_predictions({arguments})",
        [
            '    """A column for each output; of classes what probabilities are made of."""',
            "    columns = list(getattr(X, 'columns', FEATURE_NAMES or []))",
            "    if columns != (FEATURE_NAMES or columns):",
            "        raise ValueError(f'X must have the columns {FEATURE_NAMES}, got {columns}.')",
            "    x = np.asarray(X.toarray() if hasattr(X, 'toarray') else X, dtype=np.float64)",
            "    if x.ndim != 2 or x.shape[1] != N_FEATURES:",
            "        raise ValueError(f'X must be of shape (n, {N_FEATURES}), got {x.shape}.')",
            *[f"    {line}" for line in module.lines],
            "    return x",
        ],
    )


def _write_predictions(module: _Module, program: Program, arguments: str) -> None:
    """The functions that users call."""
    raw = f"raw_predictions({arguments.replace('=None', '')})"
    if program.classes is None:
        first = "[:, 0]" if program.width == 1 else ""
        doc = '    """The predicted target of each row."""'
        module.function(f"predict({arguments})", [doc, f"    return {raw}{first}"])
        return
    least = 0.5 if program.has_shares else 0
    if program.is_multilabel:
        label = f"(x > {least}).astype(int)"
    elif program.is_binary:
        label = f"CLASSES[(x[:, 0] > {least}).astype(int)]"
    else:
        label = "CLASSES[x.argmax(axis=1)]"
    doc = '    """The probability of each of CLASSES."""'
    share = f"    return {_share(module, program)}"
    module.function(f"predict_proba({arguments})", [doc, f"    x = {raw}", share])
    doc = '    """The most probable class of each row, or 0 and 1 for each of several labels."""'
    module.function(f"predict({arguments})", [doc, f"    x = {raw}", f"    return {label}"])


def _share(module: _Module, program: Program) -> str:
    """Probabilities of what the steps end in."""
    if program.has_shares:
        return "np.hstack([1 - x, x])" if program.is_binary else "x"
    if not (program.is_binary or program.is_multilabel):
        return f"{module.softmax()}(x)"
    logistic = module.formula("logistic")
    return f"np.hstack([{logistic}(-x), {logistic}(x)])" if program.is_binary else f"{logistic}(x)"


_CHECK = """

def check_finite(x):
    if not np.isfinite(x).all():
        raise ValueError("X must hold finite numbers.")"""


def export_python(model: Any) -> str:
    """A fitted model as Python source that needs NumPy only.

    The module has ``predict(X)``, for classes also ``predict_proba(X)``, and for linear models an
    argument ``offset`` of both, as the estimator has. It computes in float64, and its numbers are
    written so that they are read back to the bit.

    Parameters
    ----------
    model : estimator
        As for `to_onnx`, with the steps of scikit-learn that are named there.

    Returns
    -------
    str
        Source of a module, to be written to a file.

    Raises
    ------
    TypeError
        For a model with parts that are not known; the message names them.
    ValueError
        For a part that is used in a way that is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> import skreg
    >>> X, y = load_diabetes(return_X_y=True)
    >>> lasso = skreg.QuadraticApproxLasso(0.1).fit(X, y)
    >>> module = {}
    >>> exec(skreg.export_python(lasso), module)
    >>> np.allclose(module["predict"](X), lasso.predict(X))
    True
    """
    program = program_of(model).pruned().cast(np.float64)
    arguments = "X, offset=None" if program.offset_width else "X"
    module = _Module()
    _write_raw(module, program, arguments)
    _write_predictions(module, program, arguments)
    names = None if program.feature_names is None else list(program.feature_names)
    head = [
        f'"""Predictions of {program.model}, in NumPy alone; written by skreg {__version__}."""',
        "",
        "import numpy as np",
        "",
        f"N_FEATURES = {program.n_features}",
        f"FEATURE_NAMES = {names!a}",
    ]
    if program.classes is not None:
        kind = "str" if program.classes.dtype.kind == "U" else ascii(program.classes.dtype.name)
        head.append(f"CLASSES = np.array({program.classes.tolist()!a}, dtype={kind})")
    return "\n".join([*head, "", *module.constants, _CHECK, *module.written, ""])
