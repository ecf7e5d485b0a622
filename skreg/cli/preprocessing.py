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
# Dates are recognised with the year first, or last where some day above 12 tells it from the month.
_DATE = r"\d{4}([-/])\d{1,2}\1\d{1,2}([ T]\d{1,2}:\d{2}.*)?"
_YEAR_LAST = r"(\d{1,2})([-/.])(\d{1,2})\2\d{4}"
_DAYS_A_YEAR = 365.2425
# "$1,234.50", "1,234", "12.5 %", "-€ 3": numbers that pandas takes for text.
_WRITTEN = r"([-+]?)\s*([$€£¥]?)\s*([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)\s*([%$€£¥]?)"
#: Beyond it squares overflow; such values count as missing.
LARGEST = 1e150


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
    if is_written_number(values):
        return "number"
    if date_format(values) is not None:
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

    formats = {name: date_format(X[name]) for name in kinds.get("date", ())}

    def impute():
        return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)

    transformers = {
        "number": make_pipeline(FunctionTransformer(as_numbers), impute(), StandardScaler()),
        "date": make_pipeline(
            FunctionTransformer(date_features, kw_args={"formats": formats}),
            impute(),
            StandardScaler(),
        ),
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
    """float64 columns, with NaN for what is missing, infinite or beyond `LARGEST`."""
    return frame.apply(lambda values: without_huge(written_numbers(values).astype(np.float64)))


def without_huge(values):
    """A numeric column with NaN for what is infinite or beyond `LARGEST`."""
    return values.where(values.abs() <= LARGEST)


def is_written_number(values):
    """Whether a column of text holds numbers with currencies, percent signs or thousands.

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.preprocessing import is_written_number
    >>> is_written_number(pd.Series(["$1,200.50", "$7", None]))
    True
    >>> is_written_number(pd.Series(["12", "7"]))  # codes, if they come as text
    False
    """
    if not (types.is_object_dtype(values) or types.is_string_dtype(values)):
        return False
    text = values.dropna()
    if not len(text) or not text.map(lambda value: isinstance(value, str)).all():
        return False
    text = text.astype(str).str.strip()
    return bool(text.str.fullmatch(_WRITTEN).all() and text.str.contains("[,%$€£¥]").any())


def written_numbers(values):
    """A column as numbers, "12.5 %" as 12.5, with NaN for text that is none."""
    if types.is_numeric_dtype(values):
        return values
    text = values.where(values.isna(), values.astype(str)).astype(object)
    parts = text.str.strip().str.extract(f"^{_WRITTEN}$") if text.notna().any() else None
    if parts is None:
        return pd.to_numeric(values, errors="coerce")
    plain = parts[0].str.cat(parts[2].str.replace(",", ""))
    return pd.to_numeric(plain, errors="coerce").fillna(pd.to_numeric(values, errors="coerce"))


def as_text(frame):
    """Columns of str with NaN for what is missing, whatever type a category came as."""
    return frame.astype(object).map(str, na_action="ignore").where(frame.notna(), np.nan)


def date_format(values):
    """How a column writes its dates, for ``pd.to_datetime``; None where it holds none.

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.preprocessing import date_format
    >>> date_format(pd.Series(["9/30/2018", "1/2/2019"]))
    '%m/%d/%Y'
    >>> date_format(pd.Series(["3/4/2018", "1/2/2019"]))  # month or day?
    """
    if types.is_datetime64_any_dtype(values):
        return "ISO8601"
    text = values.dropna().astype(str)
    if not len(text):
        return None
    form = None
    if text.str.fullmatch(_DATE).all():
        form = "ISO8601"
    elif text.str.fullmatch(_YEAR_LAST).all():
        parts = text.str.extract(_YEAR_LAST)
        first, mark, second = parts[0].astype(int), parts[1].iloc[0], parts[2].astype(int)
        if (first > 12).any() != (second > 12).any():
            order = ("%d", "%m") if (first > 12).any() else ("%m", "%d")
            form = mark.join([*order, "%Y"])
    return form if form is not None and _as_dates(text, form).notna().all() else None


def date_features(frame, formats=None):
    """Elapsed days since 1970, and sine and cosine of the position in the year and in the week.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_dates)
        Dates, or text.
    formats : dict of str to str, default=None
        For each column its `date_format`; None where the year comes first.

    Returns
    -------
    ndarray of shape (n_rows, 5 * n_dates)
        NaN where a date is missing or cannot be read.
    """
    parts = []
    for name in frame.columns:
        form = (formats or {}).get(name, "ISO8601")
        elapsed = _as_dates(frame[name], form) - pd.Timestamp(0, tz="UTC")
        days = (elapsed / pd.Timedelta(days=1)).to_numpy()
        parts.append(days)
        for period in (_DAYS_A_YEAR, 7.0):
            angle = 2 * np.pi * days / period
            parts += [np.sin(angle), np.cos(angle)]
    return np.column_stack(parts)


def _as_dates(values, form):
    return pd.to_datetime(values, errors="coerce", utc=True, format=form)
