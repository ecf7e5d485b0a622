"""Reading a user's file: its separator, decimals, header and encoding are told from its text."""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from skreg.cli.errors import UserError
from skreg.cli.files import EXCEL, FAULTS, PARQUET, as_text, contents
from skreg.cli.layout import MISSING, Layout


@dataclass(frozen=True)
class FileTable:
    """A file as it was read.

    Attributes
    ----------
    frame : DataFrame
        With at least one row.
    options : dict
        What ``pd.read_csv`` was told beside its defaults; None for a parquet or Excel file.
    notes : tuple of str
        What a user should know of how it was read.
    format : {"csv", "parquet", "excel"}
    """

    frame: pd.DataFrame
    options: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    format: str = "csv"

    def code(self, target: str) -> str:
        """Python code that reads new rows, without the target, the way this file was read."""
        if self.options is None:
            suffix = {"parquet": "parquet", "excel": "xlsx"}[self.format]
            return f'pd.read_{self.format}("new_rows.{suffix}")'
        options = dict(self.options)
        if "names" in options:
            options["names"] = [name for name in options["names"] if name != target]
        options.setdefault("na_values", ["?"])
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        return f'pd.read_csv("new_rows.csv", {given})'


def read_table(path: Path, *, separator: str | None = None, target: str | None = None) -> FileTable:
    """Read a text file of rows and columns, plain or compressed, a parquet or an Excel file.

    Parameters
    ----------
    path : Path
        Its suffix names the format, see `skreg.cli.files.contents`; ``-`` is the standard input.
    separator : str, default=None
        What separates the columns of a text file; None to tell it from the file. ``?``, ``-`` and
        the like stand for a missing value, as do the empty field and pandas' other defaults.
    target : str, default=None
        A name that the header is known to hold.

    Returns
    -------
    FileTable

    Raises
    ------
    UserError
        If there is no such file, it cannot be read, or it holds no rows.
    """
    try:
        data, suffix = contents(path)
        if suffix in PARQUET:
            table = FileTable(pd.read_parquet(io.BytesIO(data)), format="parquet")
        elif suffix in EXCEL:
            table = _read_excel(data)
        else:
            table = _read_text(data, path, separator, target)
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty") from None
    except ImportError:
        needed = "openpyxl" if path.suffix.lower() in EXCEL else "pyarrow"
        raise UserError(
            f"{path}: reading {path.suffix} needs {needed} (pip install {needed}), or save it as "
            ".csv"
        ) from None
    except FAULTS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"{path} cannot be read: {reason}") from None
    if not len(table.frame):
        raise UserError(f"{path} has a header but no rows")
    table.frame.columns = table.frame.columns.map(lambda name: str(name).strip())
    return table


def _read_excel(data: bytes) -> FileTable:
    sheets = pd.read_excel(io.BytesIO(data), sheet_name=None, na_values=sorted(MISSING))
    name, frame = next(iter(sheets.items()))
    notes = (f"read the first of {len(sheets)} sheets, {name!r}",) if len(sheets) > 1 else ()
    return FileTable(frame, None, notes, "excel")


def _read_text(data: bytes, path: Path, separator: str | None, target: str | None) -> FileTable:
    text, encoding = as_text(data, path)
    if not text.strip():
        raise pd.errors.EmptyDataError
    layout = Layout.of(text, separator, target)
    if layout.problem:
        raise UserError(f"{path}: {layout.problem}")
    notes, options = list(layout.notes), dict(layout.options)
    if encoding in ("cp1252", "latin-1"):
        known = {"cp1252": "Windows-1252 (cp1252)", "latin-1": "Latin-1"}[encoding]
        notes.append(f"the file is not UTF-8 text: read as {known}")
    if encoding != "utf-8":
        options["encoding"] = encoding
    return FileTable(_parsed(layout, path), options, tuple(notes))


def _parsed(layout: Layout, path: Path) -> pd.DataFrame:
    # What is cut from the text already.
    done = {"skiprows", "comment", "na_values"}
    options = {name: value for name, value in layout.options.items() if name not in done}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(
                io.StringIO(layout.text), na_values=sorted(MISSING), low_memory=False, **options
            )
        except pd.errors.ParserWarning:
            raise UserError(
                f"{path} has rows with more fields than the header has names. Name every column"
            ) from None
        except pd.errors.ParserError as error:
            reason = re.sub(r"^Error tokenizing data\. C error: ", "", str(error).strip())
            raise UserError(f"{path} cannot be read: {reason}") from None
