"""Rows in collections of Dask: summed where they are, and the sums added up in a tree.

What moves over the network are the sums of each fold: 8(p + 1)² bytes for p features, from each
partition to one in `_FAN_IN`, and so on to the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from skreg.rows.tables import as_table

if TYPE_CHECKING:
    from skreg.rows.chunk import Work
    from skreg.rows.chunks import Chunks

# Sums that are added up by one task.
_FAN_IN = 8


def serves(X: Any) -> bool:
    """Whether X is a collection of Dask, or a list of delayed chunks."""
    if isinstance(X, list | tuple):
        return bool(len(X)) and all(map(serves, X))
    return type(X).__module__.partition(".")[0] == "dask" and hasattr(X, "__dask_graph__")


def paired(X: Any, y: Any, weights: Any) -> list[Any]:
    """Delayed chunks (X, y) or (X, y, sample_weight) of arrays whose rows are cut alike.

    ValueError where they are not, or where a block does not hold whole rows.
    """
    import dask

    _require_whole_rows(X)
    columns = [array for array in (X, y, weights) if array is not None]
    for name, array in (("y", y), ("sample_weight", weights)):
        if array is not None and array.chunks[0] != X.chunks[0]:
            raise ValueError(
                f"{name} is cut into other blocks of rows than X. Rechunk it like X: "
                f"{name}.rechunk({{0: X.chunks[0]}})."
            )
    blocks = [array.to_delayed().reshape(len(X.chunks[0]), -1)[:, 0] for array in columns]
    return [dask.delayed(tuple)(list(rows)) for rows in zip(*blocks, strict=True)]


def _delayed(source: Any) -> list[Any]:
    """The partitions of a collection."""
    return list(source if isinstance(source, list | tuple) else source.to_delayed())


def pieces(source: Any) -> Iterator[Any]:
    """The partitions one after the other, each brought here when it is asked for."""
    for piece in _delayed(source):
        yield piece.compute()


def mapped(X: Any, function: Callable[[Any], Any]) -> Any:
    """The collection of what a function makes of the rows of each block: nothing is computed yet.

    It is tried on a row of zeros, for the shape and the type of what it gives.
    """
    if not hasattr(X, "numblocks"):  # a data frame
        from pandas import DataFrame

        row = DataFrame([[0.0] * len(X.columns)], columns=X.columns)
        return X.map_partitions(function, meta=function(row)[:0])
    _require_whole_rows(X)
    tried = function(np.zeros((1, X.shape[1])))
    wide = {"chunks": (X.chunks[0], (tried.shape[1],))} if tried.ndim > 1 else {"drop_axis": 1}
    return X.map_blocks(function, dtype=tried.dtype, meta=tried[:0], **wide)


def _require_whole_rows(X: Any) -> None:
    if X.numblocks[1] > 1:
        raise ValueError(
            f"X is cut into {X.numblocks[1]} blocks of columns. Use X.rechunk({{1: -1}})."
        )


def summed(chunks: Chunks, work: Work) -> dict[Any, Any]:
    """What `Chunks.reduced` adds up; a first pass looks at the partitions."""
    import dask

    pieces = _delayed(chunks.source)
    add, merge = dask.delayed(_added), dask.delayed(_merged)
    if chunks.rows_of_pieces is None:
        look = dask.delayed(_look)
        plain = chunks.over(None)
        seen = dask.compute(*(look(plain, piece) for piece in pieces))
        rows = [n for n, *_ in seen]
        if not any(rows):
            raise ValueError("the partitions hold no rows. Give at least two.")
        chunks.settle(seen[_first(rows)][1], [met for *_, met in seen])
        chunks.rows_of_pieces = rows
    rows, plain = chunks.rows_of_pieces, chunks.over(None)
    if work.looks_first:
        sent = dask.delayed(_begun)(plain, pieces[_first(rows)], work)
    else:
        sent = dask.delayed(work, traverse=False)
    starts = [0, *accumulate(rows)]
    parts = [add(plain, pieces[i], starts[i], sent) for i, n in enumerate(rows) if n]
    while len(parts) > 1:
        parts = [merge(parts[i : i + _FAN_IN]) for i in range(0, len(parts), _FAN_IN)]
    return dask.compute(parts[0])[0]


def _first(rows: list[int]) -> int:
    """The first partition that has any."""
    return next(i for i, n in enumerate(rows) if n)


def _look(chunks: Chunks, piece: Any) -> tuple[int, list[str] | None, dict[str, list[Any]]]:
    """How many rows a partition has, its columns of features, and levels met in those of text."""
    table = as_table(piece)
    if table is None:
        return len(piece[1]), None, {}
    names = chunks.columns_of(table)
    return len(table), names, chunks.levels_met(table, names)


def _begun(chunks: Chunks, piece: Any, work: Work) -> Work:
    return work.begun(next(chunks.over([piece]).from_row(0)))


def _added(chunks: Chunks, piece: Any, start: int, work: Work) -> dict[Any, Any]:
    sums: dict[Any, Any] = {}
    for chunk in chunks.over([piece]).from_row(start):
        work.add_to(sums, chunk)
    return work.ended(sums)


def _merged(parts: list[dict[Any, Any]]) -> dict[Any, Any]:
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: sum((p[key] for p in parts if key in p), start=0) for key in keys}
