"""Columns that span two hundred decades: what overflows on the way is no warning of NumPy's."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxLasso, QuadraticApproxLassoClassifier

GROUPS = np.arange(6) // 2
PENALTIES = {
    "slope": {"penalty": "slope"},
    "sparse groups": {"penalty": "sparse_group", "groups": GROUPS},
    "groups": {"groups": GROUPS},
    "mcp": {"penalty": "mcp"},
    "scad": {"penalty": "scad"},
}


@pytest.mark.parametrize("loss", ["huber", "quantile", "two classes", "three classes"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_only_warnings_that_say_what_to_do(penalty, loss):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(40, 6))
    y = Z[:, :3] @ [1.0, 2.0, -1.0] + rng.normal(size=40)
    X = Z * 10.0 ** np.linspace(-100, 100, 6)
    settings = {"alpha": 1e-3, "max_iter": 100, **PENALTIES[penalty]}
    if "classes" in loss:
        y = np.digitize(y, np.quantile(y, [0.5] if loss == "two classes" else [0.3, 0.7]))
        model = QuadraticApproxLassoClassifier(**settings)
    else:
        model = QuadraticApproxLasso(loss=loss, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.predict(X)).all()
