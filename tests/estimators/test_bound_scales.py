"""norm_bound with columns of any scale, separable classes, many classes and nearly constant y."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.estimators._fitting import Fitting


def half_square(model):
    return 0.5 * float((np.asarray(model.coef_, dtype=float) ** 2).sum())


def absolute(model):
    return float(np.abs(model.coef_).sum())


def count_fits(monkeypatch):
    """A list that grows by every λ that is solved."""
    solved, solve = [], Fitting.solve

    def counted(self, alphas, **options):
        solved.extend(alphas)
        return solve(self, alphas, **options)

    monkeypatch.setattr(Fitting, "solve", counted)
    return solved


SCALES = [[1e5, 1e-3], [1e8, 1e-8], [1e-8, 1e-8], [1e8, 1e8], [1.0, 1e-6]]


@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber", "squared_error", "classes"])
@pytest.mark.parametrize("scales", SCALES)
def test_the_ridge_uses_its_budget_or_proves_it_slack(loss, scales):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(60, 2))
    X = Z * scales
    if loss == "classes":
        model = QuadraticApproxRidgeClassifier()
        y = Z @ [1.0, 1.0] + rng.logistic(size=60) > 0
    else:
        model = QuadraticApproxRidge(loss=loss)
        y = rng.poisson(np.exp(Z @ [0.5, 0.5])) + (loss == "gamma")
    free = half_square(model.set_params(alpha=0.0).fit(X, y))
    bounded = model.set_params(norm_bound=0.25 * free).fit(X, y)
    np.testing.assert_allclose(half_square(bounded), 0.25 * free, rtol=1e-6)
    assert bounded.alpha_ > 0
    slack = model.set_params(norm_bound=4.0 * free).fit(X, y)
    np.testing.assert_allclose(half_square(slack), free, rtol=1e-6)
    assert slack.alpha_ == 0


def test_the_multiplier_of_a_small_column():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(60, 2))
    X, bound = Z * [1e5, 1e-3], 0.5 * 250.0**2
    y = rng.poisson(np.exp(Z @ [0.5, 0.5]))
    model = QuadraticApproxRidge(norm_bound=bound, loss="poisson").fit(X, y)
    np.testing.assert_allclose(half_square(model), bound, rtol=1e-6)
    np.testing.assert_allclose(model.alpha_, 1.7e-6, rtol=0.05)
    at = QuadraticApproxRidge(model.alpha_, loss="poisson").fit(X, y)
    np.testing.assert_allclose(model.coef_, at.coef_, rtol=1e-6)


@pytest.mark.parametrize("groups", [None, [0]])
def test_separable_classes_use_any_budget(groups):
    model = QuadraticApproxLassoClassifier(norm_bound=100.0, groups=groups)
    model.fit([[0.0], [1.0]], [0, 1])
    np.testing.assert_allclose(model.coef_, [[100.0]], rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, -50.0, rtol=1e-6)
    assert 0 < model.alpha_ < np.exp(-50.0)  # −∂R/∂θ
    assert 0 <= model.dual_gap_ < 1e-15
    ridge = QuadraticApproxRidgeClassifier(norm_bound=1e6).fit([[0.0], [1.0]], [0, 1])
    np.testing.assert_allclose(half_square(ridge), 1e6, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_many_classes_take_few_fits(monkeypatch):
    """60 rows in 60 classes end at once, and 20 classes within a dozen and a half of λ."""
    X, y = make_blobs(200, 5, centers=20, random_state=0, cluster_std=4.0)
    X = scale(X)
    target = QuadraticApproxRidgeClassifier(alpha=1e-3).fit(X, y)
    solved = count_fits(monkeypatch)
    bounded = QuadraticApproxRidgeClassifier(norm_bound=half_square(target)).fit(X, y)
    np.testing.assert_allclose(bounded.alpha_, 1e-3, rtol=1e-6)
    assert len(solved) <= 18
    solved.clear()
    X = np.random.default_rng(0).normal(size=(60, 5))
    huge = QuadraticApproxRidgeClassifier(norm_bound=1e6).fit(X, np.arange(60))
    np.testing.assert_allclose(half_square(huge), 1e6, rtol=1e-6)
    assert huge.score(X, np.arange(60)) == 1.0
    assert len(solved) <= 30


def test_a_budget_that_buys_nothing_is_left_unspent_and_said_so(monkeypatch):
    """One class of three is apart: the risk falls forever, but hardly, and never to 0."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(45, 2)), np.repeat([0, 1, 2], 15)
    X[y == 2, 0] += 30.0
    solved = count_fits(monkeypatch)
    with pytest.warns(ConvergenceWarning, match="to within tol, .* would not lower the risk"):
        model = QuadraticApproxRidgeClassifier(norm_bound=1e6).fit(X, y)
    assert len(solved) <= 30
    further = QuadraticApproxRidgeClassifier(alpha=1e-2 * model.alpha_).fit(X, y)
    risk = [log_loss(y, found.predict_proba(X)) for found in (model, further)]
    assert risk[0] <= risk[1] + 1e-8


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
@pytest.mark.parametrize("loss", ["huber", "gamma"])
def test_a_slack_bound_takes_one_fit_where_there_is_a_minimizer(kind, loss, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    y, solved = np.exp(0.3 * X[:, 0]) * rng.gamma(2.0, size=30), count_fits(monkeypatch)
    assert kind(loss=loss, norm_bound=1e4).fit(X, y).alpha_ == 0
    assert solved == [0.0]


def test_a_solution_that_rounding_spoils_on_the_way_does_not_end_the_search():
    """Here of classes whose weights are 1e-9 and 1e-4 of the others'."""
    rng = np.random.default_rng(16)
    X = rng.normal(size=(30, 6))
    y = np.digitize(X[:, 0] + 0.3 * rng.normal(size=30), [-0.8, -0.2, 0.2, 0.8])
    weights = np.array([1.4e-6, 5e-2, 119.0, 350.0, 549.0])[y]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = QuadraticApproxRidgeClassifier(norm_bound=5.0).fit(X, y, weights)
    np.testing.assert_allclose(half_square(model), 5.0, rtol=1e-6)


def test_max_iter_bounds_the_search_for_the_multiplier(monkeypatch):
    X, y = make_blobs(60, 5, centers=4, random_state=0, cluster_std=4.0)
    solved = count_fits(monkeypatch)
    with pytest.warns(ConvergenceWarning, match="within max_iter=1, no nearer to norm_bound=1000"):
        QuadraticApproxRidgeClassifier(norm_bound=1e3, max_iter=1).fit(X, y)
    assert len(solved) <= 9


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber"])
def test_nearly_constant_targets(kind, loss):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), 7.0 * (1.0 + 1e-7 * rng.normal(size=20))
    J = half_square if kind is QuadraticApproxRidge else absolute
    bound = 1e-16 if kind is QuadraticApproxRidge else 1e-8
    np.testing.assert_allclose(J(kind(norm_bound=bound, loss=loss).fit(X, y)), bound, rtol=1e-6)
    slack = kind(norm_bound=1.0, loss=loss).fit(X, y)
    assert slack.alpha_ == 0
    assert J(slack) < 1e-5


