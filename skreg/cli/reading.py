"""Reading a user's file: its separator, decimals, header and encoding are told from its text."""

import csv
import gzip
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from skreg.cli.errors import UserError

SEPARATORS = (",", ";", "\t", "|")
_HEAD = 100_000  # bytes that are looked at
_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")


@dataclass(frozen=True)
class Table:
    """A file as it was read.

    Attributes
    ----------
    frame : DataFrame
        With at least one row.
    options : dict
        What ``pd.read_csv`` was told beside its defaults; None for a parquet file.
    notes : tuple of str
        What a user should know of how it was read.
    """

    frame: pd.DataFrame
    options: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def code(self, target: str) -> str:
        """Python code that reads new rows, without the target, the way this file was read."""
        if self.options is None:
            return 'pd.read_parquet("new_rows.parquet")'
        options = dict(self.options)
        if "names" in options:
            options["names"] = [name for name in options["names"] if name != target]
        options.setdefault("na_values", ["?"])
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        return f'pd.read_csv("new_rows.csv", {given})'


def read_table(path: Path, *, separator: str | None = None, target: str | None = None) -> Table:
    """Read a CSV file (plain or gzipped) or a parquet file.

    Parameters
    ----------
    path : Path
        Its suffix names the format: .csv, .csv.gz, .parquet or .pq.
    separator : str, default=None
        What separates the columns of a CSV file; None to tell it from the file. ``?`` stands for a
        missing value, like the empty field and pandas' other defaults.
    target : str, default=None
        A name that the header is known to hold.

    Returns
    -------
    Table

    Raises
    ------
    UserError
        If there is no such file, it cannot be read, or it holds no rows.
    """
    name = path.name.lower()
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if path.is_dir():
        raise UserError(f"{path} is a directory: name the file in it")
    try:
        if name.endswith((".csv", ".csv.gz")):
            table = _read_csv(path, separator, target)
        elif name.endswith((".parquet", ".pq")):
            table = Table(pd.read_parquet(path))
        else:
            raise UserError(f"{path}: unknown kind of file; use .csv, .csv.gz or .parquet")
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty") from None
    except ImportError:
        raise UserError(
            f"{path}: reading parquet needs pyarrow (pip install pyarrow), or save it as .csv"
        ) from None
    except (OSError, ValueError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"{path} cannot be read: {reason}") from None
    if not len(table.frame):
        raise UserError(f"{path} has a header but no rows")
    table.frame.columns = table.frame.columns.map(str)
    return table


def _read_csv(path, separator, target):
    raw = _head(path)
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    if encoding == "utf-8" and b"\0" in raw:
        raise UserError(f"{path} is not a text file: save the table as .csv or .parquet")
    layout = Layout.of(raw.decode(encoding, errors="replace").lstrip("\ufeff"), separator, target)
    notes = list(layout.notes)
    try:
        frame = _parsed(path, encoding, layout)
    except UnicodeDecodeError:
        encoding = "cp1252"
        notes.append("the file is not UTF-8 text: read as Windows-1252 (cp1252)")
        try:
            frame = _parsed(path, encoding, layout)
        except UnicodeDecodeError:
            raise UserError(
                f"{path} is neither UTF-8 nor Windows-1252 text: save it as UTF-8"
            ) from None
    options = layout.options if encoding == "utf-8" else {**layout.options, "encoding": encoding}
    return Table(frame, options, tuple(notes))


def _head(path):
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        return file.read(_HEAD)


def _parsed(path, encoding, layout):
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(
                path, encoding=encoding, na_values=["?"], low_memory=False, **layout.options
            )
        except pd.errors.ParserWarning:
            raise UserError(
                f"{path} has rows with more fields than the header has names. Name every column"
            ) from None


