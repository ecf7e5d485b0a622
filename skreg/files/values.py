"""Values of a state as JSON, and made of it again.

A VALUE is

    null, true, 1, 0.5, "text"   itself
    [VALUE, …]                   a list
    {TAG: …}                     anything else, with one of the tags of `_READERS`:
                                 "dict" (its keys are text), "pairs" (a dict with other keys),
                                 "tuple", "set", "float" ("nan", "inf", "-inf"), "array" (a
                                 number: see `skreg.files.archive`), "scalar" (of NumPy: the
                                 number of its array), "objects" (an array of VALUEs), "masked",
                                 "sparse", "dtype", "slice", "random numbers" (the state of a
                                 RandomState), "spline", "function" (a public name) and "object"
                                 (a public name, with a "state"): see `skreg.files.kinds`
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.interpolate import BSpline

from skreg._arrays import fitted_as_numpy
from skreg.files.archive import KINDS, Archive, CannotBeSavedError, DamagedFileError
from skreg.files.kinds import found_function, kind_of, named_function, named_kind

_ITSELF = (type(None), bool, int, str)
_COMPRESSED = (sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix)
_SPARSE = {one.__name__: one for one in _COMPRESSED}
#: What reading a value of a damaged or crafted file may raise.
FAULTS = (AssertionError, AttributeError, IndexError, KeyError, OverflowError, RecursionError,
          TypeError, ValueError)  # fmt: skip


class Writer:
    """Turns values into JSON; ``arrays`` are those met on the way."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._numbers: dict[int, int] = {}

    def write(self, value: Any, place: str) -> Any:
        """The JSON of a value; ``place`` says where it stands, for errors."""
        kind = type(value)
        if kind in _ITSELF:
            return value
        if kind is float:
            return value if isfinite(value) else {"float": str(value)}
        if kind is list:
            return self._each(value, place)
        if kind is dict:
            return self._dict(value, place)
        if kind in _WRITERS:
            return _WRITERS[kind](self, value, place)
        return self._other(value, place)

    def _other(self, value: Any, place: str) -> Any:
        if isinstance(value, np.generic):
            return {"scalar": self._number(np.asarray(value), place)}
        if isinstance(value, np.dtype) or (isinstance(value, type) and value in _NUMBER_TYPES):
            name = np.dtype(value).str
            return {"dtype" if isinstance(value, np.dtype) else "number type": name}
        if callable(value) and (name := named_function(value)):
            return {"function": name}
        found = kind_of(value)
        if isinstance(found, str) and isinstance(plain := fitted_as_numpy(value), np.ndarray):
            return self.write(plain, place)  # of torch's, after a fit to tensors
        if isinstance(found, str):
            raise CannotBeSavedError(f"{place} {found}")
        state = found.state(value)
        return {"object": found.name, "state": self._fields(state, place)}

    def _each(self, values: Any, place: str) -> list:
        return [self.write(one, f"{place}[{i}]") for i, one in enumerate(values)]

    def _fields(self, fields: dict[str, Any], place: str) -> dict[str, Any]:
        return {name: self.write(value, f"{place}.{name}") for name, value in fields.items()}

    def _dict(self, value: dict, place: str) -> Any:
        if all(type(key) is str for key in value):
            return {"dict": {k: self.write(v, f"{place}[{k!r}]") for k, v in value.items()}}
        pairs = [[self.write(k, place), self.write(v, f"{place}[{k!r}]")] for k, v in value.items()]
        return {"pairs": pairs}

    def _number(self, array: np.ndarray, place: str) -> int:
        if array.dtype.kind not in KINDS:
            raise CannotBeSavedError(f"{place} is an array of {array.dtype}")
        if id(array) not in self._numbers:
            self._numbers[id(array)] = len(self.arrays)
            self.arrays.append(array)  # kept, so that no other array takes its id
        return self._numbers[id(array)]

    def _array(self, value: np.ndarray, place: str) -> Any:
        if value.dtype != object:
            return {"array": self._number(value, place)}
        return {"objects": self._each(value.ravel().tolist(), place), "shape": list(value.shape)}

    def _masked(self, value: np.ma.MaskedArray, place: str) -> Any:
        parts = {"data": value.data, "mask": np.ma.getmaskarray(value), "fill": value.fill_value}
        return {"masked": self._fields(parts, place)}

    def _sparse(self, value: Any, place: str) -> Any:
        parts = {name: getattr(value, name) for name in ("data", "indices", "indptr")}
        return {"sparse": type(value).__name__, "shape": list(value.shape),
                "parts": self._fields(parts, place)}  # fmt: skip

    def _spline(self, value: BSpline, place: str) -> Any:
        parts = {name: getattr(value, name) for name in ("t", "c", "k", "extrapolate", "axis")}
        return {"spline": self._fields(parts, place)}


