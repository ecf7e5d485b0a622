"""Columns of the tables of pandas, Polars and Arrow, by name, as arrays.

None of the libraries is imported here: whoever hands over a table has its library. Columns are read
one at a time, as these libraries keep them; nothing is copied but what becomes numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skreg.rows.products import Array

Codes = NDArray[np.intp]
#: What pandas finds in columns of objects that are numbers.
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")


class Table(ABC):
    """Some rows with named columns.

    Parameters
    ----------
    frame : object
        Of the library that the class is for.
    """

    def __init__(self, frame: Any):
        self.frame = frame

    def __len__(self) -> int:
        return len(self.frame)

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The names of the columns."""

    @abstractmethod
    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers or truth values."""

    @abstractmethod
    def numbers(self, name: str) -> Array:
        """A numeric column as float64, NaN where a value is missing."""

    @abstractmethod
    def values(self, name: str) -> NDArray:
        """Any column as an array, None or NaN where a value is missing."""

    def codes(self, name: str) -> tuple[Codes, list[Any]]:
        """Which of the levels each value is, −1 where it is missing, and the levels met."""
        from pandas import factorize  # which takes a while to import

        codes, levels = factorize(self.values(name), sort=False)
        return codes, list(levels)


class PandasTable(Table):
    """A DataFrame of pandas."""

    @cached_property
    def names(self) -> list[str]:
        return [str(name) for name in self.frame.columns]

    def is_numeric(self, name: str) -> bool:
        from pandas.api.types import infer_dtype, is_numeric_dtype

        dtype = self._column(name).dtype
        if dtype.kind == "O":  # numbers in it are those of X in memory, too
            return infer_dtype(self._column(name), skipna=True) in _NUMBERS
        return is_numeric_dtype(dtype) and dtype.kind != "c"

    def numbers(self, name: str) -> Array:
        return self._column(name).to_numpy(dtype=np.float64, na_value=np.nan)

    def values(self, name: str) -> NDArray:
        return self._column(name).to_numpy(dtype=object, na_value=None)

    def _column(self, name: str) -> Any:
        # By its place, as a name that is a number is none here.
        return self.frame.iloc[:, self.names.index(name)]


class PolarsTable(Table):
    """A DataFrame of Polars."""

    @property
    def names(self) -> list[str]:
        return list(self.frame.columns)

    def is_numeric(self, name: str) -> bool:
        dtype = self.frame.schema[name]
        return dtype.is_numeric() or str(dtype) == "Boolean"

    def numbers(self, name: str) -> Array:
        return self.frame[name].to_numpy().astype(np.float64, copy=False)

    def values(self, name: str) -> NDArray:
        return np.array(self.frame[name].to_list(), dtype=object)


class ArrowTable(Table):
    """A Table or a RecordBatch of Arrow."""

    def __len__(self) -> int:
        return self.frame.num_rows

    @property
    def names(self) -> list[str]:
        return list(self.frame.schema.names)

    def is_numeric(self, name: str) -> bool:
        kind = str(self.frame.schema.field(name).type)
        return kind == "bool" or kind.startswith(
            ("int", "uint", "float", "double", "halffloat", "decimal")
        )

    def numbers(self, name: str) -> Array:
        column = self.frame.column(name)
        if str(column.type).startswith("decimal"):
            column = column.cast("double")
        return column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)

    def values(self, name: str) -> NDArray:
        return np.array(self.frame.column(name).to_pylist(), dtype=object)

    def codes(self, name: str) -> tuple[Codes, list[Any]]:
        # Arrow tells levels from each other faster than Python does.
        column = self.frame.column(name)
        if str(column.type) == "null":
            return super().codes(name)
        if str(column.type).startswith("dictionary"):  # which may hold values that no row has
            column = column.cast(column.type.value_type)
        if hasattr(column, "combine_chunks"):  # a Table's
            column = column.combine_chunks()
        column = column.dictionary_encode()
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return codes.astype(np.intp), column.dictionary.to_pylist()


def twofold(names: list[str]) -> str | None:
    """The first name that is there already."""
    return next((name for i, name in enumerate(names) if name in names[:i]), None)


def as_table(frame: Any) -> Table | None:
    """The `Table` of an object of one of these libraries; None for others."""
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas" and hasattr(frame, "columns") and hasattr(frame, "iloc"):
        return PandasTable(frame)
    if library == "polars" and hasattr(frame, "schema") and hasattr(frame, "get_column"):
        return PolarsTable(frame)
    if library == "pyarrow" and hasattr(frame, "num_rows") and hasattr(frame, "column"):
        return ArrowTable(frame)
    return None
