"""What a criterion asks of an estimator, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from skreg.estimators._fitting import Fitting, LinearModel
from skreg.model_selection.pipelines import (
    Training,
    is_linear,
    is_plain,
    last_step,
    refuse_norm_bound,
)
from skreg.path import RegularizationPath


@dataclass(frozen=True, eq=False)
class CriterionScores:
    """Scores of every λ.

    Attributes
    ----------
    scores : ndarray of shape (n_alphas,)
        Higher is better; of the first scorer, where scorers are used.
    std_error : ndarray of shape (n_alphas,) or None
        Standard errors of the scores, where there are any.
    diagnostics : dict of str to ndarray of shape (n_alphas,)
        ``dof``, the effective degrees of freedom, and what the criterion has to say of itself.
    path : RegularizationPath
        The path on all rows.
    all_scores, all_std_errors : dict of str to ndarray of shape (n_alphas,)
        By scorer; empty for a criterion that uses none.
    """

    scores: np.ndarray
    std_error: np.ndarray | None
    diagnostics: dict[str, np.ndarray]
    path: RegularizationPath
    all_scores: dict[str, np.ndarray] = field(default_factory=dict)
    all_std_errors: dict[str, np.ndarray] = field(default_factory=dict)

    def errors_of(self, scorer: str) -> np.ndarray:
        """Standard errors of the scores by one scorer, NaN where there are none."""
        errors = self.all_std_errors.get(scorer, self.std_error)
        return np.full(len(self.scores), np.nan) if errors is None else errors


class PathFit(Training):
    """A linear estimator, alone or at the end of a Pipeline, with all rows and its path on them."""

    def __init__(self, estimator, X, y, fit_params, alphas, on_solved, check, n_parts):
        super().__init__(estimator, X, y, fit_params or {})
        check(self)
        self.tell = None if on_solved is None else _by_parts(on_solved, n_parts)
        found = self.solve(self.alphas(alphas), on_solved=self.tell)
        self.path = self.as_path(found, self.prefix.rows)

    @property
    def n_intercepts(self) -> int:
        """Of K classes K − 1 are free."""
        if not self.estimator.fit_intercept:
            return 0
        return self.problem.n_outputs - bool(self.problem.couples_outputs)


def _by_parts(on_solved, n_parts):
    """What to call when a part of a λ is done: every so many parts are a λ."""
    calls = count(1)
    return lambda i: on_solved(i) if next(calls) % n_parts == 0 else None


def fit_path(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None,
    name: str,
    on_solved: Callable[[int], None] | None = None,
    refuse_sizes: Callable[[Fitting], None] = lambda fit: None,
    n_parts: int = 1,
) -> PathFit:
    """The `PathFit` of an estimator, or of the last step of a Pipeline on the rows it sees.

    ``name`` is the criterion's, as a user asks for it. What it cannot judge of so many rows and
    features, ``refuse_sizes`` refuses before any λ is solved. ``on_solved`` is told of a λ once
    ``n_parts`` of it are done: the path is one, degrees of freedom and what else takes long others.
    """

    def check(fit):
        if fit.problem.n_rows < 2:
            raise ValueError(
                f"{name} compares rows, and one alone has a positive weight. Give more rows."
            )
        refuse_sizes(fit)

    return PathFit(estimator, X, y, fit_params, alphas, on_solved, check, n_parts)


def check_kind(estimator: Any, name: str, refuse: Callable[[LinearModel], None]) -> None:
    """ValueError where a criterion does not judge such an estimator, whatever the rows.

    It must be a linear one of this package, alone or at the end of a Pipeline, that goes by λ;
    ``refuse`` says what else. ``name`` is the criterion's, as a user asks for it.
    """
    if not is_plain(estimator):
        raise ValueError(
            f"{name} takes a Pipeline whose last step sees what the earlier ones make of the "
            f"rows, got {type(estimator).__name__}. Use cv=5."
        )
    if not is_linear(estimator):
        raise ValueError(
            f"{name} is for the linear estimators of skreg, alone or as the last step of a "
            f"Pipeline, got {type(last_step(estimator)).__name__}. Use cv=5."
        )
    refuse_norm_bound(estimator, f"{name} compares values of λ")
    model = LinearModel.before_rows(last_step(estimator))
    if model.asked_loss is not None:  # else `fit` refuses it
        refuse(model)
