"""How the text of a CSV file is laid out: separator, decimals, header, lines that are no rows."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

SEPARATORS = (",", ";", "\t", "|")
SPACES = r"\s+"
#: Fields that stand for a missing value, beside pandas' own.
MISSING = frozenset(("?", "-", "--", "—", "–", ".", "..", "...", "…", "n.a.", "N.A.", "nil",
                     "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"))  # fmt: skip
_HEAD = 100_000  # characters by which the layout is told
_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_TOTALS = re.compile(
    r"((grand |sub-?)?totals?|sums?|overall|averages?|avg\.?|means?|summe|gesamt(summe)?|"
    r"total général|totaux|somme|totale|suma|totaal)\b[^,;]*",
    re.I,
)
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*(\r\n|\r|\n)")  # the first line, of Excel


class Row(NamedTuple):
    """A row with anything in it, and the lines it stands on, counted from 0."""

    fields: list[str]
    start: int
    end: int


@dataclass
class Layout:
    """How the text of a CSV file is laid out.

    Attributes
    ----------
    options : dict
        What ``pd.read_csv`` has to be told.
    notes : list of str
    text : str
        The rows, without titles, comments, totals and footnotes.
    problem : str
        Why it cannot be read; "" if it can.
    """

    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    text: str = ""
    problem: str = ""

    @classmethod
    def of(cls, text: str, separator: str | None = None, target: str | None = None) -> "Layout":
        """The layout that a text shows."""
        found = cls()
        if told := _SEPARATOR_LINE.match(text):
            separator, text = separator or told[1], "\n" + text[told.end() :]
        lines = list(io.StringIO(text, newline=""))
        head = lines[: _lines_of_head(lines)]
        separator = separator or _separator_of(head)
        if separator != ",":
            found.options["sep"] = separator
        rows = _split(lines, separator)
        if not rows:
            found.text = text
            return found
        width = Counter(len(row.fields) for row in rows[: len(head)]).most_common(1)[0][0]
        rows = found._without_comments(rows, width)
        rows = found._from_header(rows, width)
        found._tell_decimals(rows[1 : len(head)], separator)
        rows = found._tell_header(rows, len(head), width, target)
        rows = found._without_footers(rows)
        found._check_widths(rows)
        kept = [line for row in rows for line in lines[row.start : row.end]]
        found.text = "".join(kept)
        return found

    def _without_comments(self, rows: list[Row], width: int) -> list[Row]:
        """Lines that begin with # are comments, unless they have a field for each column."""
        comments = [r for r in rows if r.fields[0].startswith("#") and len(r.fields) != width]
        if width == 1 or not comments or len(comments) == len(rows):
            return rows
        starts = {row.start for row in comments}
        left = [row for row in rows if row.start not in starts]
        inside = [row for row in comments if row.start > left[0].start]
        if inside and not any("#" in one for row in left for one in row.fields):
            self.options["comment"] = "#"
        self.notes.append(f"left out {_count(len(comments), 'comment line')} (#)")
        return left

    def _from_header(self, rows: list[Row], width: int) -> list[Row]:
        """Leave out titles above the header."""
        least = min(width, max(2, width - 1))
        first = next(i for i, row in enumerate(rows) if len(row.fields) >= least)
        start = rows[first].start
        if start == 0 or first >= len(rows) - 1 or width == 1:
            return rows
        self.options["skiprows"] = start
        if first:
            self.notes.append(f"left out {_count(start, 'line')} above the header")
        return rows[first:]

    def _tell_decimals(self, rows: Sequence[Row], separator: str) -> None:
        if separator == ",":
            if sum(row.fields[-1].startswith(" ") for row in rows) > len(rows) / 2:
                self.options["skipinitialspace"] = True
            return
        fields = {one.strip() for row in rows for one in row.fields if "," in one or "." in one}
        numbers = {one for one in fields if _DECIMAL_COMMA.fullmatch(one)}
        if numbers and not all(_THOUSANDS.fullmatch(one) for one in numbers):
            self.options["decimal"] = ","
            if any("." in one for one in numbers):
                self.options["thousands"] = "."

    def _tell_header(
        self, rows: list[Row], n_head: int, width: int, target: str | None
    ) -> list[Row]:
        header, below = rows[0].fields, [row.fields for row in rows[1:n_head]]
        if target not in [name.strip() for name in header] and not _is_header(header, below):
            names = [str(i + 1) for i in range(width)]
            self.options.update(header=None, names=names)
            self.notes.append(
                f"the first row ({', '.join(header[:4])}, …) looks like data, not like names: the "
                f"columns are called 1 to {width}"
            )
            return rows
        if len(header) == width - 1:
            ends = [fields[-1] for fields in below if len(fields) == width]
            if sum(bool(one.strip()) for one in ends) > len(ends) / 2:
                self.notes.append(
                    "the rows have one field more than the header: the first of them is taken for "
                    "the row's name"
                )
            else:
                self.options["index_col"] = False
        again = [row for row in rows[1:] if row.fields == header]
        if again:
            self.notes.append(f"left out {_count(len(again), 'repetition')} of the header")
        return [rows[0], *(row for row in rows[1:] if row.fields != header)]

    def _without_footers(self, rows: list[Row]) -> list[Row]:
        """Leave out totals and footnotes at the end."""
        width, left = len(rows[-1].fields), list(rows)
        width = Counter(len(row.fields) for row in rows).most_common(1)[0][0]
        while len(left) > 3 and width > 2:
            filled = [one.strip() for one in left[-1].fields if one.strip()]
            alone = len(filled) == 1 and not _NUMBER.fullmatch(filled[0])
            if not alone and not _is_total(left[-1].fields, [row.fields for row in left[1:-1]]):
                break
            left.pop()
        if len(left) < len(rows):
            out = [next(one for one in row.fields if one.strip()) for row in rows[len(left) :]]
            self.notes.append(
                f"left out {_count(len(out), 'line')} at the end (totals or footnotes): "
                + ", ".join(f"{one.strip()[:40]!r}" for one in out[:3])
            )
        return left

    def _check_widths(self, rows: list[Row]) -> None:
        """Name the lines with too many fields, which cannot be read, and with too few."""
        expected = len(self.options.get("names", rows[0].fields))
        expected += "first of them" in "".join(self.notes)  # the row's name
        long = [r for r in rows[1:] if any(one.strip() for one in r.fields[expected:])]
        if long:
            self.problem = (
                f"{_lines(long)} more fields than the header has names "
                f"({len(long[0].fields)} for {expected}). Quote a field that holds the separator, "
                "or name every column"
            )
        short = [row for row in rows[1:] if len(row.fields) < expected]
        if short and expected > 1 and len(short) < len(rows) / 2:
            self.notes.append(
                f"{_lines(short)} fewer fields than the header has names; "
                "those that lack count as missing"
            )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _lines(rows: Sequence[Row]) -> str:
    """Lines by their number in the file."""
    if len(rows) == 1:
        return f"line {rows[0].start + 1} has"
    shown = ", ".join(str(row.start + 1) for row in rows[:3])
    return f"lines {shown}{f' and {len(rows) - 3:,} more' if len(rows) > 3 else ''} have"