_WRITERS: dict[type, Callable[[Writer, Any, str], Any]] = {
    tuple: lambda writer, value, place: {"tuple": writer._each(value, place)},
    set: lambda writer, value, place: {"set": writer._each(sorted(value, key=str), place)},
    slice: lambda writer, value, place: {
        "slice": writer._each((value.start, value.stop, value.step), place)
    },
    np.ndarray: Writer._array,
    np.ma.MaskedArray: Writer._masked,
    np.random.RandomState: lambda writer, value, place: {
        "random numbers": writer._fields(_rng_state(value), place)
    },
    BSpline: Writer._spline,
} | dict.fromkeys(_SPARSE.values(), Writer._sparse)
# As a parameter such as OneHotEncoder's dtype; Python's own become NumPy's.
_NUMBER_TYPES = frozenset({float, int, bool, *np.sctypeDict.values()}) - {np.object_, np.void}


def _rng_state(rng: np.random.RandomState) -> dict[str, Any]:
    return dict(rng.get_state(legacy=False))


class Reader:
    """Makes values of JSON again; ``foreign`` are the names of scikit-learn's that it met."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._arrays = archive, dict[int, np.ndarray]()
        self.foreign: set[str] = set()

    def read(self, value: Any) -> Any:
        """What a JSON value stands for."""
        if type(value) in (*_ITSELF, float):
            return value
        if type(value) is list:
            return [self.read(one) for one in value]
        tag = next(iter(value), None)
        if tag not in _READERS:
            raise DamagedFileError(f"it holds a value of an unknown kind, {tag!r}")
        return _READERS[tag](self, value)

    def _fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: self.read(value) for name, value in fields.items()}

    def _array(self, value: dict) -> np.ndarray:
        number = value["array"]
        if number not in self._arrays:
            self._arrays[number] = self._archive.array(number)
        return self._arrays[number]

    def _objects(self, value: dict) -> np.ndarray:
        items = [self.read(one) for one in value["objects"]]
        out = np.empty(len(items), dtype=object)
        out[:] = items
        return out.reshape(value["shape"])

    def _masked(self, value: dict) -> np.ma.MaskedArray:
        parts = self._fields(value["masked"])
        return np.ma.MaskedArray(parts["data"], parts["mask"], fill_value=parts["fill"])

    def _sparse(self, value: dict) -> Any:
        parts = self._fields(value["parts"])
        made = _SPARSE[value["sparse"]](
            (parts["data"], parts["indices"], parts["indptr"]), shape=tuple(value["shape"])
        )
        made.check_format(full_check=True)
        return made

    def _rng(self, value: dict) -> np.random.RandomState:
        rng = np.random.RandomState()
        rng.set_state(self._fields(value["random numbers"]))
        return rng

    def _spline(self, value: dict) -> BSpline:
        parts = self._fields(value["spline"])
        return BSpline(parts["t"], parts["c"], parts["k"], parts["extrapolate"], parts["axis"])

    def _object(self, value: dict) -> Any:
        name = value["object"]
        kind = named_kind(name)
        if name.startswith("sklearn."):
            self.foreign.add(name)
        return kind.make(self._fields(value["state"]))


_READERS: dict[str, Callable[[Reader, Any], Any]] = {
    "dict": lambda reader, value: reader._fields(value["dict"]),
    "pairs": lambda reader, value: {reader.read(k): reader.read(v) for k, v in value["pairs"]},
    "tuple": lambda reader, value: tuple(map(reader.read, value["tuple"])),
    "set": lambda reader, value: set(map(reader.read, value["set"])),
    "slice": lambda reader, value: slice(*map(reader.read, value["slice"])),
    "float": lambda reader, value: {s: float(s) for s in ("nan", "inf", "-inf")}[value["float"]],
    "array": Reader._array,
    "scalar": lambda reader, value: reader._archive.array(value["scalar"])[()],
    "objects": Reader._objects,
    "masked": Reader._masked,
    "sparse": Reader._sparse,
    "dtype": lambda reader, value: np.dtype(value["dtype"]),
    "number type": lambda reader, value: np.dtype(value["number type"]).type,
    "random numbers": Reader._rng,
    "spline": Reader._spline,
    "function": lambda reader, value: found_function(value["function"]),
    "object": Reader._object,
}
