"""Problems with training parts, and each part solved alone."""

import numpy as np
from solver_cases import solve_newton

from skreg.losses import get_loss
from skreg.quadratic.risk import EmpiricalRisk

LOSSES = ("binary_log_loss", "multinomial_log_loss", "huber", "poisson", "gamma")


def rows(loss, n, p, rng, shift=0.0):
    """X, and targets (n, K) of a linear model of its first features."""
    X = rng.standard_normal((n, p)) + shift * rng.standard_normal(p)
    f = 0.5 * (X - X.mean(axis=0))[:, :2].sum(axis=1)
    if loss == "binary_log_loss":
        y = f + rng.logistic(size=n) > 0
    elif loss == "multinomial_log_loss":
        y = np.eye(3)[np.digitize(f + rng.logistic(size=n), [-0.7, 0.7])]
    elif loss == "huber":
        y = f + rng.standard_t(2, n)
    else:
        y = rng.poisson(np.exp(f)) if loss == "poisson" else rng.gamma(2.0, np.exp(f)) + 1e-3
    return X, np.asarray(y, dtype=float).reshape(n, -1)


def alone(X, y, loss, weights, alphas, factors, offset=None, fit_intercept=True):
    """The solution of each fold, (F, m, K, p) and (F, m, K)."""
    found = []
    for w in weights.T:
        part = w > 0
        rest = None if offset is None else offset[part]
        risk = EmpiricalRisk(X[part], y[part], get_loss(loss), w[part], rest, fit_intercept)
        found.append(solve_newton(risk, alphas, factors, tol=1e-11))
    m, K = len(alphas), y.shape[1]
    coefs = [fit.coefs.reshape(m, K, -1) for fit in found]
    return np.array(coefs), np.array([fit.intercepts.reshape(m, K) for fit in found])


def of_folds(answers):
    """θ (F, m, K, p), b and gradient norms of an `Answer` for each training part."""
    names = "thetas", "intercepts", "gradient_norms"
    return [np.array([getattr(answer, name) for answer in answers]) for name in names]
