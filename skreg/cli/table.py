"""A user's table: finding the target, telling the task."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from skreg.cli.columns import Column, understand
from skreg.cli.errors import UserError
from skreg.cli.numbers import LARGEST, decimal_mark, without_huge, written_numbers

# A whole-number target with more values than this is taken for a quantity.
MAX_CLASSES = 20
_NAMELESS = re.compile(r"Unnamed: \d+")  # what pandas calls a column without a name


@dataclass(frozen=True)
class Dataset:
    """What to learn: features X, target y, the task and what was done to get there."""

    X: pd.DataFrame
    y: pd.Series
    task: str  # "classification" or "regression"
    notes: tuple[str, ...]
    columns: tuple[Column, ...] = ()


def find_column(frame, name, option):
    """Check that a column exists.

    Raises
    ------
    UserError
        If it does not; suggests near names, or lists the columns.
    """
    columns = list(frame.columns)
    if name in columns:
        return name
    by_lower_case = {column.lower(): column for column in columns}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=3, cutoff=0.6)
    hint = (
        "did you mean " + " or ".join(repr(by_lower_case[column]) for column in near) + "?"
        if near
        else f"the columns are {_some(columns)}"
    )
    raise UserError(f"{option} {name!r} is not a column; {hint}")


def make_problem(
    frame: pd.DataFrame,
    target: str | None,
    *,
    task: str = "auto",
    drop: Iterable[str] = (),
    given: Mapping[str, str] | None = None,
) -> Dataset:
    """Separate target and features, tell the task and what each column is.

    Rows without a target are left out. The task "auto" is a classification for a target of text,
    categories, booleans, or at most `MAX_CLASSES` different whole numbers; else a regression.

    Parameters
    ----------
    frame : DataFrame
    target : str or None
        Name of the target's column.
    task : {"auto", "classification", "regression"}, default="auto"
    drop : sequence of str, default=()
        Columns to leave out.
    given : dict of str to str, default=None
        Kinds of columns that the user says; of the target it decides the task.

    Returns
    -------
    Dataset

    Raises
    ------
    UserError
        If the target is missing, has no values or only one, or does not fit the task.
    """
    if target is None:
        raise UserError(f"--target is missing: name one of the columns {_some(frame.columns)}")
    target = find_column(frame, target, "--target")
    drop = [find_column(frame, name, "--drop") for name in drop]
    if target in drop:
        raise UserError(f"--drop names the target {target!r}")

    given = dict(given or {})
    told = given.pop(target, None)
    if told is not None and task == "auto":
        task = {"number": "regression", "category": "classification"}.get(told, task)
    y, notes = frame[target], []
    mark = decimal_mark(y)
    if mark is not None and told != "category":
        notes.append(f"read the text of {target!r} ({y.dropna().iloc[0]}, …) as numbers")
        y = written_numbers(y, mark)
    if types.is_numeric_dtype(y) and not types.is_bool_dtype(y):
        y = without_huge(y)
    known = y.notna()
    if not known.any():
        raise UserError(f"target {target!r} has no values: every row is missing it")
    # Row numbers that were saved along, or a separator at the end of each line.
    nameless = [name for name in frame.columns if _NAMELESS.fullmatch(name) and name != target]
    X = frame.drop(columns=[target, *drop, *nameless])
    # By all rows: one without a target, of units below the header, shows why numbers came as text.
    columns = understand(X, given, y)
    X = X.loc[known].reset_index(drop=True)
    y = y[known].reset_index(drop=True).infer_objects()
    if y.nunique() == 1:
        raise UserError(f"target {target!r} is constant ({y[0]!s}): there is nothing to learn")

    if nameless:
        notes.append(f"left out {len(nameless)} of the columns: no name in the header")
    if n_unknown := int((~known).sum()):
        notes.append(f"left out {n_unknown} of {len(frame)} rows: no value in {target!r}")
    notes += _of_huge_values(X)
    looks_like, reason = _tell_task(y)
    if task == "auto":
        task = looks_like
        notes.append(f"task: {task}, as {target!r} holds {reason} (use --task to say otherwise)")
    return Dataset(X, _prepare_target(y, task), task, tuple(notes), tuple(columns))


def _of_huge_values(X):
    """What is said of numbers that are too large to compute with."""
    notes = []
    for name in X.columns:
        if types.is_float_dtype(X[name]):
            n_huge = int((X[name].abs() > LARGEST).sum())
            if n_huge:
                notes.append(
                    f"{name!r} holds numbers beyond {LARGEST:g} ({n_huge}), which count as missing"
                )
    return notes


def _tell_task(y):
    """The task a target looks like, and why."""
    n_values = y.nunique()
    if types.is_bool_dtype(y):
        return "classification", "true and false"
    if not types.is_numeric_dtype(y):
        return "classification", f"{n_values} categories"
    whole = _is_whole(y)
    kind = "whole numbers" if whole else "numbers"
    task = "classification" if whole and n_values <= MAX_CLASSES else "regression"
    return task, f"{n_values} different {kind}"


def _is_whole(y):
    # Beyond 2⁵³ every float is whole, and an integer no longer holds it.
    return bool(((y == y.round()) & (y.abs() <= 2**53)).all())


def _prepare_target(y, task):
    """The target in the dtype that estimators expect."""
    numeric = types.is_numeric_dtype(y) and not types.is_bool_dtype(y)
    if task == "regression":
        if not numeric:
            raise UserError(
                f"target {y.name!r} is not numeric ({y[0]!s}, …): "
                "use --task classification, or write numbers"
            )
        return y.astype(np.float64)
    if types.is_bool_dtype(y):
        return y.astype(bool)
    if numeric and _is_whole(y):
        return y.astype(np.int64)
    return y.astype(str).astype(object)


def _some(names, limit=20):
    names = [repr(name) for name in names]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
