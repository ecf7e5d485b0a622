"""partial_fit: any split of the rows, in any order, is one fit."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from scipy import sparse
from sklearn.base import clone

from skreg import QuadraticApproxLasso, QuadraticApproxRidge, QuadraticApproxRidgeClassifier
from skreg.estimators import _linear

ESTIMATORS = [
    QuadraticApproxRidge(alpha=0.1),
    QuadraticApproxRidge(alpha=0.1, fit_intercept=False),
    QuadraticApproxLasso(alpha=0.1),
    QuadraticApproxLasso(alpha=0.1, l1_ratio=0.5, positive=True),
]


def chunks_of(n, rng):
    """The rows in some order, cut at some places."""
    n_cuts = min(n - 1, int(rng.integers(0, 6)))
    cuts = np.sort(rng.choice(np.arange(1, n), size=n_cuts, replace=False))
    return np.split(rng.permutation(n), cuts)


@given(problems(tall=True), st.sampled_from(ESTIMATORS), st.integers(0, 2**32 - 1))
def test_any_split_in_any_order_is_one_fit(problem, estimator, seed):
    X, y, weights = problem
    streamed = type(estimator)(**estimator.get_params())
    for rows in chunks_of(len(X), np.random.default_rng(seed)):
        w = None if weights is None else weights[rows]
        streamed.partial_fit(X[rows], y[rows], w)
    whole = type(estimator)(**estimator.get_params()).fit(X, y, weights)
    size = np.abs(whole.coef_).max() + 1e-12
    assert streamed.coef_.shape == whole.coef_.shape
    np.testing.assert_allclose(streamed.coef_, whole.coef_, rtol=0, atol=1e-10 * size)
    np.testing.assert_allclose(streamed.predict(X), whole.predict(X), rtol=1e-9, atol=1e-9)
    assert streamed.n_features_in_ == X.shape[1]


def test_offsets_far_from_zero_lose_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 5)), rng.normal(size=200)
    X = np.round(X * 2**20) / 2**20  # so that X + 1e8 is exact
    plain = QuadraticApproxRidge(alpha=0.1).fit(X, y).coef_
    streamed = QuadraticApproxRidge(alpha=0.1)
    for rows in np.split(np.arange(200), 10):
        streamed.partial_fit(X[rows] + 1e8, y[rows])
    np.testing.assert_allclose(streamed.coef_, plain, rtol=1e-6)


def test_goes_on_from_a_fit_and_keeps_no_row():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(90, 4)), rng.normal(size=90)
    whole = QuadraticApproxRidge().fit(X, y)
    buffer = X[:50].copy()
    model = QuadraticApproxRidge().fit(X[:40], y[:40]).partial_fit(buffer[40:], y[40:50])
    buffer[:] = np.nan  # what was given may be overwritten
    for rows in (
        slice(50, 52),
        slice(52, 90),
    ):  # two rows, four features
        model.partial_fit(X[rows], y[rows])
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-10)
    np.testing.assert_allclose(model.effective_dof_, whole.effective_dof_, rtol=1e-10)
    assert model.quadratic_.weight == 90
    first = QuadraticApproxRidge().partial_fit(X[:2], y[:2])
    assert first.quadratic_.moments.n_rows == 2
    assert model.fit(X[:40], y[:40]).quadratic_.weight == 40  # fit starts afresh


def test_a_path_from_streamed_moments():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(60, 4)), rng.normal(size=60)
    model = QuadraticApproxLasso()
    for rows in np.split(np.arange(60), 6):
        model.partial_fit(X[rows], y[rows])
    path = QuadraticApproxLasso().regularization_path(X, y, [0.1, 0.01])
    np.testing.assert_allclose(model.quadratic_.lasso([0.1, 0.01]), path.coefs, atol=1e-10)


def test_several_targets_offsets_and_float32():
    rng = np.random.default_rng(3)
    X, Y, offset = rng.normal(size=(60, 4)), rng.normal(size=(60, 2)), rng.normal(size=60)
    whole = QuadraticApproxRidge().fit(X, Y, offset=offset)
    streamed = QuadraticApproxRidge()
    for rows in np.split(np.arange(60), 4):
        streamed.partial_fit(X[rows], Y[rows], offset=offset[rows])
    np.testing.assert_allclose(streamed.coef_, whole.coef_, rtol=1e-10)
    single = QuadraticApproxRidge().partial_fit(X.astype(np.float32), Y[:, 0])
    assert single.partial_fit(X.astype(np.float32), Y[:, 0]).coef_.dtype == np.float32


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows(form):
    rng = np.random.default_rng(6)
    X = np.where(rng.random((80, 6)) < 0.3, rng.normal(size=(80, 6)), 0.0)
    y, weights = X[:, 0] + rng.normal(size=80), rng.uniform(0.1, 2, size=80)
    for estimator in ESTIMATORS:
        whole = type(estimator)(**estimator.get_params()).fit(X, y, weights)
        streamed = type(estimator)(**estimator.get_params())
        for rows in np.split(np.arange(80), [3, 30, 70]):
            streamed.partial_fit(form(X[rows]), y[rows], weights[rows])
        np.testing.assert_allclose(streamed.coef_, whole.coef_, rtol=1e-9, atol=1e-10)


@pytest.fixture
def solved(monkeypatch):
    """How many problems have been solved."""
    counts = []
    solve = _linear.solve
    monkeypatch.setattr(_linear, "solve", lambda *a, **k: counts.append(1) or solve(*a, **k))
    return counts


def streamed(estimator, X, y, n_parts=10):
    for rows in np.array_split(np.arange(len(X)), n_parts):
        estimator.partial_fit(X[rows], y[rows])
    return estimator


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_many_sums_and_one_solution(estimator, solved):
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(100, 4)), rng.normal(size=100)
    model = streamed(clone(estimator), X, y)
    assert not solved
    coef = model.coef_
    for name in ("intercept_", "alpha_", "n_iter_", "solver_", "effective_dof_", "predict"):
        assert hasattr(model, name)
    assert model.predict(X).shape == (100,)
    assert len(solved) == 1
    np.testing.assert_allclose(coef, clone(estimator).fit(X, y).coef_, rtol=1e-9, atol=1e-12)
    again = streamed(streamed(clone(estimator), X, y), X, y)  # of which nobody asked the first
    np.testing.assert_allclose(again.coef_, coef, rtol=1e-9, atol=1e-12)
    model.partial_fit(X, -y)
    assert np.abs(model.coef_ - coef).max() > 1e-3


@pytest.mark.parametrize(
    "moved", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_whatever_asks_finds_a_solution(moved, solved):
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    expected = QuadraticApproxRidge().fit(X, y)
    model = moved(streamed(QuadraticApproxRidge(), X, y))
    assert "coef_" in vars(model)
    assert "_later" not in vars(model)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-10)
    np.testing.assert_allclose(model.log_evidence_, expected.log_evidence_, rtol=1e-10)
    assert not hasattr(clone(streamed(QuadraticApproxRidge(), X, y)), "coef_")


def test_parameters_are_those_of_the_last_call(solved):
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    model = streamed(QuadraticApproxLasso(alpha=0.1), X, y).set_params(alpha=0.3)
    assert model.alpha_ == 0.1
    model = streamed(model, X, y).set_params(alpha="auto")
    assert model.alpha_ == 0.3
    assert not hasattr(model, "alpha_curve_")
    model.partial_fit(X, y).set_params(alpha=5.0)
    assert len(model.alpha_curve_["alpha"]) > 1
    path = streamed(QuadraticApproxLasso(), X, y).regularization_path(X, y, [0.1, 0.01])
    assert path.estimator(0.1).dual_gap_ < 1e-6
    np.testing.assert_allclose(path.estimator(0.1).coef_, path.coefs[0])


def test_a_warm_start_is_from_the_last_solution():
    rng = np.random.default_rng(10)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    model = streamed(QuadraticApproxLasso(alpha=0.01, warm_start=True), X, y)
    first = model.coef_
    np.testing.assert_allclose(streamed(model, X, y).coef_, first, rtol=1e-6)


def test_errors_of_properties_say_what_they_said():
    model = streamed(QuadraticApproxLasso(), np.eye(4), np.arange(4.0), 2)
    with pytest.raises(AttributeError, match="has no attribute 'coefs_'"):
        _ = model.coefs_
    other = QuadraticApproxRidge(loss="poisson").fit(np.eye(4), np.arange(4.0))
    with pytest.raises(AttributeError, match="set store_quadratic=True, and fit again"):
        _ = other.quadratic_


def test_memory_does_not_grow_with_rows():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(500, 20)), rng.normal(size=500)
    model = QuadraticApproxRidge().partial_fit(X, y)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        model.partial_fit(X, y)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000
    assert model.quadratic_.moments.n_rows == 21 * 500


def test_errors_name_the_reason_and_change_nothing():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(30, 3)), rng.poisson(2.0, size=30)
    for loss in ("poisson", "huber"):
        with pytest.raises(AttributeError, match=f"loss='{loss}' cannot be fitted in parts"):
            QuadraticApproxRidge(loss=loss).partial_fit(X, y)
        assert not hasattr(QuadraticApproxLasso(loss=loss), "partial_fit")
    assert not hasattr(QuadraticApproxRidgeClassifier(), "partial_fit")
    model = QuadraticApproxRidge().partial_fit(X, y)
    before = dict(vars(model))
    for bad in ((X[:, :2], y), (X * np.nan, y), (X, y[:5]), (X, np.column_stack([y, y]))):
        with pytest.raises(ValueError, match=r".+"):
            model.partial_fit(*bad)
        assert vars(model) == before
    with pytest.raises(ValueError, match="with and without an intercept do not add"):
        model.set_params(fit_intercept=False).partial_fit(X, y)
    count = QuadraticApproxRidge(loss="poisson").fit(X, y)
    count.set_params(loss="squared_error").partial_fit(X, y)  # a fit by another loss is no start
    np.testing.assert_allclose(count.coef_, QuadraticApproxRidge().fit(X, y).coef_, rtol=1e-10)
