"""Rows that come a chunk at a time, from files and tables that need not fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from skreg._labels import as_numbers
from skreg.rows import dask_chunks, spark_chunks
from skreg.rows.checkpoint import Checkpoint, path_given
from skreg.rows.chunk import Chunk, FoldsOf, MomentWork, Work
from skreg.rows.features import (
    Features,
    known,
    labels_of,
    levels_given,
    names_given,
    no_rows,
    refuse_late_names,
    refuse_missing,
    refuse_targets,
    require,
    rows_given,
    target_of,
    text_levels,
    together,
)
from skreg.rows.missing import MissingMoments
from skreg.rows.moments import Moments, part_weights
from skreg.rows.products import Array
from skreg.rows.sources import ROWS, is_chunked, pieces_of
from skreg.rows.tables import Table, as_table

#: Modules that sum rows where they are: ``serves(source)``, ``summed(chunks, work)``.
CLUSTERS = (dask_chunks, spark_chunks)


class Chunks:
    """Rows in chunks: what estimators and searches take in the place of X where data are large.

    A pass reads one chunk after the other and keeps none. Squared error takes one, a search of it
    as well; other losses one for each of Newton's steps, which all λ of a search share; a network
    one for each epoch; columns of text without declared categories one more.

    Parameters
    ----------
    source : object
        One of

        - a ``Dataset``, ``ParquetFile``, ``RecordBatchReader`` or ``Table`` of PyArrow;
        - a ``LazyFrame`` or ``DataFrame`` of Polars, a ``DataFrame`` of pandas;
        - a relation of DuckDB, or another object with an Arrow stream;
        - an iterable of chunks, each of them a table of these libraries, or a tuple (X, y) or
          (X, y, sample_weight) of arrays;
        - a function without parameters that returns such an iterable, anew for each pass.
    y : str, list of str or None, default=None
        Names of the columns that are the targets. None for chunks that are tuples.
    sample_weight : str or None, default=None
        Name of the column of weights.
    features : None or list of str, default=None
        Names of the columns to use, in this order. None for all that have no other role.
    exclude : list of str, default=()
        Names of columns that are no features, such as one that says to which fold a row belongs.
    categories : None or dict of str to list, default=None
        The values of columns of text, and of other columns that are to be read as categories. Each
        becomes a feature, 1 in the rows that have it and 0 elsewhere; those of a classifier's
        target are its classes. What is not named here is read once more, before, for its values,
        at most 1,000. A value that is not among those declared is an error.
    checkpoint : path-like or None, default=None
        Of squared error, a file to write the sums to, every half minute. A pass that was
        interrupted goes on from there if it is asked for the same, and ends with the same bits;
        chunks that are summed already are passed over. At the end the file is removed.
    shuffle_buffer : int, default=65536
        Of networks: how many rows are held in memory at most, from which mini-batches are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import Chunks, Moments, QuadraticApproxRidge
    >>> def chunks():
    ...     for seed in range(100):
    ...         X = np.random.default_rng(seed).normal(size=(1000, 3))
    ...         yield X, X @ [1.0, 2.0, 3.0]
    >>> QuadraticApproxRidge(alpha=0.0).fit(Chunks(chunks)).coef_.round(6)
    array([1., 2., 3.])
    """

    def __init__(
        self,
        source: Any,
        y: str | Sequence[str] | None = None,
        *,
        sample_weight: str | None = None,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        categories: Mapping[str, Sequence[Any]] | None = None,
        checkpoint: str | PathLike | None = None,
        shuffle_buffer: int = 65_536,
    ) -> None:
        self.source, self.y, self.sample_weight = source, y, sample_weight
        self.features = None if features is None else names_given("features", features)
        self.exclude, self.may_lack = names_given("exclude", exclude), False
        self.has_labels = False
        self.checkpoint = path_given(checkpoint)
        self.targets = [y] if isinstance(y, str) else names_given("y", y)
        refuse_targets(self.features, self.targets)
        if not (sample_weight is None or isinstance(sample_weight, str)):
            raise ValueError(f"sample_weight must be the name of a column, got {sample_weight!r}.")
        self.categories = None if categories is None else levels_given(categories)
        self.shuffle_buffer = rows_given(shuffle_buffer)
        self._levels: dict[str, list[Any]] | None = None
        self._features: Features | None = None
        self._n_passes, self._nameless = 0, False
        self.rows_of_pieces: list[int] | None = None  # of a collection on a cluster, once known

    @property
    def feature_names(self) -> list[str] | None:
        """Names of the columns of X; None where the chunks are arrays, and before a pass."""
        return None if self._features is None else self._features.names

    @classmethod
    def of(cls, X: Any, y: Any = None, sample_weight: Any = None) -> Chunks | None:
        """X as `Chunks` if it is rows in chunks; None if it is an array or a table in memory."""
        if isinstance(X, Chunks):
            if y is not None or sample_weight is not None:
                raise ValueError(
                    "Chunks name their targets and weights themselves: give y and sample_weight "
                    "to Chunks, and not to fit."
                )
            return X
        if dask_chunks.serves(X) and hasattr(X, "numblocks"):  # an array
            if not hasattr(y, "numblocks"):
                raise ValueError(
                    f"y must be an array of Dask, as X is, got {type(y).__name__}. Give "
                    "dask.array.from_array(y, chunks=X.chunks[0])."
                )
            return cls(dask_chunks.paired(X, y, sample_weight))
        if not is_chunked(X):
            return None
        for name, given in (("y", y), ("sample_weight", sample_weight)):
            if not (given is None or isinstance(given, str | list)):
                raise ValueError(
                    f"{name} must be the name of a column where rows come in chunks, got "
                    f"{type(given).__name__}. Chunks of arrays are tuples (X, y, sample_weight)."
                )
        return cls(X, y, sample_weight=sample_weight)

    def read_as(
        self, *, exclude: Sequence[str] = (), may_lack: bool = False, has_labels: bool = False
    ) -> Chunks:
        """The same rows without further columns, read in another way.

        With NaN for missing numbers where they ``may_lack``; the targets as they are, rather than
        as numbers, where these are labels.
        """
        made = Chunks(
            self.source, self.y, sample_weight=self.sample_weight, features=self.features,
            exclude=list(dict.fromkeys([*self.exclude, *exclude])), categories=self.categories,
            checkpoint=self.checkpoint, shuffle_buffer=self.shuffle_buffer,
        )  # fmt: skip
        made.may_lack, made.has_labels = may_lack, has_labels
        return made

    # Passes ---------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Chunk]:
        """One pass over all rows."""
        if self._levels is None:
            self._survey()
        empty = True
        for chunk in self.from_row(0):
            empty = False
            yield chunk
        if empty:
            raise ValueError(no_rows(self.source))

    def from_row(self, start: int) -> Iterator[Chunk]:
        """The chunks, of which the first begins with the row of this number."""
        for piece in self._pass():
            chunk = self._chunk(piece, start)
            start += len(chunk.y)
            if len(chunk.y):
                yield chunk

    def __array__(self, *args: Any, **kwargs: Any) -> NDArray:
        # What NumPy, and with it every estimator and step that knows no chunks, asks for.
        raise ValueError(
            "Chunks are not drawn into memory. fit, regularization_path and PathSearchCV take them "
            "where they can, and skreg.model_selection.fit_in_chunks a Pipeline; predict and "
            "transform take arrays or tables: one chunk at a time."
        )

    def moments(self) -> Moments:
        """The `Moments` of all rows, in one pass."""
        return self.sums()[None]

    def sums(self, folds_of: FoldsOf = None, folds: str = "") -> dict[Any, Any]:
        """The moments of each fold, in one pass.

        Parameters
        ----------
        folds_of : callable or None, default=None
            From a `Chunk` to the fold of each of its rows. Without it all rows are in fold None.
        folds : str, default=""
            A word for it, by which a checkpoint knows the sums that it is to go on with.

        Returns
        -------
        dict of fold to Moments
            `MissingMoments` where numbers may be missing.
        """
        work = MomentWork(folds_of, self.may_lack)
        checkpoint = self._checkpoint(folds)
        sums = self.reduced(work) if checkpoint is None else self._kept(work, checkpoint)
        return {fold: self.named(part) for fold, part in sums.items()}

    def reduced(self, work: Work) -> dict[Any, Any]:
        """The sums of a `Work`, by key, in one pass: made where the rows are."""
        if (cluster := self._cluster()) is not None:
            return cluster.summed(self, work)
        sums: dict[Any, Any] = {}
        for chunk in self:
            work = work.begun(chunk)
            work.add_to(sums, chunk)
        return work.ended(sums)

    def _kept(self, work: MomentWork, checkpoint: Checkpoint) -> dict[Any, Any]:
        """The same, written down now and then."""
        if self._cluster() is not None:
            raise ValueError("checkpoint is not for clusters, which keep what is done.")
        n_done, sums = checkpoint.load()
        if self.may_lack and sums:  # those that were kept have theirs
            work = replace(work, stand_in=next(iter(sums.values())).stand_in)
        for i, chunk in enumerate(self):
            if i < n_done:
                continue
            work = work.begun(chunk)
            work.add_to(sums, chunk)
            checkpoint.note(i + 1, sums)
        checkpoint.done()
        return work.ended(sums)

    def _cluster(self) -> Any:
        """The module that sums rows of this source where they are; None for those read here."""
        return next((c for c in CLUSTERS if c.serves(self.source)), None)

    def _checkpoint(self, folds: str) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        asked = {
            "y": self.targets, "sample_weight": self.sample_weight, "features": self.features,
            "exclude": self.exclude, "categories": self.categories, "missing": self.may_lack,
            "folds": folds, "rows": ROWS,
        }  # fmt: skip
        return Checkpoint(self.checkpoint, asked)

    def named(self, moments: Any) -> Any:
        """The same moments with the names of the features, checked to be finite."""
        sums = moments.moments if isinstance(moments, MissingMoments) else moments
        if not (np.isfinite(np.diag(sums.xx)).all() and np.isfinite(sums.yy).all()):
            raise ValueError(
                "X or y holds numbers that are not finite, or too large for their squares to be. "
                "Leave such rows out, or scale the columns."
            )
        return moments.named(None if self._features is None else tuple(self._features.names))

    def _pass(self) -> Iterator[Any]:
        """The pieces of the source, from the first."""
        self._n_passes += 1
        if self._n_passes > 1 and isinstance(self.source, Iterator):
            raise ValueError(
                "the source of chunks can be read once only, and another pass is needed. Give a "
                "function that returns the chunks anew, or declare the categories."
            )
        yield from pieces_of(self.source, self._asked())

    def _asked(self) -> list[str] | None:
        """The columns to read; None for all of them."""
        if self.features is None:
            return None
        weight = [] if self.sample_weight is None else [self.sample_weight]
        return list(dict.fromkeys([*self.features, *self.targets, *weight, *self.exclude]))

    def _survey(self) -> None:
        """Learn the values of columns of text in a pass, where not all are declared."""
        met: list[dict[str, list[Any]]] = []
        names: list[str] | None = None
        for piece in [] if isinstance(self.source, Iterator) else self._pass():
            table = as_table(piece)
            if table is None:
                break
            names = self.columns_of(table) if names is None else names
            met.append(self.levels_met(table, names))
            if not met[-1]:
                break
        self.settle(None, met)

    def levels_met(self, table: Table, names: list[str]) -> dict[str, list[Any]]:
        """The values of columns of text of which no categories are declared."""
        declared = self.categories or {}
        require(table, [*names, *self._named()])
        text = [n for n in names if n not in declared and not table.is_numeric(n)]
        return {name: text_levels(table, name) for name in text}

    def _named(self) -> list[str]:
        """Columns that were named and are to be there, beside features and targets."""
        return [*(self.categories or {} if self.features is None else []), *self.exclude]

    def settle(self, columns: list[str] | None, met: list[dict[str, list[Any]]]) -> None:
        """Take these columns, None for those of the first chunk, and all levels that were met."""
        declared = {name: list(values) for name, values in (self.categories or {}).items()}
        self._levels = declared | together(met)
        if columns is not None:
            self._features = Features(columns, self._levels, self.may_lack)

    def over(self, pieces: Iterable[Any] | None) -> Chunks:
        """The same reading of other pieces."""
        made = copy(self)
        made.source, made._n_passes, made.rows_of_pieces = pieces, 0, None
        return made

    # One chunk ------------------------------------------------------------------------------------

    def _chunk(self, piece: Any, start: int) -> Chunk:
        table = as_table(piece)
        if table is not None:
            return self._of_table(table, start)
        if not isinstance(piece, tuple) or len(piece) not in (2, 3):
            kind = type(piece).__name__
            raise ValueError(
                f"a chunk must be a table, (X, y) or (X, y, sample_weight), not {kind}."
            )
        if self.targets:
            raise ValueError(f"y={self.y!r} names a column, and the chunks are tuples of arrays.")
        X, y, *more = piece
        return self._of_arrays(X, y, more[0] if more else None, start)

    def _of_arrays(self, X: Any, y: Any, weights: Any, start: int) -> Chunk:
        table = as_table(X)
        if table is not None:
            X = self._matrix(table, start)
        elif issparse(X):
            if self.may_lack:
                raise ValueError(
                    f"the chunk from row {start} on is sparse: SimpleImputer takes dense ones only."
                )
            X = csr_array(X, dtype=np.float64)
        else:
            X = np.asarray(X)
            if X.dtype.kind == "c":
                raise ValueError(f"X of the chunk from row {start} on holds complex numbers.")
            X = X if X.dtype in (np.float64, np.float32) else X.astype(np.float64)
        y = np.asarray(y) if self.has_labels else np.asarray(as_numbers(y), dtype=np.float64)
        y = y[:, None] if y.ndim == 1 else y
        if X.ndim != 2 or X.shape[:1] != y.shape[:1]:
            raise ValueError(
                f"X of the chunk that begins at row {start} has shape {X.shape}, and its y has "
                f"shape {y.shape}."
            )
        if table is None and not (self.may_lack or issparse(X)):
            refuse_missing(X, start)
        self._nameless |= table is None
        names = None if table is None else self.feature_names
        return Chunk(X, y, part_weights(weights, X), start, table, names)

    def _of_table(self, table: Table, start: int) -> Chunk:
        if not self.targets:
            raise ValueError(
                f"the chunks are tables: name the column of the target, y='…'. {known(table)}"
            )
        require(table, [*self.targets, *([self.sample_weight] if self.sample_weight else [])])
        X = self._matrix(table, start)
        read = labels_of if self.has_labels else target_of
        y = np.column_stack([read(table, name, start) for name in self.targets])
        weights = None
        if self.sample_weight is not None:
            name = self.sample_weight
            weights = part_weights(target_of(table, name, start, "sample_weight"), X)
        return Chunk(X, y, weights, start, table, self.feature_names)

    def _matrix(self, table: Table, start: int) -> Array:
        if self._features is None:
            refuse_late_names(self._nameless, start)
            require(table, self._named())
            self._features = Features(self.columns_of(table), self._levels or {}, self.may_lack)
        return self._features.matrix(table, start)

    def columns_of(self, table: Table) -> list[str]:
        """The columns of the features."""
        if self.features is not None:
            return list(self.features)
        other = {*self.targets, self.sample_weight, *self.exclude}
        return [name for name in table.names if name not in other]
