"""The sums over a network's weights that every epoch takes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from network_cases import cases, make_case
from skreg._kernels.network import Network

from skreg.network.regularization import Regularization
from skreg.penalties import InputGroups, NeuronGroups, get_penalty


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("units", [(3, 2), (7, 40, 33, 5), (1, 1, 1)])
def test_sums_equal_numpy(units, dtype):
    network = Network(units, "relu", "squared_error")
    theta = np.random.default_rng(0).normal(size=network.n_parameters).astype(dtype)
    theta[::3] = 0
    out = np.empty((len(units) - 1, 3))
    network.sums(theta, out)
    start = 0
    for (fan_in, fan_out), sums in zip(pairwise(units), out, strict=True):
        w = theta[start : start + fan_in * fan_out].astype(float)
        start += (fan_in + 1) * fan_out
        expected = [np.abs(w).sum(), w @ w, np.count_nonzero(w)]
        np.testing.assert_allclose(sums, expected, rtol=1e-13)


@given(cases())
def test_the_meter_reads_the_value(case):
    theta, held = case.theta.copy(), case.problem.regularization
    value = held.meter(theta, case.problem.network())
    for _ in range(2):
        assert np.isclose(value(), held.value(theta, case.problem.units), rtol=1e-13)
        theta *= 0.5


@pytest.mark.parametrize("penalty", [InputGroups(), NeuronGroups(), get_penalty("l1")], ids=repr)
@pytest.mark.parametrize("alpha", [0.0, (0.1, 0.0, 0.3)])
@pytest.mark.parametrize("bound", [None, 2.0])
def test_the_meter_of_groups_of_layers_and_under_a_bound(penalty, alpha, bound):
    case = make_case((4, 3, 3, 2))
    held = Regularization(penalty, alpha, norm_bound=bound)
    value = held.meter(case.theta, case.problem.network())()
    assert np.isclose(value, held.value(case.theta, case.problem.units), rtol=1e-13)
    assert (value > 0) == (alpha != 0.0 and bound is None)


def test_arrays_of_other_sizes_are_refused():
    network = Network((2, 1), "relu", "squared_error")
    with pytest.raises(ValueError, match="theta"):
        network.sums(np.zeros(4), np.empty((1, 3)))
    with pytest.raises(ValueError, match="three numbers"):
        network.sums(np.zeros(3), np.empty((2, 3)))
