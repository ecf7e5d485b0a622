"""`export_sql`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod
from typing import Any

import numpy as np

from skreg.export.describe import program_of
from skreg.export.formulas import FORMULAS
from skreg.export.program import (
    Affine,
    Apply,
    Bounds,
    Cosines,
    Fill,
    Offset,
    Program,
    RowMap,
    Spread,
    Standardize,
    Take,
)
from skreg.export.text import Language, Text, float64_number

# Beyond it, exp would overflow or underflow, which some databases take for an error.
_FARTHEST = 700.0


class _SQL(Language):
    def number(self, value):
        written = float64_number(value)  # without an exponent it would be a decimal number
        return written if "e" in written else f"{written}e0"

    def call(self, function, arguments):
        if function != "exp":
            raise ValueError(
                f"databases have no {function} in common, which the loss's inverse link needs. Use "
                "export_python, export_c or to_onnx."
            )
        (x,) = arguments
        low, high = self.number(-_FARTHEST), self.number(_FARTHEST)
        return f"EXP(CASE WHEN {x} < {low} THEN {low} WHEN {x} > {high} THEN {high} ELSE {x} END)"


class _Expressions:
    """An expression for each column behind the steps so far; at first columns of a table."""

    def __init__(self, table: str, columns: Sequence[str], offset: Sequence[str] = ()) -> None:
        self.language = _SQL()
        self.row = [self.language.text(f"{table}.{quoted(column)}") for column in columns]
        self.offset = [self.language.text(f"{table}.{quoted(column)}") for column in offset]

    @singledispatchmethod
    def add(self, step: RowMap) -> None:
        """Write a step."""
        raise NotImplementedError(type(step).__name__)

    @add.register
    def _(self, step: Take):
        self.row = [self.row[i] for i in step.indices]

    @add.register
    def _(self, step: Fill):
        pairs = zip(self.row, step.values.tolist(), strict=True)
        number, text = self.language.number, self.language.text
        self.row = [text(f"COALESCE({x.code}, {number(value)})") for x, value in pairs]

    @add.register
    def _(self, step: Standardize):
        each = zip(self.row, step.shift.tolist(), step.scale.tolist(), strict=True)
        self.row = [(x - shift) / scale for x, shift, scale in each]

    @add.register
    def _(self, step: Bounds):
        number, text = self.language.number, self.language.text
        largest = np.finfo(np.float64).max
        for i, (low, high) in enumerate(zip(step.lower, step.upper, strict=True)):
            x, cases = self.row[i].code, ""
            if low > -largest:
                cases += f" WHEN {x} < {number(low)} THEN {number(low)}"
            if high < largest:
                cases += f" WHEN {x} > {number(high)} THEN {number(high)}"
            if cases:
                self.row[i] = text(f"(CASE{cases} ELSE {x} END)")

    @add.register
    def _(self, step: Apply):
        self.row = [FORMULAS[step.formula](x, *step.parameters) for x in self.row]

    @add.register
    def _(self, step: Offset):
        self.row = [x + self.offset[k % step.width] for k, x in enumerate(self.row)]

    @add.register
    def _(self, step: Affine):
        self.row = [
            self._sum(weights, bias)
            for weights, bias in zip(step.weights.T.tolist(), step.biases.tolist(), strict=True)
        ]

    def _sum(self, weights: list[float], bias: float) -> Text:
        total = self.language.text(self.language.number(bias))
        for x, weight in zip(self.row, weights, strict=True):
            if weight:
                total = total + x * weight
        return total


def quoted(name: str) -> str:
    """A name of a table or a column, as SQL quotes it.

    Examples
    --------
    >>> print(quoted('a "b" c'))
    "a ""b"" c"
    """
    if not name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of a column or a table. Rename it.")
    return '"' + name.replace('"', '""') + '"'


def _list_of_names(given: Any, name: str) -> Sequence[str]:
    names = [given] if isinstance(given, str) else given
    if np.ndim(names) != 1 or not all(isinstance(one, str) for one in names):
        raise ValueError(f"{name} must be a name, or a list of names, got {given!r}.")
    return names


def literal(label: Any) -> str:
    """A label of a class.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    if isinstance(label, bool):
        return "TRUE" if label else "FALSE"
    if not isinstance(label, str):
        return repr(label)
    if "\\" in label or "\0" in label:
        raise ValueError(
            f"class {label!r} holds a character that databases read in different ways, a backslash "
            "or NUL. Fit the model to other labels, such as numbers."
        )
    return "'" + label.replace("'", "''") + "'"


