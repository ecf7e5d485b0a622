"""The rows of a run: generated, or from a table of the visitor's own."""

import csv
import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from skreg.datasets import PlaygroundFeatures, make_playground
from skreg.playground.state import PROBLEMS, REGRESSIONS

EDGE = 6.0  # the page shows [−6, 6]²
MAP_SIZE, THUMB_SIZE = 100, 24
MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 2_000_000, 5_000, 200
MOST_CLASSES = 5  # that the page has colors and shapes for


class DataError(ValueError):
    """What the visitor can put right."""


def grid(size):
    """Middles of the size × size cells of [−6, 6]², row by row from the top left."""
    middles = EDGE * ((2 * np.arange(size) + 1) / size - 1)
    return np.column_stack([np.tile(middles, size), np.repeat(middles[::-1], size)])


@dataclass(frozen=True)
class Data:
    """Training and test rows in the plane of the page, and the features made of them.

    Parameters
    ----------
    plane : ndarray of shape (n, 2)
    y : ndarray of shape (n,)
        −1 and 1, 0, 1, … of more than two classes, or numbers.
    n_train : int
        The first rows train, the others test.
    features : tuple of str
    is_regression : bool
    axes : tuple of (str, float, float)
        Name of each axis, and what its ends −6 and 6 stand for.
    labels : tuple of str
        The classes in order; what −1 and 1 stand for of numbers.
    """

    plane: np.ndarray
    y: np.ndarray
    n_train: int
    features: tuple[str, ...]
    is_regression: bool
    axes: tuple
    labels: tuple

    @cached_property
    def transformer(self):
        """The features, fitted."""
        return PlaygroundFeatures(self.features).fit(self.plane)

    @cached_property
    def X(self):
        """Features of all rows."""
        return self.transformer.transform(self.plane)

    @cached_property
    def train(self):
        """(X, y) to train on."""
        return self.X[: self.n_train], self.y[: self.n_train]

    @cached_property
    def test(self):
        """(X, y) to test on."""
        return self.X[self.n_train :], self.y[self.n_train :]

    @cached_property
    def map_rows(self):
        """Features of the large picture's cells."""
        return self.transformer.transform(grid(MAP_SIZE))

    @cached_property
    def thumb_rows(self):
        """Features of the small pictures' cells."""
        return self.transformer.transform(grid(THUMB_SIZE))


def make_data(state, table=None):
    """The rows that a state asks for.

    Raises
    ------
    DataError
        If it asks for a table that has not come, or the table does not serve.
    """
    if state.data in PROBLEMS:
        plane, y = make_playground(state.data, noise=state.noise, random_state=state.seed)
        axes, labels = (("x1", -EDGE, EDGE), ("x2", -EDGE, EDGE)), ("−1", "1")
        is_regression = state.data in REGRESSIONS
    elif table is None:
        raise DataError(
            "The address asks for a CSV file, which stays on your computer: open it here again."
        )
    else:
        plane, y, axes, labels = table.rows(state)
        is_regression = not labels
    n_train = int(len(y) * state.train / 100)
    if not is_regression and len(np.unique(y[:n_train])) < len(labels):
        raise DataError("The training rows lack a class. Raise the share of training rows.")
    return Data(plane, y, n_train, state.features, is_regression, axes, labels)


