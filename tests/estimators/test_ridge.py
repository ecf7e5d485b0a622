"""QuadraticApproxRidge: its laws, its input, its errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import alphas, problems
from sklearn.linear_model import LinearRegression, Ridge

from skreg import QuadraticApproxRidge


def relative(actual, desired):
    return np.abs(actual - desired).max() / max(np.abs(desired).max(), 1e-300)


@given(problems(), alphas, st.booleans())
def test_equals_scikit_learn(problem, alpha, fit_intercept):
    X, y, weights = problem
    total = len(X) if weights is None else weights.sum()
    ours = QuadraticApproxRidge(alpha=alpha, fit_intercept=fit_intercept).fit(X, y, weights)
    other = Ridge(alpha=total * alpha, fit_intercept=fit_intercept, solver="svd")
    other.fit(X, y, weights)
    assert ours.coef_.shape == other.coef_.shape
    assert ours.predict(X).shape == other.predict(X).shape
    assert relative(ours.coef_, other.coef_) < 1e-7
    assert relative(ours.predict(X), other.predict(X)) < 1e-8


@given(problems(tall=True))
def test_without_a_penalty_is_least_squares(problem):
    X, y, weights = problem
    ours = QuadraticApproxRidge(alpha=0.0).fit(X, y, weights)
    other = LinearRegression().fit(X, y, weights)
    assert relative(ours.coef_, other.coef_) < 1e-8
    np.testing.assert_array_equal(ours.coef_, ours.erm_coef_)
    np.testing.assert_array_equal(ours.intercept_, ours.erm_intercept_)
    np.testing.assert_allclose(ours.effective_dof_, np.size(ours.coef_))


@given(problems(), alphas, st.data())
def test_integer_weights_repeat_rows(problem, alpha, data):
    X, y, _ = problem
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(X), max_size=len(X)))
    counts[0] = max(counts[0], 1)
    weighted = QuadraticApproxRidge(alpha=alpha).fit(X, y, np.array(counts))
    repeated = QuadraticApproxRidge(alpha=alpha).fit(
        np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0)
    )
    size = max(np.abs(repeated.coef_).max(), 1e-3)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-8 * size)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6, atol=1e-6)


@given(problems(), alphas)
def test_order_of_rows_and_features_does_not_matter(problem, alpha):
    X, y, weights = problem
    rng = np.random.default_rng(0)
    rows, features = rng.permutation(len(X)), rng.permutation(X.shape[1])
    plain = QuadraticApproxRidge(alpha=alpha).fit(X, y, weights)
    w = None if weights is None else weights[rows]
    mixed = QuadraticApproxRidge(alpha=alpha).fit(X[rows][:, features], y[rows], w)
    assert relative(mixed.coef_, plain.coef_[..., features]) < 1e-8


@pytest.mark.parametrize("shape", [(40, 5), (5, 40)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_layout_of_memory_does_not_matter(shape, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[0])
    expected = QuadraticApproxRidge().fit(X, y)
    assert expected.coef_.dtype == dtype
    assert expected.predict(X).dtype == dtype
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = np.repeat(X, 2, axis=1)
    for layout in (np.asfortranarray(X), read_only, wide[:, ::2], X[::-1][::-1]):
        coef = QuadraticApproxRidge().fit(layout, y).coef_
        np.testing.assert_allclose(coef, expected.coef_, rtol=1e-4 if dtype == np.float32 else 1e-9)
    before = wide.copy()
    QuadraticApproxRidge(alpha=0).fit(wide, y)
    np.testing.assert_array_equal(wide, before)


def test_integers_and_lists_are_taken():
    X, y = [[0, 1], [1, 0], [2, 2], [3, 1]], [1, 2, 3, 5]
    expected = QuadraticApproxRidge().fit(np.array(X, dtype=float), np.array(y, dtype=float))
    np.testing.assert_allclose(QuadraticApproxRidge().fit(X, y).coef_, expected.coef_)


def test_fitted_attributes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    model = QuadraticApproxRidge(alpha=0.5).fit(X, y)
    assert isinstance(model.intercept_, float)
    assert (model.alpha_, model.n_expansions_, model.n_iter_, model.solver_) == (0.5, 1, 1, "eigh")
    sigma = np.linalg.eigvalsh(np.cov(X.T, bias=True))
    np.testing.assert_allclose(model.effective_dof_, (sigma / (sigma + 0.5)).sum())
    np.testing.assert_allclose(model.quadratic_.ridge(0.5), model.coef_)
    assert model.gradient_norm_ < 1e-14
    model.coef_ = model.coef_ * (1 + 1e-6)  # a certificate of the coefficients, whatever they are
    assert 1e-8 < model._model_gradient_norm() < 1e-5
    assert QuadraticApproxRidge(fit_intercept=False).fit(X, y).intercept_ == 0.0
    with pytest.raises(AttributeError):
        QuadraticApproxRidge().erm_coef_  # noqa: B018


def test_a_failed_fit_changes_nothing():
    X, y = np.eye(4), np.arange(4.0)
    model = QuadraticApproxRidge().fit(X, y)
    before = dict(vars(model))
    for bad in ((np.eye(3) * np.nan, y[:3]), (np.eye(3), y), (np.eye(3), y[:3], -np.ones(3))):
        with pytest.raises(ValueError, match=r".+"):
            model.fit(*bad)
        assert vars(model) == before


X, y = np.eye(4), np.arange(4.0)


@pytest.mark.parametrize("alpha", [-1, np.nan, np.inf, -np.inf, "1", None])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match=r"'alpha' parameter .* must be a float in the range \[0"):
        QuadraticApproxRidge(alpha=alpha).fit(X, y)


@pytest.mark.parametrize(
    ("rows", "target", "message"),
    [
        (X * np.nan, y, "Input X contains NaN"),
        (np.where(X == 1, np.inf, X), y, "Input X contains infinity"),
        (X, y * np.nan, "Input y contains NaN"),
        (X, np.r_[y[:3], np.inf], "Input y contains infinity"),
        (X[:0], y[:0], r"0 sample\(s\)"),
        (X[:, :0], y, r"0 feature\(s\)"),
        (X, y[:3], "inconsistent numbers of samples"),
        (X[0], y, "Expected 2D array"),
        (X, None, "requires y to be passed"),
    ],
)
def test_bad_data(rows, target, message):
    with pytest.raises(ValueError, match=message):
        QuadraticApproxRidge().fit(rows, target)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1, -2.5, 1], "sample_weight must not be negative, got -2.5 in row 2"),
        ([0, 0, 0, 0], "sample_weight is zero in every row"),
        ([1, np.nan, 1, 1], "Input sample_weight contains NaN"),
        ([1, np.inf, 1, 1], "Input sample_weight contains infinity"),
        ([1, 1, 1], r"one weight for each row of X, shape \(4,\), got shape \(3,\)"),
        (np.ones((4, 1)), r"got shape \(4, 1\)"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        QuadraticApproxRidge().fit(X, y, weights)


def test_bad_use_at_predict():
    model = QuadraticApproxRidge().fit(X, y)
    with pytest.raises(
        ValueError, match="X has 3 features, but QuadraticApproxRidge is expecting 4"
    ):
        model.predict(X[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(X * np.nan)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_weight_for_all_and_any_scale(fit_intercept):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    plain = QuadraticApproxRidge(fit_intercept=fit_intercept).fit(X, y)
    for weight in (2.0, np.full(20, 1e-9), np.full(20, 1e9)):
        scaled = QuadraticApproxRidge(fit_intercept=fit_intercept).fit(X, y, weight)
        np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-10)
