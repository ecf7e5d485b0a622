"""Smaller networks with the same outputs; activations as functions of arrays."""

from itertools import pairwise

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from skreg.losses import SquaredError
from skreg.network.activation import activate, activation_and_slope
from skreg.network.compression import compress
from skreg.network.parameters import layer_views
from skreg.network.prediction import compiled_network, raw_predictions

ACTIVATIONS = ("identity", "logistic", "tanh", "relu", "silu", "gelu")


@settings(deadline=None)
@given(
    hidden=st.lists(st.integers(1, 6), max_size=3),
    activation=st.sampled_from(ACTIVATIONS),
    density=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
def test_outputs_stay_and_nothing_idle_is_left(hidden, activation, density, seed):
    rng = np.random.default_rng(seed)
    units = (5, *hidden, 2)
    theta = rng.normal(size=sum((a + 1) * b for a, b in pairwise(units)))
    for W in layer_views(theta, units)[0]:
        W *= rng.random(W.shape) < density
        W *= rng.random((W.shape[0], 1)) < 0.7
    before = theta.copy()
    smaller, fewer, kept = compress(theta, units, activation)
    np.testing.assert_array_equal(theta, before)
    assert [len(k) for k in kept] == list(fewer[:-1])
    X = rng.normal(size=(7, 5))
    outputs = [
        raw_predictions(compiled_network(u, activation, SquaredError()), t, x)
        for u, t, x in ((units, theta, X), (fewer, smaller, np.ascontiguousarray(X[:, kept[0]])))
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-10, atol=1e-10)
    weights = layer_views(smaller, fewer)[0]
    for before_it, after_it in pairwise(weights):
        idle = ~np.any(before_it != 0, axis=0) | ~np.any(after_it != 0, axis=1)
        assert not idle.any() or before_it.shape[1] == 1
    again = compress(smaller, fewer, activation)
    assert again[1] == fewer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_slopes_of_arrays(name, dtype):
    z = np.linspace(-4, 4, 21).astype(dtype)
    value, slope = (f(z.astype(float)) for f in reference.ACTIVATIONS[name])
    np.testing.assert_allclose(
        activate(name, z), value, atol=1e-6 if dtype == np.float32 else 1e-13
    )
    ours = activation_and_slope(name, z.reshape(3, 7))
    kink = z.reshape(3, 7) == 0 if name == "relu" else np.zeros((3, 7), bool)
    np.testing.assert_allclose(ours[0].ravel(), value, atol=1e-12)
    np.testing.assert_allclose(ours[1][~kink], slope.reshape(3, 7)[~kink], atol=1e-10)
