"""θ: its layers and its start."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skreg._kernels.network import Network

from skreg.network.parameters import initial_theta, layer_views
from skreg.network.regularization import Regularization
from skreg.penalties import get_penalty

units_of = st.lists(st.integers(1, 9), min_size=2, max_size=5)


@given(units_of)
def test_layers_are_views_that_cover_theta_once(units):
    size = Network(units, "relu", "squared_error").n_parameters
    theta = np.zeros(size)
    weights, biases = layer_views(theta, units)
    assert [W.shape for W in weights] == list(pairwise(units))
    assert [b.shape for b in biases] == [(width,) for width in units[1:]]
    for part in (*weights, *biases):
        part += 1
    assert np.all(theta == 1)


@given(units_of)
def test_start_lies_in_its_bounds_with_zero_biases(units):
    weights, biases = layer_views(initial_theta(units, np.random.RandomState(0), np.float64), units)
    assert all(np.all(b == 0) for b in biases)
    for W in weights:
        assert np.abs(W).max() <= np.sqrt(6 / (W.shape[0] + W.shape[1]))


def test_start_fills_its_bounds():
    theta = initial_theta((400, 300, 2), np.random.RandomState(0), np.float64)
    first = layer_views(theta, (400, 300, 2))[0][0]
    assert np.isclose(first.std(), np.sqrt(2 / 700), rtol=0.01)
    assert np.isclose(np.abs(first).max(), np.sqrt(6 / 700), rtol=0.01)


def test_he_keeps_the_size_of_what_relus_let_through():
    units = (200, 300, 300, 100)
    weights, biases = layer_views(
        initial_theta(units, np.random.RandomState(0), np.float64, "he"), units
    )
    assert all(np.all(b == 0) for b in biases)
    for W, variance in zip(weights, (2 / 200, 2 / 300, 1 / 300), strict=True):
        assert np.isclose(W.var(), variance, rtol=0.02)
    X = np.random.RandomState(1).normal(size=(500, 200))
    a = X
    for W in weights[:-1]:
        a = np.maximum(a @ W, 0)
    assert 0.6 < np.std(a @ weights[-1]) / np.sqrt(0.5) < 1.6


def test_both_precisions_start_from_the_same_point():
    one, other = (
        initial_theta((5, 4, 2), np.random.RandomState(7), dtype)
        for dtype in (np.float64, np.float32)
    )
    assert other.dtype == np.float32
    assert np.array_equal(one.astype(np.float32), other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("none", 0), ("l2", 0.5 * 14), ("l1", 6), ("elasticnet", 0.25 * 6 + 0.75 * 7)],
)
def test_penalty_leaves_biases_out(name, expected):
    theta = np.array([1.0, -2.0, 100.0, -3.0, 1000.0])
    assert Regularization(get_penalty(name, 0.25), 1.0).value(theta, (2, 1, 1)) == expected
