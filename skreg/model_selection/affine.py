"""The earlier steps of a Pipeline, fitted from moments: those that shift and scale features."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skreg.estimators._fitting import Fitting
from skreg.estimators._regression import QuadraticApproxRegressor
from skreg.model_selection.pipelines import last_step
from skreg.path import RegularizationPath
from skreg.rows import Moments
from skreg.rows.products import Array


class AffinePrefix:
    """The earlier steps of an estimator, fitted to rows that are known by their moments.

    The counterpart of `Prefix`. ``last`` is the last step, not fitted, and ``moments`` are those of
    the rows as it sees them.

    Raises
    ------
    ValueError
        If a step does more than shift and scale.
    """

    def __init__(self, estimator: Any, moments: Moments) -> None:
        self.last, self.moments, self._names = clone(estimator), moments, moments.feature_names
        self._maps: list[tuple[Array, Array]] = []
        self._steps: list[tuple[Pipeline, list[tuple[str, Any]]]] = []
        while isinstance(self.last, Pipeline):
            whole = self.last
            self._steps.append((whole, [(n, self._fitted(s)) for n, s in whole.steps[:-1]]))
            self.last = whole.steps[-1][1]

    def apply(self, moments: Moments) -> Moments:
        """Those of other rows, as the last step sees them."""
        for center, scale in self._maps:
            moments = moments.scaled(center, scale)
        return moments

    def whole(self, fitted: BaseEstimator) -> Any:
        """The estimator as it was given, with its steps fitted and this last one."""
        for whole, steps in reversed(self._steps):
            pipeline = copy.copy(whole)
            pipeline.steps = [*steps, (whole.steps[-1][0], fitted)]
            fitted = pipeline
        return fitted

    def named(self, path: RegularizationPath) -> RegularizationPath:
        """The path with the names of the features."""
        if self._names is None:
            return path
        return replace(path, given_names=np.array(self._names, dtype=object))

    def _fitted(self, step: Any) -> Any:
        if step is None or isinstance(step, str):  # "passthrough"
            return step
        if type(step) is Pipeline:
            return Pipeline([(name, self._fitted(inner)) for name, inner in step.steps])
        if type(step) is not StandardScaler:
            raise ValueError(
                f"{type(step).__name__} ahead of the model cannot be fitted from moments. Use "
                "StandardScaler, or transform the chunks before."
            )
        fitted, before = clone(step), self.moments
        center = before.x_mean if step.with_mean else np.zeros_like(before.x_mean)
        scale = before.deviations() if step.with_std else np.ones_like(before.x_mean)
        # A step hands on an array.
        self.moments = replace(before.scaled(center, scale), feature_names=None)
        self._maps.append((center, scale))
        either = step.with_mean or step.with_std
        vars(fitted).update(
            mean_=before.x_mean.copy() if either else None,
            var_=np.diag(before.xx) / before.weight if step.with_std else None,
            scale_=scale if step.with_std else None,
            n_samples_seen_=before.n_rows if before.weight == before.n_rows else before.weight,
            n_features_in_=len(before.x_mean),
        )
        if before.feature_names is not None:
            fitted.feature_names_in_ = np.array(before.feature_names, dtype=object)
        return fitted


class MomentTraining(Fitting):
    """The `AffinePrefix` of an estimator, and the problem that moments pose to its last step."""

    def __init__(self, estimator: Any, moments: Moments) -> None:
        self.prefix = AffinePrefix(estimator, moments)
        found = Fitting.of_moments(self.prefix.last, self.prefix.moments)
        super().__init__(found.estimator, found.problem)

    def follow(self, alphas: Any, on_solved: Any = None) -> RegularizationPath:
        """`RegularizationPath` as close at every λ as one fit is."""
        return self.prefix.named(self.as_path(self.solve_closely(alphas, on_solved), None))


def check_steps(estimator: Any) -> None:
    """Raise where the last step of an estimator cannot be fitted from moments."""
    last = last_step(estimator)
    if not isinstance(last, QuadraticApproxRegressor):
        raise ValueError(
            f"{type(last).__name__} needs the rows themselves. From moments and chunks "
            "QuadraticApproxRidge and QuadraticApproxLasso can be searched."
        )
