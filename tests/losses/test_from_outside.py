"""A loss from outside the package: registered by its class, and as good as the built-in ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference_losses import OtherPoisson
from scipy import sparse
from scipy.optimize import minimize_scalar

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.losses import LOSSES, REGRESSION_LOSSES, BinaryLogLoss, Loss, get_loss, loss_of, register
from skreg.quadratic.risk import EmpiricalRisk

TIGHT = dict(tol=1e-13, max_iter=500)


class SquareRoot(Loss):
    """√(1 + r²) − 1 of r = (y − f)/width: a loss that no kernel knows."""

    name = "square_root"
    out_activation = "identity"
    parameters = ("delta",)

    def __init__(self, delta=1.0):
        self.delta = delta

    def derivatives(self, y, raw):
        r = (raw - y) / self.delta
        size = np.sqrt(1.0 + r * r)
        return (size - 1.0).sum(axis=1), r / size / self.delta, size**-3 / self.delta**2

    def conjugate(self, y, u):
        v = self.delta * u
        value = u * y + 1.0 - np.sqrt(np.maximum(1.0 - v * v, 0.0))
        return np.where(np.abs(v) > 1.0 + 1e-14, np.inf, value).sum(axis=1)

    def inverse_link(self, raw):
        return raw


@pytest.fixture(autouse=True)
def registered():
    for loss in (OtherPoisson, SquareRoot):
        register(loss)
    yield
    for loss in (OtherPoisson, SquareRoot):
        del LOSSES[loss.name]
        REGRESSION_LOSSES.discard(loss.name)


def rows(n=120, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, p)) < 0.5, rng.normal(size=(n, p)), 0.0)
    offset = rng.normal(size=n) / 3
    y = rng.poisson(np.exp(X[:, 0] - 0.5 * X[:, 1] + 1.0 + offset)).astype(float)
    return X, y, rng.uniform(0.2, 2.0, size=n), offset


@pytest.mark.parametrize("with_offset", [False, True])
def test_the_null_model_is_that_of_the_same_formulas_under_another_name(with_offset):
    X, y, weights, offset = rows()
    null = [
        EmpiricalRisk(X, y[:, None], loss, weights, offset if with_offset else None)
        for loss in (OtherPoisson(), get_loss("poisson"))
    ]
    np.testing.assert_allclose(null[0].null_intercept(), null[1].null_intercept(), rtol=1e-12)
    np.testing.assert_allclose(null[0].null_risk, null[1].null_risk, rtol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_a_loss_under_another_name_gives_the_same_fits_and_paths(kind, form, fit_intercept):
    X, y, weights, offset = rows()
    alphas, known = [1.0, 0.1, 0.01], dict(sample_weight=weights, offset=offset)
    paths, scores = [], []
    for loss in ("other_poisson", "poisson"):
        model = kind(0.05, loss=loss, fit_intercept=fit_intercept, **TIGHT)
        paths.append(model.regularization_path(form(X), y, alphas, **known))
        fitted = model.fit(form(X), y, **known)
        scores.append(fitted.score(form(X), y, **known))
        paths.append(fitted)
    for name in ("coefs", "intercepts", "risk"):
        ours, theirs = getattr(paths[0], name), getattr(paths[2], name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)
    for name in ("coef_", "intercept_", "effective_dof_"):
        ours, theirs = getattr(paths[1], name), getattr(paths[3], name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(*scores, rtol=1e-8)


@pytest.mark.parametrize("kind", [QuadraticApproxRidge, QuadraticApproxLasso])
def test_a_search_takes_it(kind):
    X, y, weights, _ = rows()
    found = [
        PathSearchCV(kind(loss=loss, tol=1e-12), [1.0, 0.1, 0.01], cv=3).fit(
            X, y, sample_weight=weights
        )
        for loss in ("other_poisson", "poisson")
    ]
    scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_allclose(*scores, rtol=1e-7)


def test_an_instance_is_taken_too_and_clones():
    X, y, weights, _ = rows()
    X = X @ np.diag([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    by_name = QuadraticApproxLasso(0.02, loss="square_root", delta=0.7, **TIGHT).fit(X, y, weights)
    by_itself = QuadraticApproxLasso(0.02, loss=SquareRoot(0.7), **TIGHT)
    assert loss_of(by_name).delta == 0.7
    path = by_itself.regularization_path(X, y, [0.02], sample_weight=weights)
    np.testing.assert_allclose(path.coefs[0], by_name.coef_, rtol=1e-10)
    residual = X @ by_name.coef_ + by_name.intercept_ - y
    gradient = weights / weights.sum() @ (residual / np.sqrt(0.7**2 + residual**2) / 0.7)[:, None]
    assert abs(gradient[0]) < 1e-9
    assert by_name.dual_gap_ <= 1e-12


@given(
    y=arrays(np.float64, 8, elements=st.floats(-1e3, 1e3)),
    width=st.floats(0.1, 50.0),
    seed=st.integers(0, 100),
)
def test_the_default_intercept_minimizes(y, width, seed):
    rng = np.random.default_rng(seed)
    share, offset = rng.dirichlet(np.ones(8)), rng.normal(size=8) * 3
    loss = SquareRoot(width)
    b = loss.null_intercept(y[:, None], share, offset)

    def risk(b):
        return share @ loss.derivatives(y[:, None], offset[:, None] + b)[0]

    ends = (y - offset).min() - 1.0, (y - offset).max() + 1.0
    best = minimize_scalar(risk, bounds=ends, method="bounded", options=dict(xatol=1e-10))
    assert b.shape == (1,)
    assert risk(b) <= best.fun + 1e-9


def test_an_intercept_that_would_be_infinite_is_refused():
    with pytest.raises(ValueError, match="no finite intercept minimizes the loss 'falling'"):
        Falling().null_intercept(np.zeros((3, 1)), np.full(3, 1 / 3))


class Falling(OtherPoisson):
    name = "falling"

    def derivatives(self, y, raw):
        return 1.0 - raw[:, 0], np.full_like(raw, -1.0), np.zeros_like(raw)


def test_names_are_taken_once_and_classes_are_for_classifiers():
    with pytest.raises(ValueError, match=r"'poisson' exists already.*Choose another name"):
        register(type("Mine", (OtherPoisson,), {"name": "poisson"}))
    assert register(OtherPoisson) is OtherPoisson
    X, y, _, _ = rows()
    with pytest.raises(ValueError, match="is for classifiers"):
        QuadraticApproxRidge(loss=BinaryLogLoss()).fit(X, y)


def test_a_loss_that_falls_below_zero_is_refused():
    class NoConstant(OtherPoisson):
        name = "no_constant"

        def derivatives(self, y, raw):
            mean = np.exp(raw)
            return (mean - y * raw).sum(axis=1), mean - y, mean

        def conjugate(self, y, u):
            v = np.maximum(y + u, 0.0)
            value = np.where(v > 0, v * np.log(np.where(v > 0, v, 1.0)), 0.0) - v
            return np.where(y + u < -1e-14, np.inf, value).sum(axis=1)

    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = rng.poisson(np.exp(X[:, 0] + 2.0)).astype(float)
    for kind in (QuadraticApproxLasso, QuadraticApproxRidge):
        with pytest.raises(ValueError, match=r"loss='no_constant' falls to .* Subtract its least"):
            kind(0.1, loss=NoConstant()).fit(X, y)
