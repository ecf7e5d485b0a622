"""Dates as people write them, and the numbers that are made of them."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from skreg._state import published

#: What is made of a date, in the order of the columns of `date_features`.
PARTS = ("days", "year, sine", "year, cosine", "week, sine", "week, cosine")
#: Text in a column of dates counts as missing if no more than this share of the rows has it.
STRAY_SHARE = 0.1
_DAYS_A_YEAR = 365.2425
_SAMPLE = 200  # values that formats are tried on before the whole column is
_ISO = re.compile(r"\d{4}([-/])\d{1,2}\1\d{1,2}([ T]\d{1,2}:\d{2}.*)?")
_LIKE_A_DATE = re.compile(r"(?=.*\d)[\w/.\-: ,+]{6,40}")
_MONTH_FIRST = [f"%m{mark}%d{mark}{year}" for mark in "/-." for year in ("%Y", "%y")]
_DAY_FIRST = [f"%d{mark}%m{mark}{year}" for mark in ".-/" for year in ("%Y", "%y")]
_NAMED = [
    form.replace("%b", month)
    for form in (
        *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%d. %b %Y", "%d/%b/%Y"),
        *("%b %d, %Y", "%b %d %Y", "%a, %d %b %Y", "%A, %b %d, %Y", "%b %Y", "%b-%Y", "%Y-%b-%d"),
    )
    for month in ("%b", "%B")
]
_OTHER = ["%Y.%m.%d", "%Y-%m", "%Y/%m", "%m/%Y"]
_TIMES = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S.%f", "%I:%M%p"]


def date_format(values: pd.Series) -> str | None:
    """How a column writes its dates, for ``pd.to_datetime``; None where it holds none.

    Where day and month cannot be told apart, the order in which the dates run on is taken; else
    "3/4/2021" is March 4, and "3.4.2021" and "3-4-2021" are April 3.

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.dates import date_format
    >>> date_format(pd.Series(["9/30/2018", "1/2/2019"]))
    '%m/%d/%Y'
    >>> date_format(pd.Series(["15-Mar-21", "2-Apr-21"]))
    '%d-%b-%y'
    >>> date_format(pd.Series([20210315, 20210402]))  # a number, unless there are many
    """
    if types.is_datetime64_any_dtype(values):
        return "ISO8601"
    if types.is_integer_dtype(values):
        return _of_whole_numbers(values.dropna())
    if not (types.is_object_dtype(values) or types.is_string_dtype(values)):
        return None
    text = values.dropna().astype(str).str.strip()
    sample = text.drop_duplicates().iloc[:_SAMPLE]
    if not len(sample) or sample.str.fullmatch(_LIKE_A_DATE).mean() < 1 - STRAY_SHARE:
        return None
    if sample.str.fullmatch(_ISO).mean() >= 1 - STRAY_SHARE:
        return "ISO8601" if _serves(text, "ISO8601") else None
    found = [form for form in _candidates(sample) if _serves(text, form)]
    return _preferred(text, found) if found else None


def _candidates(sample: pd.Series) -> list[str]:
    """Formats that read one of the first values."""
    forms = [*_MONTH_FIRST, *_DAY_FIRST, *_NAMED, *_OTHER]
    if sample.str.contains(":").mean() >= 0.5:
        forms = [f"{date}{gap}{time}" for date in forms for gap in (" ", ", ") for time in _TIMES]
    return [form for form in forms if any(_is_read(one, form) for one in sample.iloc[:3])]


def _is_read(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _serves(text: pd.Series, form: str) -> bool:
    return _as_dates(text, form).notna().mean() >= 1 - STRAY_SHARE


def _preferred(text: pd.Series, found: list[str]) -> str:
    """The format that reads most dates; of equals one in whose order they run on, or the usual."""
    count = {form: int(_as_dates(text, form).notna().sum()) for form in found}
    best = [form for form in found if count[form] == max(count.values())]
    running = [form for form in best if _runs_on(_as_dates(text, form).dropna())]
    if len(best) > 1 and running and len(running) < len(best):
        return running[0]
    by_days = [form for form in best if form[:2] == "%d" and form[2] != "/"]
    return (by_days or best)[0]


def _runs_on(dates: pd.Series) -> bool:
    return len(dates) > 2 and (dates.is_monotonic_increasing or dates.is_monotonic_decreasing)


def _of_whole_numbers(values: pd.Series) -> str | None:
    """20210315 is a date where all of many numbers are."""
    if values.nunique() < 10 or values.min() < 19000101 or values.max() > 21001231:
        return None
    return "%Y%m%d" if _as_dates(values, "%Y%m%d").notna().all() else None


def in_words(form: str) -> str:
    """A format as people say it.

    Examples
    --------
    >>> from skreg.cli.dates import in_words
    >>> in_words("%m/%d/%Y")
    'month/day/year'
    """
    if form == "ISO8601":
        return "year-month-day"
    for letters, word in (("Y", "year"), ("y", "yy"), ("m", "month"), ("d", "day"), ("b", "Mon"),
                          ("B", "Month"), ("H", "hh"), ("I", "hh"), ("M", "mm"), ("S", "ss"),
                          ("p", "am/pm"), ("f", "ffffff"), ("a", "Day"), ("A", "Day")):  # fmt: skip
        form = form.replace(f"%{letters}", word)
    return form


def date_features(
    frame: pd.DataFrame, formats: Mapping[str, str] | None = None
) -> NDArray[np.float64]:
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


def date_names(transformer: object, names: Iterable[str]) -> NDArray[np.object_]:
    """Names of the columns of `date_features`, for a FunctionTransformer."""
    return np.array([f"{name} ({part})" for name in names for part in PARTS], dtype=object)


def _as_dates(values: pd.Series, form: str) -> pd.Series:
    if types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, errors="coerce", utc=True)
    if types.is_numeric_dtype(values):
        values = values.astype("Int64").astype(object).map(str, na_action="ignore")
    elif form != "ISO8601":
        values = values.astype(object).map(lambda one: str(one).strip(), na_action="ignore")
    return pd.to_datetime(values, errors="coerce", utc=True, format=form)


published("skreg.cli", date_features, date_names)
