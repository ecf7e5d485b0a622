"""Messages to the page: a JSON header and raw arrays behind it."""

import json
import math

import numpy as np


def encode(kind, body, arrays=None):
    """Bytes of a message.

    A little-endian uint32, the length of the header; the header, JSON padded with blanks to a
    multiple of 4 bytes, whose ``arrays`` name dtype, shape and offset of each array; the arrays,
    each padded to a multiple of 4 bytes. Bytes travel as uint8, other numbers as float32.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.playground.wire import encode
    >>> message = encode("frame", {"epoch": 3}, {"map": np.zeros(2, np.uint8)})
    >>> len(message) % 4, message[4:18]
    (0, b'{"kind":"frame')
    """
    places, parts, offset = {}, [], 0
    for name, array in (arrays or {}).items():
        dtype = "uint8" if array.dtype == np.uint8 else "float32"
        with np.errstate(over="ignore"):  # the page takes what is not finite for a gap
            raw = np.ascontiguousarray(array, dtype=dtype).tobytes()
        places[name] = dict(dtype=dtype, shape=array.shape, offset=offset)
        parts.append(raw + bytes(-len(raw) % 4))
        offset += len(parts[-1])
    header = json.dumps(
        {"kind": kind, **_finite(body), "arrays": places}, separators=(",", ":"), allow_nan=False
    ).encode()
    header += b" " * (-len(header) % 4)
    return len(header).to_bytes(4, "little") + header + b"".join(parts)


def _finite(value):
    """JSON knows no infinity and no NaN: null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
