"""Generalized cross-validation."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skreg.model_selection.criteria.base import CriterionScores, check_kind, fit_path
from skreg.model_selection.criteria.likelihood import refuse_sizes, target_dof, target_risks

_NAME = "cv='gcv'"


def gcv(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None = None,
    scorers: dict[str, Any] | None = None,
    score_params: dict[str, Any] | None = None,
    on_solved: Callable[[int], None] | None = None,
) -> CriterionScores:
    """Minus the generalized cross-validation of squared error.

        GCV(λ) = Σᵢ sᵢ(yᵢ − ŷᵢ)² / (1 − d/n)²,    sᵢ = wᵢ/Σw,

    summed over targets, with d the effective degrees of freedom, the intercept's among them, and n
    the rows of positive weight (Golub, Heath & Wahba, 1979): leave-one-out with every leverage at
    its mean, and so without the rows themselves. For a ridge d = Σσ/(σ+λ) + 1; for the lasso d
    counts the non-zero coefficients (Zou, Hastie & Tibshirani, 2007).

    Like leave-one-out it takes the rows for independent: with groups, duplicates or an order in
    time, split by those instead.

    Parameters
    ----------
    estimator : QuadraticApproxRidge, QuadraticApproxLasso or Pipeline
        With squared error.
    X, y, alphas, fit_params, on_solved : see `skreg.model_selection.criteria`
    scorers, score_params : ignored
        It is a score of its own.

    Returns
    -------
    CriterionScores
        −inf where d ≥ n. Without standard errors.

    Raises
    ------
    ValueError
        For another loss.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import QuadraticApproxRidge
    >>> from skreg.model_selection.criteria import gcv
    >>> X, y = load_diabetes(return_X_y=True)
    >>> gcv(QuadraticApproxRidge(), X, y, [1e-1, 1e-4, 1e-7]).scores.round()
    array([-5612., -3004., -3007.])
    """
    check_gcv(estimator)
    sizes = partial(refuse_sizes, name=_NAME)
    fit = fit_path(estimator, X, y, alphas, fit_params, _NAME, on_solved, sizes, n_parts=2)
    dof = target_dof(fit, _NAME) + bool(fit.estimator.fit_intercept)
    left = np.maximum(1.0 - dof / fit.problem.n_rows, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(left > 0, 2.0 * target_risks(fit) / left**2, np.inf)
    return CriterionScores(-values.sum(axis=1), None, {"dof": dof.sum(axis=1)}, fit.path)


def check_gcv(estimator: Any) -> None:
    """ValueError where it does not judge such an estimator, whatever the rows."""
    check_kind(estimator, _NAME, _refuse)


def _refuse(model):
    if not model.loss.is_quadratic:
        raise ValueError(
            f"{_NAME} is for squared error, got loss {model.loss.name!r}. Use cv='loo', which is "
            "as fast as a fit, or cv=5."
        )
