"""The earlier steps of a Pipeline, fitted to rows in chunks by ``partial_fit``, a pass for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from joblib import hash as hash_of
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.utils import get_tags

from skreg._validation import parameters_of
from skreg.model_selection.affine import (
    MomentTraining,
    Units,
    composed,
    first_imputes,
    imputer_of,
    imputes_means,
)
from skreg.model_selection.chunked_rows import WHOLE, ChunkedRows, Part
from skreg.model_selection.moment_folds import all_but_each
from skreg.model_selection.parts import Parts
from skreg.model_selection.pipelines import last_step, names_out, steps_ahead, with_steps
from skreg.rows import Chunks, Moments

# They learn nothing but the number of columns.
_BY_WIDTH = (PolynomialFeatures, FrozenEstimator)


def needs_no_rows(step: Any) -> bool:
    """Whether a step is fitted by any row."""
    return isinstance(step, _BY_WIDTH) or not get_tags(step).requires_fit


def head_of(estimator: Any) -> list[Any]:
    """Its steps ahead, as far as they do more than shift and scale what moments are of."""
    steps = steps_ahead(estimator)
    others = [
        k for k, step in enumerate(steps)
        if not (type(step) is StandardScaler or (k == 0 and imputes_means(step)))
    ]  # fmt: skip
    return steps[: others[-1] + 1] if others else []


def check_step(step: Any) -> None:
    """Raise where a step cannot be fitted chunk by chunk."""
    if needs_no_rows(step) or imputes_means(step) or hasattr(step, "partial_fit"):
        return
    raise ValueError(
        f"{type(step).__name__} ahead of the model has no partial_fit, and rows in chunks are not "
        "all at hand. Fit it to some of the rows and give "
        f"sklearn.frozen.FrozenEstimator({type(step).__name__}().fit(some)), or use a step that "
        "has partial_fit."
    )


class _Means:
    """What fits a `SimpleImputer` of means."""

    def __init__(self, step: Any) -> None:
        self.step, self.sums, self.counts = step, np.zeros(1), np.zeros(1)

    def partial_fit(self, X: Any) -> None:
        there = ~np.isnan(X)
        self.sums = self.sums + np.where(there, X, 0.0).sum(axis=0)
        self.counts = self.counts + there.sum(axis=0)

    def fitted(self) -> Any:
        if not self.counts.all():
            j = int(np.argmin(self.counts))
            raise ValueError(f"column {j} is missing in all rows of a training part. Leave it out.")
        return imputer_of(self.step, self.sums / self.counts)


class Learner:
    """A step that is fitted to blocks of rows, as they come."""

    def __init__(self, step: Any) -> None:
        self.step: Any = _Means(step) if imputes_means(step) else clone(step)
        self.is_ready, self._once = False, needs_no_rows(step)
        self._weighs = not self._once and "sample_weight" in parameters_of(self.step.partial_fit)

    def see(self, X: Any, weights: Any) -> None:
        """Take note of these rows."""
        if (self._once and self.is_ready) or not X.shape[0]:
            return
        if self._once:
            self.step.fit(X, None)
        elif self._weighs:
            self.step.partial_fit(X, sample_weight=weights)
        else:
            self.step.partial_fit(X)
        self.is_ready = True

    @property
    def has_seen_enough(self) -> bool:
        """Whether further rows do not matter."""
        return self._once and self.is_ready

    def fitted(self) -> Any:
        """The step."""
        return self.step.fitted() if isinstance(self.step, _Means) else self.step


def fit_steps(
    steps: Sequence[Any], rows: ChunkedRows, parts: Sequence[Part], verbose: int = 0
) -> list[list[Any]]:
    """The steps fitted to each of these parts of the rows, in one pass for each step."""
    done: list[list[Any]] = [[] for _ in parts]
    for step in steps:
        if verbose:
            print(f"[skreg] a pass over the rows for {type(step).__name__}", flush=True)
        learners = [Learner(step) for _ in parts]
        for blocks in rows.by_part(parts):
            for before, learner, block in zip(done, learners, blocks, strict=True):
                learner.see(applied(before, block.X), block.weights)
            if all(learner.has_seen_enough for learner in learners):
                break
        for before, learner in zip(done, learners, strict=True):
            before.append(learner.fitted())
    return done


def named(steps: list[Any], chunks: Chunks) -> list[Any]:
    """Fitted steps, of which the first knows the names of the columns as after ``fit``."""
    names = chunks.feature_names
    if steps and names is not None and not isinstance(steps[0], FrozenEstimator):
        steps[0].feature_names_in_ = np.array(names, dtype=object)
    return steps


def applied(steps: Sequence[Any], X: Any) -> Any:
    """X as it is behind fitted steps."""
    for step in steps if X.shape[0] else ():
        X = step.transform(X)
    return X


def through(rows: ChunkedRows, part: Part, steps: Sequence[Any]) -> Chunks:
    """Some of the rows as they are behind fitted steps."""

    def read() -> Iterator[Any]:
        for block in rows.blocks(part):
            more = () if block.weights is None else (block.weights,)
            yield (applied(steps, block.X), block.y, *more)

    chunks = Chunks(read, shuffle_buffer=rows.chunks.shuffle_buffer)
    return chunks.read_as(has_labels=rows.chunks.has_labels)


class PartsBehind(Parts):
    """The moments of each fold as they are behind steps, which each training part has its own.

    Parameters
    ----------
    rows : ChunkedRows
    verbose : int
    """

    def __init__(self, rows: ChunkedRows, verbose: int = 0) -> None:
        self.rows, self._verbose = rows, verbose
        self.names = list(rows.folds)
        self._made_for: str | None = None
        self._head: Sequence[Any] = ()

    @property
    def splits(self) -> list[tuple[Any, range]]:
        """A stand-in for the indices of each split."""
        return self.rows.splits

    def of(self, estimator: Any) -> Parts:
        """Those for the steps of an estimator: by a pass for each step, and one for moments."""
        head = head_of(estimator)
        if (key := hash_of(head)) != self._made_for:
            self._make(head)
            self._made_for = key
        return self

    def training(self, estimator: Any) -> MomentTraining:
        """The `Fitting` of all rows."""
        self.of(estimator)
        return MomentTraining(estimator, self.whole, self._head)

    def _make(self, head: Sequence[Any]) -> None:
        trains = [Part(k) for k in range(len(self.names))]
        whole, *self.heads = fit_steps(head, self.rows, [WHOLE, *trains], self._verbose)
        units = [units_of(steps) for steps in (whole, *self.heads)]
        if None in units:
            self._by_rows(whole)
        else:
            self._by_units(*cast(list[Units], units))
        for name, test in zip(self.names, self.tests, strict=True):
            if not test.weight > 0:
                raise ValueError(f"fold {name!r} holds no row of positive weight. Leave it out.")
        steps = Pipeline([(str(k), step) for k, step in enumerate(whole)])
        names = names_out(steps, self.rows.chunks.feature_names)
        self.whole = replace(self.whole, feature_names=None if names is None else tuple(names))
        self._head = named(whole, self.rows.chunks)

    def _by_units(self, whole: Units, *heads: Units) -> None:
        """Where steps shift and scale the moments behind them follow from those of the rows."""
        tests = self.rows.moments()
        trains = all_but_each(tests)
        self.whole = (trains[0] + tests[0]).scaled(*whole)
        self.trains, self.tests = (
            [moments.scaled(*units) for moments, units in zip(parts, heads, strict=True)]
            for parts in (trains, tests)
        )

    def _by_rows(self, whole: Sequence[Any]) -> None:
        """In a pass that sends every row through the steps of every part."""
        trains = [Part(k) for k in range(len(self.names))]
        tests = [Part(k, tests=True) for k in range(len(self.names))]
        steps = [whole, *self.heads, *self.heads]
        sums: dict[Part, Any] = dict.fromkeys([WHOLE, *trains, *tests], 0)
        for blocks in self.rows.by_part(list(sums)):
            for part, fitted, block in zip(sums, steps, blocks, strict=True):
                if len(block):
                    X = applied(fitted, block.X)
                    sums[part] += Moments.of(X, block.y, block.weights)
        self.trains, self.tests = [sums[part] for part in trains], [sums[part] for part in tests]
        self.whole = sums[WHOLE]


def shifts_and_scales(step: Any) -> bool:
    """Whether that is all that a step does."""
    if type(step) in (MaxAbsScaler, MinMaxScaler):
        return not getattr(step, "clip", False)
    return type(step) is StandardScaler


def units_of(steps: Sequence[Any]) -> Units | None:
    """What fitted steps subtract from the features and then divide them by; None if they do more.

    Examples
    --------
    >>> from sklearn.preprocessing import MaxAbsScaler
    >>> rows = np.array([[0.0], [4.0]])
    >>> units_of([MinMaxScaler().fit(rows), MaxAbsScaler().fit(rows)])
    (array([0.]), array([16.]))
    """
    if not steps or not all(map(shifts_and_scales, steps)):
        return None
    found: Units | None = None
    for step in steps:
        center, by = np.zeros(step.n_features_in_), np.ones(step.n_features_in_)
        if type(step) is MinMaxScaler:
            center, by = -step.min_ / step.scale_, 1.0 / step.scale_
        elif type(step) is MaxAbsScaler or step.with_std:
            by = step.scale_
        if type(step) is StandardScaler and step.with_mean:
            center = step.mean_
        found = composed(found, (center, by))
    return found


def fit_in_chunks(
    estimator: Any, X: Any, y: Any = None, sample_weight: str | None = None, *, verbose: int = 0
) -> Any:
    """A Pipeline, or another estimator, fitted to rows that come in chunks.

    Each step ahead of the last one that is not free of what it has seen takes a pass of its own,
    by its ``partial_fit``; so does a `SimpleImputer` of means. A step that has none and needs all
    rows is an error.

    Parameters
    ----------
    estimator : estimator
        Whose last step takes `Chunks`: one of this package. It is not changed.
    X : Chunks, or what these may be made of
    y : str, list of str or None, default=None
        Names of the columns of the targets.
    sample_weight : str or None, default=None
        Name of the column of weights.
    verbose : int, default=0
        1 tells of each pass.

    Returns
    -------
    estimator
        A fitted copy.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import RegularizedMLPRegressor
    >>> from skreg.model_selection import fit_in_chunks
    >>> def chunks():
    ...     for seed in range(20):
    ...         X = np.random.default_rng(seed).normal(1e3, 10.0, size=(100, 3))
    ...         yield X, X @ [1.0, 2.0, 3.0]
    >>> network = RegularizedMLPRegressor((8,), random_state=0)
    >>> model = fit_in_chunks(make_pipeline(StandardScaler(), network), chunks)
    >>> model.score(*next(chunks())) > 0.99
    True
    """
    chunks = Chunks.of(X, y, sample_weight)
    if chunks is None:
        raise ValueError(
            f"X must be rows in chunks, got {type(X).__name__}. For rows in memory use "
            "estimator.fit(X, y); of a table give Chunks(X, y='…')."
        )
    for step in steps_ahead(estimator):
        check_step(step)
    return fitted_in_chunks(estimator, chunks, clone(last_step(estimator)), verbose)


def fitted_in_chunks(estimator: Any, chunks: Chunks, last: Any, verbose: int) -> Any:
    """The same where ``last``, a copy of the last step that has callbacks of its own, is fitted."""
    steps = steps_ahead(estimator)
    if not steps:
        return with_steps(estimator, iter(()), last.fit(chunks))
    rows = ChunkedRows(reading(chunks, estimator))
    [fitted] = fit_steps(steps, rows, [WHOLE], verbose)
    last.fit(through(rows, WHOLE, fitted))
    return with_steps(estimator, iter(named(fitted, rows.chunks)), last)


def reading(chunks: Chunks, estimator: Any) -> Chunks:
    """The rows as an estimator takes them: with missing numbers, with labels."""
    return chunks.read_as(
        may_lack=first_imputes(estimator), has_labels=is_classifier(last_step(estimator))
    )
