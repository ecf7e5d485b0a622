import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.plotting import PenaltyGeometryDisplay

FRAME, y = load_diabetes(return_X_y=True, as_frame=True)
X = FRAME / FRAME.to_numpy().std()
PAIR = ["s1", "s5"]
ESTIMATORS = [
    QuadraticApproxRidge(alpha=0.5),
    QuadraticApproxLasso(alpha=10.0),
    QuadraticApproxLasso(alpha=5.0, l1_ratio=0.5),
    QuadraticApproxRidge(alpha=0.5, penalty_factors=[1.0, 3.0]),
    QuadraticApproxLasso(alpha=5.0, positive=True),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_two_features_are_the_whole_problem(estimator):
    fitted = estimator.fit(X[PAIR], y)
    display = PenaltyGeometryDisplay.from_estimator(fitted)
    np.testing.assert_allclose(display.solution, fitted.coef_, rtol=1e-6, atol=1e-8)
    if not getattr(estimator, "positive", False):
        np.testing.assert_allclose(display.minimizer, fitted.erm_coef_, rtol=1e-8)
        np.testing.assert_allclose(display.path[0], fitted.erm_coef_, rtol=1e-6)
    assert np.abs(display.path[-1]).max() < 0.01 * np.abs(display.minimizer).max()
    np.testing.assert_allclose(display.hessian, np.cov(X[PAIR].T, bias=True), rtol=1e-9, atol=1e-12)
    # The same solution from the constraint.
    bounded = estimator.__class__(**estimator.get_params() | {"norm_bound": display.bound})
    np.testing.assert_allclose(
        bounded.fit(X[PAIR], y).coef_, display.solution, rtol=1e-5, atol=1e-6
    )


def test_contours_touch_the_ball_at_the_solution():
    fitted = QuadraticApproxRidge(alpha=0.5).fit(X[PAIR], y)
    display = PenaltyGeometryDisplay.from_estimator(fitted)
    slope = display.hessian @ (display.solution - display.minimizer)
    np.testing.assert_allclose(slope, -0.5 * display.solution, rtol=1e-8)
    gap = display.solution - display.minimizer
    assert np.isclose(display.contours_.levels, 0.5 * gap @ display.hessian @ gap).any()
    assert display.ball_.levels[-1] == pytest.approx(0.5 * display.solution @ display.solution)
    assert np.isclose(display.levels_.levels, display.bound).any()
    # Nowhere in the ball is the risk lower, by the grid that is drawn.
    vertices = np.concatenate([path.vertices for path in display.ball_.get_paths()])
    away = vertices - display.minimizer
    risks = 0.5 * np.einsum("ni,ij,nj->n", away, display.hessian, away)
    assert risks.min() >= 0.5 * gap @ display.hessian @ gap * 0.99


def test_what_is_drawn():
    fitted = QuadraticApproxLasso(alpha=10.0).fit(X[PAIR], y)
    display = PenaltyGeometryDisplay.from_estimator(fitted)
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("s1", "s5")
    assert ax.get_aspect() == 1
    np.testing.assert_array_equal(np.transpose(display.path_line_.get_data()), display.path)
    np.testing.assert_array_equal(display.solution_point_.get_xydata()[0], display.solution)
    np.testing.assert_array_equal(display.minimizer_point_.get_xydata()[0], display.minimizer)
    assert display.own_point_ is None
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert right - left == pytest.approx(high - low)
    for point in (np.zeros(2), display.minimizer, [display.bound, 0], [0, -display.bound]):
        assert left < point[0] < right
        assert low < point[1] < high


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_the_others_free_have_no_penalty(kind):
    fitted = kind(alpha=0.3).fit(X, y)
    display = PenaltyGeometryDisplay.from_estimator(fitted, features=("bmi", 3))
    factors = np.zeros(10)
    factors[[2, 3]] = 1.0
    freed = kind(alpha=0.3, penalty_factors=factors).fit(X, y)
    np.testing.assert_allclose(display.solution, freed.coef_[[2, 3]], rtol=1e-6)
    np.testing.assert_allclose(display.minimizer, freed.erm_coef_[[2, 3]], rtol=1e-8)
    np.testing.assert_array_equal(display.own_point_.get_xydata()[0], fitted.coef_[[2, 3]])
    assert "at their best" in display.ax_.get_title()


@pytest.mark.parametrize("n_rows", [442, 7])
@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_the_others_fixed_keep_the_estimators_solution(kind, n_rows):
    fitted = kind(alpha=0.3, store_quadratic=True).fit(X[:n_rows], y[:n_rows])
    display = PenaltyGeometryDisplay.from_estimator(fitted, features=(2, 8), others="fixed")
    np.testing.assert_allclose(display.solution, fitted.coef_[[2, 8]], rtol=1e-5, atol=1e-6)
    assert "fixed" in display.ax_.get_title()


def test_a_class_of_several():
    rows, species = load_iris(return_X_y=True)
    fitted = QuadraticApproxRidgeClassifier(alpha=0.1, store_quadratic=True).fit(rows, species)
    display = PenaltyGeometryDisplay.from_estimator(fitted, target=1, others="fixed")
    np.testing.assert_allclose(display.solution, fitted.coef_[1, :2], rtol=1e-4, atol=1e-6)


def test_several_targets_have_a_quadratic_each():
    both = np.column_stack([y, -2 * y + X["bmi"]])
    fitted = QuadraticApproxRidge(alpha=0.3).fit(X[PAIR], both)
    display = PenaltyGeometryDisplay.from_estimator(fitted, target=1)
    np.testing.assert_allclose(display.solution, fitted.coef_[1], rtol=1e-6)


def test_a_penalty_that_switches_everything_off():
    fitted = QuadraticApproxLasso(alpha=1e4).fit(X[PAIR], y)
    display = PenaltyGeometryDisplay.from_estimator(fitted)
    assert display.bound == 0
    assert display.ball_ is None
    assert len(display.levels_.levels) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": (0, 0)}, "two different"),
        ({"features": (0, "s9")}, "feature 's9' is none of the 10"),
        ({"features": (0, 10)}, "feature 10"),
        ({"others": "best"}, "others='best'"),
        ({"target": 1}, "one target only"),
    ],
)
def test_bad_arguments(arguments, message):
    fitted = QuadraticApproxRidge().fit(X, y)
    with pytest.raises(ValueError, match=message):
        PenaltyGeometryDisplay.from_estimator(fitted, **arguments)


def test_what_cannot_be_drawn_is_refused():
    wide = QuadraticApproxRidge(store_quadratic=True).fit(X[:8], y[:8])
    with pytest.raises(ValueError, match="others='fixed'"):
        PenaltyGeometryDisplay.from_estimator(wide)
    grouped = QuadraticApproxLasso(groups=[[0, 1], [2, 3]]).fit(X.iloc[:, :4], y)
    with pytest.raises(ValueError, match="groups=None"):
        PenaltyGeometryDisplay.from_estimator(grouped)
    network = RegularizedMLPRegressor((2,), max_iter=2, tol=0, n_iter_no_change=np.inf).fit(X, y)
    with pytest.raises(ValueError, match="has no quadratic"):
        PenaltyGeometryDisplay.from_estimator(network)