def excess_of(bound, model, X, y):
    """J/k − 1, and what was warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.set_params(norm_bound=bound).fit(X, y)
    return half_square(model) / bound - 1.0, [str(one.message) for one in told]


@pytest.mark.parametrize("loss", ["gamma", "poisson", "negative_binomial", "tweedie"])
@pytest.mark.parametrize("spread", [1e-4, 1e-8, 1e-11, 1e-13])
def test_the_budget_of_nearly_constant_targets_is_used_or_the_warning_says_how_far(
    loss, spread, monkeypatch
):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 5))
    y = 3 + spread * rng.normal(size=60)
    least_squares = QuadraticApproxRidge(0.0).fit(X, y - 3).coef_ / 3
    bound, solved, solve = 0.15 * float(least_squares @ least_squares), [], Fitting.solve

    def counted(self, alphas, **options):
        solved.extend(alphas)
        return solve(self, alphas, **options)

    monkeypatch.setattr(Fitting, "solve", counted)
    excess, told = excess_of(bound, QuadraticApproxRidge(loss=loss), X, y)
    assert len(solved) <= 40
    if spread >= 1e-8:
        assert abs(excess) <= 1e-6
        assert not told
    elif abs(excess) > 1e-6:  # y − 3 itself has few digits
        assert any(f"than a share of {abs(excess):.1e}" in one for one in told)


@pytest.mark.parametrize("k", [1.0, 1e2, 1e4, 1e6])
def test_separable_classes_use_their_budget_where_alpha_is_tiny(k):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 3))
    excess, told = excess_of(k, QuadraticApproxRidgeClassifier(), X, X[:, 0] > 0)
    assert abs(excess) <= 1e-9
    assert not told
