"""Rows in data frames of Spark: summed where they are, the sums added up at home.

Spark hands its rows over in Arrow's batches (`DataFrame.mapInArrow`), and each partition answers
with the moments of its folds, 8(p + 1)² bytes each for p features.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from skreg.rows.tables import as_table

if TYPE_CHECKING:
    from skreg.rows.chunk import Work
    from skreg.rows.chunks import Chunks

# Rows of a partition are numbered from its own number times this: Spark knows no other order.
_ROOM = 2**40


def serves(X: Any) -> bool:
    """Whether X is a data frame of Spark."""
    return type(X).__module__.startswith("pyspark.sql") and hasattr(X, "mapInArrow")


def summed(chunks: Chunks, work: Work) -> dict[Any, Any]:
    """What `Chunks.reduced` adds up; levels of text that are not declared are read before."""
    frame = chunks.source
    if chunks.rows_of_pieces is None or work.looks_first:  # a first pass
        work, chunks.rows_of_pieces = _settled(chunks, work), []
    plain = chunks.over(None)

    def answer(batches: Iterable[Any]) -> Iterator[Any]:
        import pyarrow
        from pyspark import TaskContext

        partition = TaskContext.get().partitionId()
        sums: dict[Any, Any] = {}
        for chunk in plain.over(batches).from_row(partition * _ROOM):
            work.add_to(sums, chunk)
        found = {"partition": [partition], "sums": [pickle.dumps(work.ended(sums))]}
        yield pyarrow.RecordBatch.from_pydict(found)

    rows = frame.mapInArrow(answer, "partition long, sums binary").collect()
    total: dict[Any, Any] = {}
    for row in sorted(rows, key=lambda row: row.partition):
        for key, part in pickle.loads(row.sums).items():
            total[key] = total.get(key, 0) + part
    return total


def _settled(chunks: Chunks, work: Work) -> Work:
    """The work as it goes on, once columns and levels of text are known to the chunks."""
    frame = chunks.source
    head = as_table(frame.limit(1000).toPandas())
    if head is None or not len(head):
        raise ValueError("the data frame holds no rows. Give at least two.")
    columns = chunks.columns_of(head)
    met = {
        name: [row[0] for row in frame.select(name).distinct().collect() if row[0] is not None]
        for name in chunks.levels_met(head, columns)
    }
    chunks.settle(columns, [met])
    if not work.looks_first:
        return work
    return work.begun(next(chunks.over([head.frame]).from_row(0)))
