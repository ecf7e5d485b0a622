"""What each column of a table is, how it was understood, and what is done with it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from skreg.cli.dates import date_format, in_words
from skreg.cli.errors import UserError
from skreg.cli.numbers import decimal_mark, stray_words
from skreg.cli.report import format_table

# Text with more different values than this, and in more than half of the rows a new one, names
# the rows rather than groups them.
MAX_TEXT_VALUES = 100
#: The kinds that can be learned from; `--types` may also say "drop".
KINDS = ("number", "category", "date")
# Names of columns that number the rows.
_IDENTIFIER = re.compile(
    r"(.*[_\- .])?(id|ids|uid|uuid|guid|key|index|idx|rownames?|row ?n(o|r|um|umber)\.?|nr\.?"
    r"|no\.?|#)",
    re.I,
)
_CAMEL_IDENTIFIER = re.compile(r".*[a-z](Id|ID|Key|No|Nr)")
_SHOWN = 40  # columns that are listed one by one


@dataclass(frozen=True)
class Column:
    """How a column was understood.

    Attributes
    ----------
    name : str
    kind : {"number", "category", "date", "constant", "empty", "text", "identifier", "duplicate", \
            "unusable", "dropped"}
        The first three are learned from.
    n_missing : int
    use : str
        What is done with it.
    form : str or None
        The decimal mark of written numbers, the format of dates.
    """

    name: str
    kind: str
    n_missing: int
    use: str
    form: str | None = None


def column_kind(values: pd.Series) -> str:
    """Tell how a column can be used.

    Parameters
    ----------
    values : Series

    Returns
    -------
    {"number", "category", "date", "constant", "text", "unusable"}
        Booleans are categories. The last three cannot be learned from: a column with a single
        value (or none), text in which nearly every row differs, and types such as lists.

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.columns import column_kind
    >>> column_kind(pd.Series([1.5, None, 2.0]))
    'number'
    >>> column_kind(pd.Series(["2024-02-29", "2025-01-01"]))
    'date'
    """
    try:
        n_values = values.nunique(dropna=False)
    except TypeError:  # unhashable
        return "unusable"
    if n_values <= 1:
        return "constant"
    if types.is_bool_dtype(values):
        return "category"
    if types.is_complex_dtype(values) or types.is_timedelta64_dtype(values):
        return "unusable"
    if date_format(values) is not None:
        return "date"
    # Databases hand out exact decimals as objects.
    if types.is_numeric_dtype(values) or types.infer_dtype(values, skipna=True) == "decimal":
        return "number"
    if decimal_mark(values) is not None:
        return "number"
    if n_values > MAX_TEXT_VALUES and n_values > len(values) / 2:
        return "text"
    return "category"


def understand(
    frame: pd.DataFrame, given: Mapping[str, str] | None = None, target: pd.Series | None = None
) -> list[Column]:
    """Tell what each column is and what to do with it.

    Parameters
    ----------
    frame : DataFrame
    given : dict of str to str, default=None
        Kinds that the user says: one of `KINDS`, "date:FORMAT" with a format of strptime, or
        "drop".
    target : Series of shape (n_rows,), default=None
        A column that repeats it is left out.

    Returns
    -------
    list of Column

    Raises
    ------
    UserError
        If a column is not what the user says.

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.columns import understand
    >>> frame = pd.DataFrame({"id": range(1, 31), "x": [0.5, 1.5, None] * 10})
    >>> [(column.name, column.kind, column.n_missing) for column in understand(frame)]
    [('id', 'identifier', 0), ('x', 'number', 10)]
    """
    given = given or {}
    columns: list[Column] = []
    first: dict[Any, str] = {} if target is None else {_fingerprint(target): "the target"}
    for name in frame.columns:
        values = frame[name]
        if name in given:
            columns.append(_as_given(values, given[name]))
            continue
        column = _understood(values)
        if column.kind in KINDS and column.kind != "category":
            same = first.setdefault(_fingerprint(values), repr(name))
            if same != repr(name):
                column = _left_out(values, "duplicate", f"same values as {same}")
        columns.append(column)
    return columns


def _fingerprint(values: pd.Series) -> tuple[int, int]:
    """Equal columns have the same; that others do is as good as impossible."""
    hashes = pd.util.hash_pandas_object(values.reset_index(drop=True), index=False).to_numpy()
    places = np.arange(1, len(hashes) + 1, dtype=np.uint64)
    return int(hashes.sum()), int((hashes * places).sum())


def _understood(values: pd.Series) -> Column:
    kind = column_kind(values)
    if kind == "constant":
        empty = not values.notna().any()
        reason = "every value is missing" if empty else f"a single value, {_sole(values)}"
        return _left_out(values, "empty" if empty else "constant", reason)
    if kind == "text":
        return _left_out(values, "text", "text that differs in nearly every row")
    if kind == "unusable":
        return _left_out(values, "unusable", "neither number, category nor date")
    if reason := _identifies(values, kind):
        return _left_out(values, "identifier", reason)
    return _used(values, kind)


def _sole(values: pd.Series) -> str:
    return str(values.dropna().iloc[0])


def _left_out(values: pd.Series, kind: str, reason: str) -> Column:
    return Column(str(values.name), kind, int(values.isna().sum()), f"left out: {reason}")


def _identifies(values: pd.Series, kind: str) -> str:
    """Why a column names the rows rather than describes them; "" if it does not."""
    name, n_values = str(values.name), values.nunique()
    named = bool(_IDENTIFIER.fullmatch(name) or _CAMEL_IDENTIFIER.fullmatch(name))
    whole = types.is_integer_dtype(values)
    if kind == "date" or not (whole or kind == "category") or n_values < 20:
        return ""
    if named and n_values > 0.95 * len(values):
        return "its values identify the rows"
    return ""


def _used(values: pd.Series, kind: str) -> Column:
    """A column that is learned from, with the form in which it is written."""
    n_missing = int(values.isna().sum())
    form: str | None = None
    gaps = "; missing: the median, and a column that says so" if n_missing else ""
    if kind == "number":
        use = f"scaled{gaps}"
        form = mark = decimal_mark(values)
        if mark is not None:
            words = stray_words(values, mark)
            shown = values.dropna().iloc[0]
            use = f"read as numbers ({shown}, …), scaled{gaps}"
            if words:
                use += f"; {', '.join(map(repr, words))} counts as missing"
    elif kind == "date":
        form = date_format(values)
        assert form is not None
        written = "" if types.is_datetime64_any_dtype(values) else f", read as {in_words(form)}"
        use = f"days, place in year and week{written}"
    else:
        use = f"a column for each of {values.nunique()} values" + (
            "; missing is one more" if n_missing else ""
        )
    return Column(str(values.name), kind, n_missing, use, form)


def _as_given(values: pd.Series, kind: str) -> Column:
    """A column of the kind that the user says."""
    name = str(values.name)
    kind, _, form = kind.partition(":")
    if kind == "drop":
        return _left_out(values, "dropped", "as told")
    if kind == "date":
        form = form or date_format(values) or ""
        if not form:
            raise UserError(
                f"--types {name}=date: its dates are in no known format; say it as in "
                f"{name}=date:%d/%m/%Y"
            )
        return Column(name, "date", int(values.isna().sum()),
                      f"days, place in year and week, read as {in_words(form)}", form)  # fmt: skip
    column = _used(values, kind)
    return Column(name, kind, column.n_missing, column.use, column.form)


def parse_types(words: Iterable[str], frame: pd.DataFrame) -> dict[str, str]:
    """The kinds that ``--types COLUMN=KIND …`` says, by column.

    Raises
    ------
    UserError
        If a word is not of this form, or names no column or no kind.
    """
    from skreg.cli.table import find_column

    given = {}
    for word in words:
        name, mark, kind = word.rpartition("=")
        if not mark:
            raise UserError(f"--types {word!r} is not of the form COLUMN=KIND")
        name = find_column(frame, name, "--types")
        if kind not in (*KINDS, "drop") and not kind.startswith("date:"):
            raise UserError(
                f"--types {word!r}: {kind!r} is not a kind; use number, category, date, "
                "date:FORMAT or drop"
            )
        given[name] = kind
    return given


def listing(columns: list[Column]) -> str:
    """The columns as a table: name, kind, missing and what is done.

    Of more than `_SHOWN` columns, those of a kind that are treated alike share a line.
    """
    if len(columns) <= _SHOWN:
        rows = [[c.name, c.kind, f"{c.n_missing:,}" if c.n_missing else "", c.use] for c in columns]
    else:
        groups: dict[tuple[str, str], list[Column]] = {}
        for column in columns:
            groups.setdefault((column.kind, column.use.partition(";")[0]), []).append(column)
        rows = [
            [_names(group), kind, f"{sum(c.n_missing for c in group):,}", use]
            for (kind, use), group in groups.items()
        ]
    return format_table(["column", "kind", "missing", "what is done with it"], rows, left=(0, 1, 3))


def _names(group: list[Column]) -> str:
    if len(group) <= 2:
        return ", ".join(column.name for column in group)
    return f"{group[0].name} … {group[-1].name} ({len(group):,})"
