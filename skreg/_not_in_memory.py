"""Rows that come in chunks, where rows in memory are wanted."""

from collections.abc import Iterator
from typing import Any

# Methods of tables that are not in memory, by which they are read.
_READ_BY = ("collect_batches", "to_batches", "iter_batches", "fetch_record_batch", "from_row")


def refuse_chunks(X: Any, owner: str, method: str = "this method") -> None:
    """Raise for an X that is rows in chunks, and nothing else that is not in memory.

    Examples
    --------
    >>> refuse_chunks(iter([]), "QuadraticApproxRidge")
    Traceback (most recent call last):
        ...
    ValueError: X is rows in chunks (list_iterator), and this method of QuadraticApproxRidge ...
    """
    wants = f"and {method} of {owner} takes rows in memory"
    remedy = "Call it for each chunk"
    if method == "score":  # scores of chunks do not add up
        remedy = "Predict chunk by chunk, or use the score of a PathSearchCV, which takes chunks"
    if isinstance(X, list | tuple) and len(X) and _is_chunk(X[0]):
        raise ValueError(f"X is a {type(X).__name__} of chunks, {wants}. {remedy}.")
    is_dask = type(X).__module__.partition(".")[0] == "dask"
    if is_dask or callable(X) or isinstance(X, Iterator) or any(hasattr(X, n) for n in _READ_BY):
        mapped = ", as X.map_partitions and X.map_blocks of Dask do" if is_dask else ""
        raise ValueError(f"X is rows in chunks ({type(X).__name__}), {wants}. {remedy}{mapped}.")


def _is_chunk(item: Any) -> bool:
    """Whether this is a table, or (X, y) of arrays, rather than a row."""
    if isinstance(item, tuple):
        return len(item) in (2, 3) and getattr(item[0], "ndim", 0) == 2
    return hasattr(item, "columns") or hasattr(item, "num_rows")
