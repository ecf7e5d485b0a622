"""Searches over λ for classifiers: the logistic ridge, and a network on digits."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.designs import adjacent_folds, classification
from benchmarks.objective import binary_log_loss, logistic_duality_gap
from benchmarks.problem import Case, Problem

N_FOLDS = 5


def _logistic_data(n_samples, n_features, n_informative, n_alphas):
    """Two classes, λ, and folds."""
    X, y = classification(n_samples, n_features, n_informative)
    alphas = np.geomspace(1e-1, 1e-5, n_alphas)
    folds = adjacent_folds(n_samples, N_FOLDS)
    reference = np.mean(
        [_errors(X, y, folds != fold, folds == fold, alphas) for fold in range(N_FOLDS)], axis=0
    )
    return SimpleNamespace(X=X, y=y, alphas=alphas, folds=folds, reference=reference)


def _errors(X, y, train, test, alphas):
    """Mean log loss on the test rows for each λ, by Newton's method with a fresh Hessian a step."""
    Z = np.column_stack([X[train], np.ones(train.sum())])
    ridge, theta, errors = np.append(np.ones(X.shape[1]), 0.0), np.zeros(Z.shape[1]), []
    for alpha in alphas:
        for _ in range(50):
            p = 1.0 / (1.0 + np.exp(-Z @ theta))
            gradient = Z.T @ (p - y[train]) / len(Z) + alpha * ridge * theta
            if np.abs(gradient).max() < 1e-12:
                break
            hessian = (Z.T * (p * (1.0 - p))) @ Z / len(Z) + np.diag(alpha * ridge)
            theta = theta - np.linalg.solve(hessian, gradient)
        errors.append(binary_log_loss(y[test], X[test] @ theta[:-1] + theta[-1]).mean())
    return np.array(errors)


def _logistic_objective(data, solution):
    """1, and the largest relative deviation of the cross-validated log losses."""
    return 1.0 + np.abs(solution[0] / data.reference - 1.0).max()


def _logistic_gap(data, solution):
    """The largest of the models of all rows."""
    _, *models = solution
    return max(
        logistic_duality_gap(data.X, data.y, coef, intercept, alpha, "l2")
        for alpha, coef, intercept in zip(*models, strict=True)
    )


def _logistic_cases(quick):
    n, p, k, n_alphas = (400, 20, 5, 5) if quick else (20_000, 100, 20, 20)
    name = f"n={n}, p={p}, {n_alphas} λ, {N_FOLDS} folds"
    return [Case(name, partial(_logistic_data, n, p, k, n_alphas))]


def _digits(n_samples, hidden, max_iter, n_alphas, n_folds):
    """The MNIST subset, float32 in [0, 1]."""
    from skreg.datasets import load_mnist_subset

    X, y = load_mnist_subset(return_X_y=True)
    X = np.divide(X[:n_samples], 255.0, dtype=np.float32)
    folds = np.arange(len(X)) % n_folds
    alphas = np.geomspace(1e-1, 1e-5, n_alphas)
    return SimpleNamespace(
        X=X,
        y=y[:n_samples],
        hidden=hidden,
        max_iter=max_iter,
        alphas=alphas,
        folds=folds,
        batch=200,
    )


def _network_objective(data, solution):
    """1, and the share of digits that were mistaken in cross-validation at the best λ.

    A contender tells that itself; its network of all rows is asked, and mistakes no more of them.
    """
    error, weights, biases = solution
    raw = data.X
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        raw = (raw if depth == 0 else np.maximum(raw, 0)) @ weight + bias
    return 1.0 + error if np.mean(raw.argmax(axis=1) != data.y) <= error else np.inf


def _network_cases(quick):
    n, hidden, max_iter, n_alphas, n_folds = (
        (300, (16,), 3, 2, 2) if quick else (5000, (256, 256), 15, 5, 3)
    )
    shape = "-".join(map(str, (784, *hidden, 10)))
    name = f"n={n}, {shape}, {max_iter} epochs, {n_alphas} λ, {n_folds} folds"
    return [Case(name, partial(_digits, n, hidden, max_iter, n_alphas, n_folds))]


PROBLEMS = (
    Problem(
        name="search-logistic-ridge",
        title="Logistic ridge: cross-validation over λ and a fit at the best, from raw X and y",
        task="search_logistic_ridge",
        unit="search",
        cases=_logistic_cases,
        objective=_logistic_objective,
        # What a gap of 1e-6 leaves of cross-validated errors.
        relative=5e-3,
        duality_gap=_logistic_gap,
        largest_gap=1e-6,
    ),
    Problem(
        name="search-network",
        title="A network on the MNIST subset: cross-validation over λ, a fit at the best (float32)",
        task="search_network",
        unit="search",
        cases=_network_cases,
        objective=_network_objective,
        # Everyone starts and shuffles differently.
        relative=0.02,
    ),
)
