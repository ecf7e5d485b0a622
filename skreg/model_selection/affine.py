"""The earlier steps of a Pipeline, fitted from moments: those that shift and scale features."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias, cast

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skreg.estimators._fitting import Fitting, LinearModel
from skreg.estimators._regression import QuadraticApproxRegressor
from skreg.model_selection.pipelines import last_step, steps_ahead, with_steps
from skreg.path import RegularizationPath
from skreg.rows import Moments
from skreg.rows.missing import MissingMoments
from skreg.rows.products import Array

#: What is subtracted from the features, and what they are then divided by.
Units: TypeAlias = tuple[Array, Array]


def composed(first: Units | None, second: Units | None) -> Units | None:
    """Units that are those of one step after another; None stands for a step that does nothing."""
    if first is None or second is None:
        return second if first is None else first
    return first[0] + first[1] * second[0], first[1] * second[1]


class AffinePrefix:
    """The earlier steps of an estimator, fitted to rows that are known by their moments.

    The counterpart of `Prefix`. ``last`` is the last step, not fitted, and ``moments`` are those of
    the rows as it sees them. The first steps may be fitted already, ``head``; the moments given
    are then those of the rows behind them.

    Raises
    ------
    ValueError
        If a step does more than shift and scale.
    """

    def __init__(
        self, estimator: Any, moments: Moments | MissingMoments, head: Sequence[Any] = ()
    ) -> None:
        self.last, self._given = clone(last_step(estimator)), estimator
        self._means: Array | None = None
        if isinstance(moments, MissingMoments):
            self._means = moments.means()
            if np.isnan(self._means).any():
                j = int(np.flatnonzero(np.isnan(self._means))[0])
                name = (moments.moments.feature_names or range(j + 1))[j]
                raise ValueError(
                    f"column {name!r} is missing in all rows of a training part. Leave it out."
                )
            moments = moments.imputed(self._means)
        self.moments, self._names = moments, moments.feature_names
        if head:  # a step hands on an array
            self.moments = replace(moments, feature_names=None)
        #: What is subtracted from the features, and what they are then divided by; None if none.
        self.units: Units | None = None
        ahead = steps_ahead(estimator)
        self._steps = [*head, *map(self._fitted, ahead[len(head) :])]
        if self._means is not None and not first_imputes(estimator):
            raise ValueError(
                "values are missing, and the first step does not impute them. Let it be a "
                "SimpleImputer of means."
            )

    def apply(self, moments: Moments | MissingMoments) -> Moments:
        """Those of other rows, as the last step sees them."""
        if isinstance(moments, MissingMoments):
            moments = moments.imputed(cast(Array, self._means))
        return moments if self.units is None else moments.scaled(*self.units)

    def whole(self, fitted: BaseEstimator) -> Any:
        """The estimator as it was given, with its steps fitted and this last one."""
        return with_steps(self._given, iter(self._steps), fitted)

    def named(self, path: RegularizationPath) -> RegularizationPath:
        """The path with the names of the features."""
        if self._names is None:
            return path
        return replace(path, given_names=np.array(self._names, dtype=object))

    def _fitted(self, step: Any) -> Any:
        if self._means is not None and imputes_means(step):
            return self._imputer(step)
        if type(step) is not StandardScaler:
            raise ValueError(
                f"{type(step).__name__} ahead of the model cannot be fitted from moments. Use a "
                "StandardScaler, or transform the chunks before."
            )
        fitted, before = clone(step), self.moments
        center = before.x_mean if step.with_mean else np.zeros_like(before.x_mean)
        scale = before.deviations() if step.with_std else np.ones_like(before.x_mean)
        # A step hands on an array.
        self.moments = replace(before.scaled(center, scale), feature_names=None)
        self.units = composed(self.units, (center, scale))
        either = step.with_mean or step.with_std
        vars(fitted).update(
            mean_=before.x_mean.copy() if either else None,
            var_=np.diag(before.xx) / before.weight if step.with_std else None,
            scale_=scale if step.with_std else None,
            n_samples_seen_=before.n_rows if before.weight == before.n_rows else before.weight,
        )
        return _seen(fitted, before)

    def _imputer(self, step: Any) -> Any:
        """An imputer of means, fitted to two rows of which these are the means."""
        names = self.moments.feature_names
        fitted = imputer_of(step, cast(Array, self._means))
        self.moments = replace(self.moments, feature_names=None)
        return _seen(fitted, replace(self.moments, feature_names=names))


def imputer_of(step: Any, means: Array) -> Any:
    """A copy of a `SimpleImputer` fitted to two rows of which these are the means."""
    return clone(step).fit(np.tile(means, (2, 1)))


def _seen(fitted: Any, moments: Moments) -> Any:
    """A step with what scikit-learn's ``fit`` notes of the columns."""
    fitted.n_features_in_ = len(moments.x_mean)
    if moments.feature_names is not None:
        fitted.feature_names_in_ = np.array(moments.feature_names, dtype=object)
    return fitted


def imputes_means(step: Any) -> bool:
    # It takes a while, and 15 MB, to import: who has an imputer has done so.
    module = sys.modules.get("sklearn.impute")
    if module is None or type(step) is not module.SimpleImputer:
        return False
    plain = step.strategy == "mean" and not step.add_indicator
    return plain and step.missing_values is np.nan and not step.keep_empty_features


def first_imputes(estimator: Any) -> bool:
    """Whether the first step of a Pipeline puts means in the place of missing numbers."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    return imputes_means(estimator)


class MomentTraining(Fitting):
    """The `AffinePrefix` of an estimator, and the problem that moments pose to its last step."""

    def __init__(self, estimator: Any, moments: Moments, head: Sequence[Any] = ()) -> None:
        self.prefix = AffinePrefix(estimator, moments, head)
        found = Fitting.of_moments(self.prefix.last, self.prefix.moments)
        super().__init__(found.estimator, found.problem)

    def follow(self, alphas: Any, on_solved: Any = None) -> RegularizationPath:
        """`RegularizationPath` as close at every λ as one fit is."""
        return self.prefix.named(self.as_path(self.solve_closely(alphas, on_solved), None))


def check_steps(estimator: Any, head: Sequence[Any] = ()) -> LinearModel:
    """Raise where an estimator cannot be fitted from moments behind ``head``; its last step."""
    last = last_step(estimator)
    if not isinstance(last, QuadraticApproxRegressor):
        raise ValueError(
            f"{type(last).__name__} needs the rows themselves. From moments and chunks "
            "QuadraticApproxRidge and QuadraticApproxLasso can be searched."
        )
    model = LinearModel(last).for_moments()
    check_prefix(estimator, head)
    return model


def check_prefix(estimator: Any, head: Sequence[Any] = ()) -> None:
    """Raise where the earlier steps of an estimator cannot be fitted from moments behind some."""
    X, y = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])
    imputes = first_imputes(estimator) and not head
    moments = MissingMoments.of(X, y, None, X[0]) if imputes else Moments.of(X, y)
    AffinePrefix(estimator, moments, head)
