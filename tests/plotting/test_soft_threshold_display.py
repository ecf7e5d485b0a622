import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
)
from skreg.plotting import SoftThresholdDisplay

X, y = load_diabetes(return_X_y=True)
SCALES = np.linspace(1, 30, 10)


def soft(values, threshold):
    return np.sign(values) * np.maximum(np.abs(values) - threshold, 0)


def marked(display):
    points = np.concatenate([display.points_.get_offsets(), display.zeros_.get_offsets()])
    return np.asarray(points)


@pytest.mark.parametrize("scales", [1.0, SCALES])
@pytest.mark.parametrize("hessian", ["diagonal", "pca"])
def test_coefficients_lie_on_the_line(hessian, scales):
    lasso = QuadraticApproxLasso(alpha=0.7, hessian=hessian).fit(X * scales, y)
    display = SoftThresholdDisplay.from_estimator(lasso)
    points = marked(display)
    assert len(points) == 10
    np.testing.assert_allclose(points[:, 1], soft(points[:, 0], display.threshold), atol=1e-6)
    assert np.all(display.points_.get_offsets()[:, 1] != 0)
    assert np.all(display.zeros_.get_offsets()[:, 1] == 0)
    x, line = display.line_.get_data()
    np.testing.assert_allclose(line, soft(x, display.threshold))
    zone = display.dead_zone_
    assert zone.get_x() == -display.threshold
    assert zone.get_width() == pytest.approx(2 * display.threshold)


def test_units():
    """Plain where all H are alike, and then the dead zone is ±λ/H; else ±λ."""
    lasso = QuadraticApproxLasso(alpha=0.7, hessian="diagonal").fit(X, y)
    display = SoftThresholdDisplay.from_estimator(lasso)
    assert np.all(display.units == 1)
    assert display.threshold == pytest.approx(0.7 / X.var(axis=0)[0])
    np.testing.assert_allclose(display.erm_coefs, lasso.erm_coef_)
    scaled = QuadraticApproxLasso(alpha=0.7, hessian="diagonal").fit(X * SCALES, y)
    display = SoftThresholdDisplay.from_estimator(scaled)
    assert display.threshold == 0.7
    np.testing.assert_allclose(display.units, (X * SCALES).var(axis=0))
    assert "Hᵢᵢ ·" in display.ax_.get_xlabel()


def test_the_whole_hessian_moves_them_off_the_line():
    lasso = QuadraticApproxLasso(alpha=0.7).fit(X, y)
    points = marked(SoftThresholdDisplay.from_estimator(lasso))
    assert np.abs(points[:, 1] - soft(points[:, 0], 0.7 / X.var(axis=0)[0])).max() > 50
    assert sorted(points[:, 1]) == pytest.approx(sorted(lasso.coef_))


def test_penalty_factors():
    factors = np.r_[0.0, 2.0, np.ones(8)]
    lasso = QuadraticApproxLasso(alpha=0.5, hessian="diagonal", penalty_factors=factors).fit(X, y)
    display = SoftThresholdDisplay.from_estimator(lasso)
    points = marked(display)
    assert len(points) == 9  # one has no penalty
    np.testing.assert_allclose(points[:, 1], soft(points[:, 0], display.threshold), atol=1e-8)


def test_no_penalty_leaves_everything():
    lasso = QuadraticApproxLasso(alpha=0.0, hessian="diagonal").fit(X, y)
    points = marked(SoftThresholdDisplay.from_estimator(lasso))
    np.testing.assert_allclose(points[:, 0], points[:, 1])


def test_classes_and_labels():
    frame, species = load_iris(return_X_y=True, as_frame=True)
    lasso = QuadraticApproxLassoClassifier(alpha=0.02, store_quadratic=True).fit(frame, species)
    display = SoftThresholdDisplay.from_estimator(lasso, target=2, n_labels=2)
    np.testing.assert_allclose(display.coefs, lasso.coef_[2])
    sizes = np.abs(display.units * display.erm_coefs)
    expected = frame.columns[np.argsort(-sizes)[:2]]
    assert {label.get_text() for label in display.labels_} == set(expected)
    with pytest.raises(ValueError, match="Name one"):
        SoftThresholdDisplay.from_estimator(lasso)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (QuadraticApproxLasso(l1_ratio=0.5), "l1_ratio=0.5"),
        (QuadraticApproxLasso(positive=True), "positive=True"),
        (QuadraticApproxRidge(), "must be a fitted QuadraticApproxLasso"),
    ],
)
def test_other_penalties_are_refused(estimator, message):
    with pytest.raises(ValueError, match=message):
        SoftThresholdDisplay.from_estimator(estimator.fit(X, y))
