"""What networks train on where rows come in chunks: found out in one pass over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.multiclass import type_of_target

from skreg._labels import check_classes, refuse_missing
from skreg._validation import surely_finite
from skreg.estimators._mlp_seen import columns_of, with_short_indices
from skreg.estimators._mlp_targets import (
    ClassTarget,
    Labels,
    LabelSets,
    Numbers,
    Target,
    mean_and_scale,
)
from skreg.losses import Loss
from skreg.network.columns import Sizes, largest_of
from skreg.rows import Chunks, Moments
from skreg.rows.features import refuse_checkpoint
from skreg.rows.stream import ROWS, Feed, HashSample, RowBlock

#: Rows that are held out at most, and that stand for all where λ is chosen or columns are measured.
MOST_HELD, FOR_PILOTS, FOR_SIZES = 10_000, 10_000, 1000


class Source:
    """Rows in chunks, as blocks of which the numbers have been checked.

    Parameters
    ----------
    chunks : Chunks
    """

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks
        self._feed = Feed(self.blocks())

    @classmethod
    def of(cls, X: Any, y: Any, sample_weight: Any, has_labels: bool) -> Self | None:
        """That of what ``fit`` is given; None for rows in memory."""
        if isinstance(X, Moments):
            raise ValueError(
                "a network needs the rows themselves: only squared error of linear models is known "
                "by moments. Give X and y as arrays, or rows in Chunks."
            )
        chunks = Chunks.of(X, y, sample_weight)
        if chunks is None:
            return None
        refuse_checkpoint(chunks)
        return cls(chunks.read_as(has_labels=has_labels))

    @property
    def classes(self) -> list[Any] | None:
        """The labels that are declared as categories of the target; None to look for them."""
        targets, declared = self.chunks.targets, self.chunks.categories or {}
        is_one = self.chunks.has_labels and len(targets) == 1
        return declared.get(targets[0]) if is_one else None

    def blocks(self) -> Iterator[RowBlock]:
        """The rows of a pass, as they are cut; a block is good until the next one is asked for."""
        p = None
        for chunk in self.chunks:
            p = chunk.X.shape[1] if p is None else p
            if chunk.X.shape[1] != p:
                raise ValueError(
                    f"the chunk that begins at row {chunk.start} has {chunk.X.shape[1]} columns, "
                    f"and the first one has {p}. Give chunks of the same columns."
                )
            if not p:
                raise ValueError("X has no columns beside those of other roles. Give one or more.")
            block = RowBlock(chunk.X, chunk.y, chunk.weights, chunk.numbers)
            self._check(block)
            yield block

    def in_memory(self) -> tuple[Any, NDArray, NDArray | None] | None:
        """All rows as ``fit`` takes them; None if they are more than the buffer holds."""
        most = self.chunks.shuffle_buffer
        rows = cast(RowBlock, self._feed.take(most + 1))
        if len(rows) > most:
            if isinstance(self.chunks.source, Iterator):
                raise ValueError(
                    f"the source of chunks can be read once only, it holds more rows than "
                    f"shuffle_buffer={most}, and a network reads them for every epoch. Give a "
                    "function that returns the chunks anew, or call partial_fit for each chunk."
                )
            self._feed = Feed(chain([rows], self._feed.parts(ROWS)))
            return None
        X, names = rows.X, self.chunks.feature_names
        if names is not None:
            from pandas import DataFrame  # which takes a while to import

            X = DataFrame(X, columns=names, copy=False)
        return X, rows.y[:, 0] if rows.y.shape[1] == 1 else rows.y, rows.weights

    def survey(self, tally: NumberTally | LabelTally, n_sample: int, seed: int) -> Survey:
        """What is found out about all rows in the first pass."""
        survey = Survey(tally, HashSample(n_sample, seed))
        survey.look(self._feed)
        return survey

    def one_row(self, survey: Survey) -> Any:
        """A row of numbers with the names of the columns."""
        row, names = np.atleast_2d(survey.largest), self.chunks.feature_names
        if names is None:
            return row
        from pandas import DataFrame

        return DataFrame(row, columns=names)

    def _check(self, block: RowBlock) -> None:
        values = block.X.data if issparse(block.X) else block.X
        for name, array in (("X", values), ("y", block.y)):
            if array.dtype.kind == "f" and not surely_finite(array):
                _refuse_infinite(name, array, block)
        if block.y.dtype.kind == "O":
            refuse_missing(block.y.ravel())


def _refuse_infinite(name: str, array: NDArray, block: RowBlock) -> None:
    if (bad := np.argwhere(~np.isfinite(array))).size:  # not so if the sum alone is too large
        where = f"row {block.numbers[bad[0][0]]}" if array.ndim > 1 else "a sparse chunk"
        raise ValueError(
            f"{name} holds {array[tuple(bad[0])]} in {where}. Fill in missing values, or leave "
            "such rows out."
        )


class NumberTally:
    """Mean and scale of targets that come block by block."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.weight, self.mean, self.variance = loss, 0.0, np.zeros(1), np.zeros(1)

    def add(self, y: NDArray, weights: NDArray | None) -> None:
        """Take note of these targets."""
        self.loss.check_targets(y)
        weight = len(y) if weights is None else weights.sum()
        if not weight:
            return
        mean, scale = mean_and_scale(y, weights)
        self.weight += weight
        share, step = weight / self.weight, mean - self.mean
        self.variance = self.variance + share * (scale**2 - self.variance)
        self.variance = self.variance + share * (1 - share) * step**2
        self.mean = self.mean + share * step

    def target(self) -> Numbers:
        """The target of all rows."""
        return Numbers.about(self.loss, self.mean, np.sqrt(self.variance), len(self.mean) == 1)

    def check_complete(self, target: Target) -> None:
        """A warm start goes on with any numbers."""

    def weights_of(self, class_weight: None) -> None:
        """Numbers have none."""


