"""`export_c`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skreg._version import __version__
from skreg.export.c_source import CSource
from skreg.export.describe import program_of
from skreg.export.program import Program, checked_dtype
from skreg.export.text import float64_number

#: What needs no escape in a string.
_PLAIN = re.compile(rb"[A-Za-z0-9 _.,:;+()-]")


def _write_predictions(source: CSource, program: Program, parameters: str) -> None:
    """The functions that users call."""
    real, name, width = source.language.real, source.name, program.width
    call = f"{name}_raw({'x, offset' if program.offset_width else 'x'}"
    raw = [f"    {real} raw[{width}];", f"    {call}, raw);"]
    if program.classes is not None:
        source.function(*_label(program, raw, f"{name}_predict({parameters}"))
        head = f"void {name}_predict_proba({parameters}, {real} *probabilities)"
        source.function(head, _shares(source, program, raw, f"    {call}, probabilities);"))
    elif width == 1:
        source.function(f"{real} {name}_predict({parameters})", [*raw, "    return raw[0];"])
    else:
        head = f"void {name}_predict({parameters}, {real} *prediction)"
        source.function(head, [f"    {call}, prediction);"])


def _label(program: Program, raw: list[str], head: str) -> tuple[str, list[str]]:
    """The head and the lines of the function that chooses the class."""
    least, loop = 0.5 if program.has_shares else 0, f"    for (i = 0; i < {program.width}; ++i)"
    if program.is_multilabel:
        lines = ["    int i;", *raw, loop, f"        labels[i] = raw[i] > {least};"]
        return f"void {head}, int *labels)", lines
    if program.is_binary:
        lines = [*raw, f"    return raw[0] > {least} ? 1 : raw[0] <= {least} ? 0 : -1;"]
        return f"int {head})", lines
    lines = ["    int i, best = 0;", *raw, loop, "        if (raw[i] > raw[best])"]
    lines += ["            best = i;", "    return raw[best] == raw[best] ? best : -1;"]
    return f"int {head})", lines


def _shares(source: CSource, program: Program, raw: list[str], into: str) -> list[str]:
    """The lines of the function that makes probabilities."""
    width = program.width
    if program.is_binary:
        shares = ["1 - raw[0]", "raw[0]"]
        if not program.has_shares:
            logistic = source.formula("logistic")
            shares = [f"{logistic}(-raw[0])", f"{logistic}(raw[0])"]
        return [*raw, *(f"    probabilities[{k}] = {share};" for k, share in enumerate(shares))]
    if program.has_shares:
        return [into]
    if not program.is_multilabel:
        return [into, f"    {source.softmax()}({width}, probabilities);"]
    one = f"{source.formula('logistic')}(probabilities[i]);"
    loop = f"    for (i = 0; i < {width}; ++i)"
    return ["    int i;", into, loop, f"        probabilities[i] = {one}"]


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
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"name must be an identifier of C such as 'model', got {name!r}.")
    chosen = checked_dtype(dtype)
    program = program_of(model).with_offset(offset).pruned()
    program = (program.folded() if chosen == np.float64 else program).cast(chosen)
    source = CSource(name, chosen)
    parameters = f"const {source.language.real} *x"
    if program.offset_width:
        parameters += f", const {source.language.real} *offset"
    source.write_raw(program, parameters)
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
