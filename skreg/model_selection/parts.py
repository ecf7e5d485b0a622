"""Rows that are known by the moments of each fold: what a search of squared error needs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, cast

from numpy.typing import NDArray
from scipy.sparse import issparse

from skreg.model_selection.affine import MomentTraining
from skreg.model_selection.moment_folds import all_but_each
from skreg.model_selection.splitters import (
    HashKFold,
    column_that_decides,
    require_order,
    whole_values,
)
from skreg.rows import Chunks, Moments
from skreg.rows.chunk import Chunk
from skreg.rows.sources import is_chunked


class Parts:
    """The `Moments` of each fold.

    Parameters
    ----------
    folds : dict of hashable to Moments
        By the name of the fold.
    """

    def __init__(self, folds: Mapping[Any, Moments]) -> None:
        if len(folds) < 2:
            raise ValueError(
                f"cross-validation needs the rows of at least two folds, got {len(folds)}."
            )
        self.names, self.tests = list(folds), list(folds.values())
        for name, part in folds.items():
            if not part.weight > 0:
                raise ValueError(f"fold {name!r} holds no row of positive weight. Leave it out.")
        self.trains = all_but_each(self.tests)
        self.whole: Moments = self.trains[0] + self.tests[0]
        #: Steps that are fitted to each training part already, and behind which moments are.
        self.heads: Sequence[Sequence[Any]] = [()] * len(folds)

    def of(self, estimator: Any) -> Parts:
        """What an estimator is to be searched by."""
        return self

    def training(self, estimator: Any) -> Any:
        """The `Fitting` of all rows."""
        return MomentTraining(estimator, self.whole)

    @property
    def splits(self) -> list[tuple[Any, range]]:
        """A stand-in for the indices of each split: how many rows it tests."""
        return [(None, range(part.n_rows)) for part in self.tests]


def comes_in_parts(X: Any) -> bool:
    """Whether X is rows in chunks or moments, rather than rows in memory."""
    is_known = isinstance(X, Moments | Chunks) or _moments_by_fold(X) is not None
    return is_known or is_chunked(X)


def parts_of(X: Any, y: Any, cv: Any, sample_weight: Any, may_lack: bool = False) -> Parts:
    """The `Parts` of moments by fold, or of rows in chunks, see `comes_in_parts`.

    Parameters
    ----------
    X : object
        As `PathSearchCV.fit` takes it.
    y : None, str or list of str
    cv : None, int, str or HashKFold
        How rows in chunks fall into folds.
    sample_weight : None or str
    may_lack : bool, default=False
        Whether numbers in chunks may be missing, for a first step that imputes them.
    """
    if (given := _moments_by_fold(X)) is not None:
        if y is not None or sample_weight is not None:
            raise ValueError("moments hold the targets and weights: leave y and sample_weight out.")
        if cv is not None and not (isinstance(cv, int) and cv == len(given)):
            raise ValueError(
                f"cv={cv!r} does not go with moments, which are those of {len(given)} folds. Leave "
                "cv=None."
            )
        return Parts(given)
    if isinstance(X, Moments):
        raise ValueError(
            "a search needs the moments of each fold: give a list of Moments, or a dict of them."
        )
    chunks = Chunks.of(X, y, sample_weight)
    return Parts(by_fold(cast(Chunks, chunks), cv, may_lack))


def _moments_by_fold(X: Any) -> dict[Any, Moments] | None:
    folds = X if isinstance(X, dict) else dict(enumerate(X)) if isinstance(X, list | tuple) else {}
    # SciPy's arrays of the format "dok" are dicts, whose truth value nobody may ask for.
    if not issparse(folds) and folds and all(isinstance(part, Moments) for part in folds.values()):
        return folds
    return None


def by_fold(chunks: Chunks, cv: Any, may_lack: bool = False) -> dict[Any, Any]:
    """The moments of each fold, in one pass over the chunks; folds in ascending order.

    `MissingMoments` where values may be missing.
    """
    folded = Folded.of(chunks, cv, may_lack)
    sums = folded.chunks.sums(folded, str(folded.cv))
    folded.check(sums)
    return {name: sums[name] for name in sorted(sums)}


@dataclass(frozen=True, eq=False)
class Folded:
    """From a `Chunk` to the folds of its rows.

    Attributes
    ----------
    chunks : Chunks
        Without the column of folds among their features; they stay where they are when this is
        sent elsewhere.
    cv : HashKFold or str
    column : str or None
        Whose values decide; None for the numbers of the rows.
    """

    chunks: Any
    cv: Any
    column: str | None

    @classmethod
    def of(cls, chunks: Chunks, cv: Any, may_lack: bool = False) -> Folded:
        """ValueError for a ``cv`` that needs all rows at hand."""
        if cv is None or isinstance(cv, Integral):
            cv = HashKFold(5 if cv is None else int(cv))
        column = column_that_decides(cv)
        if column is None and not isinstance(cv, HashKFold):
            shown = repr(cv) if hasattr(cv, "split") else type(cv).__name__
            raise ValueError(
                f"cv={shown} needs all rows at hand. For rows in chunks give a number of folds, "
                "HashKFold(5, by='column'), or cv='column:NAME', of which each value is a fold."
            )
        exclude = [] if column is None else [column]
        return cls(chunks.read_as(exclude=exclude, may_lack=may_lack), cv, column)

    def __call__(self, chunk: Chunk) -> NDArray:
        if self.column is None:
            values = chunk.numbers
        else:
            values = whole_values(chunk.column(self.column), self.column, chunk.start)
        if isinstance(self.cv, HashKFold):
            return self.cv.fold_of(values)
        require_order(values, str(self.column))
        return values

    def __reduce__(self) -> Any:
        return Folded, (None, self.cv, self.column)

    def check(self, sums: Mapping[Any, Any]) -> None:
        """Raise ValueError where a fold holds no rows, or folds have no order."""
        if not isinstance(self.cv, HashKFold):
            require_order(list(sums), str(self.column))
        elif len(sums) < self.cv.n_splits:
            raise ValueError(
                f"{self.cv!r} leaves {self.cv.n_splits - len(sums)} of its folds without rows. Use "
                "fewer folds."
            )
