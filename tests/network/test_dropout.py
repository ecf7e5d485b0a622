"""Dropout: against its twin with the masks written out, and its masks by their shares."""

import numpy as np
import pytest
import reference
import reference_constraints as twins
from hypothesis import given
from hypothesis import strategies as st
from network_cases import make_case

from skreg.network.optimizers import SGD, Adam


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "gelu", "identity"])
@pytest.mark.parametrize("rates", [(0.0, 0.5), (0.4, 0.0), (0.2, 0.3)])
def test_dropout_equals_the_twin(rates, activation):
    """One step on a batch: forward with the masks written out, backward by differences."""
    seed, n, eta = 12345, 9, 0.1
    case = make_case((4, 6, 5, 2), activation=activation, n=n, penalty="none", alpha=0.0)
    case = case.held_by(dropout=rates)
    state, (met,) = case.train(SGD(0.0), eta=eta, n_epochs=1, batch_size=n, dropout_seed=seed)
    act = reference.ACTIVATIONS[activation][0]
    X, Y, _ = case.data
    widths = case.problem.units[:-1]
    masks = [
        twins.dropout_mask(seed, 1, level, n, width, rates[level > 0])
        for level, width in enumerate(widths)
    ]

    def objective(theta):
        a = X * masks[0]
        layers = case.twin.layers(theta)
        for (W, b), mask in zip(layers[:-1], masks[1:], strict=True):
            a = act(a @ W + b) * mask
        W, b = layers[-1]
        return 0.5 * np.mean(np.sum((a @ W + b - Y) ** 2, axis=1))

    assert np.isclose(met, objective(case.theta), rtol=1e-12)
    h = 1e-6
    for i, moved in enumerate(case.theta - state.theta):
        step = h * (np.arange(len(case.theta)) == i)
        slope = (objective(case.theta + step) - objective(case.theta - step)) / (2 * h)
        assert np.isclose(moved / eta, slope, rtol=1e-5, atol=1e-8)


@given(st.integers(0, 2**64 - 1), st.integers(1, 10**6), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_masks_keep_the_share_they_should(seed, step, rate):
    mask = twins.dropout_mask(seed, step, 1, 200, 150, rate)
    n = mask.size
    assert abs(np.mean(mask > 0) - (1 - rate)) < 6 * np.sqrt(rate * (1 - rate) / n)
    other = twins.dropout_mask(seed, step + 1, 1, 200, 150, rate)
    together = np.mean((mask > 0) & (other > 0))
    assert abs(together - (1 - rate) ** 2) < 6 * np.sqrt((1 - rate) ** 2 / n)


def test_prediction_and_objective_drop_nothing():
    case = make_case(n=20)
    dropped = case.held_by(dropout=(0.5, 0.5))
    one, other = (c.problem.objective_and_gradient(case.theta) for c in (case, dropped))
    assert one[0] == other[0]
    assert np.array_equal(one[1], other[1])


def test_dropout_belongs_to_its_seed():
    case = make_case((4, 20, 2), n=30).held_by(dropout=(0.2, 0.5))
    one, again, other = (
        case.train(Adam(), eta=0.01, n_epochs=3, batch_size=7, dropout_seed=seed)[0].theta
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
