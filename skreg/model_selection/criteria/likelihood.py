"""What the information criteria know of a fit: its likelihood and its degrees of freedom."""

import numpy as np

from skreg.losses import SquaredError
from skreg.penalties import Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.degrees_of_freedom import along_path


def penalty_of(source, n_features):
    """The `Separable` penalty of a linear estimator, None for groups."""
    if getattr(source, "groups", None) is not None:
        return None
    if hasattr(source, "l1_ratio"):
        return source._penalty(n_features)
    return Separable(0.0, source._factors())


def row_risk(fit, target=0):
    """The risk of a `Fit` by reference to its rows; for squared error, of one target."""
    if not fit.is_squared_error:
        return fit.problem
    form = fit.problem.form
    X, y, weights = form.data
    return EmpiricalRisk(X, y[:, [target]], SquaredError(), weights, None, form.centred)


def solutions(fit, target=None):
    """Coefficients (n_alphas, K, p) and intercepts (n_alphas, K), or those of one target."""
    coefs = np.asarray(fit.path.coefs, dtype=np.float64)
    coefs = coefs.reshape(len(coefs), -1, coefs.shape[-1])
    intercepts = np.asarray(fit.path.intercepts, dtype=np.float64).reshape(len(coefs), -1)
    if target is None:
        return coefs, intercepts
    return coefs[:, [target]], intercepts[:, [target]]


def target_risks(fit):
    """R of every λ and target, shape (n_alphas, q); of a loss with one target (n_alphas, 1)."""
    if not fit.is_squared_error or fit.problem.n_outputs == 1:
        return np.asarray(fit.path.risk, dtype=np.float64)[:, None]
    form, thetas = fit.problem.form, solutions(fit)[0]
    slopes = np.array([form.gradient(theta) - form.cross.T for theta in thetas])
    return np.maximum(0.5 * (form.power + np.einsum("mqp,mqp->mq", thetas, slopes)), 0.0)


def target_dof(fit, name):
    """Effective degrees of freedom of every λ and target, without intercepts: (n_alphas, q).

    Raises
    ------
    ValueError
        If they are not known; ``name`` is the criterion's, as a user asks for it.
    """
    dof = _target_dof(fit)
    if np.isnan(dof).any():
        raise ValueError(
            f"{name} takes degrees of freedom, and a sparse X of this size is not decomposed to "
            "know them. Use cv=5."
        )
    return dof


def _target_dof(fit):
    q = fit.problem.n_outputs if fit.is_squared_error else 1
    penalty = penalty_of(fit.source, fit.path.coefs.shape[-1])
    if q == 1 or penalty is None or getattr(fit.source, "hessian", "full") != "full":
        return np.tile(fit.path.dof[:, None] / q, (1, q))
    out = [
        along_path(row_risk(fit, t), penalty, fit.path.alphas, *solutions(fit, t)) for t in range(q)
    ]
    return np.column_stack(out)


def deviance(fit):
    """−2 log of the likelihood of every λ, nuisance parameters at their best or known.

    Weights are scaled to mean 1 over the n rows that have one. Squared error is Gaussian noise: of
    the variance of the least-squares fit where n > p + 1, as in `sklearn.linear_model.LassoLarsIC`,
    and else of the variance 2R at each λ. For the log losses it is 2nR; for Poisson's too, short of
    what a saturated model has; for gamma the shape is the likeliest at each λ.

    Returns
    -------
    ndarray of shape (n_alphas,)
    """
    n, risks = fit.n_rows, target_risks(fit)
    if fit.is_squared_error:
        return _gaussian(fit, n, risks)
    loss = fit.source._loss
    return np.array([loss.minus_two_log_likelihood(n, risk) for risk in risks[:, 0]])


def _gaussian(fit, n, risks):
    spare = n - fit.path.coefs.shape[-1] - bool(fit.source.fit_intercept)
    if spare <= 0:
        return fit.source._loss.minus_two_log_likelihood(n, risks).sum(axis=1)
    noise = 2.0 * n * _least(fit) / spare
    with np.errstate(divide="ignore", invalid="ignore"):
        return (n * np.log(2.0 * np.pi * noise) + 2.0 * n * risks / noise).sum(axis=1)


def _least(fit):
    """R(θ̂) of every target, shape (q,)."""
    form, theta = fit.problem.form, fit.problem.minimizer
    slope = form.gradient(theta) - form.cross.T
    return np.maximum(0.5 * (form.power + np.einsum("qp,qp->q", theta, slope)), 0.0)
