"""Logistic lassos by accelerated proximal gradients, in NumPy alone: what errors should be."""

import numpy as np

from benchmarks.objective import multinomial_duality_gap

#: Relative duality gap at which a λ counts as solved.
GAP = 1e-6
_MAX_ITER, _CHECK_EVERY = 20_000, 25


def lasso_path(X, y, alphas):
    """[(coef, intercept)] for each λ, descending, of mean(−log p(y)) + λ‖Θ‖₁ for class indices y.

    One row of Θ for two classes. Columns are centered in the formulas, so that the intercept is
    about independent of Θ.
    """
    n_classes = int(y.max()) + 1
    targets = np.eye(n_classes)[y] if n_classes > 2 else y[:, None].astype(float)
    mean = np.asarray(X.mean(axis=0)).ravel()
    step = 1.0 / _smoothness(X, mean, n_classes)
    theta, b, path = np.zeros((X.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for alpha in alphas:
        theta, b = _solve(X, y, targets, mean, alpha, step, theta, b)
        path.append((theta.T.copy(), b - mean @ theta))
    return path


def _solve(X, y, targets, mean, alpha, step, theta, b):
    """FISTA, started anew wherever it would climb (O'Donoghue & Candès, 2015)."""
    ahead, ahead_b, momentum = theta, b, 1.0
    for i in range(_MAX_ITER):
        residual = (_probabilities(X @ ahead - mean @ ahead + ahead_b) - targets) / len(y)
        total = residual.sum(axis=0)
        new = ahead - step * (X.T @ residual - np.outer(mean, total))
        new = np.sign(new) * np.maximum(np.abs(new) - step * alpha, 0.0)
        new_b = ahead_b - step * total
        if np.vdot(ahead - new, new - theta) + (ahead_b - new_b) @ (new_b - b) > 0:
            momentum = 1.0
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        share = (momentum - 1.0) / following
        ahead, ahead_b = new + share * (new - theta), new_b + share * (new_b - b)
        theta, b, momentum = new, new_b, following
        if i % _CHECK_EVERY == _CHECK_EVERY - 1:
            gap = multinomial_duality_gap(X, y, theta.T, b - mean @ theta, alpha, "l1")
            if gap <= GAP:
                break
    return theta, b


def _probabilities(raw):
    if raw.shape[1] == 1:
        return 0.5 * (1.0 + np.tanh(0.5 * raw))
    p = np.exp(raw - raw.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def _smoothness(X, mean, n_classes):
    """A bound of the curvature: that of the loss times the largest of the rows, and that of b."""
    v = np.random.default_rng(0).standard_normal(X.shape[1])
    for _ in range(50):
        image = X @ v - mean @ v
        v = X.T @ image - mean * image.sum()
        largest = np.linalg.norm(v)
        v /= largest
    return (0.25 if n_classes == 2 else 0.5) * max(1.05 * largest / X.shape[0], 1.0)
