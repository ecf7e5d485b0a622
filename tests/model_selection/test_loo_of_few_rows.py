"""Leave-one-out of a handful of rows is that of fits without each row."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.model_selection.criteria import loo

ALPHAS = [0.3, 0.01]
MODELS = {
    "lasso": QuadraticApproxLasso(),
    "huber": QuadraticApproxRidge(loss="huber"),
    "huber lasso": QuadraticApproxLasso(loss="huber"),
    "log": QuadraticApproxRidgeClassifier(),
    # Without a row in ten, a gap of 1e-8 leaves a ten-thousandth of a loss.
    "log lasso": QuadraticApproxLassoClassifier(tol=1e-10),
}


@pytest.mark.parametrize("n", [6, 8, 10, 12])
@pytest.mark.parametrize("name", list(MODELS))
def test_equals_fits_without_each_row(n, name):
    """Approximations were up to 48 % off here, without a word."""
    rng, model = np.random.default_rng(n), MODELS[name]
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + 0.5 * rng.normal(size=n)
    if "log" in name:
        y = (y > np.median(y)).astype(int)
    scoring = "neg_log_loss" if "log" in name else "neg_mean_squared_error"
    found = loo(model, X, y, ALPHAS, scorers={scoring: get_scorer(scoring)})
    for alpha, score in zip(ALPHAS, found.scores, strict=True):
        losses = []
        for i in range(n):
            kept = np.arange(n) != i
            fitted = model.set_params(alpha=alpha).fit(X[kept], y[kept])
            if "log" in name:
                losses.append(-fitted.predict_log_proba(X[[i]])[0, y[i]])
            else:
                losses.append((fitted.predict(X[[i]])[0] - y[i]) ** 2)
        np.testing.assert_allclose(-score, np.mean(losses), rtol=1e-4)
