"""Targets that are constant, or nearly: solved at once, without a warning of anything."""

import warnings

import numpy as np
import pytest

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge

LOSSES = ["poisson", "gamma", "tweedie", "negative_binomial", "huber", "quantile", "squared_error"]
SHELLS = [
    (QuadraticApproxRidge, {}),
    (QuadraticApproxLasso, {}),
    (QuadraticApproxLasso, {"l1_ratio": 0.5}),
]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("spread", [0.0, 1e-13, 1e-7])
@pytest.mark.parametrize("shape", [(20, 3), (15, 40)])
def test_fits_and_paths_warn_of_nothing(loss, spread, shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), 7.0 * (1.0 + spread * rng.normal(size=shape[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, options in SHELLS:
            for alpha in (0.01, 1e-12):
                if loss == "huber" and spread and alpha < 1e-3:
                    continue  # λ and the gradient's rounding are of one size
                model = kind(alpha, loss=loss, **options).fit(X, y)
                np.testing.assert_allclose(model.predict(X), y, rtol=max(4 * spread, 1e-14))
                assert model.n_iter_ < 100
            if loss == "huber" and spread == 1e-13:
                continue
            path = kind(loss=loss, **options).regularization_path(X, y, 5)
            assert np.isfinite(path.coefs).all()


@pytest.mark.parametrize("loss", ["poisson", "huber", "squared_error"])
def test_a_search_on_constant_targets_is_quiet(loss):
    X = np.random.default_rng(0).normal(size=(30, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("error", "Scoring failed")
        search = PathSearchCV(QuadraticApproxRidge(loss=loss), 5).fit(X, np.full(30, 7.0))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    np.testing.assert_allclose(search.predict(X), 7.0)


def test_certificates_are_numbers_beside_rounding():
    """A signal of 1e-7 of the targets is found, and its certificate is not all rounding."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = 7.0 * np.exp(1e-6 * (X @ [1.0, -2.0, 0.0]))
    for loss in ("poisson", "gamma"):
        model = QuadraticApproxRidge(1e-6, loss=loss).fit(X, y)
        np.testing.assert_allclose(model.coef_, [1e-6, -2e-6, 0.0], atol=1e-11)
        assert model.gradient_norm_ < 1e-6
