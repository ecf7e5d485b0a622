"""Numbers as people write them: currencies, percent signs, thousands, decimal commas."""

import re
from typing import Literal

import numpy as np
import pandas as pd
from pandas.api import types

#: Beyond it squares overflow; such values count as missing.
LARGEST = 1e150
#: Text in a column of numbers counts as missing if no more than this share of the rows, and
#: no more than so many different words, are text.
STRAY_SHARE, STRAY_WORDS = 0.1, 5
# Fewer different numbers than this, with words among them, are taken for codes.
_MANY_NUMBERS = 10

Decimal = Literal[".", ","]

_CODES = (
    "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|KRW|RUB|TRY|SGD"
    "|HKD"
)
_CURRENCY = rf"(?:[$€£¥₹₽₩₺₪₱฿]|US\$|R\$|kr\.?|zł|Kč|Fr\.|{_CODES})"
_GAP = "[ \u00a0\u202f'\u2019]"  # spaces of several widths, and the Swiss apostrophe
_DIGITS = {
    ".": rf"[1-9]\d{{,2}}(?:(?:,|{_GAP})\d{{3}})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+",
    ",": rf"[1-9]\d{{,2}}(?:(?:\.|{_GAP})\d{{3}})+(?:,\d*)?|\d+(?:,\d*)?|,\d+",
}
_WRITTEN = {
    mark: re.compile(
        rf"(?P<open>\()?(?P<before>[-+\u2212]?)\s*{_CURRENCY}?\s*(?P<sign>[-+\u2212]?)"
        rf"(?P<digits>{digits})(?P<power>[eE][-+]?\d+)?\s*(?:%|{_CURRENCY})?(?P<after>-?)"
        r"(?P<close>\))?"
    )
    for mark, digits in _DIGITS.items()
}
_MARKS = re.compile(rf"[,%(]|{_CURRENCY}|\d{_GAP}\d|\u2212|-$")


def decimal_mark(values: pd.Series) -> Decimal | None:
    """The decimal mark of a column of text that holds numbers; None where it holds something else.

    Digits alone, which may be codes, are not numbers if they come as text. A comma before three
    digits separates thousands, unless the column has other commas.

    Parameters
    ----------
    values : Series

    Returns
    -------
    {".", ","} or None

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.numbers import decimal_mark
    >>> decimal_mark(pd.Series(["$1,200.50", "$7", None]))
    '.'
    >>> decimal_mark(pd.Series(["1.200,50 €", "7 €"]))
    ','
    >>> decimal_mark(pd.Series(["12", "7"]))  # codes, if they come as text
    """
    if not (types.is_object_dtype(values) or types.is_string_dtype(values)):
        return None
    known = values.dropna()
    if not len(known) or not known.map(lambda value: isinstance(value, str)).all():
        return None
    text = known.astype(str).str.strip()
    marks: tuple[Decimal, ...] = (".", ",")
    for mark in marks:
        if text.map(lambda one, mark=mark: _value(one, mark) is not None).all():
            return mark if text.str.contains(_MARKS).any() else None
    for mark in marks:
        numbers = text.map(lambda one, mark=mark: _value(one, mark))
        words = set(text[numbers.isna()])
        few = len(words) <= STRAY_WORDS and numbers.isna().mean() <= STRAY_SHARE
        if few and numbers.nunique() > _MANY_NUMBERS:
            return mark
    return None


def stray_words(values: pd.Series, mark: Decimal) -> list[str]:
    """The different words in a column of numbers, which count as missing."""
    text = values.dropna().astype(str).str.strip()
    return sorted({one for one in text if _value(one, mark) is None})


def written_numbers(values: pd.Series, mark: Decimal = ".") -> pd.Series:
    """A column as numbers, "12.5 %" as 12.5, with NaN for text that is none.

    Examples
    --------
    >>> import pandas as pd
    >>> from skreg.cli.numbers import written_numbers
    >>> written_numbers(pd.Series(["$1,200.50", "(7)", "none"])).tolist()
    [1200.5, -7.0, nan]
    """
    if types.is_numeric_dtype(values):
        return values
    numbers = [_value(str(one).strip(), mark) if known else None
               for one, known in zip(values, values.notna(), strict=True)]  # fmt: skip
    return pd.Series(np.array(numbers, dtype=np.float64), index=values.index, name=values.name)


def without_huge(values: pd.Series) -> pd.Series:
    """A numeric column with NaN for what is infinite or beyond `LARGEST`."""
    return values.where(values.abs() <= LARGEST)


def _value(text: str, mark: Decimal) -> float | None:
    """The number that a text says, or None."""
    found = _WRITTEN[mark].fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    digits = re.sub(_GAP, "", found["digits"])
    digits = digits.replace(",", "") if mark == "." else digits.replace(".", "").replace(",", ".")
    signs = [found["before"], found["sign"], found["after"]]
    if sum(map(bool, signs)) > 1:
        return None
    minus = bool(found["open"]) or any(sign in ("-", "\u2212") for sign in signs)
    value = float(digits + (found["power"] or ""))
    return -value if minus else value
