"""Where chunks of rows come from: libraries that keep tables, and plain iterables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scipy.sparse import issparse

from skreg.rows import dask_chunks, spark_chunks
from skreg.rows.tables import as_table, twofold

#: Rows that are asked for at a time, where the source lets one ask: few enough for the cache.
ROWS = 8192
#: From a source and the columns to read, None for all, to its chunks.
Reader = Callable[[Any, "list[str] | None"], Iterable[Any]]


def is_chunked(X: Any) -> bool:
    """Whether X is a source of chunks, rather than rows in memory."""
    if dask_chunks.serves(X) or spark_chunks.serves(X):
        return True
    if hasattr(X, "__array__") or issparse(X):
        return False
    if isinstance(X, list | tuple):
        return bool(len(X)) and all(_is_pair(item) or as_table(item) is not None for item in X)
    return callable(X) or isinstance(X, Iterator) or _reader_of(X) is not None


def _is_pair(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) in (2, 3) and getattr(item[0], "ndim", 0) == 2


def pieces_of(source: Any, columns: list[str] | None) -> Iterator[Any]:
    """The chunks of a source, as tables of some library or as tuples; some columns of tables."""
    reader = _reader_of(source)
    if dask_chunks.serves(source):
        yield from dask_chunks.pieces(source)
    elif spark_chunks.serves(source):
        raise ValueError(
            "the rows of a data frame of Spark have no order that stays, and cannot be read one "
            "after the other. Write them to Parquet, and give a pyarrow.dataset of the files."
        )
    elif reader is not None:
        _require(source, columns or [])
        yield from reader(source, columns)
    elif as_table(source) is not None:
        yield source
    else:
        pieces = source() if callable(source) else source
        if isinstance(pieces, str) or not isinstance(pieces, Iterable):
            raise ValueError(
                f"the source of chunks, or what it returns, is a {type(pieces).__name__}. Give a "
                "table, an iterable of chunks, or a function that returns such."
            )
        yield from pieces


def _require(source: Any, columns: list[str]) -> None:
    """Raise before a pass where a source knows its columns, and lacks one that is asked for."""
    if type(source).__name__ == "LazyFrame":
        names = source.collect_schema().names()
    elif hasattr(source, "schema_arrow"):  # of a ParquetFile, whose schema is another
        names = source.schema_arrow.names
    elif type(source).__module__.startswith("pyarrow") and hasattr(source, "schema"):
        names = source.schema.names
    else:
        return
    if twice := twofold(names):
        raise ValueError(f"the source has two columns {twice!r}. Rename one.")
    if lost := [name for name in columns if name not in names]:
        raise ValueError(f"the source has no column {lost[0]!r}. Its columns are {names}.")


def _reader_of(source: Any) -> Reader | None:
    """How to read a source of some library; None for others."""
    library, name = type(source).__module__.partition(".")[0], type(source).__name__
    if library == "pyarrow":
        if hasattr(source, "to_batches") and hasattr(source, "num_rows"):
            return _arrow_table
        if name == "Scanner":
            return lambda scanner, columns: scanner.to_batches()
        if hasattr(source, "to_batches"):
            return _dataset
        if hasattr(source, "iter_batches"):
            return _parquet
        if name == "RecordBatchReader":
            return lambda reader, columns: reader
    if library == "polars" and name == "LazyFrame":
        return _lazy_frame
    if library in ("duckdb", "_duckdb") and hasattr(source, "fetch_record_batch"):
        return _relation
    if as_table(source) is None and hasattr(source, "__arrow_c_stream__"):
        return _stream
    return None


def _relation(source: Any, columns: list[str] | None) -> Iterable[Any]:
    if hasattr(source, "to_arrow_reader"):
        return source.to_arrow_reader(ROWS)
    return source.fetch_record_batch(ROWS)  # of old versions


def _stream(source: Any, columns: list[str] | None) -> Iterable[Any]:
    from pyarrow import RecordBatchReader

    return RecordBatchReader.from_stream(source)


def _dataset(source: Any, columns: list[str] | None) -> Iterator[Any]:
    from pyarrow import dataset  # the user's own

    try:
        fragments = source.get_fragments()
    except ValueError:  # a dataset with a filter hands out its rows only
        yield from _scanned(source, columns)
        return
    for fragment in fragments:
        file = None
        if isinstance(fragment, dataset.ParquetFileFragment):
            file = _parquet_file(fragment)
        if file is not None and file.schema_arrow.equals(source.schema):
            groups = [group.id for group in fragment.row_groups]
            yield from file.iter_batches(ROWS, row_groups=groups, columns=columns)
        else:
            yield from _scanned(fragment, columns, schema=source.schema)


def _parquet_file(fragment: Any) -> Any:
    """A Parquet file to be read page by page: Arrow's scanner holds groups of rows, and more."""
    from pyarrow import parquet

    # What is known of a file with many groups takes room, and the fragment has it.
    return parquet.ParquetFile(
        fragment.open(), metadata=fragment.metadata, buffer_size=2**16, pre_buffer=False
    )


def _scanned(source: Any, columns: list[str] | None, **options: Any) -> Iterable[Any]:
    return source.to_batches(
        columns=columns, batch_size=ROWS, batch_readahead=1, fragment_readahead=1, **options
    )


def _parquet(file: Any, columns: list[str] | None) -> Iterator[Any]:
    for group in range(file.num_row_groups):  # of which one is held, if the file is pre-buffered
        yield from file.iter_batches(ROWS, row_groups=[group], columns=columns)


def _arrow_table(source: Any, columns: list[str] | None) -> Iterable[Any]:
    return (source if columns is None else source.select(columns)).to_batches(max_chunksize=ROWS)


def _lazy_frame(source: Any, columns: list[str] | None) -> Iterable[Any]:
    chosen = source if columns is None else source.select(columns)
    return chosen.collect_batches(chunk_size=ROWS, maintain_order=True)
