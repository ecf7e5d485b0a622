"""One alpha for each target of the ridge: as scikit-learn's Ridge, and as fits of each target."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from skreg import QuadraticApproxLasso, QuadraticApproxRidge, QuadraticApproxRidgeClassifier

ALPHAS = np.array([1.0, 0.01, 0.1, 0.01])


def rows(n, p):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) + 1.0
    return X, X[:, :4] @ rng.normal(size=(4, 4)) + rng.normal(size=(n, 4))


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_equals_scikit_learn_and_fits_of_each_target(shape, layout, fit_intercept):
    X, Y = rows(*shape)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, size=len(X))
    model = QuadraticApproxRidge(ALPHAS, fit_intercept=fit_intercept, store_quadratic=True)
    model.fit(layout(X), Y, sample_weight=weights)
    peer = Ridge(ALPHAS * weights.sum(), fit_intercept=fit_intercept, tol=1e-12)
    peer.fit(X, Y, sample_weight=weights)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-9)
    np.testing.assert_allclose(model.predict(layout(X)), peer.predict(X), atol=1e-8)
    np.testing.assert_array_equal(model.alpha_, ALPHAS)
    alone = [
        QuadraticApproxRidge(alpha, fit_intercept=fit_intercept).fit(layout(X), y, weights)
        for alpha, y in zip(ALPHAS, Y.T, strict=True)
    ]
    np.testing.assert_allclose(model.coef_, [one.coef_ for one in alone], atol=1e-11)
    assert model.effective_dof_ == pytest.approx(sum(one.effective_dof_ for one in alone))
    assert model.gradient_norm_ < 1e-12
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_with_factors_and_in_parts():
    X, Y = rows(40, 6)
    factors = [0.0, 1.0, 2.0, 1.0, 1.0, 0.5]
    whole = QuadraticApproxRidge(ALPHAS, penalty_factors=factors).fit(X, Y)
    parts = QuadraticApproxRidge(ALPHAS, penalty_factors=factors)
    parts.partial_fit(X[:15], Y[:15]).partial_fit(X[15:], Y[15:])
    np.testing.assert_allclose(parts.coef_, whole.coef_, atol=1e-10)
    one = QuadraticApproxRidge(ALPHAS[2], penalty_factors=factors).fit(X, Y[:, 2])
    np.testing.assert_allclose(whole.coef_[2], one.coef_, atol=1e-11)
    single = QuadraticApproxRidge([0.1]).fit(X, Y[:, 0])
    np.testing.assert_array_equal(single.coef_, QuadraticApproxRidge(0.1).fit(X, Y[:, 0]).coef_)
    assert single.alpha_ == 0.1


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (QuadraticApproxRidge([0.1, 1.0]), "one for each of the 4 targets, got 2"),
        (QuadraticApproxRidge([[0.1, 1.0]]), r"one for each target, got shape \(1, 2\)"),
        (QuadraticApproxRidge([0.1, -1.0, 1.0, 1.0]), "got -1.0 for target 1"),
        (QuadraticApproxRidge([0.1, np.nan, 1.0, 1.0]), "got nan for target 1"),
        (QuadraticApproxLasso([0.1] * 4), "'alpha' parameter of QuadraticApproxLasso"),
        (QuadraticApproxRidgeClassifier([0.1] * 4), "'alpha' parameter"),
    ],
)
def test_errors_name_alpha(model, match):
    X, Y = rows(40, 6)
    y = Y[:, 0] > 0 if hasattr(model, "class_weight") else Y
    with pytest.raises(ValueError, match=match):
        model.fit(X, y)


def test_other_losses_have_one_target():
    X, Y = rows(40, 6)
    with pytest.raises(ValueError, match="one for each of the 1 targets, got 4"):
        QuadraticApproxRidge(ALPHAS, loss="huber").fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="one prior for all targets"):
        QuadraticApproxRidge(ALPHAS).fit(X, Y).predict(X, return_std=True)
    with pytest.raises(ValueError, match="one alpha"):
        QuadraticApproxRidge(ALPHAS).one_shot_gap(X, Y)
