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
                model = kind(alpha, loss=loss, **options).fit(X, y)
                np.testing.assert_allclose(model.predict(X), y, rtol=max(4 * spread, 1e-14))
                assert model.n_iter_ < 100
            path = kind(loss=loss, **options).regularization_path(X, y, 5)
            assert np.isfinite(path.coefs).all()


@pytest.mark.parametrize("loss", ["poisson", "gamma", "huber", "squared_error"])
@pytest.mark.parametrize("options", [{}, {"positive": True}, {"groups": [0, 0, 1]}], ids=str)
@pytest.mark.parametrize("level", [7.0, 1e6])
def test_penalties_below_the_rounding_of_gradients(loss, options, level):
    """The answer is that of no penalty, bounds apart, and its certificate says so."""
    rng = np.random.default_rng(1)
    X, noise = rng.normal(size=(20, 3)), rng.normal(size=20)
    for spread in (1e-12, 1e-8):
        for alpha in (1e-12, 1e-20):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                model = QuadraticApproxLasso(alpha, loss=loss, **options)
                model.fit(X, level * (1.0 + spread * noise))
            assert model.dual_gap_ <= 1e-6


def test_targets_far_from_0_are_shifted():
    """A Huber fit beside 1e9 is that beside 0, to the digits that the targets have."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    y = np.round(X[:, 0] + rng.standard_t(2, size=40), 6)
    offset = rng.normal(size=40)
    for kind in (QuadraticApproxRidge, QuadraticApproxLasso):
        for dtype, precision in ((np.float64, 1e-5), (np.float32, 1e-3)):
            near = kind(0.01, loss="huber").fit(X.astype(dtype), y - offset)
            far = kind(0.01, loss="huber").fit(X.astype(dtype), y + 1e9, offset=offset)
            np.testing.assert_allclose(far.coef_, near.coef_, atol=precision)
            np.testing.assert_allclose(far.intercept_ - 1e9, near.intercept_, atol=100)
    warm = QuadraticApproxRidge(0.01, loss="huber", warm_start=True).fit(X, y + 1e9)
    assert warm.fit(X, y + 1e9).n_iter_ <= 2


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