def _select(
    alias: str, keep: Sequence[str], results: dict[str, str], source: str, indent: str
) -> str:
    """A query of columns that are kept, and of expressions by name."""
    kept = [f"{alias}.{quoted(name)}" for name in keep]
    made = [f"{code} AS {quoted(name)}" for name, code in results.items()]
    listed = f",\n{indent}  ".join([*kept, *made])
    return f"{indent}SELECT\n{indent}  {listed}\n{indent}FROM {source}\n"


def _check_linear(program: Program, last: int) -> None:
    if any(isinstance(step, Apply | Spread | Cosines) for step in program.steps[:last]):
        raise ValueError(
            f"export_sql is for linear models, and not for hidden units, waves or soft clips, of "
            f"which there are some in {program.model}. Use to_onnx, export_python or export_c; or "
            "a linear model, with RobustScaler in the place of RobustClipScaler."
        )


def _columns(program: Program, columns: Sequence[str] | None) -> Sequence[str]:
    """The columns of the features."""
    names = program.feature_names if columns is None else columns
    if names is None:
        raise ValueError(
            "columns is needed: the model was fitted to an array, whose columns have no names. "
            f"Give the names of {program.n_features} columns of the table."
        )
    if isinstance(names, str) or len(_list_of_names(names, "columns")) != program.n_features:
        raise ValueError(
            f"columns must be the names of {program.n_features} features, got {names!r}."
        )
    return names


def _offsets(program: Program, offset: str | Sequence[str] | None) -> Sequence[str]:
    """The columns of the offset."""
    names = [] if offset is None else _list_of_names(offset, "offset")
    if len(names) != program.offset_width:
        raise ValueError(
            f"offset must be the names of columns, {program.offset_width} for {program.model}, got "
            f"{offset!r}."
        )
    return names


def _results(program: Program, raw: list[Text], language: _SQL) -> dict[str, str]:
    """Expressions of the outcome by the names of their columns."""
    if program.classes is None:
        names = [f"prediction_{k}" for k in range(len(raw))] if len(raw) > 1 else ["prediction"]
        return {name: value.code for name, value in zip(names, raw, strict=True)}
    labels, share = program.classes.tolist(), FORMULAS["logistic"]
    if program.is_multilabel:
        chosen = {
            f"prediction_{k}": _case([(f"{f.code} > 0", "1"), (f"{f.code} <= 0", "0")])
            for k, f in zip(labels, raw, strict=True)
        }
        shares = [share(f) for f in raw]
    elif program.is_binary:
        (f,) = raw
        sides = [(f"{f.code} > 0", literal(labels[1])), (f"{f.code} <= 0", literal(labels[0]))]
        chosen, shares = {"prediction": _case(sides)}, [share(-f), share(f)]
    else:
        chosen = {"prediction": _largest(raw, [literal(label) for label in labels])}
        shares = [_softmax(raw, k, language) for k in range(len(raw))]
    probabilities = zip(labels, shares, strict=True)
    return chosen | {f"probability_{label}": value.code for label, value in probabilities}


def _case(cases: list[tuple[str, str]]) -> str:
    """The value of the first condition that holds; NULL for a row with NULL."""
    return f"CASE {' '.join(f'WHEN {when} THEN {then}' for when, then in cases)} END"


