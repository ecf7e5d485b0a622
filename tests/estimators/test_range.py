"""The ends of float64's range: the right answer, or an error that names what is too large."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.0] + rng.normal(size=40)
REGRESSORS = [
    QuadraticApproxRidge(),
    QuadraticApproxLasso(),
    QuadraticApproxLasso(groups=[0, 0, 1]),
    QuadraticApproxRidge(loss="huber"),
    QuadraticApproxLasso(loss="huber"),
    QuadraticApproxLasso(loss="quantile"),
]
ALL = [
    *((model, Y) for model in REGRESSORS),
    (QuadraticApproxRidge(loss="poisson"), np.round(np.exp(Y))),
    (QuadraticApproxLasso(loss="poisson"), np.round(np.exp(Y))),
    (QuadraticApproxRidgeClassifier(), Y > 0),
    (QuadraticApproxLassoClassifier(), Y > 0),
]


@pytest.mark.parametrize("model", REGRESSORS)
def test_targets_beyond_the_range_are_named(model):
    with pytest.raises(ValueError, match=r"y holds .*e\+160, whose square is too large"):
        model.fit(X, Y * 1e160)
    with pytest.raises(ValueError, match=r"y holds nothing larger than .*e-170, .* Scale it up"):
        model.fit(X, Y * 1e-170)


@pytest.mark.parametrize(("model", "y"), ALL)
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix])
def test_features_beyond_the_range_are_named(model, y, layout):
    with pytest.raises(ValueError, match=r"X holds .*e\+160, whose square is too large"):
        model.fit(layout(X * [1.0, 1.0, 1e160]), y)
    for size in (1e-160, 1e-170):
        with pytest.raises(ValueError, match=r"X holds nothing larger than .*in column 2, whose"):
            model.fit(layout(X * [1.0, 1.0, size]), y)


@pytest.mark.parametrize(("model", "y"), ALL)
@pytest.mark.parametrize("weight", [1e308, 5e-324])
def test_weights_are_relative(model, y, weight):
    w = np.arange(1.0, 41.0) / 40
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = model.fit(X, y).coef_
        np.testing.assert_allclose(model.fit(X, y, np.full(40, weight)).coef_, expected, rtol=1e-9)
        if weight > 1:
            expected = model.fit(X, y, w).coef_
            np.testing.assert_allclose(model.fit(X, y, weight * w).coef_, expected, rtol=1e-8)


def test_class_weights_are_relative():
    for kind in (QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier):
        huge = kind(class_weight={False: 1e308, True: 5e307}).fit(X, Y > 0)
        plain = kind(class_weight={False: 2.0, True: 1.0}).fit(X, Y > 0)
        np.testing.assert_allclose(huge.coef_, plain.coef_, rtol=1e-9)


@pytest.mark.parametrize("model", REGRESSORS)
@pytest.mark.parametrize("size", [2.0**330, 2.0**-330])
def test_within_the_range_units_change_nothing_but_units(model, size):
    units = {"alpha": model.alpha * (1.0 if isinstance(model, QuadraticApproxRidge) else size)}
    if getattr(model, "loss", "") == "quantile":
        units["alpha"] = model.alpha
    if model.loss == "huber":
        units["delta"] = model.delta * size
    plain = model.fit(X, Y)
    scaled = type(model)(**{**model.get_params(), **units}).fit(X, size * Y)
    np.testing.assert_allclose(scaled.coef_ / size, plain.coef_, rtol=1e-6)


@pytest.mark.parametrize(("model", "y"), ALL)
def test_single_precision_is_within_the_range(model, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert model.fit(X.astype(np.float32), y).coef_.dtype == np.float32
