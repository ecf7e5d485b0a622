"""The layout of `Moments` as bytes, the same on every machine.

    8 bytes   the signature b"\\x93SKREGM\\n"
    u32       version of the layout, 1
    u32       length of the header
    header    JSON in UTF-8: n_rows, n_features, n_targets, feature_names (a list or null)
    f64 …     weight, x_mean (p), y_mean (q), yy (q), xy (p, q) by rows, and the upper triangle of
              xx by rows
    u32       CRC-32 of all that comes before

Numbers are little-endian. A reader needs nothing but these lines: no code is stored or run.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np

from skreg.rows.products import symmetric

_SIGNATURE, _VERSION = b"\x93SKREGM\n", 1
_START = struct.Struct("<8sII")


def packed(fields: dict[str, Any]) -> bytes:
    """The bytes of the fields of `Moments`."""
    p, q = fields["xy"].shape
    names = fields["feature_names"]
    header = json.dumps(
        {
            "n_rows": int(fields["n_rows"]),
            "n_features": p,
            "n_targets": q,
            "feature_names": None if names is None else list(names),
        },
        ensure_ascii=False,
    ).encode()
    numbers = (
        [fields["weight"]], fields["x_mean"], fields["y_mean"], fields["yy"],
        fields["xy"].ravel(), fields["xx"][np.triu_indices(p)],
    )  # fmt: skip
    body = np.concatenate(numbers).astype("<f8").tobytes()
    data = _START.pack(_SIGNATURE, _VERSION, len(header)) + header + body
    return data + struct.pack("<I", zlib.crc32(data))


def unpacked(data: bytes) -> dict[str, Any]:
    """The fields that `packed` was given; ValueError for other bytes."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"moments are read from bytes, got {type(data).__name__}.")
    data = bytes(data)
    if len(data) < _START.size + 4 or not data.startswith(_SIGNATURE):
        raise ValueError("these bytes do not hold moments: they begin with another signature.")
    _, version, length = _START.unpack_from(data)
    if version > _VERSION:
        raise ValueError(
            f"these moments have layout {version}, and this version of skreg reads up to "
            f"{_VERSION}. Upgrade skreg."
        )
    (crc,) = struct.unpack_from("<I", data, len(data) - 4)
    if zlib.crc32(data[:-4]) != crc:
        raise ValueError("these moments were cut or changed: their checksum does not match.")
    header = json.loads(data[_START.size : _START.size + length])
    p, q, names = header["n_features"], header["n_targets"], header["feature_names"]
    numbers = np.frombuffer(data[_START.size + length : -4], dtype="<f8").astype(np.float64)
    weight, x_mean, y_mean, yy, xy, upper = np.split(numbers, np.cumsum([1, p, q, q, p * q]))
    xx = np.zeros((p, p))
    xx[np.triu_indices(p)] = upper
    return {
        "weight": float(weight[0]),
        "n_rows": header["n_rows"],
        "x_mean": x_mean,
        "y_mean": y_mean,
        "xx": symmetric(xx),
        "xy": xy.reshape(p, q),
        "yy": yy,
        "feature_names": None if names is None else tuple(names),
    }
