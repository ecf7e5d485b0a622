"""`export_c`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import singledispatchmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skreg._version import __version__
from skreg.export.describe import program_of
from skreg.export.program import (
    Affine,
    Apply,
    Bounds,
    Fill,
    Offset,
    Program,
    RowMap,
    Standardize,
    Take,
    checked_dtype,
)
from skreg.export.text import Language, float32_number, float64_number, number_lines

_FUNCTIONS = {"exp": "exp", "tanh": "tanh", "sqrt": "sqrt", "abs": "fabs", "erfc": "erfc"}
_COMPARED = {"maximum": "<", "minimum": ">"}
#: What needs no escape in a string.
_PLAIN = re.compile(rb"[A-Za-z0-9 _.,:;+()-]")


class _C99(Language):
    """Numbers and functions of double or float."""

    has_erfc = True

    def __init__(self, dtype: np.dtype) -> None:
        super().__init__()
        self.is_double = dtype == np.float64
        self.real = "double" if self.is_double else "float"

    def number(self, value):
        return float64_number(value) if self.is_double else f"{float32_number(value)}f"

    def call(self, function, arguments):
        if function in _COMPARED:  # NaN comes through
            first, second = arguments
            return f"({first} {_COMPARED[function]} {second} ? {second} : {first})"
        return f"{_FUNCTIONS[function]}{'' if self.is_double else 'f'}({', '.join(arguments)})"

    def assign(self, name, code):
        self.lines.append(f"    const {self.real} {name} = {code};")
        return name


class _Source:
    """The constants and functions of a file, and the lines that map a row.

    The row is x, then one of two buffers, and behind the last affine map the result, raw.
    """

    def __init__(self, name: str, dtype: np.dtype) -> None:
        self.name, self.language = name, _C99(dtype)
        self.constants: list[str] = []
        self.functions: list[str] = []
        self.formulas: dict[tuple[str, tuple[float, ...]], str] = {}
        self.lines: list[str] = []
        self.buffers: dict[str, int] = {}
        self.row, self.n_steps, self.is_last = "x", 0, False

    def constant(self, name: str, array: NDArray) -> str:
        """Write an array; its name."""
        name = f"{self.name}_{name}_{self.n_steps}"
        kind = "int" if array.dtype.kind == "i" else self.language.real
        head = f"static const {kind} {name}[{array.size}] = {{"
        self.constants += ["", head, *number_lines(array, self.language), "};"]
        return name

    def formula(self, formula: str, parameters: tuple[float, ...] = ()) -> str:
        """Write a formula as a function; its name."""
        key, real = (formula, parameters), self.language.real
        if key not in self.formulas:
            name = f"{self.name}_{formula}" + (f"_{self.n_steps}" if parameters else "")
            lines, value = self.language.function_of(formula, parameters)
            self.function(f"static {real} {name}({real} x)", [*lines, f"    return {value};"])
            self.formulas[key] = name
        return self.formulas[key]

    def function(self, head: str, lines: list[str]) -> None:
        """Write a function."""
        self.functions += ["", head, "{", *lines, "}"]

    def move(self, width: int, code: Callable[[str], str]) -> None:
        """Write a loop that makes each number of the row from one of the row before."""
        target = self.row if self.row != "x" else self.target(width)
        self.loop(target, width, code(f"{self.row}[i]"))

    def loop(self, target: str, width: int, code: str) -> None:
        """Write a loop over the numbers of the next row."""
        self.lines += [f"    for (i = 0; i < {width}; ++i)", f"        {target}[i] = {code};"]
        self.row = target

    def target(self, width: int) -> str:
        """Where the next row goes."""
        if self.is_last:
            return "raw"
        name = "b" if self.row == "a" else "a"
        self.buffers[name] = max(self.buffers.get(name, 0), width)
        return name

    @singledispatchmethod
    def add(self, step: RowMap, width: int) -> None:
        """Write a step, behind which the row has this width."""
        raise NotImplementedError(type(step).__name__)

    @add.register
    def _(self, step: Take, width):
        columns = self.constant("columns", step.indices)
        self.loop(self.target(width), width, f"{self.row}[{columns}[i]]")

    @add.register
    def _(self, step: Fill, width):
        fill = self.constant("fill", step.values)
        self.move(width, lambda x: f"{x} == {x} ? {x} : {fill}[i]")

    @add.register
    def _(self, step: Standardize, width):
        shift, scale = self.constant("shift", step.shift), self.constant("scale", step.scale)
        self.move(width, lambda x: f"({x} - {shift}[i]) / {scale}[i]")

    @add.register
    def _(self, step: Bounds, width):
        low = f"{self.constant('lower', step.lower)}[i]"
        high = f"{self.constant('upper', step.upper)}[i]"
        self.move(width, lambda x: f"{x} < {low} ? {low} : {x} > {high} ? {high} : {x}")

    @add.register
    def _(self, step: Apply, width):
        function = self.formula(step.formula, step.parameters)
        self.move(width, lambda x: f"{function}({x})")

    @add.register
    def _(self, step: Offset, width):
        added = "offset[i]" if step.width > 1 else "offset[0]"
        self.move(width, lambda x: f"{x} + {added}")

    @add.register
    def _(self, step: Affine, width):
        weights = self.constant("weights", step.weights.T)
        biases, target = self.constant("biases", step.biases), self.target(width)
        arguments = f"{weights}, {biases}, {len(step.weights)}, {width}, {self.row}, {target}"
        self.lines.append(f"    {self.name}_affine({arguments});")
        self.row = target


def _write_raw(source: _Source, program: Program, parameters: str) -> None:
    """The function from a row to raw predictions."""
    real, name = source.language.real, source.name
    source.function(
        f"static void {name}_affine(const {real} *weights, const {real} *biases, int n_in,\n"
        f"    int n_out, const {real} *from, {real} *to)",
        [
            "    int i, j;",
            "    for (j = 0; j < n_out; ++j) {",
            f"        {real} sum = biases[j];",
            "        for (i = 0; i < n_in; ++i)",
            "            sum += *weights++ * from[i];",
            "        to[j] = sum;",
            "    }",
        ],
    )
    last = max(i for i, step in enumerate(program.steps) if isinstance(step, Affine))
    for i, (step, width) in enumerate(zip(program.steps, program.widths, strict=True)):
        source.n_steps, source.is_last = i + 1, i >= last
        source.add(step, width)
    declared = [f"    {real} {buffer}[{size}];" for buffer, size in sorted(source.buffers.items())]
    if any(line.startswith("    for (i ") for line in source.lines):
        declared.append("    int i;")
    head = f"static void {name}_raw({parameters}, {real} *raw)"
    source.function(head, [*declared, *source.lines])


def _write_predictions(source: _Source, program: Program, parameters: str) -> None:
    """The functions that users call."""
    real, name, width = source.language.real, source.name, program.width
    call = f"{name}_raw({'x, offset' if program.offset_width else 'x'}"
    raw = [f"    {real} raw[{width}];", f"    {call}, raw);"]
    if program.classes is None:
        if width == 1:
            head = f"{real} {name}_predict({parameters})"
            source.function(head, [*raw, "    return raw[0];"])
        else:
            head = f"void {name}_predict({parameters}, {real} *prediction)"
            source.function(head, [f"    {call}, prediction);"])
        return
    label = f"int {name}_predict({parameters})"
    if program.is_multilabel:
        logistic = source.formula("logistic")
        head = f"void {name}_predict({parameters}, int *labels)"
        loop = f"    for (i = 0; i < {width}; ++i)"
        source.function(head, ["    int i;", *raw, loop, "        labels[i] = raw[i] > 0;"])
        share = ["    int i;", *raw, loop, f"        probabilities[i] = {logistic}(raw[i]);"]
    elif program.is_binary:
        logistic = source.formula("logistic")
        source.function(label, [*raw, "    return raw[0] > 0 ? 1 : raw[0] <= 0 ? 0 : -1;"])
        share = [
            *raw,
            f"    probabilities[0] = {logistic}(-raw[0]);",
            f"    probabilities[1] = {logistic}(raw[0]);",
        ]
    else:
        best = [f"    for (i = 1; i < {width}; ++i)", "        if (raw[i] > raw[best])"]
        best = ["    int i, best = 0;", *raw, *best, "            best = i;"]
        source.function(label, [*best, "    return raw[best] == raw[best] ? best : -1;"])
        share = _softmax(source, width, call)
    source.function(f"void {name}_predict_proba({parameters}, {real} *probabilities)", share)


def _softmax(source: _Source, width: int, call: str) -> list[str]:
    """Lines that make probabilities of raw predictions, in place."""
    exp, loop = source.formula("exponential"), f"    for (i = 0; i < {width}; ++i)"
    return [
        "    int i;",
        f"    {source.language.real} sum = 0, most;",
        f"    {call}, probabilities);",
        "    most = probabilities[0];",
        loop,
        "        if (probabilities[i] > most)",
        "            most = probabilities[i];",
        loop,
        f"        sum += probabilities[i] = {exp}(probabilities[i] - most);",
        loop,
        "        probabilities[i] /= sum;",
    ]


def _string(text: str) -> str:
    """A literal of the text in UTF-8: other bytes than plain ones by their octal numbers."""
    if "\0" in text:
        raise ValueError(f"a string of C ends at a NUL, and {text!r} holds one. Rename it.")
    coded = text.encode("utf-8", "surrogatepass")
    plain = [chr(b) if _PLAIN.match(bytes([b])) else f"\\{b:03o}" for b in coded]
    return f'"{"".join(plain)}"'


def _table(name: str, kind: str, values: list[str]) -> list[str]:
    return ["", f"{kind}{name}[{len(values)}] = {{", *(f"    {value}," for value in values), "};"]


def _labels(name: str, classes: NDArray) -> list[str]:
    """The labels of the classes as an array."""
    kind, values = classes.dtype.kind, classes.tolist()
    if kind == "U":
        return _table(name, "const char *const ", [_string(value) for value in values])
    if kind == "f":
        return _table(name, "const double ", [float64_number(value) for value in values])
    if kind == "u":
        return _table(name, "const unsigned long long ", [f"{value}ULL" for value in values])
    least = -(2**63)  # its digits without the sign are no long long
    whole = [
        f"{value + (value == least)}LL{' - 1' * (value == least)}" for value in map(int, values)
    ]
    return _table(name, "const long long ", whole)


def export_c(
    model: Any, *, name: str = "model", offset: bool = False, dtype: DTypeLike = "float64"
) -> str:
    """A fitted model as one file of C99, for devices and databases.

    The file needs the mathematical library only (``-lm``). Its numbers are static constants, read
    back to the bit; it allocates nothing, keeps no state, and may be called from many threads. With
    ``real`` for double, or float, and x a row of n_features numbers, it defines

    - ``real model_predict(const real *x)`` of a regressor; of one with several targets,
      ``void model_predict(const real *x, real *prediction)``;
    - ``int model_predict(const real *x)`` of a classifier: the number of the class in
      ``model_classes``, or -1 where the row holds NaN; with several labels a row,
      ``void model_predict(const real *x, int *labels)``;
    - ``void model_predict_proba(const real *x, real *probabilities)`` of a classifier;
    - ``model_feature_names``, if the model has names.

    Parameters
    ----------
    model : estimator
        As for `to_onnx`, with the steps of scikit-learn that are named there.
    name : str, default="model"
        What all names in the file begin with.
    offset : bool, default=False
        Whether the functions of a linear model take ``const real *offset`` behind x: one number, or
        one for each of three classes or more.
    dtype : {"float64", "float32"}, default="float64"
        Whether to compute in double or in float. In double, scalers and other affine steps become
        part of the weights; in float they stay steps of their own, for the sake of digits.

    Returns
    -------
    str
        Source of a file. `-std=c99 -Wall -Wextra -pedantic` compile it without a warning.

    Raises
    ------
    TypeError
        For a model with parts that are not known; the message names them.
    ValueError
        For a part that is used in a way that is not known, a name that is no identifier, or numbers
        that do not fit the dtype.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import skreg
    >>> X, y = load_diabetes(return_X_y=True)
    >>> lasso = skreg.QuadraticApproxLasso(0.5).fit(X, y)
    >>> print(skreg.export_c(lasso, name="lasso", dtype="float32"))  # doctest: +ELLIPSIS
    /* Predictions of QuadraticApproxLasso; written by skreg ...
     * C99, with the mathematical library. A row has 10 numbers. */
    #include <math.h>
    <BLANKLINE>
    static const int lasso_columns_1[...] = {
    ...
    float lasso_predict(const float *x)
    {
        float raw[1];
        lasso_raw(x, raw);
        return raw[0];
    }
    <BLANKLINE>
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"name must be an identifier of C such as 'model', got {name!r}.")
    chosen = checked_dtype(dtype)
    program = program_of(model).with_offset(offset).pruned()
    program = (program.folded() if chosen == np.float64 else program).cast(chosen)
    source = _Source(name, chosen)
    parameters = f"const {source.language.real} *x"
    if program.offset_width:
        parameters += f", const {source.language.real} *offset"
    _write_raw(source, program, parameters)
    _write_predictions(source, program, parameters)
    head = [
        f"/* Predictions of {program.model}; written by skreg {__version__}.",
        f" * C99, with the mathematical library. A row has {program.n_features} numbers. */",
        "#include <math.h>",
    ]
    tables = []
    if program.feature_names is not None:
        names = [_string(feature) for feature in program.feature_names]
        tables += _table(f"{name}_feature_names", "const char *const ", names)
    if program.classes is not None and not program.is_multilabel:
        tables += _labels(f"{name}_classes", program.classes)
    return "\n".join([*head, *tables, *source.constants, *source.functions, ""])
