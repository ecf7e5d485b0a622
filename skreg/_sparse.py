"""Whether the index arrays of a sparse matrix keep within it."""

from typing import Any

import numpy as np
from scipy.sparse import issparse


def check_sparse(X: Any, name: str = "X") -> None:
    """Raise if the index arrays of a sparse matrix point outside of it. Dense arrays pass.

    Compiled code, SciPy's too, trusts these arrays: it would read and write memory that is not its
    own. Unsorted and duplicate entries are fine. O(nnz), and nothing is copied.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.eye(2))
    >>> X.indices[1] = 7
    >>> check_sparse(X)
    Traceback (most recent call last):
        ...
    ValueError: X is not a valid sparse matrix: its indices must lie between 0 and 1, found 7. ...
    """
    if not issparse(X):
        return
    if X.format == "lil":  # lists of Python ints, which the conversion copies as they are
        X = X.tocsr()
    if X.format == "coo":
        for indices, size in zip((X.row, X.col), X.shape, strict=True):
            if len(indices) != len(X.data):
                _malformed(name, f"its {len(X.data)} numbers have {len(indices)} coordinates")
            _check_range(name, indices, size)
    elif X.format in ("csr", "csc", "bsr"):
        shape = np.floor_divide(X.shape, getattr(X, "blocksize", 1))
        size, width = shape[::-1] if X.format == "csc" else shape
        starts = X.indptr
        if len(starts) != size + 1 or starts[0] != 0 or (starts[1:] < starts[:-1]).any():
            _malformed(name, f"its indptr must ascend from 0 and hold {size + 1} numbers")
        if starts[-1] > min(len(X.indices), len(X.data)):
            _malformed(
                name,
                f"its indptr ends at {starts[-1]}, beyond its {len(X.indices)} indices and "
                f"{len(X.data)} numbers",
            )
        _check_range(name, X.indices[: starts[-1]], width)


def _check_range(name, indices, size):
    for end in (indices.min(initial=0), indices.max(initial=0)):
        if len(indices) and not 0 <= end < size:
            _malformed(name, f"its indices must lie between 0 and {size - 1}, found {end}")


def _malformed(name, what):
    raise ValueError(
        f"{name} is not a valid sparse matrix: {what}. Build it with the constructors of "
        "scipy.sparse, and call its check_format() after changing its arrays."
    )
