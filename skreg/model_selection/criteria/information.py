"""Information criteria: AIC, BIC and the extended BIC."""

import numpy as np
from scipy.special import gammaln

from skreg.model_selection.criteria.base import CriterionScores, fit_path
from skreg.model_selection.criteria.likelihood import deviance, target_dof


def aic(estimator, X, y, alphas, fit_params=None, scorers=None, score_params=None):
    """Minus Akaike's information criterion, −2 log L + 2d (Akaike, 1974).

    Log L is the likelihood of the rows fitted and d the effective degrees of freedom, the
    intercept's among them: tr H(H + λF)⁻¹ for a ridge, the number of non-zero coefficients for the
    lasso (Zou, Hastie & Tibshirani, 2007). Weights are scaled to mean 1; n counts the rows that
    have one. Squared error takes the noise variance of the least-squares fit where n > p + 1, as
    `sklearn.linear_model.LassoLarsIC` does; with more features there is none, the variance is then
    the fit's own at each λ, and λ comes out small: `ebic` or folds serve better. For the Poisson
    and gamma losses a term that is the same for every λ is left out.

    Parameters
    ----------
    estimator : linear estimator of skreg, or Pipeline that ends in one
        With any loss but Huber's, which is no likelihood.
    X, y : as for ``fit``
    alphas : None, int or array-like of shape (n_alphas,)
    fit_params : None or dict
    scorers, score_params : ignored
        It is a score of its own.

    Returns
    -------
    CriterionScores
        Without standard errors; −inf where squared error leaves no residuals.

    Raises
    ------
    ValueError
        For Huber's loss.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import QuadraticApproxLasso
    >>> from skreg.model_selection.criteria import aic
    >>> X, y = load_diabetes(return_X_y=True)
    >>> aic(QuadraticApproxLasso(), X, y, [2.0, 0.2, 0.002]).scores.round(1)
    array([-5198.7, -4806.5, -4794.2])
    """
    return _scores(estimator, X, y, alphas, fit_params, "aic", lambda n, p, d: 2.0 * d)


def bic(estimator, X, y, alphas, fit_params=None, scorers=None, score_params=None):
    """Minus the Bayesian information criterion, −2 log L + d·log n (Schwarz, 1978).

    All else as for `aic`.
    """
    return _scores(estimator, X, y, alphas, fit_params, "bic", lambda n, p, d: np.log(n) * d)


def ebic(estimator, X, y, alphas, fit_params=None, scorers=None, score_params=None, *, gamma=1.0):
    """Minus the extended BIC, −2 log L + d·log n + 2γ·log C(p, d) (Chen & Chen, 2008).

    C(p, d) models of d out of p features have to share their prior: made for p > n. ``gamma`` in
    [0, 1]; 0 is the BIC, and 1 finds the true support even where p grows like a power of n. C is
    that of the Γ function where d is no integer, the intercept not counted. All else as for `aic`.
    """

    def price(n, p, d):
        return np.log(n) * d

    def extra(n, p, d):
        d = np.clip(d, 0.0, p)
        return 2.0 * gamma * (gammaln(p + 1) - gammaln(d + 1) - gammaln(p - d + 1))

    return _scores(estimator, X, y, alphas, fit_params, "ebic", price, extra)


def _scores(estimator, X, y, alphas, fit_params, name, price, extra=None):
    fit = fit_path(estimator, X, y, alphas, fit_params, f"selection={name!r}")
    if not fit.source._loss.has_likelihood:
        raise ValueError(
            f"selection={name!r} takes a likelihood, and none is known of loss {fit.loss!r}. Use "
            "cv='loo', or cv=5."
        )
    dof = target_dof(fit, f"selection={name!r}")
    n, size = fit.n_rows, fit.path.coefs.shape[-1] * fit.n_outputs // dof.shape[1]
    total = dof.sum(axis=1) + fit.n_intercepts
    cost = deviance(fit) + price(n, size, total)
    if extra is not None:
        cost = cost + extra(n, size, dof).sum(axis=1)
    cost = np.where(np.isfinite(cost) & ~_leaves_nothing(fit, dof), cost, np.inf)
    return CriterionScores(-cost, None, {"dof": total}, fit.path)


def _leaves_nothing(fit, dof):
    """Where squared error has as many degrees of freedom as rows: its likelihood has no bound."""
    if not fit.is_squared_error:
        return np.zeros(len(dof), dtype=bool)
    return (dof + bool(fit.source.fit_intercept) > (1.0 - 1e-9) * fit.n_rows).any(axis=1)
