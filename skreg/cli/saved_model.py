"""A saved model and the rows of a table: its columns by name, and what it has not seen."""

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from skreg.cli.dates import date_features
from skreg.cli.errors import UserError
from skreg.cli.preprocessing import as_numbers
from skreg.files import DamagedFileError, load

_SHOWN = 5
_ENCODERS = (OneHotEncoder, OrdinalEncoder)
#: Steps that make numbers of text, and of what.
_READERS = {as_numbers: "numbers", date_features: "dates"}


def load_model(path: Path) -> Any:
    """The model in a file.

    Raises
    ------
    UserError
        If there is none, or it does not predict.
    """
    try:
        model = load(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a directory: name the file in it") from None
    except (DamagedFileError, OSError) as error:
        raise UserError(str(error)) from None
    if not hasattr(model, "predict") or not hasattr(model, "n_features_in_"):
        raise UserError(
            f"{path} holds a {type(model).__name__}, which is no fitted model: save an estimator, "
            "such as path.estimator(alpha)"
        )
    return model


@dataclass
class ModelRows:
    """The columns of a table that a model reads.

    Attributes
    ----------
    X : DataFrame or ndarray
        As the model takes it.
    notes : list of str
        What a user should know: columns that are not read, values that the model has not seen.
    """

    X: Any
    notes: list[str] = field(default_factory=list)


def rows_for(model: Any, frame: pd.DataFrame, name: str) -> ModelRows:
    """The columns that the model reads, by name, or by their number where it knows no names.

    Raises
    ------
    UserError
        If columns are missing, or hold what the model refuses.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return ModelRows(_unnamed(model, frame, name))
    needed = _needed(model, list(names))
    missing = [one for one in needed if one not in frame.columns]
    if missing:
        raise UserError(_of_missing(missing, [str(one) for one in frame.columns], name))
    rows = ModelRows(frame.reindex(columns=[one for one in names if one in frame.columns]))
    if needed == list(names):
        rows.X = frame[needed]
    if others := [one for one in frame.columns if one not in set(names)]:
        rows.notes.append(f"the model does not read {_some(others)}")
    rows.notes += _unseen(model, rows.X)
    return rows


def _unnamed(model: Any, frame: pd.DataFrame, name: str) -> Any:
    """All columns as numbers, for a model that was fitted to an array."""
    n = model.n_features_in_
    if frame.shape[1] != n:
        raise UserError(
            f"{name} has {frame.shape[1]} columns, and the model was fitted to {n} without names: "
            "give these columns alone, in their order"
        )
    bad = [one for one in frame.columns if not types.is_numeric_dtype(frame[one])]
    if bad:
        raise UserError(f"{name}: {_some(bad)} holds text, and the model takes numbers")
    return frame.to_numpy(dtype=np.float64)


def _needed(model: Any, names: list[str]) -> list[str]:
    """The columns that are read: of a ColumnTransformer without those it drops."""
    first = _first_step(model)
    if not isinstance(first, ColumnTransformer):
        return names
    read = set()
    for _, transformer, columns in first.transformers_:
        if not isinstance(transformer, str) or transformer != "drop":
            read |= set(_named(columns, names))
    return [name for name in names if name in read]


def _named(columns: Any, names: list[str]) -> list[str]:
    """Columns of a ColumnTransformer, given by names, places, a mask or a slice, by name."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, int | slice):
        return np.atleast_1d(np.array(names, dtype=object)[columns]).tolist()
    if all(isinstance(one, str) for one in columns):
        return list(columns)
    return np.array(names, dtype=object)[np.asarray(columns)].tolist()


def _first_step(model: Any) -> Any:
    """What rows meet first."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "regressor_"):
            model = model.regressor_
        elif isinstance(model, Pipeline):
            model = model.steps[0][1]
        else:
            return model


def _of_missing(missing: list[str], columns: list[str], name: str) -> str:
    hints = []
    for one in missing[:_SHOWN]:
        near = difflib.get_close_matches(one, columns, n=1, cutoff=0.6)
        hints.append(f"{one!r} (is it {near[0]!r}?)" if near else repr(one))
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    which = "a column" if len(missing) == 1 else "columns"
    return f"{name} lacks {which} that the model reads: {', '.join(hints)}{more}"


def _unseen(model: Any, X: pd.DataFrame) -> list[str]:
    """What is said of values that the model has not seen, or cannot read.

    Raises
    ------
    UserError
        For a category that the model's encoder refuses.
    """
    first, notes = _first_step(model), []
    branches = [("", first, list(X.columns))]
    if isinstance(first, ColumnTransformer):
        branches = first.transformers_
    for _, transformer, columns in branches:
        steps = transformer.steps if isinstance(transformer, Pipeline) else [("", transformer)]
        names = _named(columns, list(getattr(first, "feature_names_in_", X.columns)))
        notes += _of_branch([step for _, step in steps], X[[one for one in names if one in X]])
    return notes


def _of_branch(steps: list[Any], part: pd.DataFrame) -> list[str]:
    """The same of columns that go through some steps."""
    for step in steps:
        if isinstance(step, _ENCODERS):
            return _of_categories(step, part)
        if isinstance(step, FunctionTransformer):
            if step.func in _READERS:
                return _of_text(step, part)
            part = step.transform(part)
        elif not isinstance(step, SimpleImputer):
            break
        if not isinstance(part, pd.DataFrame):
            break
    return []


def _of_text(step: FunctionTransformer, part: pd.DataFrame) -> list[str]:
    """Of text where there should be numbers or dates."""
    what, notes = _READERS[step.func], []
    for name in part.columns:
        made = step.func(part[[name]], **(step.kw_args or {}))
        read = np.asarray(made, dtype=np.float64)[:, 0]
        lost = part[name][np.isnan(read) & part[name].notna().to_numpy()]
        if len(lost):
            notes.append(
                f"{name!r} holds what are no {what} ({_some(pd.unique(lost))}) in "
                f"{_counted(len(lost))}, which counts as missing"
            )
    return notes


def _of_categories(encoder: Any, part: pd.DataFrame) -> list[str]:
    """Of categories that an encoder does not know."""
    notes = []
    rare = getattr(encoder, "infrequent_categories_", [None] * len(part.columns))
    for name, known, pool in zip(part.columns, encoder.categories_, rare, strict=True):
        values = part[name].dropna()
        unseen = pd.unique(values[~values.isin(known)])
        if not len(unseen):
            continue
        if encoder.handle_unknown == "error":
            raise UserError(
                f"{name!r} holds values that the model does not know: {_some(unseen)}; it knows "
                f"{_some(known)}"
            )
        pooled = pool is not None and encoder.handle_unknown == "infrequent_if_exist"
        taken = "rare values" if pooled else "none of the values known"
        notes.append(
            f"{name!r} holds values that the model has not seen ({_some(unseen)}) in "
            f"{_counted(int(values.isin(unseen).sum()))}: taken as {taken}"
        )
    return notes


def _counted(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _some(values: Any) -> str:
    shown = [repr(one.item() if isinstance(one, np.generic) else one) for one in values[:_SHOWN]]
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return f"{', '.join(shown)}{more}"
