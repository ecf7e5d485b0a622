"""Pilots train as networks do, and every λ sees the same rows in the same order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from skreg._kernels import network as kernel
from skreg.losses import get_loss
from skreg.network.columns import Columns, Sizes
from skreg.network.optimizers import Adam
from skreg.network.parameters import initial_theta
from skreg.network.pilots import Pilots, pilot_units
from skreg.network.prediction import raw_predictions
from skreg.network.regularization import Regularization
from skreg.network.schedules import OneCycle
from skreg.network.state import TrainingState
from skreg.network.training import Objective
from skreg.penalties import get_penalty


@pytest.fixture
def pilots():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    Y = np.sin(X[:, :1]) + 0.1 * rng.normal(size=(60, 1))
    objective = Objective(
        (4, 6, 1), "relu", get_loss("squared_error"), Regularization(get_penalty("l2")), X, Y
    )
    rows = np.arange(60)
    splits = [(rows[20:], rows[:20]), (rows[:40], rows[40:])]
    return Pilots(objective, 0.01, None, splits, None, 8, 5, 0.0, "glorot", seed=3)


def test_a_quarter_of_the_units_but_not_too_few():
    assert pilot_units((7, 512, 40, 8, 2)) == (7, 128, 16, 8, 2)
    assert pilot_units((7, 2)) == (7, 2)


def test_losses_are_those_of_a_network_trained_step_by_step(pilots):
    """The same steps through `Objective.epochs`, an epoch for each step of the cycle.

    The first half of them at the prior's λ.
    """
    objective, (train, held) = pilots.objective, pilots.splits[0]
    rng = np.random.RandomState(3)
    theta = initial_theta(objective.units, np.random.RandomState(3), float)
    order = np.empty((5, 40), dtype=np.intp)
    for epoch in order:
        kernel.shuffle(epoch, rng.tomaxint())
    order = train[order.ravel()]
    state = TrainingState.start(theta, "adam")
    etas = OneCycle(1).rates(0.01, 0, 0, len(order) // 8)
    for step, (eta, batch) in enumerate(zip(etas, order.reshape(-1, 8), strict=True)):
        penalty = replace(objective.regularization, alpha=0.01 if step < 12 else 0.1)
        part = replace(
            objective, regularization=penalty, X=objective.X[batch], Y=objective.Y[batch]
        )
        state.eta = eta
        next(part.epochs(state, optimizer=Adam(beta_2=0.95), batch_size=8))
    raw = raw_predictions(objective.network(), theta, objective.X[held])
    expected = 0.5 * (objective.Y[held] - raw)[:, 0] ** 2
    np.testing.assert_allclose(_losses(pilots, 0.1)[:20], expected, rtol=1e-9)


def test_rows_held_out_are_not_trained_on(pilots):
    """Targets that only they have teach nothing."""
    objective, held = pilots.objective, pilots.splits[0][1]
    Y = objective.Y.copy()
    Y[held] += 5
    moved = replace(pilots, objective=replace(objective, Y=Y), splits=pilots.splits[:1])
    raw = objective.Y[held, 0] - np.sqrt(2 * _losses(pilots, 0.01)[:20])
    raw = np.column_stack([raw, 2 * objective.Y[held, 0] - raw])
    expected = 0.5 * (Y[held] - raw) ** 2
    found = _losses(moved, 0.01)[:, np.newaxis]
    assert np.isclose(found, expected).any(axis=1).all()


def test_each_split_starts_afresh(pilots):
    both = _losses(pilots, 0.01)
    first = _losses(replace(pilots, splits=pilots.splits[:1]), 0.01)
    assert (both[:20] == first).all()
    assert both.shape == (40,)


def test_a_large_penalty_leaves_a_constant(pilots):
    losses = _losses(replace(pilots, n_epochs=200), 1e3)
    y = pilots.objective.Y[:, 0]
    np.testing.assert_allclose(losses[:20], 0.5 * (y[:20] - y[20:].mean()) ** 2, atol=0.05)


def test_sparse_rows_give_the_same(pilots):
    sparse = replace(pilots, objective=replace(pilots.objective, X=_csr(pilots.objective.X)))
    np.testing.assert_allclose(_losses(sparse, 0.01), _losses(pilots, 0.01), rtol=1e-6)


def test_centers_are_taken_into_account(pilots):
    """Rows far from 0, with the columns that know: about as good as at 0."""
    shifted = pilots.objective.X + [1000.0, 0, 0, 0]
    columns = Columns.of(Sizes.of(shifted))
    far = replace(pilots, objective=replace(pilots.objective, X=shifted), columns=columns)
    assert _losses(far, 0.01).mean() < 2 * _losses(pilots, 0.01).mean()


def test_divergence_is_an_infinite_loss(pilots):
    wild = replace(pilots, objective=replace(pilots.objective, Y=pilots.objective.Y * 1e200))
    assert np.isinf(_losses(wild, 0.0)).all()


def test_shares_are_the_weights_of_the_rows_held_out(pilots):
    assert pilots.shares() == pytest.approx(np.full(40, 1 / 40))
    weights = np.arange(60.0)
    weighted = replace(pilots, objective=replace(pilots.objective, sample_weight=weights))
    held = np.append(weights[:20], weights[40:])
    np.testing.assert_allclose(weighted.shares(), held / held.sum())


def test_pilots_of_one_call_are_those_of_several(pilots):
    """And threads change nothing."""
    alone = [_losses(pilots, alpha) for alpha in (0.01, 0.1)]
    with ThreadPoolExecutor(2) as pool:
        together = replace(pilots, look=pool.map).losses([0.01, 0.1])
    assert (np.array(alone) == together).all()


def _losses(pilots, alpha):
    (found,) = pilots.losses([alpha])
    return found


def _csr(X):
    table = csr_array(X)
    table.indices, table.indptr = (a.astype(np.int32) for a in (table.indices, table.indptr))
    return table
