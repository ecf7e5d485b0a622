"""From a table of mixed columns to numbers: a transformer for each kind of column."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skreg._state import published
from skreg.cli.columns import Column, understand
from skreg.cli.dates import date_features, date_names
from skreg.cli.numbers import Decimal, without_huge, written_numbers

# A level rarer than this many rows, or beyond this many levels, is pooled with the other rare ones.
RARE_LEVEL = 5
MAX_LEVELS = 40


def build_preprocessor(
    X: pd.DataFrame, columns: list[Column] | None = None
) -> tuple[ColumnTransformer, dict[str, list[str]]]:
    """Build the transformer of a table.

    Numbers: missing values become the median, with an indicator column, and all are scaled to mean
    0 and variance 1. Categories: one column a level, where "missing" is a level and rare levels are
    pooled, as are levels never seen in training. Dates: elapsed days and the seasons of year and
    week, scaled as numbers are. Columns that cannot be learned from are left out.

    Parameters
    ----------
    X : DataFrame
    columns : list of Column, default=None
        How its columns were understood; None to tell.

    Returns
    -------
    preprocessor : ColumnTransformer
        Unfitted; its output is a dense float64 array.
    kinds : dict of str to list of str
        The columns of each kind that occurs.
    """
    kinds: dict[str, list[str]] = {}
    forms = {}
    for column in understand(X) if columns is None else columns:
        kinds.setdefault(column.kind, []).append(column.name)
        if column.form is not None:
            forms[column.name] = column.form

    def impute():
        return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)

    def forms_of(kind):
        return {name: forms[name] for name in kinds.get(kind, ()) if name in forms}

    transformers = {
        "number": make_pipeline(
            FunctionTransformer(
                as_numbers,
                kw_args={"marks": forms_of("number")},
                feature_names_out="one-to-one",
            ),
            impute(),
            StandardScaler(),
        ),
        "date": make_pipeline(
            FunctionTransformer(
                date_features, kw_args={"formats": forms_of("date")}, feature_names_out=date_names
            ),
            impute(),
            StandardScaler(),
        ),
        "category": make_pipeline(
            FunctionTransformer(as_text, feature_names_out="one-to-one"),
            SimpleImputer(strategy="constant", fill_value="(missing)"),
            OneHotEncoder(
                handle_unknown="infrequent_if_exist",
                min_frequency=RARE_LEVEL,
                max_categories=MAX_LEVELS,
                sparse_output=False,
                feature_name_combiner=level_name,
            ),
        ),
    }
    preprocessor = ColumnTransformer(
        [(kind, step, kinds[kind]) for kind, step in transformers.items() if kind in kinds]
    )
    return preprocessor, kinds


def as_numbers(frame: pd.DataFrame, marks: Mapping[str, Decimal] | None = None) -> pd.DataFrame:
    """float64 columns, with NaN for what is missing, infinite or beyond `LARGEST`.

    ``marks`` has the decimal marks of columns that are written as text.
    """
    marks = marks or {}
    return frame.apply(
        lambda values: without_huge(
            written_numbers(values, marks.get(values.name, ".")).astype(np.float64)
        )
    )


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of str with NaN for what is missing, whatever type a category came as.

    Whole numbers are the same as integers and as floats, which they are beside missing ones.
    """
    return frame.astype(object).map(_word, na_action="ignore").where(frame.notna(), np.nan)


def _word(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def level_name(column: str, level: str) -> str:
    """The name of the column of a level."""
    return f"{column} = {'(rare)' if level == 'infrequent_sklearn' else level}"


def plain_names(names: Iterable[str]) -> list[str]:
    """What the preprocessor calls its columns, as people say it.

    Examples
    --------
    >>> from skreg.cli.preprocessing import plain_names
    >>> plain_names(["number__age", "number__missingindicator_age", "category__sex = f"])
    ['age', 'age is missing', 'sex = f']
    """
    plain = []
    for name in names:
        name = str(name).split("__", 1)[-1]
        missing = name.removeprefix("missingindicator_")
        plain.append(name if missing == name else f"{missing} is missing")
    return plain


published("skreg.cli", as_numbers, as_text, level_name)
