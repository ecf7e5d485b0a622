"""`path.at`: any λ, solved where the quadratic is known, else interpolated."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6))
RAW = X @ [2.0, -1.0, 0.0, 0.0, 0.5, 0.0] / 2
Y = RAW + 0.5 * RNG.normal(size=120)
COUNTS = RNG.poisson(np.exp(RAW / 2)).astype(float)
CLASSES = np.digitize(Y, [-0.5, 0.5])


@pytest.mark.parametrize(
    "estimator",
    [QuadraticApproxRidge(), QuadraticApproxLasso(), QuadraticApproxLasso(l1_ratio=0.5)],
)
@pytest.mark.parametrize("width", [6, 150])
def test_squared_error_is_solved_as_a_fit_is(estimator, width):
    wide = RNG.normal(size=(120, width))
    wide[:, :6] = X
    path = estimator.regularization_path(wide, Y, 20)
    for alpha in (0.07, path.alphas[0] * 3):  # beyond the path, too
        ours, fit = path.at(alpha), clone(estimator).set_params(alpha=alpha).fit(wide, Y)
        np.testing.assert_allclose(ours.coef_, fit.coef_, atol=1e-7)
        np.testing.assert_allclose(ours.intercept_, fit.intercept_, atol=1e-7)
        assert ours.alpha_ == ours.alpha == alpha
        assert ours.solver_ == path.solver
        assert ours.effective_dof_ == pytest.approx(fit.effective_dof_)


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (QuadraticApproxRidge(loss="poisson"), COUNTS),
        (QuadraticApproxLasso(loss="poisson"), COUNTS),
        (QuadraticApproxRidgeClassifier(), CLASSES),
        (QuadraticApproxLassoClassifier(), CLASSES),
        (QuadraticApproxRidgeClassifier(), CLASSES > 0),
    ],
)
def test_other_losses_are_interpolated_close_to_a_fit(estimator, y):
    path = estimator.regularization_path(X, y)
    for alpha in np.sqrt(path.alphas[10:60:13] * path.alphas[11:61:13]):
        ours, fit = path.at(alpha), clone(estimator).set_params(alpha=alpha).fit(X, y)
        np.testing.assert_allclose(ours.coef_, fit.coef_, atol=2e-3)
        np.testing.assert_allclose(ours.intercept_, fit.intercept_, atol=2e-3)
        assert ours.effective_dof_ == pytest.approx(fit.effective_dof_, abs=1.0)
        assert ours.solver_ == "interpolated"
        assert not hasattr(ours, "dual_gap_")
        assert np.isnan(getattr(ours, "gradient_norm_", np.nan))
        assert ours.predict(X).shape == (120,)


def test_the_error_falls_with_the_square_of_the_distance():
    ridge = QuadraticApproxRidge(alpha=0.1, loss="poisson", tol=1e-12)
    fit = ridge.fit(X, COUNTS).coef_
    errors = []
    for ratio in (4.0, 2.0):
        path = ridge.regularization_path(X, COUNTS, [0.1 * ratio, 0.1 / ratio])
        errors.append(np.abs(path.at(0.1).coef_ - fit).max())
    assert 3.0 < errors[0] / errors[1] < 5.0


def test_the_lasso_is_linear_in_lambda_and_zeros_stay_zero():
    lasso = QuadraticApproxLasso(loss="poisson")
    path = lasso.regularization_path(X, COUNTS, [0.1, 0.3, 0.2])  # in any order
    middle = path.at(0.25)
    np.testing.assert_allclose(middle.coef_, (path.coefs[1] + path.coefs[2]) / 2, atol=1e-15)
    both = (path.coefs[1] == 0) & (path.coefs[2] == 0)
    assert both.any()
    assert not middle.coef_[both].any()


def test_between_knots_of_squared_error_the_interpolation_is_exact():
    """A pickle of more features than rows has forgotten the rows, and interpolates."""
    wide = np.random.default_rng(1).normal(size=(30, 60))
    path = QuadraticApproxLasso().regularization_path(wide, wide[:, 0] - wide[:, 1], [0.3, 0.28])
    assert (np.sign(path.coefs[0]) == np.sign(path.coefs[1])).all()
    kept = pickle.loads(pickle.dumps(path)).at(0.29)
    assert kept.solver_ == "interpolated"
    np.testing.assert_allclose(kept.coef_, path.at(0.29).coef_, atol=1e-12)
    np.testing.assert_allclose(kept.intercept_, path.at(0.29).intercept_, atol=1e-12)


def test_a_smooth_path_down_to_zero():
    path = QuadraticApproxRidge(loss="poisson").regularization_path(X, COUNTS, [0.1, 0.0])
    np.testing.assert_allclose(path.at(0.05).coef_, path.coefs.mean(axis=0))


def test_a_lambda_of_the_path_keeps_its_certificate():
    path = QuadraticApproxLasso(loss="poisson").regularization_path(X, COUNTS, [0.3, 0.1])
    assert path.at(0.1).dual_gap_ == path.estimator(0.1).dual_gap_ >= 0
    assert path.at(0.1).solver_ == path.solver


def test_single_precision_stays():
    path = QuadraticApproxLassoClassifier().regularization_path(X.astype(np.float32), CLASSES, 5)
    assert path.at(path.alphas[1] * 0.9).coef_.dtype == np.float32


def test_what_cannot_be_told():
    path = QuadraticApproxLasso(loss="poisson").regularization_path(X, COUNTS, [0.3, 0.1])
    with pytest.raises(ValueError, match=r"alpha=0.5 lies outside of this path, 0.1 to 0.3"):
        path.at(0.5)
    with pytest.raises(ValueError, match="alpha must be one number"):
        path.at([0.1, 0.2])
    with pytest.raises(ValueError, match="must be finite and not negative"):
        path.at(-1.0)


def test_the_path_stays_as_it_is():
    path = QuadraticApproxLasso().regularization_path(X, Y, [0.3, 0.1])
    before = path.coefs.copy()
    path.at(0.2)
    assert not hasattr(path.source, "coef_")
    np.testing.assert_array_equal(path.coefs, before)
    assert len(path) == 2


def test_plot_is_the_display():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    path = QuadraticApproxLasso().regularization_path(X, Y, 5)
    _, ax = pyplot.subplots()
    display = path.plot(ax, x="norm", marks={"here": 0.1})
    assert display.ax_ is ax
    assert ax.get_xlabel() == "‖θ‖₁"
    assert len(display.marks_) == 1
    pyplot.close("all")
