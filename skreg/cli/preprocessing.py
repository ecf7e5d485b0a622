"""From a table of mixed columns to numbers: the kinds of columns and a transformer for each."""

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

# A level rarer than this many rows, or beyond this many levels, is pooled with the other rare ones.
RARE_LEVEL = 5
MAX_LEVELS = 40
# Text with more different values than this, and in more than half of the rows a new one, names
# the rows rather than groups them.
MAX_TEXT_VALUES = 100
# Dates are recognised in the one order that cannot be misread: year first.
_DATE = r"\d{4}([-/])\d{1,2}\1\d{1,2}([ T]\d{1,2}:\d{2}.*)?"
_DAYS_A_YEAR = 365.2425


def column_kind(values):
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
    >>> from skreg.cli.preprocessing import column_kind
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
    # Databases hand out exact decimals as objects.
    if types.is_numeric_dtype(values) or types.infer_dtype(values, skipna=True) == "decimal":
        return "number"
    if types.is_datetime64_any_dtype(values):
        return "date"
    text = values.dropna().astype(str)
    if text.str.fullmatch(_DATE).all() and _as_dates(text).notna().all():
        return "date"
    if n_values > MAX_TEXT_VALUES and n_values > len(values) / 2:
        return "text"
    return "category"


def build_preprocessor(X):
    """Build the transformer of a table.

    Numbers: missing values become the median, with an indicator column, and all are scaled to mean
    0 and variance 1. Categories: one column a level, where "missing" is a level and rare levels are
    pooled, as are levels never seen in training. Dates: elapsed days and the seasons of year and
    week, scaled as numbers are. Columns that cannot be learned from are left out.

    Parameters
    ----------
    X : DataFrame

    Returns
    -------
    preprocessor : ColumnTransformer
        Unfitted; its output is a dense float64 array.
    kinds : dict of str to list of str
        The columns of each kind that occurs.
    """
    kinds = {}
    for name in X.columns:
        kinds.setdefault(column_kind(X[name]), []).append(name)

    def impute():
        return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)

    transformers = {
        "number": make_pipeline(FunctionTransformer(as_numbers), impute(), StandardScaler()),
        "date": make_pipeline(FunctionTransformer(date_features), impute(), StandardScaler()),
        "category": make_pipeline(
            FunctionTransformer(as_text),
            SimpleImputer(strategy="constant", fill_value="(missing)"),
            OneHotEncoder(
                handle_unknown="infrequent_if_exist",
                min_frequency=RARE_LEVEL,
                max_categories=MAX_LEVELS,
                sparse_output=False,
            ),
        ),
    }
    preprocessor = ColumnTransformer(
        [(kind, step, kinds[kind]) for kind, step in transformers.items() if kind in kinds]
    )
    return preprocessor, kinds


def as_numbers(frame):
    """float64 columns, with NaN for what is missing or infinite."""
    return frame.apply(pd.to_numeric).astype(np.float64).replace([np.inf, -np.inf], np.nan)


def as_text(frame):
    """Columns of str with NaN for what is missing, whatever type a category came as."""
    return frame.astype(object).map(str, na_action="ignore").where(frame.notna(), np.nan)


def date_features(frame):
    """Elapsed days since 1970, and sine and cosine of the position in the year and in the week.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_dates)
        Dates, or text with the year first.

    Returns
    -------
    ndarray of shape (n_rows, 5 * n_dates)
        NaN where a date is missing or cannot be read.
    """
    parts = []
    for name in frame.columns:
        elapsed = _as_dates(frame[name]) - pd.Timestamp(0, tz="UTC")
        days = (elapsed / pd.Timedelta(days=1)).to_numpy()
        parts.append(days)
        for period in (_DAYS_A_YEAR, 7.0):
            angle = 2 * np.pi * days / period
            parts += [np.sin(angle), np.cos(angle)]
    return np.column_stack(parts)


def _as_dates(values):
    return pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
