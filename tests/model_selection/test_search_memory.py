"""A search on a large sparse X holds no dense copy of it, nor a square of either side."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

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