class LabelTally:
    """Classes, and their weights, of labels that come block by block."""

    def __init__(self) -> None:
        self.totals: dict[Any, float] = {}
        self.n_columns, self.is_declared = 1, False
        self.labels: NDArray = np.empty(0)

    def declare(self, classes: list[Any]) -> None:
        """Take these labels for all there are."""
        self.labels, self.is_declared = np.unique(classes), True
        self.totals = dict.fromkeys(self.labels.tolist(), 0.0)

    def add(self, y: NDArray, weights: NDArray | None) -> None:
        """Take note of these labels."""
        self.n_columns = y.shape[1]
        if self.n_columns > 1:
            if (kind := type_of_target(y)) != "multilabel-indicator":
                raise ValueError(f"several targets of a classifier must be 0 and 1, got {kind}.")
            return
        check_classes(y[:, 0])
        found, index = np.unique(y[:, 0], return_inverse=True)
        if self.is_declared and (odd := np.setdiff1d(found, self.labels)).size:
            raise ValueError(f"y holds {odd[0]!r}, which is none of its declared categories.")
        self.labels = np.unique(np.concatenate([self.labels, found])) if self.totals else found
        totals = np.bincount(index, weights)
        for label, total in zip(found.tolist(), totals.tolist(), strict=True):
            self.totals[label] = self.totals.get(label, 0.0) + total

    def target(self) -> Labels | LabelSets:
        """The target of all rows."""
        if self.n_columns > 1:
            return LabelSets(np.arange(self.n_columns))
        return Labels.of(self.labels, None)

    def check_complete(self, target: Target) -> None:
        """Raise if a warm start must not go on with these labels."""
        target.check_complete(self.labels)

    def weights_of(self, class_weight: Any) -> dict[Any, float] | None:
        """The weights of classes that the parameter stands for."""
        if class_weight is None:
            return None
        if self.n_columns > 1:
            raise ValueError(
                f"class_weight={class_weight!r} is not for several labels a row in chunks. Use "
                "sample_weight."
            )
        if class_weight != "balanced":
            return {label: class_weight.get(label, 1.0) for label in self.totals}
        there = [total for total in self.totals.values() if total]
        share = sum(there) / len(there)
        return {label: share / (total or share) for label, total in self.totals.items()}


