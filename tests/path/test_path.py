"""RegularizationPath and the grid of λ."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skreg import QuadraticApproxLasso, QuadraticApproxRidge, QuadraticModel
from skreg.losses import BinaryLogLoss, MultinomialLogLoss, Poisson
from skreg.path import path_alphas
from skreg.penalties import Group, Separable
from skreg.quadratic import EmpiricalRisk


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4)) + 3
    return X, X @ [2.0, -1.0, 0.0, 0.5] + rng.normal(size=50)


@pytest.mark.parametrize("estimator", [QuadraticApproxRidge(), QuadraticApproxLasso()])
def test_each_row_is_a_fit(estimator, rows):
    X, y = rows
    weights = np.linspace(0.1, 1, len(y))
    alphas = [0.1, 2.0, 0.0, 0.5]
    path = estimator.regularization_path(X, y, alphas, sample_weight=weights)
    assert not hasattr(estimator, "coef_")
    assert len(path) == 4
    for i, alpha in enumerate(alphas):
        one = type(estimator)(alpha=alpha).fit(X, y, weights)
        np.testing.assert_allclose(path.coefs[i], one.coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(path.intercepts[i], one.intercept_, rtol=1e-9)
        np.testing.assert_allclose(path.predict(X)[i], one.predict(X), rtol=1e-9)
        np.testing.assert_allclose(path.dof[i], one.effective_dof_)
        assert path.n_nonzero[i] == np.count_nonzero(one.coef_)
    assert path.solver == one.solver_


def test_several_targets(rows):
    X, y = rows
    Y = np.column_stack([y, -y, y**2])
    path = QuadraticApproxRidge().regularization_path(X, Y, [1.0, 0.1])
    assert path.coefs.shape == (2, 3, 4)
    assert path.intercepts.shape == (2, 3)
    fitted = QuadraticApproxRidge(alpha=0.1).fit(X, Y)
    np.testing.assert_allclose(path.predict(X)[1], fitted.predict(X), rtol=1e-10)
    frame = path.to_frame()
    np.testing.assert_array_equal(frame["x2[1]"], path.coefs[:, 1, 2])
    np.testing.assert_array_equal(frame["intercept[2]"], path.intercepts[:, 2])


def test_frame_has_a_row_for_each_alpha(rows):
    X, y = rows
    path = QuadraticApproxLasso().regularization_path(pd.DataFrame(X, columns=list("abcd")), y, 5)
    frame = path.to_frame()
    assert list(frame.columns[:6]) == ["dof", "norm", "risk", "n_nonzero", "dual_gap", "intercept"]
    assert list(frame.columns[6:]) == list("abcd")
    np.testing.assert_array_equal(frame.index, path.alphas)
    np.testing.assert_array_equal(frame["c"], path.coefs[:, 2])


def test_float32_paths(rows):
    X, y = rows
    for estimator in (QuadraticApproxRidge(), QuadraticApproxLasso()):
        path = estimator.regularization_path(X.astype(np.float32), y, 3)
        assert path.coefs.dtype == path.intercepts.dtype == np.float32
        assert path.predict(X.astype(np.float32)).dtype == np.float32


def test_automatic_lasso_grid_starts_where_everything_is_off(rows):
    X, y = rows
    for hessian in ("full", "diagonal", "pca"):
        path = QuadraticApproxLasso(hessian=hessian).regularization_path(X, y)
        assert len(path) == 100
        assert path.n_nonzero[0] == 0
        assert path.dof[1] > 0
        np.testing.assert_allclose(path.alphas[-1], path.alphas[0] / 1000)
        assert (np.diff(path.alphas) < 0).all()


def test_automatic_ridge_grid_spans_the_spectrum(rows):
    X, y = rows
    path = QuadraticApproxRidge().regularization_path(X, y, 20)
    sigma = np.linalg.eigvalsh(np.cov(X.T, bias=True)).max()
    np.testing.assert_allclose(path.alphas[[0, -1]], [10 * sigma, 1e-5 * sigma])
    assert len(path) == 20
    assert path.dof[0] < 4 / 11 + 1e-9
    assert path.dof[-1] > 3.99


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", ["binary", "several", "counts"])
def test_grids_of_other_losses_start_at_their_null_model(rows, name, fit_intercept):
    X, y = rows
    place = np.digitize(y, np.quantile(y, [0.2, 0.6]))
    risk = {
        "binary": EmpiricalRisk(
            X, 1.0 * (place > 0)[:, None], BinaryLogLoss(), None, None, fit_intercept
        ),
        "several": EmpiricalRisk(
            X, np.eye(3)[place], MultinomialLogLoss(), None, None, fit_intercept
        ),
        "counts": EmpiricalRisk(X, 1.0 * place[:, None], Poisson(), None, None, fit_intercept),
    }[name]
    zero = np.zeros((risk.n_outputs, 4))
    null = risk.expand(zero, risk.null_intercept())
    grid = path_alphas(risk, Separable(0.0), 7)
    np.testing.assert_allclose(grid[0], 10 * null.largest_eigenvalue, rtol=0.05)
    np.testing.assert_allclose(grid[-1], 1e-6 * grid[0])
    _, residual, _ = risk.derivatives_at(risk.raw(zero, risk.null_intercept()))
    pull = np.abs(risk.gradient(residual)[0])
    np.testing.assert_allclose(path_alphas(risk, Separable(), 7)[0], pull.max(), rtol=1e-6)
    expected = np.linalg.norm(pull, axis=0).max()
    np.testing.assert_allclose(path_alphas(risk, Group(np.arange(4)), 7)[0], expected, rtol=1e-6)


def test_no_signal_still_has_a_grid():
    X = np.ones((5, 2))
    model = QuadraticModel.from_data(X, np.ones(5))
    for penalty in (Separable(0.0), Separable()):
        grid = path_alphas(model.problem, penalty, 4)
        assert grid.shape == (4,)
        assert (grid > 0).all()


@pytest.mark.parametrize("alphas", [0, -3, [], [-1.0], [np.nan], [np.inf], [[1.0]]])
def test_bad_alphas_are_named(rows, alphas):
    for estimator in (QuadraticApproxRidge(), QuadraticApproxLasso()):
        with pytest.raises(ValueError, match="alphas"):
            estimator.regularization_path(*rows, alphas)


def test_estimators_of_a_path(rows):
    X, y = rows
    for kind in (QuadraticApproxRidge, QuadraticApproxLasso):
        frame = pd.DataFrame(X, columns=list("abcd"))
        path = kind().regularization_path(frame, y, [1.0, 0.1])
        assert "2 alphas from 1 to 0.1, 4 features" in repr(path)
        assert len(repr(path)) < 200
        one, fitted = path.estimator(0.1), kind(0.1).fit(X, y)
        assert isinstance(one, kind)
        assert one.get_params() == fitted.get_params()
        assert list(one.feature_names_in_) == list("abcd")
        np.testing.assert_allclose(one.erm_coef_, fitted.erm_coef_)
        np.testing.assert_allclose(one.quadratic_.hessian, fitted.quadratic_.hessian)
        one.coef_[:] = 0.0  # is its own
        np.testing.assert_allclose(path.coefs[1], fitted.coef_, rtol=1e-9, atol=1e-12)
        with pytest.raises(ValueError, match=r"the nearest λ that is, is 0\.1\. Ask for one of"):
            path.estimator(0.11)
        with pytest.raises(ValueError, match="feature names"):
            path.predict(frame[list("abdc")])
        again = pickle.loads(pickle.dumps(path))
        np.testing.assert_array_equal(again.predict(frame), path.predict(frame))
        np.testing.assert_array_equal(again.estimator(1.0).coef_, path.coefs[0])


def test_bad_input_is_named(rows):
    X, y = rows
    path = QuadraticApproxRidge().regularization_path(X, y, 3)
    with pytest.raises(ValueError, match="X has 3 features, but this path was fitted with 4"):
        path.predict(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        path.predict(np.full((1, 4), np.nan))
    with pytest.raises(ValueError, match="alpha"):
        QuadraticApproxRidge(alpha=-1).regularization_path(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        QuadraticApproxLasso().regularization_path(X, y[:-1])
    with pytest.raises(ValueError, match="sample_weight"):
        QuadraticApproxLasso().regularization_path(X, y, sample_weight=-np.ones(50))
    with pytest.raises(ValueError, match="one target"):
        QuadraticApproxLasso(loss="huber").regularization_path(X, np.column_stack([y, y]))


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("shape", [(40, 6), (10, 60)])
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
def test_excluded_features_have_no_say(shape, loss, layout):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    X[:, :2] *= 1000.0
    y = rng.poisson(np.exp(0.5 * X[:, 3])) + 0.0
    factors = np.where(np.arange(shape[1]) < 2, np.inf, 1.0)
    ridge = QuadraticApproxRidge(loss=loss, penalty_factors=factors)
    alone = QuadraticApproxRidge(loss=loss)
    found = ridge.regularization_path(layout(X), y, 3).alphas
    expected = alone.regularization_path(layout(X[:, 2:]), y, 3).alphas
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("bound", [None, "x", -1.0, np.nan, np.inf, [1.0], object()], ids=str)
def test_a_bound_that_is_none_is_named(bound):
    path = QuadraticApproxLasso().regularization_path(np.eye(4), np.arange(4.0), [0.1])
    with pytest.raises(ValueError, match=r"^bound=.* must be a positive number"):
        path.alpha_at_norm(bound)
