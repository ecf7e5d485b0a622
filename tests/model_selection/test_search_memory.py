"""A search on a large sparse X holds no dense copy of it, nor a square of either side."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

N, P, DENSITY = 20_000, 50_000, 1e-3


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = sparse.random_array((N, P), density=DENSITY, format="csr", rng=rng)
    return X, (X[:, :50].sum(axis=1) + 0.1 * rng.standard_normal(N) > 0.02).astype(float)


@pytest.mark.parametrize(
    "estimator",
    [
        QuadraticApproxLassoClassifier(),
        QuadraticApproxRidgeClassifier(),
        QuadraticApproxLasso(),
        QuadraticApproxRidge(),
    ],
)
def test_memory_grows_with_the_entries_of_x(table, estimator):
    X, y = table
    alphas = np.array([0.1, 0.01])
    if "Lasso" in type(estimator).__name__:
        alphas = np.array([0.9, 0.7]) * np.abs(X.T @ (y - y.mean())).max() / N
    entries = X.data.nbytes + X.indices.nbytes
    tracemalloc.start()
    try:
        search = PathSearchCV(estimator, alphas, cv=2).fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert search.path_.coefs.any()
    # X itself is 12 MB (as dense as can be 8 GB), and every λ and fold has coefficients of its own.
    assert peak < 8 * entries + 16 * 8 * (N + P)


LOSSES = ("squared_error", "huber", "quantile", "poisson", "gamma", "two classes", "four classes")
PENALTIES = {
    "ridge": None,
    "lasso": {},
    "groups": {"groups": np.arange(20_000) // 10},
    "mcp": {"penalty": "mcp"},
    "slope": {"penalty": "slope"},
}
#: Steps of interior points, several seconds each.
LONG = {("quantile", "mcp"), ("quantile", "slope"), ("quantile", "groups"), ("huber", "slope")}


@pytest.fixture(scope="module")
def thin():
    """A wide X, and the targets of every loss."""
    rng = np.random.default_rng(0)
    X = sparse.random_array((500, 20_000), density=1e-2, format="csr", rng=rng)
    score = X[:, :20].sum(axis=1)
    score = score / score.std() + 0.5 * rng.standard_normal(len(score))
    targets = dict.fromkeys(("squared_error", "huber", "quantile"), score)
    targets |= {"poisson": rng.poisson(np.exp(0.3 * score)), "gamma": np.exp(0.3 * score)}
    return X, targets | {"two classes": score > 0, "four classes": np.digitize(score, [-1, 0, 1])}


def model_of(loss, penalty):
    settings = dict(PENALTIES[penalty] or {}, tol=1e-4)
    if "classes" in loss:
        lasso, ridge = QuadraticApproxLassoClassifier, QuadraticApproxRidgeClassifier
    else:
        lasso, ridge = QuadraticApproxLasso, QuadraticApproxRidge
        settings["loss"] = loss
    return (ridge if penalty == "ridge" else lasso)(**settings)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("loss", "penalty"), [(a, b) for a in LOSSES for b in PENALTIES if (a, b) not in LONG]
)
def test_no_loss_or_penalty_makes_x_dense(thin, loss, penalty):
    X, targets = thin
    model, y, largest = model_of(loss, penalty), targets[loss], 1.0
    if penalty != "ridge":
        largest = model.regularization_path(X, y, alphas=1).alphas[0]
    tracemalloc.start()
    try:
        with threadpool_limits(1):  # else folds are solved side by side
            PathSearchCV(model, largest * np.array([0.95, 0.9]), cv=2, refit=False).fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.75 * 8 * X.shape[0] * X.shape[1]