@dataclass(eq=False)
class Survey:
    """What is found out about all rows in one pass.

    Parameters
    ----------
    tally : NumberTally or LabelTally
    sample : HashSample
    """

    tally: NumberTally | LabelTally
    sample: HashSample
    n_rows: int = 0
    weight: float = 0.0
    is_weighted: bool = False
    largest: Any = 0.0
    dtype: Any = np.float32

    def look(self, rows: Feed) -> None:
        """Take note of these rows."""
        for block in rows.parts(ROWS):
            self.tally.add(block.y, block.weights)
            self.sample.add(block)
            self.n_rows += len(block)
            self.is_weighted |= block.weights is not None
            self.weight += len(block) if block.weights is None else float(block.weights.sum())
            self.largest = np.maximum(self.largest, largest_of(block.X))
            self.dtype = np.result_type(self.dtype, block.X.dtype)
        if not self.weight:
            raise ValueError(
                "sample_weight is zero in every row, which leaves nothing to fit. Give a positive "
                "weight to at least one row."
            )


@dataclass(frozen=True, eq=False)
class Encoder:
    """From rows as they come to rows that a network trains on.

    Parameters
    ----------
    target : Target
    dtype : dtype
    columns : ndarray or None
        Those that a compressed network reads.
    class_weight : dict or None
    is_weighted : bool
        Whether any row has a weight.
    smoothing : float
        Share of a label that is spread over all classes.
    """

    target: Target
    dtype: Any
    columns: NDArray | None
    class_weight: dict[Any, float] | None
    is_weighted: bool
    smoothing: float

    def __call__(self, block: RowBlock, scale: float = 1.0, by_class: bool = True) -> RowBlock:
        """The rows; their weights, times those of their classes, over ``scale``.

        Rows held out have neither weights of classes nor smoothed labels.
        """
        X = with_short_indices(columns_of(block.X, self.columns)).astype(self.dtype, copy=False)
        Y = np.ascontiguousarray(self.target.encode(block.y)[0], dtype=self.dtype)
        Y = self.target.smoothed(Y, self.smoothing) if by_class else Y
        weights = self.weights(block, by_class)
        if weights is not None:
            weights = (weights / scale).astype(self.dtype)
        return RowBlock(X, Y, weights, block.numbers)

    def weights(self, block: RowBlock, by_class: bool = True) -> NDArray | None:
        """The weights of rows, times those of their classes."""
        weights = block.weights
        if weights is None and self.is_weighted:
            weights = np.ones(len(block))
        if self.class_weight is None or not by_class:
            return weights
        of_class = cast(ClassTarget, self.target).class_weights(self.class_weight, block.y, None)
        return of_class if weights is None else weights * of_class


class Streamed:
    """Rows in chunks, more than the buffer holds, made ready for a network.

    Parameters
    ----------
    source : Source
    survey : Survey
        Of its rows.
    encode : Encoder
    n_held : int
        How many rows are held out.

    Attributes
    ----------
    held : RowBlock or None
        Encoded rows that are held out.
    looked_at : RowBlock
        Some others, which stand for all.
    n_rows : int
        Of those that are trained on.
    """

    def __init__(self, source: Source, survey: Survey, encode: Encoder, n_held: int) -> None:
        self.source, self.encode, self.sample = source, encode, survey.sample
        rows = survey.sample.rows()
        held, others = rows.take(slice(n_held)), rows.take(slice(n_held, None))
        self.limit = survey.sample.order(others.numbers)[0] if n_held else None
        self.n_rows = survey.n_rows - n_held
        self.held = encode(held, by_class=False) if n_held else None
        if self.held is not None and self.held.weights is not None and not self.held.weights.any():
            raise ValueError(
                "early_stopping=True held out rows of which each has sample_weight 0. Give "
                "weight to more rows, or set early_stopping=False."
            )
        self.looked_at = encode(others)
        self.strata = encode.target.encode(others.y)[1]
        largest = survey.largest if encode.columns is None else survey.largest[encode.columns]
        self.sizes = Sizes.of(self.looked_at.X, largest)
        weight = survey.weight
        if encode.class_weight is not None:
            totals = cast(LabelTally, survey.tally).totals
            weight = sum(encode.class_weight[label] * total for label, total in totals.items())
        if (of_held := encode.weights(held)) is not None:
            weight -= float(of_held.sum())
        self.scale = weight / self.n_rows

    def read(self) -> Iterator[RowBlock]:
        """The rows of another pass, but those held out."""
        for block in self.source.blocks():
            if self.limit is not None:
                block = block.take(self.sample.order(block.numbers) >= self.limit)
            if len(block):
                yield self.encode(block, self.scale)
