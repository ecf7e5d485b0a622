"""The grid of λ follows the scale of the features, as far as their squares are floats."""

import numpy as np
import pytest
from sklearn.base import clone

from skreg import QuadraticApproxRidge, QuadraticApproxRidgeClassifier

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = (X[:, 0] + 0.5 * RNG.standard_normal(60) > 0).astype(int)
MODELS = {
    "classes": QuadraticApproxRidgeClassifier(),
    "counts": QuadraticApproxRidge(loss="poisson"),
    "huber": QuadraticApproxRidge(loss="huber"),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("scale", [1e-100, 1e80, 1e100])
@pytest.mark.parametrize("name", MODELS)
def test_lambda_goes_with_the_square_of_the_scale(name, scale):
    model = clone(MODELS[name])
    expected = model.regularization_path(X, Y, 3)
    path = model.regularization_path(scale * X, Y, 3)
    np.testing.assert_allclose(path.alphas / scale / scale, expected.alphas, rtol=1e-6)
    np.testing.assert_allclose(path.coefs[1] * scale, expected.coefs[1], rtol=1e-5)
    auto, expected = model.set_params(alpha="auto").fit(scale * X, Y).alpha_, model.fit(X, Y).alpha_
    assert auto / scale / scale == pytest.approx(expected, rel=1e-3)
