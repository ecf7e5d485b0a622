"""Searches over λ for logistic models on tables as they come: one-hot, many classes, wide."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmarks.lasso_reference import lasso_path
from benchmarks.objective import log_loss, multinomial_duality_gap
from benchmarks.problem import Case, Problem

N_FOLDS, N_ALPHAS = 5, 20
#: Of a lasso: λ, and the largest over the smallest.
N_LASSO_ALPHAS, LASSO_RANGE = 10, 30.0
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
    penalty: str = "l2"


def _one_hot(rng, n_samples, n_features):
    """Blocks of 5 to 50 levels, rare ones among them, as CSR."""
    blocks, left = [], n_features
    while left:
        n_levels = min(int(rng.integers(5, 51)), left)
        level = rng.choice(n_levels, n_samples, p=rng.dirichlet(np.full(n_levels, 0.5)))
        blocks.append(sparse.csr_array((np.ones(n_samples), level, np.arange(n_samples + 1)),
                                       shape=(n_samples, n_levels)))  # fmt: skip
        left -= n_levels
    X = sparse.hstack(blocks, format="csr")
    # saga takes no other indices.
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


def _normal(rng, n_samples, n_features):
    return rng.standard_normal((n_samples, n_features))


def _binary(rng, n_samples, n_features):
    return (rng.random((n_samples, n_features)) < 0.3).astype(np.float64)


def _table(rows, n_samples, n_features, n_classes, n_alphas=N_ALPHAS):
    """Rows, classes and λ of a ridge, and the errors that are right."""
    X, y, folds = _classes(rows, n_samples, n_features, n_classes)
    alphas = np.geomspace(1e-1, 1e-5, n_alphas)
    with threadpool_limits(1):  # beside other processes two would wait for each other
        return Table(X, y, alphas, folds, _reference(X, y, alphas, folds))


def _lasso_table(rows, n_samples, n_features, n_classes, n_alphas=N_LASSO_ALPHAS):
    """The same of a lasso: from the largest λ that keeps a feature."""
    X, y, folds = _classes(rows, n_samples, n_features, n_classes)
    targets = np.eye(n_classes)[y]
    largest = np.abs(X.T @ (targets - targets.mean(axis=0))).max() / n_samples
    alphas = np.geomspace(largest, largest / LASSO_RANGE, n_alphas)
    errors = []
    for fold in range(N_FOLDS):
        train, test = folds != fold, folds == fold
        with threadpool_limits(1):
            path = lasso_path(X[train], y[train], alphas)
        errors.append([log_loss(y[test], X[test] @ coef.T + b).mean() for coef, b in path])
    return Table(X, y, alphas, folds, np.mean(errors, axis=0), "l1")


def _classes(rows, n_samples, n_features, n_classes):
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
    return X, y, folds


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
        multinomial_duality_gap(data.X, data.y, coef, intercept, alpha, data.penalty)
        for alpha, coef, intercept in zip(*models, strict=True)
    ]
    return max(*gaps, LARGEST_GAP * _deviation(data, solution) / DEVIATION)


def _cases(make, tables, small, quick):
    few = {"n_alphas": 5} if quick else {}
    return [
        Case(f"{name}, n={n}, p={p}, {k} classes", partial(make, rows, n, p, k, **few))
        for name, rows, n, p, k in (small if quick else tables)
    ]


_TABLES = (
    ("one-hot", _one_hot, 1500, 515, 2),
    ("one-hot", _one_hot, 9822, 565, 2),
    ("normal", _normal, 683, 35, 19),
    ("binary", _binary, 3186, 180, 3),
    ("one-hot", _one_hot, 2000, 30, 20),
    ("normal", _normal, 300, 1000, 2),
)
_SMALL = (("one-hot", _one_hot, 200, 30, 2), ("normal", _normal, 150, 5, 3))
# On the others the lasso's peer takes minutes, and even on a small one-hot table seconds.
_LASSO_TABLES = (_TABLES[0], _TABLES[2], _TABLES[5])

PROBLEMS = (
    Problem(
        name="search-logistic-tables",
        title=f"Logistic ridge on tables: {N_ALPHAS} λ × {N_FOLDS} folds and a fit at the best",
        task="search_logistic_tables",
        unit="search",
        cases=partial(_cases, _table, _TABLES, _SMALL),
        objective=_objective,
        relative=DEVIATION,
        duality_gap=_gap,
        largest_gap=LARGEST_GAP,
        memory=True,
    ),
    Problem(
        name="search-logistic-lasso-tables",
        title=f"Logistic lasso on tables: {N_LASSO_ALPHAS} λ × {N_FOLDS} folds, a fit at the best",
        task="search_logistic_lasso_tables",
        unit="search",
        cases=partial(_cases, _lasso_table, _LASSO_TABLES, _SMALL[1:]),
        objective=_objective,
        relative=DEVIATION,
        duality_gap=_gap,
        largest_gap=LARGEST_GAP,
        memory=True,
    ),
)
