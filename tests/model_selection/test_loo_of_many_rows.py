"""Leave-one-out of so many rows that two threads share them."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer
from threadpoolctl import threadpool_limits

from skreg import QuadraticApproxRidge
from skreg.model_selection.criteria import loo

SHAPE, ALPHAS = (25_000, 80), np.geomspace(10.0, 1e-6, 20)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=SHAPE) + rng.normal(size=(SHAPE[0], 1))
    return X, X[:, 0] + 3.0 + rng.normal(size=len(X))


def scored(X, y, threads, tol=1e-3):
    """Means over the left-out rows and their standard errors."""
    name = "neg_mean_squared_error"
    with threadpool_limits(threads):
        found = loo(QuadraticApproxRidge(), X, y, ALPHAS, scorers={name: get_scorer(name)}, tol=tol)
    return found.scores, found.std_error


def test_scores_are_those_of_residuals_over_one_less_the_leverage(rows):
    X, y = rows
    means, errors = scored(X, y, 2, tol=0.0)
    n = len(y)
    left, singular, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    for alpha, mean, error in zip(ALPHAS, means, errors, strict=True):
        kept = singular**2 / (singular**2 + (n - 1) * alpha)
        residual = y - y.mean() - left @ (kept * (left.T @ y))
        squares = (residual / (1.0 - 1.0 / n - left**2 @ kept)) ** 2
        assert mean == pytest.approx(-squares.mean(), rel=1e-11)
        assert error == pytest.approx(squares.std(ddof=1) / np.sqrt(n), rel=1e-10)


@pytest.mark.parametrize("tol", [1e-3, 0.0])
def test_no_bit_depends_on_the_number_of_threads(rows, tol):
    one, two = scored(*rows, 1, tol), scored(*rows, 2, tol)
    np.testing.assert_array_equal(one, two)


def test_single_precision_is_not_seen(rows):
    (quick, _), (exact, errors) = scored(*rows, 2), scored(*rows, 2, tol=0.0)
    assert (quick != exact).any()
    assert (np.abs(quick - exact) <= 1e-6 * errors).all()
