"""Activations and slopes against scipy, over all sizes of their argument."""

import numpy as np
import pytest
from scipy.special import expit, ndtr

from skreg.losses import SquaredError
from skreg.network.prediction import compiled_network, raw_predictions
from skreg.network.regularization import Regularization
from skreg.network.training import Objective

EXACT = {
    "silu": (lambda x: x * expit(x), lambda x: expit(x) * (1 + x * expit(-x))),
    "gelu": (
        lambda x: x * ndtr(x),
        lambda x: ndtr(x) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi),
    ),
}
x = np.r_[np.linspace(-60, 60, 4001), np.linspace(-1e-3, 1e-3, 101), 0.0, -7.0, 300.0, -300.0]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 5e-16), (np.float32, 3e-7)])
@pytest.mark.parametrize("name", EXACT)
def test_values(name, dtype, tolerance):
    network = compiled_network((1, 1, 1), name, SquaredError())
    theta = np.array([1, 0, 1, 0], dtype=dtype)
    at = x.astype(dtype)
    out = raw_predictions(network, theta, at[:, None])[:, 0]
    exact = EXACT[name][0](at.astype(float))
    assert (np.abs(out - exact) <= tolerance * np.maximum(1, np.abs(at.astype(float)))).all()
    assert out[np.flatnonzero(x == 0)[0]] == 0


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 5e-15), (np.float32, 1e-6)])
@pytest.mark.parametrize("name", EXACT)
def test_slopes(name, dtype, tolerance):
    """Of f = act(x + b) the derivative in b, row by row, with the residual made 1."""
    theta = np.array([1, 0, 1, 0], dtype=dtype)
    for at in x[::97].astype(dtype):
        X = np.array([[at]], dtype=dtype)
        raw = raw_predictions(compiled_network((1, 1, 1), name, SquaredError()), theta, X)
        problem = Objective(
            (1, 1, 1), name, SquaredError(), Regularization(), X, np.zeros_like(raw)
        )
        slope = problem.objective_and_gradient(theta)[1][1]
        expected = float(raw[0, 0]) * EXACT[name][1](float(at))
        assert abs(slope - expected) <= tolerance * max(1, abs(expected))
