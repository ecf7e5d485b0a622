"""Rows in chunks, and moments, in the place of X: what linear estimators make of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skreg.estimators._fitting import Fitting, LinearHooks, LinearModel
from skreg.losses import Loss
from skreg.quadratic import Problem
from skreg.quadratic.chunk_risk import ChunkRisk, Passes
from skreg.quadratic.risk_sums import WHOLE, LabelCounts, RowsOfParts, TargetMoments
from skreg.rows import Chunks, Moments
from skreg.rows.chunk import FoldsOf

# Parameters that go with rows in chunks if they are plain, and what to do where they are not.
_PLAIN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": (
        lambda alpha: not isinstance(alpha, str) and np.ndim(alpha) == 0,
        "Give a number, or search for it by PathSearchCV",
    ),
    "norm_bound": (lambda bound: bound is None, "Use alpha"),
    "max_expansions": (lambda most: most is None, "Leave it None"),
    "hessian": (lambda kind: kind == "full", "Use hessian='full'"),
    "class_weight": (
        lambda weight: weight is None,
        "Give sample_weight, the name of a column of weights",
    ),
}


class ChunkHooks(LinearHooks):
    """What a linear estimator does where rows in chunks, or `Moments`, stand in the place of X."""

    @abstractmethod
    def _set_classes(self, classes: NDArray | None) -> None:
        """Set the loss, and the classes of a classifier."""

    def _chunk_problem(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> Problem | None:
        """The problem that these pose; None for rows in memory.

        Sets what `_sample` does. ValueError, before a pass, where the estimator, as its parameters
        are, cannot be fitted to them.
        """
        moments = X if isinstance(X, Moments) else None
        chunks = None if moments is not None else Chunks.of(X, y, sample_weight)
        if moments is None and chunks is None:
            return None
        by_moments = moments is not None or self._is_known_by_moments()
        if by_moments:
            self._refuse_moments()
        else:
            self._refuse_chunks(cast(Chunks, chunks))
        for name, given in (("offset", offset), ("y", y if chunks is None else None)):
            if given is not None:
                raise ValueError(f"{name} does not go with X as {type(X).__name__}. Leave it out.")
        if chunks is None or by_moments:
            return self._by_moments(cast(Moments, moments) if chunks is None else chunks.moments())
        read = reading_of(self, chunks)
        return read.risk(self, WHOLE, read.moments[None])

    def _is_known_by_moments(self) -> bool:
        """Whether moments are all that is needed; so is an estimator whose loss is refused."""
        loss = self._asked_loss()
        return loss is None or loss.is_quadratic

    def _see_moments(self, moments: Moments, classes: NDArray | None = None) -> None:
        """Set what checks of rows in memory do, of rows that have these moments."""
        self.n_features_in_ = p = len(moments.x_mean)
        self._check_factors(p)
        self.__dict__.pop("feature_names_in_", None)
        if moments.feature_names is not None:
            self.feature_names_in_ = np.array(moments.feature_names, dtype=object)
        self._set_classes(classes)

    def _refuse_chunks(self, chunks: Chunks, in_search: bool = False) -> None:
        """Raise ValueError where a loss that is no square cannot be fitted to rows in chunks.

        ``in_search`` says that ``alpha`` is not used.
        """
        self._validate_params()
        self._check_parameters()
        name, loss = type(self).__name__, self._asked_loss()
        assert loss is not None
        for parameter, (is_plain, remedy) in _PLAIN.items():
            is_used = parameter in vars(self) and not (in_search and parameter == "alpha")
            if is_used and not is_plain(value := vars(self)[parameter]):
                raise ValueError(
                    f"{parameter}={value!r} of {name} is for rows in memory. {remedy}, or give X "
                    "and y as arrays."
                )
        if not (loss.has_curvature and (loss.is_convex or self._is_ridge)):
            raise ValueError(
                f"loss={loss.name!r} of {name} is for rows in memory: from chunks a loss has to be "
                "convex and to have a curvature. Use loss='huber', or give X and y as arrays."
            )
        what = "a classifier" if loss.is_for_classes else f"loss={loss.name!r}"
        if isinstance(chunks.source, Iterator):
            raise ValueError(
                f"the source of chunks can be read once only, and {what} takes a pass for each of "
                "Newton's steps. Give a function that returns the chunks anew, or a source such as "
                "a Dataset."
            )
        if chunks.checkpoint is not None:
            raise ValueError(
                f"checkpoint is for the one pass of squared error, and {what} takes many. Leave "
                "checkpoint=None."
            )


def fitting_of(estimator: ChunkHooks, X: Any, y: Any, **rows: Any) -> Fitting | None:
    """The `Fitting` of a clone to rows in chunks, or to `Moments`; None for rows in memory."""
    estimator = clone(estimator)
    problem = estimator._chunk_problem(X, y, **rows)
    return None if problem is None else Fitting(estimator, problem)


def is_known_by_moments(estimator: ChunkHooks) -> bool:
    """Whether moments are all that an estimator needs of the rows."""
    return estimator._is_known_by_moments()


def refuse(estimator: ChunkHooks, chunks: Chunks) -> None:
    """Raise ValueError where a loss that is no square cannot be searched from rows in chunks."""
    estimator._refuse_chunks(chunks, in_search=True)


def model_of(estimator: ChunkHooks, classes: NDArray | None = None) -> LinearModel:
    """A clone as scorers ask it, with its loss; two classes stand for those not known yet."""
    estimator = clone(estimator)
    estimator._set_classes(np.arange(2) if classes is None else classes)
    return LinearModel(estimator)


def reading_of(estimator: ChunkHooks, chunks: Chunks, folds_of: FoldsOf = None) -> Reading:
    """The `Reading` by one pass, and for classes that are not declared by another before it."""
    loss, classes = LinearModel(estimator).asked_loss, None
    assert loss is not None
    if loss.is_for_classes:
        chunks = chunks.read_as(has_labels=True)
        classes = classes_of(chunks)
        loss = model_of(estimator, classes).loss
    rows = RowsOfParts(loss, np.zeros(0), folds_of, classes=classes)
    sums = chunks.reduced(TargetMoments(rows))
    moments = {fold: chunks.named(sums[fold]) for fold in _in_order(sums)}
    return Reading(chunks, moments, folds_of, classes)


@dataclass(frozen=True, eq=False)
class Reading:
    """Rows in chunks that have been read once: what a loss needs to know before Newton's steps.

    Attributes
    ----------
    chunks : Chunks
    moments : dict of hashable to Moments
        Of each fold, targets as the loss takes them; folds in ascending order.
    folds_of : callable or None
        As `Chunk.by_fold` takes it.
    classes : ndarray of shape (n_classes,) or None
    """

    chunks: Chunks
    moments: dict[Any, Moments]
    folds_of: FoldsOf = None
    classes: NDArray | None = None

    def passes(self, loss: Loss, on_pass: Callable[[int, int], None] | None = None) -> Passes:
        """Further passes, for a loss that takes the same targets."""
        first, *others = self.moments.values()
        whole = sum(others, start=first)
        places = {fold: WHOLE if fold is None else i for i, fold in enumerate(self.moments)}
        rows = RowsOfParts(loss, whole.x_mean, self.folds_of, places, self.classes)
        return Passes(self.chunks, rows, whole.n_rows, on_pass)

    def risk(
        self,
        estimator: ChunkHooks,
        part: int,
        moments: Moments,
        passes: Passes | None = None,
        units: tuple[NDArray, NDArray] | None = None,
    ) -> ChunkRisk:
        """The risk of a training part, of which these are the moments, for an estimator.

        Sets what `LinearHooks._sample` does; ``units`` are shift and scale of a `ChunkRisk`.
        """
        # Steps ahead of the model hand on arrays.
        seen = moments if units is None else replace(moments, feature_names=None)
        estimator._see_moments(seen, self.classes)
        loss = LinearModel(estimator).loss
        if self.classes is None:
            loss.check_targets(moments.y_mean)
        else:
            _require_all(self.classes, moments.y_mean)
        passes = self.passes(loss) if passes is None else passes
        shift, scale = (None, None) if units is None else units
        return ChunkRisk(passes, part, moments, estimator.fit_intercept, shift, scale)


def classes_of(chunks: Chunks) -> NDArray:
    """The classes of the target, ascending: those declared as its categories, or by a pass.

    ValueError if there are fewer than two, or one has no weight.
    """
    name = chunks.targets[0] if len(chunks.targets) == 1 else ""
    if (declared := (chunks.categories or {}).get(name)) is not None:
        return np.unique(np.asarray(declared))
    labels_alone = chunks.over(chunks.source)
    labels_alone.features, labels_alone.categories = [], None
    counts = labels_alone.reduced(LabelCounts())
    classes = np.array(_in_order(counts))
    if len(classes) < 2:
        raise ValueError(
            f"y holds one class only, {classes}. A classifier needs at least two classes."
        )
    if empty := [label for label in counts if not counts[label]]:
        raise ValueError(
            f"the weight is zero in every row of class {empty[0]!r}. Give one of its rows a "
            "positive sample_weight, or leave its rows out."
        )
    return classes


def _require_all(classes: NDArray, shares: NDArray) -> None:
    """Raise ValueError where a class has no share in the rows of a part."""
    shares = np.array([1.0 - shares[0], shares[0]]) if len(classes) == 2 else shares
    if not shares.all():
        lost = classes.tolist()[int(np.argmin(shares))]
        raise ValueError(
            f"class {lost!r} has no row of positive weight among those to fit. Leave it out, or "
            "use fewer folds."
        )


def _in_order(keys: Any) -> list[Any]:
    """Keys in ascending order; ValueError for labels of kinds that have none."""
    try:
        return sorted(keys)
    except TypeError:
        raise ValueError(
            f"y holds labels of different kinds, such as {list(keys)[:3]}. Use one kind."
        ) from None