def _lines_of_head(lines: Sequence[str]) -> int:
    total = 0
    for number, line in enumerate(lines, start=1):
        total += len(line)
        if total > _HEAD:
            return number
    return len(lines)


def _split(lines: Sequence[str], separator: str) -> list[Row]:
    """The rows with anything in them."""
    if separator == SPACES:
        return [Row(line.split(), i, i + 1) for i, line in enumerate(lines) if line.strip()]
    rows, line = [], 0
    reader = csv.reader(lines, delimiter=separator)
    try:
        for fields in reader:
            if any(one.strip() for one in fields):
                rows.append(Row(fields, line, reader.line_num))
            line = reader.line_num
    except csv.Error:  # pandas will say what is wrong
        if line < len(lines):
            rows.append(Row([""], line, len(lines)))
    return rows


def _separator_of(lines: Sequence[str]) -> str:
    """The separator under which most rows have the same number of fields, above one."""

    def merit(separator: str) -> tuple[float, int]:
        rows = [row for row in _split(lines, separator) if row.fields[0][:1] != "#"]
        widths = Counter(len(row.fields) for row in rows)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return (count / widths.total(), width) if width > 1 else (0.0, 1)

    best = max(SEPARATORS, key=merit)  # the first of equals
    if merit(best)[0] == 0.0 and merit(SPACES)[0] > 0.9:
        return SPACES
    return best


def _is_total(fields: Sequence[str], above: Sequence[Sequence[str]]) -> bool:
    """Whether a row's first field says that it adds up the others, as no other row's does."""
    place = next((i for i, one in enumerate(fields) if one.strip()), None)
    if place is None or not _TOTALS.fullmatch(fields[place].strip()):
        return False
    word = fields[place].strip()
    return not any(place < len(row) and row[place].strip() == word for row in above)


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


def _are_mostly_numbers(values: set[str]) -> bool:
    return sum(bool(_NUMBER.fullmatch(value)) for value in values) >= max(1, 0.8 * len(values))


def _are_names(numbers: Sequence[float]) -> bool:
    """Whether numbers above columns of numbers may be names: years, 0 1 2 …, or wavelengths."""
    steps = [b - a for a, b in pairwise(numbers)]
    if all(number.is_integer() for number in numbers):
        if all(1800 <= number <= 2200 for number in numbers):
            return len(set(numbers)) == len(numbers)
        if numbers[0] in (0.0, 1.0) and set(steps) <= {1.0}:
            return True
    return len(numbers) > 5 and (min(steps) > 0 or max(steps) < 0)
