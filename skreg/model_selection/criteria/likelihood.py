"""What the information criteria know of a fit: its likelihood and its degrees of freedom."""

import numpy as np

from skreg.estimators._left_out import row_risk
from skreg.solvers.method import Freedom, by_targets


def solutions(fit, target=None):
    """Coefficients (n_alphas, K, p) and intercepts (n_alphas, K), or those of one target."""
    coefs, intercepts = by_targets(fit.path)
    some = slice(None) if target is None else [target]
    return coefs[:, some], intercepts[:, some]


def target_risks(fit):
    """R of every λ and target, shape (n_alphas, q); of a loss with one target (n_alphas, 1)."""
    if not fit.problem.is_quadratic or fit.problem.n_outputs == 1:
        return np.asarray(fit.path.risk, dtype=np.float64)[:, None]
    return _risks(fit.problem, solutions(fit)[0])


def _risks(problem, thetas):
    """R of every θ and target of a quadratic, shape (m, q)."""
    slopes = np.array([problem.gradient(theta) - problem.cross.T for theta in thetas])
    return np.maximum(0.5 * (problem.power + np.einsum("mqp,mqp->mq", thetas, slopes)), 0.0)


def target_dof(fit, name):
    """Effective degrees of freedom of every λ and target, without intercepts: (n_alphas, q).

    ValueError if they are not known; ``name`` is the criterion's, as a user asks for it.
    """
    dof = _target_dof(fit)
    if np.isnan(dof).any():
        _refuse_large(name)
    return dof


def refuse_sizes(fit, name):
    """ValueError if degrees of freedom will not be known, whatever the solutions."""
    if fit.is_ridge and fit.problem.is_large:
        _refuse_large(name)


def _refuse_large(name):
    raise ValueError(
        f"{name} takes degrees of freedom, and a sparse X of this size is not decomposed to "
        "know them. Use cv=5."
    )


def _target_dof(fit):
    q = fit.problem.n_outputs if fit.problem.is_quadratic else 1
    penalty = fit.penalty(fit.problem.n_features)
    if q == 1 or not penalty.is_separable or fit.hessian != "full":
        return np.tile(fit.path.freedom.counts(fit.tell)[:, None] / q, (1, q))
    out = []
    for t in range(q):
        freedom = Freedom.of(
            row_risk(fit.problem, slice(t, t + 1)), penalty, fit.path.alphas, *solutions(fit, t)
        )
        out.append(freedom.counts(fit.tell if t == q - 1 else None))
    return np.column_stack(out)


def features_of(fit):
    """Mask of the features that the penalty does not exclude."""
    return fit.penalty(fit.problem.n_features).admits(fit.problem.n_features)


def is_wide(fit):
    """Whether there are too many features for the noise that least squares leaves."""
    size = np.count_nonzero(features_of(fit))
    return size + bool(fit.estimator.fit_intercept) > fit.problem.n_rows / 2


def is_judged(fit, dof):
    """Mask of the λ at which a likelihood on the rows fitted says something of others.

    With many features those of at most n/2 degrees of freedom a target, the intercept's among them:
    beyond, residuals vanish whatever the features are. Otherwise all that leave residuals.
    """
    outputs = fit.problem.n_outputs - bool(fit.problem.couples_outputs) if dof.shape[1] == 1 else 1
    most = fit.problem.n_rows * (0.5 if is_wide(fit) else 1.0 - 1e-9) * outputs
    if not (is_wide(fit) or fit.problem.is_quadratic):
        return np.ones(len(dof), dtype=bool)
    return (dof + bool(fit.estimator.fit_intercept) * outputs <= most).all(axis=1)


def deviance(fit, dof, noise_variance=None):
    """−2 log of the likelihood of every λ, nuisance parameters at their best or known.

    Weights are scaled to mean 1 over the n rows that have one. Squared error is Gaussian noise of
    the variance given, or of that of `estimated_noise`. For the log losses it is 2nR; for Poisson's
    too, short of what a saturated model has; for gamma the shape is the likeliest at each λ.
    ``dof`` is what `target_dof` says.
    """
    n, risks = fit.problem.n_rows, target_risks(fit)
    if fit.problem.is_quadratic:
        noise = noise_variance or estimated_noise(fit, dof, risks)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (n * np.log(2.0 * np.pi * noise) + 2.0 * n * risks / noise).sum(axis=1)
    return np.array([fit.loss.minus_two_log_likelihood(n, risk) for risk in risks[:, 0]])


def estimated_noise(fit, dof, risks):
    """The variance of the noise of every target, shape (q,).

    That of the least-squares fit with up to n/2 features, as in `sklearn.linear_model.LassoLarsIC`.
    With more the residuals are adjusted for the degrees of freedom d, min 2R/(1 − d/n)² over the λ
    with d ≤ n/2 and the constant: an estimate of the error on new rows (Bayati, Erdogdu &
    Montanari, 2013, "Estimating LASSO risk and noise level"), and so rather too large than small.
    It does not vanish where the residuals do.
    """
    n, intercept = fit.problem.n_rows, bool(fit.estimator.fit_intercept)
    if not is_wide(fit):
        kept = features_of(fit)
        factors = None if kept.all() else np.where(kept, 1.0, np.inf)
        [least] = _risks(fit.problem, fit.problem.ridge(np.zeros(1), factors))
        return 2.0 * n * least / (n - np.count_nonzero(kept) - intercept)
    left = 1.0 - (dof + intercept) / n
    adjusted = np.where(left >= 0.5, 2.0 * risks / np.maximum(left, 0.5) ** 2, np.inf)
    constant = fit.problem.power / (1.0 - intercept / n) ** 2
    return np.minimum(adjusted.min(axis=0), constant)
