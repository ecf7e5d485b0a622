"""Information criteria: AIC, BIC and the extended BIC."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln

from skreg.model_selection.criteria.base import CriterionScores, check_kind, fit_path
from skreg.model_selection.criteria.likelihood import (
    deviance,
    features_of,
    is_judged,
    is_wide,
    refuse_sizes,
    target_dof,
)


def aic(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None = None,
    scorers: dict[str, Any] | None = None,
    score_params: dict[str, Any] | None = None,
    on_solved: Callable[[int], None] | None = None,
    *,
    noise_variance: float | None = None,
) -> CriterionScores:
    """Minus Akaike's information criterion, −2 log L + 2d (Akaike, 1974).

    Log L is the likelihood of the rows fitted and d the effective degrees of freedom, the
    intercept's among them: tr H(H + λF)⁻¹ for a ridge, the number of non-zero coefficients for the
    lasso (Zou, Hastie & Tibshirani, 2007). Weights are scaled to mean 1; n counts the rows that
    have one. Squared error takes the noise variance of the least-squares fit with up to n/2
    features, as `sklearn.linear_model.LassoLarsIC` does. With more it is estimated by residuals
    adjusted for their degrees of freedom, see `estimated_noise`, and only λ with d ≤ n/2 are
    judged; folds, cv=5, rest on less. For the Poisson and gamma losses a term that is the same for
    every λ is left out.

    Parameters
    ----------
    estimator : linear estimator of skreg, or Pipeline that ends in one
        With any loss but Huber's, which is no likelihood.
    X, y, alphas, fit_params, on_solved : see `skreg.model_selection.criteria`
    scorers, score_params : ignored
        It is a score of its own.
    noise_variance : None or float, default=None
        σ² of squared error, where it is known; None for the estimate above. Every λ is then judged.

    Returns
    -------
    CriterionScores
        Without standard errors; −inf for a λ that is not judged.

    Raises
    ------
    ValueError
        For Huber's loss, or if no λ leaves few enough degrees of freedom.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import QuadraticApproxLasso
    >>> from skreg.model_selection.criteria import aic
    >>> X, y = load_diabetes(return_X_y=True)
    >>> aic(QuadraticApproxLasso(), X, y, [2.0, 0.2, 0.002]).scores.round(1)
    array([-5198.7, -4806.5, -4794.2])
    """
    fit = _fitted("aic", noise_variance, estimator, X, y, alphas, fit_params, on_solved)
    return _scores(fit, "aic", noise_variance, lambda n: 2.0)


def bic(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None = None,
    scorers: dict[str, Any] | None = None,
    score_params: dict[str, Any] | None = None,
    on_solved: Callable[[int], None] | None = None,
    *,
    noise_variance: float | None = None,
) -> CriterionScores:
    """Minus the Bayesian information criterion, −2 log L + d·log n (Schwarz, 1978).

    All else as for `aic`.
    """
    fit = _fitted("bic", noise_variance, estimator, X, y, alphas, fit_params, on_solved)
    return _scores(fit, "bic", noise_variance, np.log)


def ebic(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None = None,
    scorers: dict[str, Any] | None = None,
    score_params: dict[str, Any] | None = None,
    on_solved: Callable[[int], None] | None = None,
    *,
    gamma: float = 1.0,
    noise_variance: float | None = None,
) -> CriterionScores:
    """Minus the extended BIC, −2 log L + d·log n + 2γ·log C(p, d) (Chen & Chen, 2008).

    C(p, d) models of d out of p features have to share their prior: made for p > n. ``gamma`` in
    [0, 1]; 0 is the BIC, and 1 finds the true support even where p grows like a power of n. C is
    that of the Γ function where d is no integer, the intercept not counted. All else as for `aic`.
    """
    fit = _fitted("ebic", noise_variance, estimator, X, y, alphas, fit_params, on_solved)
    return _scores(fit, "ebic", noise_variance, np.log, gamma)


def check_information(estimator: Any, noise_variance: float | None = None, *, name: str) -> None:
    """ValueError where it does not judge such an estimator, whatever the rows."""
    refuse = partial(_refuse, noise_variance=noise_variance, name=name)
    check_kind(estimator, f"selection={name!r}", refuse)


def _refuse(model, noise_variance, name):
    if not model.loss.has_likelihood:
        raise ValueError(
            f"selection={name!r} takes a likelihood, and none is known of loss "
            f"{model.loss.name!r}. Use cv='loo', or cv=5."
        )
    if noise_variance is not None:
        _check_noise(model.loss, noise_variance, name)


def _fitted(name, noise_variance, estimator, X, y, alphas, fit_params, on_solved):
    check_information(estimator, noise_variance, name=name)
    asked = f"selection={name!r}"
    sizes = partial(refuse_sizes, name=asked)
    return fit_path(estimator, X, y, alphas, fit_params, asked, on_solved, sizes, n_parts=2)


def _scores(fit, name, noise_variance, price, gamma=0.0):
    """Of a price for a degree of freedom, in terms of n, and a prior that models share."""
    dof = target_dof(fit, f"selection={name!r}")
    n, size = fit.problem.n_rows, np.count_nonzero(features_of(fit))
    size = size * fit.problem.n_outputs // dof.shape[1]
    total = dof.sum(axis=1) + fit.n_intercepts
    judged = is_judged(fit, dof)
    if noise_variance is not None:
        judged = np.ones_like(judged)
    elif is_wide(fit) and not judged.any():
        raise ValueError(
            f"selection={name!r} judges λ that leave at most n/2 = {n / 2:g} degrees of freedom; "
            f"those given leave {total.min():.4g} and more. Give larger alphas, or use cv=5."
        )
    cost, d = deviance(fit, dof, noise_variance) + price(n) * total, np.clip(dof, 0.0, size)
    if gamma:
        choices = gammaln(size + 1) - gammaln(d + 1) - gammaln(size - d + 1)
        cost = cost + 2.0 * gamma * choices.sum(axis=1)
    cost = np.where(np.isfinite(cost) & judged, cost, np.inf)
    return CriterionScores(-cost, None, {"dof": total}, fit.path)


def _check_noise(loss, noise_variance, name):
    if not loss.is_quadratic:
        raise ValueError(
            f"noise_variance={noise_variance} is of squared error, and the loss is {loss!r}. "
            f"Leave it None for selection={name!r}."
        )
    if not (np.isfinite(noise_variance) and noise_variance > 0):
        raise ValueError(f"noise_variance={noise_variance} must be a positive number, or None.")