class CsvTable:
    """A CSV file.

    Parameters
    ----------
    name : str
    text : str

    Raises
    ------
    DataError
        If it is too large, or not a table with two numeric columns and a third.
    """

    def __init__(self, name, text):
        if len(text) > MAX_BYTES:
            raise DataError(f"{name} is larger than {MAX_BYTES // 10**6} MB. Take a part of it.")
        try:
            rows_end_in_comma = _looked_through(name, text)
            index = False if rows_end_in_comma else None
            frame = pd.read_csv(io.StringIO(text), index_col=index)
        except (csv.Error, ValueError, pd.errors.ParserError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{name} cannot be read as CSV: {str(error).strip()}") from error
        frame.columns = frame.columns.astype(str)
        self.name, self.frame = name, frame
        self.numeric = [
            column
            for column in frame
            if pd.api.types.is_numeric_dtype(frame[column]) and frame[column].nunique() > 1
        ]
        if len(self.numeric) < 2 or frame.shape[1] < 3:
            raise DataError(
                f"{name} needs two columns of numbers and a third column as the target; it has "
                f"{_short(', '.join(frame.columns[:10]))}. Does its first row name the columns?"
            )

    def default_columns(self):
        """Names for x1, x2 and the target: the last column that can be one, and two others."""

        def is_unfit(column):
            n_values = self.frame[column].nunique()
            return column not in self.numeric and not 2 <= n_values <= MOST_CLASSES

        targets = sorted(self.frame.columns[::-1], key=is_unfit)
        choices = ((target, [c for c in self.numeric if c != target]) for target in targets)
        target, inputs = next(choice for choice in choices if len(choice[1]) >= 2)
        return dict(x1_column=inputs[0], x2_column=inputs[1], y_column=target)

    def rows(self, state):
        """(plane, y, axes, labels) of the columns that ``state`` names, shuffled by its seed.

        Every column is brought to a fixed range, so that it can be seen: inputs to [−5, 5],
        numbers as target to [−1, 1]. Numbers have no labels.
        """
        names = [state.x1_column, state.x2_column, state.y_column]
        missing = [name for name in names if name not in self.frame]
        if missing:
            raise DataError(f"{self.name} has no column {', '.join(map(repr, missing))}.")
        if len(set(names)) < 3 or not {*names[:2]} <= {*self.numeric}:
            raise DataError("Choose two different columns of numbers, and another as the target.")
        frame = self.frame[names].replace([np.inf, -np.inf], np.nan).dropna()
        frame = frame.sample(frac=1, random_state=state.seed)
        if len(frame) < 20 or any(frame[name].nunique() < 2 for name in names):
            raise DataError(
                f"{self.name} has {len(frame)} rows without gaps in these columns; at least 20 are "
                "needed, with two values or more in each column."
            )
        inputs = frame[names[:2]].astype(float)
        low, high = inputs.min(), inputs.max()
        plane = (10 * (inputs - low) / (high - low) - 5).to_numpy()
        margin = 0.1 * (high - low)
        axes = tuple((c, float(low[c] - margin[c]), float(high[c] + margin[c])) for c in inputs)
        y, labels = _target(frame[names[2]])
        return plane, y, axes, labels


def _target(column):
    """(y, labels) of the target's column."""
    classes = sorted(column.unique())
    is_numeric = pd.api.types.is_numeric_dtype(column)
    if len(classes) == 2:
        return np.where(column == classes[1], 1, -1), tuple(map(str, classes))
    if len(classes) <= MOST_CLASSES and (not is_numeric or (column % 1 == 0).all()):
        return np.searchsorted(classes, column), tuple(map(str, classes))
    if is_numeric:
        y = column.to_numpy(float)
        return 2 * (y - y.min()) / (y.max() - y.min()) - 1, ()
    raise DataError(
        f"The target {column.name!r} has {len(classes)} classes; at most {MOST_CLASSES}, or "
        "numbers, serve."
    )


def _looked_through(name, text):
    """Whether every row but the header ends in a comma.

    Rows and columns are counted no further than they can be shown: what pandas takes for a header
    grows with the square of its length.
    """
    width, ends_in_comma = 0, True
    for i, row in enumerate(csv.reader(io.StringIO(text, newline=""))):
        width = width or len(row)
        if i and row:
            ends_in_comma &= len(row) == width + 1 and not row[-1].strip()
        if len(row) > MAX_COLUMNS or i > MAX_ROWS:
            what = f"{len(row)} columns" if len(row) > MAX_COLUMNS else f"more than {MAX_ROWS} rows"
            raise DataError(
                f"{name} has {what}; at most {MAX_ROWS} rows and {MAX_COLUMNS} columns can be "
                "shown. Take a part of it."
            )
    return ends_in_comma


def _short(text):
    return text if len(text) <= 100 else text[:99] + "…"
