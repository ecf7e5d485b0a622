"""Elastic net, factors, positivity and groups as the estimators take them."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskLasso, Ridge
from sklearn.preprocessing import scale

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)


@pytest.fixture
def rows():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), y


def assert_close(ours, other, rtol=1e-6):
    size = np.abs(other.coef_).max()
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=0, atol=rtol * size)
    np.testing.assert_allclose(ours.intercept_, other.intercept_, rtol=1e-6)


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("alpha", [10.0, 1.0, 0.01])
def test_elastic_net_equals_scikit_learn(rows, alpha, l1_ratio, positive):
    ours = QuadraticApproxLasso(alpha, l1_ratio=l1_ratio, positive=positive).fit(*rows)
    other = ElasticNet(alpha, l1_ratio=l1_ratio, positive=positive, tol=1e-14, max_iter=100_000)
    assert_close(ours, other.fit(*rows))
    assert ours.dual_gap_ < 1e-8


@pytest.mark.parametrize("solver", ["svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "auto"])
def test_ridge_equals_every_solver_of_scikit_learn(rows, solver):
    ours = QuadraticApproxRidge(0.1).fit(*rows)
    other = Ridge(0.1 * len(rows[1]), solver=solver, tol=1e-12, max_iter=100_000, random_state=0)
    assert_close(ours, other.fit(*rows))


def test_a_share_of_zero_is_the_ridge(rows):
    assert_close(
        QuadraticApproxLasso(0.1, l1_ratio=0.0).fit(*rows), QuadraticApproxRidge(0.1).fit(*rows)
    )


def test_factors_are_units_of_the_features(rows):
    """|θⱼ|·fⱼ is the plain penalty on fⱼθⱼ, the coefficient of xⱼ/fⱼ; for the ridge √fⱼ."""
    X, y = rows
    factors = np.linspace(0.5, 3.0, 10)
    lasso = QuadraticApproxLasso(1.0, penalty_factors=factors).fit(X, y)
    plain = Lasso(1.0, tol=1e-14, max_iter=100_000).fit(X / factors, y)
    np.testing.assert_allclose(lasso.coef_ * factors, plain.coef_, atol=1e-5)
    ridge = QuadraticApproxRidge(1.0, penalty_factors=factors).fit(X, y)
    other = Ridge(len(y)).fit(X / np.sqrt(factors), y)
    np.testing.assert_allclose(ridge.coef_ * np.sqrt(factors), other.coef_, rtol=1e-8)
    labels = (y > np.median(y)).astype(int)
    for kind in (QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier):
        power = 0.5 if kind is QuadraticApproxRidgeClassifier else 1.0
        ours = kind(0.02, penalty_factors=factors, tol=1e-10).fit(X, labels)
        by_units = kind(0.02, tol=1e-10).fit(X / factors**power, labels)
        np.testing.assert_allclose(
            ours.predict_proba(X), by_units.predict_proba(X * 1 / factors**power), atol=1e-5
        )


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_a_factor_of_zero_sets_a_feature_free(rows, kind, loss):
    X, y = rows
    y = y / y.std()
    factors = np.ones(10)
    factors[[2, 5]] = 0.0
    huge = kind(1e6, loss=loss, penalty_factors=factors, tol=1e-10).fit(X, y)
    free = kind(0.0, loss=loss, tol=1e-10).fit(X[:, [2, 5]], y)
    np.testing.assert_allclose(huge.coef_[[2, 5]], free.coef_, rtol=1e-4)
    np.testing.assert_allclose(np.delete(huge.coef_, [2, 5]), 0.0, atol=1e-5)
    path = kind(loss=loss, penalty_factors=factors).regularization_path(X, y, 5)
    if kind is QuadraticApproxLasso:
        np.testing.assert_array_equal(path.n_nonzero[0], 2)
        np.testing.assert_allclose(path.penalties[0], 0.0)


def test_positive_classifier_stays_positive(rows):
    X, y = rows
    labels = (y > np.median(y)).astype(int)
    model = QuadraticApproxLassoClassifier(0.01, positive=True).fit(X, labels)
    assert (model.coef_ >= 0).all()
    assert model.coef_.any()
    assert QuadraticApproxLassoClassifier(0.01).fit(X, labels).coef_.min() < 0


def test_groups_of_one_are_the_lasso(rows):
    ours = QuadraticApproxLasso(1.0, groups=np.arange(10), tol=1e-12).fit(*rows)
    assert_close(ours, Lasso(1.0, tol=1e-14, max_iter=100_000).fit(*rows))


def test_groups_are_kept_or_dropped_whole(rows):
    X, y = rows
    groups = [[0, 1], [2, 3], [4, 5, 6, 7, 8], [9]]
    labels = ["a", "a", "b", "b", "c", "c", "c", "c", "c", "d"]
    model = QuadraticApproxLasso(12.0, groups=groups).fit(X, y)
    by_label = QuadraticApproxLasso(12.0, groups=labels).fit(X, y)
    np.testing.assert_allclose(by_label.coef_, model.coef_, rtol=1e-9)
    on = [model.coef_[group].all() for group in groups]
    off = [not model.coef_[group].any() for group in groups]
    assert np.logical_xor(on, off).all()
    assert any(on)
    assert any(off)
    assert model.dual_gap_ < 1e-8
    free = QuadraticApproxLasso(1e6, groups=groups, penalty_factors=[1, 0, 1, 1]).fit(X, y)
    least = QuadraticApproxRidge(0.0).fit(X[:, 2:4], y)
    np.testing.assert_allclose(free.coef_[2:4], least.coef_, rtol=1e-8)
    path = QuadraticApproxLasso(groups=groups).regularization_path(X, y, 10)
    assert path.n_nonzero[0] == 0
    assert path.n_nonzero[1] > 0
    assert path.estimator(path.alphas[3]).groups is path.source.groups
    for bad in ([0, 1], [[0, 1], [1, 2]], [[0, 1]]):
        with pytest.raises(ValueError, match="groups"):
            QuadraticApproxLasso(groups=bad).fit(X, y)


def test_groups_over_targets_are_the_multi_task_lasso(rows):
    X, y = rows
    Y = np.column_stack([y, y + 30 * X[:, 0], -y])
    ours = QuadraticApproxLasso(2.0, groups="targets", tol=1e-12).fit(X, Y)
    assert_close(ours, MultiTaskLasso(2.0, tol=1e-14, max_iter=100_000).fit(X, Y))


def test_groups_of_a_classifier():
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    binary = QuadraticApproxLassoClassifier(0.05, groups=[0, 0, 1, 1]).fit(X, y == 2)
    assert binary.dual_gap_ < 1e-8
    assert not binary.coef_[0, :2].any()
    several = QuadraticApproxLassoClassifier(0.05, groups="targets").fit(X, y)
    on = (several.coef_ != 0).any(axis=0)
    assert 0 < on.sum() < 4
    assert (several.coef_[:, on] != 0).all()


def test_adaptive_lasso_by_factors(rows):
    """1/|θ̂| as factors: what the free fit finds small is dropped, what is large hardly shrinks."""
    X, y = rows
    free = QuadraticApproxRidge(0.0).fit(X, y)
    adaptive = QuadraticApproxLasso(20.0, penalty_factors=1 / np.abs(free.coef_)).fit(X, y)
    plain = QuadraticApproxLasso(2.0).fit(X, y)
    kept = adaptive.coef_ != 0
    assert 0 < kept.sum() <= (plain.coef_ != 0).sum() < 10
    assert np.abs(free.coef_[kept]).min() > np.abs(free.coef_[~kept]).max()


@pytest.mark.parametrize("hessian", ["diagonal", "pca"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_closed_forms_are_exact_for_their_hessian(hessian, loss):
    """Uncorrelated features: the diagonal is H itself, and principal axes are the features'."""
    rng = np.random.default_rng(0)
    X = np.kron(np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]), np.ones((30, 1))) * [1.0, 2.0]
    if loss == "squared_error":
        y = X @ [0.5, -0.1] + rng.normal(size=120)
        exact = QuadraticApproxLasso(0.1).fit(X, y)
        closed = QuadraticApproxLasso(0.1, hessian=hessian).fit(X, y)
        np.testing.assert_allclose(closed.coef_, exact.coef_, atol=1e-12)
    else:
        y = rng.poisson(np.exp(X @ [0.5, -0.1]))
        closed = QuadraticApproxLasso(0.1, loss=loss, hessian=hessian).fit(X, y)
        free = QuadraticApproxRidge(0.0, loss=loss, tol=1e-10, store_quadratic=True).fit(X, y)
        assert closed.n_expansions_ == 1
        if hessian == "diagonal":
            H = np.diag(free.quadratic_.hessian)
            shrunk = np.sign(free.coef_) * np.maximum(np.abs(free.coef_) - 0.1 / H, 0)
            np.testing.assert_allclose(closed.coef_, shrunk, rtol=1e-6, atol=1e-8)