@dataclass(frozen=True)
class Layout:
    """How the text of a CSV file is laid out.

    Attributes
    ----------
    options : dict
        What ``pd.read_csv`` has to be told.
    notes : list of str
    """

    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str, separator: str | None = None, target: str | None = None) -> "Layout":
        """The layout that the head of a file shows."""
        if len(text) >= _HEAD // 4:  # the last line may have been cut
            text = text[: text.rfind("\n") + 1] or text
        found = cls()
        separator = separator or _separator_of(text)
        if separator != ",":
            found.options["sep"] = separator
        rows, starts = _split(text, separator)
        if not rows:
            return found
        width = Counter(map(len, rows)).most_common(1)[0][0]
        first = next(i for i, row in enumerate(rows) if len(row) >= min(width, max(2, width - 1)))
        if starts[first] > 0 and first < len(rows) - 1 and width > 1:
            found.options["skiprows"] = starts[first]
            found.notes.append(f"left out {starts[first]} lines above the header")
        found._tell_decimals(rows[first + 1 :], separator)
        found._tell_header(rows[first], rows[first + 1 :], width, target)
        return found

    def _tell_decimals(self, rows, separator):
        if separator == ",":
            return
        fields = {one.strip() for row in rows for one in row if "," in one or "." in one}
        numbers = {one for one in fields if _DECIMAL_COMMA.fullmatch(one)}
        if numbers and not all(_THOUSANDS.fullmatch(one) for one in numbers):
            self.options["decimal"] = ","
            if any("." in one for one in numbers):
                self.options["thousands"] = "."

    def _tell_header(self, header, rows, width, target):
        if target not in header and not _is_header(header, rows):
            names = [str(i + 1) for i in range(width)]
            self.options.update(header=None, names=names)
            self.notes.append(
                f"the first row ({', '.join(header[:4])}, …) looks like data, not like names: the "
                f"columns are called 1 to {width}"
            )
        elif len(header) == width - 1:
            ends = [row[-1] for row in rows if len(row) == width]
            if any(one.strip() for one in ends):
                self.notes.append(
                    "the rows have one field more than the header: the first of them is taken for "
                    "the row's name"
                )
            else:
                self.options["index_col"] = False


def _split(text, separator):
    """The rows with anything in them, and the number of lines before each."""
    rows, starts = [], []
    reader = csv.reader(text.splitlines(), delimiter=separator)
    line = 0
    try:
        for row in reader:
            if any(one.strip() for one in row):
                rows.append(row)
                starts.append(line)
            line = reader.line_num
    except csv.Error:  # pandas will say what is wrong
        pass
    return rows, starts


def _separator_of(text):
    """The separator under which most rows have the same number of fields, above one."""

    def merit(separator):
        widths = Counter(len(row) for row in _split(text, separator)[0])
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return (count / widths.total(), width) if width > 1 else (0.0, 1)

    return max(SEPARATORS, key=merit)  # the first of equals


def _is_header(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row holds names, rather than what the rows below it hold."""
    header = [name.strip() for name in header]
    below = [{row[i].strip() for row in rows if i < len(row)} - {""} for i in range(len(header))]
    numeric = [
        bool(_NUMBER.fullmatch(name)) and _are_mostly_numbers(values)
        for name, values in zip(header, below, strict=True)
    ]
    recurs = [name in values for name, values in zip(header, below, strict=True)]
    if not rows or not any(below):
        return True
    if not any(numeric):
        return not all(recurs)
    if any(again for again, number in zip(recurs, numeric, strict=True) if not number):
        return False
    numbers = [
        float(name.replace(",", ".")) for name, yes in zip(header, numeric, strict=True) if yes
    ]
    return _are_names(numbers)


def _are_mostly_numbers(values):
    return sum(bool(_NUMBER.fullmatch(value)) for value in values) >= max(1, 0.8 * len(values))


def _are_names(numbers):
    """Whether numbers above columns of numbers may be names: years, 0 1 2 …, or wavelengths."""
    steps = [b - a for a, b in pairwise(numbers)]
    if all(number.is_integer() for number in numbers):
        if all(1800 <= number <= 2200 for number in numbers):
            return len(set(numbers)) == len(numbers)
        if numbers[0] in (0.0, 1.0) and set(steps) <= {1.0}:
            return True
    return len(numbers) > 5 and (min(steps) > 0 or max(steps) < 0)
