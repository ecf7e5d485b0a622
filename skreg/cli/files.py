"""The bytes of a user's file: plain, compressed, in an archive or from the standard input."""

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
import zlib
from pathlib import Path

from skreg.cli.errors import UserError

TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", "")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
_COMPRESSED = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
_MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz", b"PK\x03\x04": ".zip",
          b"PAR1": ".parquet"}  # fmt: skip
#: What reading a file may raise that is the file's fault.
FAULTS = (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
KNOWN = ".csv, .tsv or .txt (also .gz, .bz2, .xz or .zip), .parquet or .xlsx"


def contents(path: Path) -> tuple[bytes, str]:
    """The bytes of a file, taken out of its compression, and the suffix that names their format.

    Parameters
    ----------
    path : Path
        ``-`` is the standard input, whose compression is told from its first bytes.

    Returns
    -------
    data : bytes
    suffix : str
        One of `TEXT`, `PARQUET` or `EXCEL`.

    Raises
    ------
    UserError
        If there is no such file, or its kind is unknown.
    """
    if str(path) == "-":
        data = sys.stdin.buffer.read()
        suffix = next((s for magic, s in _MAGIC.items() if data.startswith(magic)), ".csv")
    else:
        if not path.exists():
            raise UserError(f"{path}: no such file")
        if path.is_dir():
            raise UserError(f"{path} is a directory: name the file in it")
        suffix = path.suffix.lower()
        _check_suffix(path, suffix, path.with_suffix("").suffix.lower())
        data = path.read_bytes()
    if suffix in _COMPRESSED:
        inner = path.with_suffix("").suffix.lower() if str(path) != "-" else ".csv"
        return _COMPRESSED[suffix](data), inner
    if suffix == ".zip":
        return _only_member(data, path)
    return data, suffix


def _check_suffix(path: Path, suffix: str, inner: str) -> None:
    known = (*TEXT, *PARQUET, *EXCEL, ".zip")
    if suffix not in known and not (suffix in _COMPRESSED and inner in known):
        raise UserError(f"{path}: unknown kind of file; use {KNOWN}")


def _only_member(data: bytes, path: Path) -> tuple[bytes, str]:
    """The one table in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX")
        ]
        tables = [
            name for name in names if Path(name).suffix.lower() in (*TEXT[:-1], *PARQUET, *EXCEL)
        ]
        if len(names) == 1:
            tables = names
        if len(tables) != 1:
            held = ", ".join(map(repr, (tables or names)[:5])) or "nothing"
            raise UserError(f"{path} must hold one table; it holds {held}")
        return archive.read(tables[0]), Path(tables[0]).suffix.lower()


def as_text(data: bytes, path: Path) -> tuple[str, str]:
    """The text of a file and its encoding: UTF-8, UTF-16, or else Windows-1252 or Latin-1.

    Raises
    ------
    UserError
        If it is no text.
    """
    encoding = _unicode(data[:1000])
    if encoding == "utf-8" and b"\0" in data:
        raise UserError(f"{path} is not a text file: save the table as .csv or .parquet")
    for candidate in (encoding, "cp1252", "latin-1"):
        try:
            return data.decode(candidate).lstrip("\ufeff"), candidate
        except UnicodeDecodeError as error:
            if candidate.startswith("utf-16"):
                raise UserError(f"{path} cannot be read as UTF-16: {error.reason}") from None
    raise AssertionError("every byte is a character of Latin-1")


def _unicode(head: bytes) -> str:
    """UTF-16 where there is its mark, or every other byte of most characters is 0."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > 0.4 * len(head) / 2 and min(even, odd) == 0:
        return "utf-16-be" if even else "utf-16-le"
    return "utf-8"


def check_writable(option: str, path: Path, suffixes: tuple[str, ...]) -> None:
    """Check that a file can be written there, before any work is done.

    Raises
    ------
    UserError
        For an unknown suffix, a missing folder, one that is not writable, or a directory.
    """
    if path.suffix not in suffixes:
        known = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise UserError(f"{option} {path}: the name must end in {known}")
    if path.is_dir():
        raise UserError(f"{option} {path} is a directory")
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{option} {path}: the folder {path.parent} is not writable")
