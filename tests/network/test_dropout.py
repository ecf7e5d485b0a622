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


@pytest.mark.parametrize("penalty", ["l2", "slope"])  # compiled, and step by step
def test_every_step_has_its_own_share_of_dropout(penalty):
    """The share s of a rate r is the rate s·r: an epoch with one share throughout is one of it."""
    case = make_case((4, 20, 2), n=30, penalty=penalty, alpha=0.01)
    shares = np.ones((5, 2))
    shares[:, 0] = 0.5
    less, same, more = (
        case.held_by(dropout=rates)
        .train(SGD(0.8), eta=0.01, n_epochs=3, batch_size=7, dropout_seed=1, shares=given)[0]
        .theta
        for rates, given in (((0.1, 0.2), None), ((0.2, 0.4), shares), ((0.2, 0.4), None))
    )
    np.testing.assert_array_equal(less, same)
    assert not np.array_equal(less, more)


def test_a_share_of_nothing_ends_dropout_from_its_step_on():
    case = make_case((4, 20, 2), n=30).held_by(dropout=(0.2, 0.5))
    free, n_kept = case.held_by(dropout=(0.0, 0.0)), 3
    shares = np.column_stack([np.arange(5) < n_kept, np.ones(5)]).astype(float)
    state, _ = case.train(Adam(), eta=0.01, n_epochs=1, batch_size=6, shares=shares)
    first = case.changed(X=case.problem.X[:18], Y=case.problem.Y[:18])
    middle, _ = first.train(Adam(), eta=0.01, n_epochs=1, batch_size=6)
    last = free.changed(X=case.problem.X[18:], Y=case.problem.Y[18:]).problem
    steps = last.epochs(middle, optimizer=Adam(), batch_size=6)
    next(steps)
    steps.close()
    np.testing.assert_array_equal(state.theta, middle.theta)
