"""The container of a saved model: one JSON text and arrays, in a ZIP archive.

    skreg.json       {"format": "skreg", "layout": 1, "versions": {…}, "object": VALUE}
    arrays/0.npy …   arrays of numbers, booleans, text or times, as NumPy writes them

All members are stored, none is compressed: a file takes in memory what it takes on disk. What a
VALUE is stands in `skreg.files.values`. A reader needs JSON and NumPy's format, and runs nothing.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

#: Layout of the file and of the states in it: `load` takes this one and all before it.
LAYOUT = 1
FORMAT, _TEXT = "skreg", "skreg.json"
#: Kinds of arrays that hold no Python objects.
KINDS = "biufcSUmM"
# What files begin with that are something else.
_OTHERS = {b"\x80": "a pickle, or joblib's", b"x\x9c": "a compressed pickle of joblib"}


class CannotBeSavedError(TypeError):
    """An object holds something that the format has no place for."""


class DamagedFileError(ValueError):
    """A file is no saved model, or not as it was written."""


def write(file: BinaryIO, head: Mapping[str, Any], arrays: list[NDArray]) -> None:
    """Write the JSON text and the arrays."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps({"format": FORMAT, "layout": LAYOUT, **head}, allow_nan=False)
        archive.writestr(zipfile.ZipInfo(_TEXT), text)
        for number, array in enumerate(arrays):
            with archive.open(zipfile.ZipInfo(_name(number)), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


class Archive:
    """A saved model as it is read.

    Attributes
    ----------
    head : dict
        What the JSON text holds.

    Raises
    ------
    DamagedFileError
        If the file is something else, was cut or changed, or is of a later layout.
    """

    def __init__(self, file: BinaryIO) -> None:
        start = file.read(2)
        for other, what in _OTHERS.items():
            if start.startswith(other):
                raise DamagedFileError(
                    f"it is {what}: load it with joblib, if you trust where it comes from"
                )
        try:
            self._archive = zipfile.ZipFile(file)
            self._members = {info.filename: info for info in self._archive.infolist()}
        except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as error:
            raise DamagedFileError(f"it is cut, changed, or no saved model ({error})") from None
        if _TEXT not in self._members:
            by_skops = " (skops.io.load reads it)" if "schema.json" in self._members else ""
            raise DamagedFileError(f"it is no model that skreg.save wrote{by_skops}")
        size = file.seek(0, io.SEEK_END)
        if sum(info.file_size for info in self._members.values()) > size:
            raise DamagedFileError("its members claim to be larger than the file")
        self.head = self._parsed()

    def _parsed(self) -> dict[str, Any]:
        try:
            head = json.loads(self._bytes(_TEXT).decode())
        except (ValueError, RecursionError) as error:
            raise DamagedFileError(f"{_TEXT} in it cannot be read ({error})") from None
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise DamagedFileError("it is no model that skreg.save wrote")
        layout, by = head.get("layout"), head.get("versions")
        if type(layout) is not int or layout < 1 or not isinstance(by, dict):
            raise DamagedFileError("it says no layout or no versions")
        if layout > LAYOUT:
            raise DamagedFileError(
                f"it was written by skreg {by.get('skreg')} in layout {layout}, and this version "
                f"reads up to layout {LAYOUT}: upgrade skreg"
            )
        return head

    def _bytes(self, name: str) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise DamagedFileError(f"{name} is missing in it")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise DamagedFileError(f"{name} in it is compressed, which skreg.save never does")
        try:
            return self._archive.read(info)
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise DamagedFileError(f"{name} in it is cut or changed ({error})") from None

    def array(self, number: int) -> NDArray:
        """The array of this number, a new one in memory of its own."""
        name = _name(number)
        data = self._bytes(name)
        stream = io.BytesIO(data)
        try:
            version = npy.read_magic(stream)
            header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
            shape, by_columns, dtype = header[version](stream)
            if dtype.kind not in KINDS:
                raise DamagedFileError(f"{name} in it holds {dtype}")
            flat = np.frombuffer(data, dtype, offset=stream.tell())
            return flat.reshape(shape, order="F" if by_columns else "C").copy(order="K")
        except (ValueError, KeyError, TypeError, SyntaxError, OverflowError) as error:
            raise DamagedFileError(f"{name} in it is no array ({error})") from None


def _name(number: int) -> str:
    return f"arrays/{number}.npy"
