import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.plotting import ShrinkageDisplay

X, y = load_diabetes(return_X_y=True)
centered = X - X.mean(axis=0)
SIGMA = np.linalg.eigvalsh(centered.T @ centered / len(X))[::-1]


def test_factors_and_what_is_drawn():
    ridge = QuadraticApproxRidge(alpha=1e-3).fit(X, y)
    alphas = [1e-2, 1e-3, 0.0]
    display = ShrinkageDisplay.from_estimator(ridge, alphas=alphas)
    np.testing.assert_allclose(display.eigenvalues, SIGMA, rtol=1e-9)
    for alpha, factors, points, line in zip(
        alphas, display.factors, display.points_, display.lines_, strict=True
    ):
        np.testing.assert_allclose(factors, SIGMA / (SIGMA + alpha), rtol=1e-9)
        np.testing.assert_array_equal(points.get_xdata(), display.eigenvalues)
        np.testing.assert_array_equal(points.get_ydata(), factors)
        along = line.get_xdata()
        np.testing.assert_allclose(line.get_ydata(), along / (along + alpha))
        assert f"λ = {alpha:.3g}" in points.get_label()
    assert display.dof[1] == pytest.approx(ridge.effective_dof_)
    assert [half.get_xdata()[0] for half in display.halves_] == [1e-2, 1e-3]
    np.testing.assert_array_equal(display.rug_.get_xdata(), display.eigenvalues)
    assert display.ax_.get_xscale() == "log"
    low, high = display.ax_.get_xlim()
    assert low < min(SIGMA.min(), 1e-3)
    assert high > max(SIGMA.max(), 1e-2)


@pytest.mark.parametrize("factors", [np.arange(1.0, 11.0), np.r_[0.0, 0.0, np.ones(8)]])
def test_degrees_of_freedom_with_penalty_factors(factors):
    ridge = QuadraticApproxRidge(alpha=1e-3, penalty_factors=factors).fit(X, y)
    display = ShrinkageDisplay.from_estimator(ridge)
    assert display.n_free == np.sum(factors == 0)
    assert display.dof[0] == pytest.approx(ridge.effective_dof_)


def test_other_losses_at_their_solution():
    rows, classes = load_breast_cancer(return_X_y=True)
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    ridge = QuadraticApproxRidgeClassifier(alpha=0.1, store_quadratic=True).fit(rows, classes)
    display = ShrinkageDisplay.from_estimator(ridge)
    assert display.dof[0] == pytest.approx(ridge.effective_dof_, rel=1e-5)


def test_fewer_rows_than_features():
    ridge = QuadraticApproxRidge(alpha=1e-3, store_quadratic=True).fit(X[:6], y[:6])
    assert len(ShrinkageDisplay.from_estimator(ridge).eigenvalues) == 5


def test_other_penalties_and_negative_alphas_are_refused():
    with pytest.raises(ValueError, match="SoftThresholdDisplay"):
        ShrinkageDisplay.from_estimator(QuadraticApproxLasso().fit(X, y))
    network = RegularizedMLPRegressor((2,), max_iter=2, tol=0, n_iter_no_change=np.inf).fit(X, y)
    with pytest.raises(ValueError, match="give a ridge"):
        ShrinkageDisplay.from_estimator(network)
    with pytest.raises(ValueError, match="alpha"):
        ShrinkageDisplay(eigenvalues=[1.0], alphas=[-1.0])