def _largest(raw: list[Text], labels: list[str]) -> str:
    """The label of the largest number, the first of equal ones."""
    codes = [f.code for f in raw]
    # With all others, so that a NULL among them leaves none.
    conditions = [
        " AND ".join(f"{code} >= {other}" for other in codes if other != code) for code in codes
    ]
    return _case(list(zip(conditions, labels, strict=True)))


def _softmax(raw: list[Text], k: int, language: _SQL) -> Text:
    """1/Σⱼ exp(fⱼ − fₖ), in which the largest exponential is at most that of a difference."""
    total = language.text(language.number(1.0))
    for j, f in enumerate(raw):
        if j != k:
            total = total + (f - raw[k]).function("exp")
    return 1 / total


def export_sql(
    model: Any,
    table: str | Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    offset: str | Sequence[str] | None = None,
) -> str:
    """A fitted linear model as a SELECT statement, to be run where the rows are.

    It selects ``prediction``, or ``prediction_0``, … of several targets, and for classes
    ``probability_<label>`` of each; of several labels a row ``prediction_<label>`` likewise. It
    keeps to what databases have in common: names in double quotes, CASE, COALESCE and EXP, and
    numbers in double precision. A row with NULL in a column that the model uses has the prediction
    NULL, unless a `SimpleImputer` fills it.

    Parameters
    ----------
    model : estimator
        A linear model of skreg, or a network without hidden layers; a search or a Pipeline of such,
        with scalers, `SimpleImputer`, `PCA`, feature selectors or `PiecewiseLinearEncoder` ahead.
    table : str or sequence of str
        Name of the table; with a schema a sequence, ("schema", "table").
    columns : sequence of str, default=None
        Columns of the table that are the features, which have to be numbers. None for the names
        that the model was fitted to.
    keep : str or sequence of str, default=()
        Columns of the table that are selected ahead of the predictions, such as a key: rows of a
        table have no order.
    offset : str or sequence of str, default=None
        The column of the offset; of three classes or more, a column for each.

    Returns
    -------
    str
        A SELECT statement without a semicolon, so that it can follow ``CREATE VIEW … AS``.

    Raises
    ------
    TypeError
        For a model with parts that are not known; the message names them.
    ValueError
        For a model that is not linear, or names that are missing, or are taken.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import skreg
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> lasso = skreg.QuadraticApproxLasso(1.0).fit(X[["bmi", "bp"]], y)
    >>> print(skreg.export_sql(lasso, "patients", keep=["id"]))  # doctest: +ELLIPSIS
    SELECT
      m."id",
      m."raw_0" AS "prediction"
    FROM (
      SELECT
        t."id",
        152.13... + t."bmi" * 473.64... + t."bp" * 85.45... AS "raw_0"
      FROM "patients" t
    ) m
    <BLANKLINE>
    """
    keep, path = _list_of_names(keep, "keep"), _list_of_names(table, "table")
    if not len(path):
        raise ValueError(f"table must be the name of a table, got {table!r}.")
    program = program_of(model).with_offset(offset is not None).pruned().folded().cast(np.float64)
    last = max(i for i, s in enumerate(program.steps) if isinstance(s, Affine | Offset))
    _check_linear(program, last)
    inner = _Expressions("t", _columns(program, columns), _offsets(program, offset))
    for step in program.steps[: last + 1]:
        inner.add(step)
    prefix = "raw_"
    while any(name.startswith(prefix) for name in keep):
        prefix += "_"
    sums = {f"{prefix}{k}": x.code for k, x in enumerate(inner.row)}
    outer = _Expressions("m", list(sums))
    for step in program.steps[last + 1 :]:
        outer.add(step)
    results = _results(program, outer.row, outer.language)
    if taken := sorted(set(results) & set(keep)):
        raise ValueError(
            f"keep names {taken}, which are columns of the result. Rename them in a view of the "
            "table, and give its name."
        )
    rows = _select("t", keep, sums, ".".join(map(quoted, path)) + " t", "  ")
    return _select("m", keep, results, f"(\n{rows}) m", "")
