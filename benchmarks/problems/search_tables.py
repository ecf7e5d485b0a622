"""Searches over λ for logistic ridges on tables as they come: one-hot, many classes, wide."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.objective import log_loss, multinomial_duality_gap
from benchmarks.problem import Case, Problem

N_FOLDS, N_ALPHAS = 5, 20
#: What may be left of the duality gap, and of the cross-validated errors.
LARGEST_GAP, DEVIATION = 1e-6, 5e-3


@dataclass
class Table:
    """Rows, classes 0 to K − 1, λ and the fold of each row."""

    X: Any
    y: np.ndarray
    alphas: np.ndarray
    folds: np.ndarray
    reference: np.ndarray


def _one_hot(rng, n_samples, n_features):
    """Blocks of 5 to 50 levels, rare ones among them, as CSR."""
    blocks, left = [], n_features
    while left:
        n_levels = min(int(rng.integers(5, 51)), left)
        level = rng.choice(n_levels, n_samples, p=rng.dirichlet(np.full(n_levels, 0.5)))
        blocks.append(sparse.csr_array((np.ones(n_samples), level, np.arange(n_samples + 1)),
                                       shape=(n_samples, n_levels)))  # fmt: skip
        left -= n_levels
    return sparse.hstack(blocks, format="csr")


def _normal(rng, n_samples, n_features):
    return rng.standard_normal((n_samples, n_features))


def _binary(rng, n_samples, n_features):
    return (rng.random((n_samples, n_features)) < 0.3).astype(np.float64)


def _table(rows, n_samples, n_features, n_classes):
    """Classes of a linear model with as much noise as signal; every class in every fold."""
    rng = np.random.default_rng(0)
    X = rows(rng, n_samples, n_features)
    score = X @ rng.standard_normal((n_features, n_classes))
    score = score / score.std(axis=0) + 0.8 * rng.gumbel(size=score.shape)
    # Classes of about one size, whatever the scores are.
    order = np.argsort(score - score.mean(axis=0), axis=1)
    y, folds = order[:, -1], np.empty(n_samples, dtype=int)
    for k in range(n_classes):
        members = np.flatnonzero(y == k)
        folds[members] = (np.arange(len(members)) + k) % N_FOLDS
    alphas = np.geomspace(1e-1, 1e-5, N_ALPHAS)
    return Table(X, y, alphas, folds, _reference(X, y, alphas, folds))


def _reference(X, y, alphas, folds):
    """Mean log losses on the folds, each fit by Newton's method to a gradient of 1e-7."""
    from sklearn.linear_model import LogisticRegression

    losses = np.empty((N_FOLDS, len(alphas)))
    for fold in range(N_FOLDS):
        train, test = folds != fold, folds == fold
        model = LogisticRegression(
            solver="newton-cholesky", tol=1e-7, max_iter=1000, warm_start=True
        )
        for i, alpha in enumerate(alphas):
            model.set_params(C=1 / (train.sum() * alpha)).fit(X[train], y[train])
            raw = X[test] @ model.coef_.T + model.intercept_
            losses[fold, i] = log_loss(y[test], raw).mean()
    return losses.mean(axis=0)


def _deviation(data, solution):
    """The largest relative one of the cross-validated log losses."""
    return np.abs(solution[0] / data.reference - 1.0).max()


def _objective(data, solution):
    return 1.0 + _deviation(data, solution)


def _gap(data, solution):
    """The largest of the models of all rows, and of the folds: one that deviates so much."""
    _, *models = solution
    gaps = [
        multinomial_duality_gap(data.X, data.y, coef, intercept, alpha)
        for alpha, coef, intercept in zip(*models, strict=True)
    ]
    return max(*gaps, LARGEST_GAP * _deviation(data, solution) / DEVIATION)


def _cases(quick):
    tables = (
        ("one-hot", _one_hot, 1500, 515, 2),
        ("one-hot", _one_hot, 9822, 565, 2),
        ("normal", _normal, 683, 35, 19),
        ("binary", _binary, 3186, 180, 3),
        ("one-hot", _one_hot, 2000, 30, 20),
        ("normal", _normal, 300, 1000, 2),
    )
    if quick:
        tables = (("one-hot", _one_hot, 200, 30, 2), ("normal", _normal, 150, 5, 3))
    return [
        Case(f"{name}, n={n}, p={p}, {k} classes", partial(_table, rows, n, p, k))
        for name, rows, n, p, k in tables
    ]


PROBLEMS = (
    Problem(
        name="search-logistic-tables",
        title=f"Logistic ridge on tables: {N_ALPHAS} λ × {N_FOLDS} folds and a fit at the best",
        task="search_logistic_tables",
        unit="search",
        cases=_cases,
        objective=_objective,
        relative=DEVIATION,
        duality_gap=_gap,
        largest_gap=LARGEST_GAP,
        memory=True,
    ),
)
