"""Epochs: their tasks, determinism to the bit, order of rows, divergence."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_cases import ACTIVATIONS, LOSSES, cases, make_case
from skreg._kernels.network import Network, shuffle
from skreg._kernels.trainer import Trainer
from threadpoolctl import threadpool_limits

from skreg._threads import Pace
from skreg.network import training
from skreg.network.optimizers import SGD, Adam
from skreg.network.state import TrainingState
from skreg.penalties import InputGroups, NeuronGroups

# Rounding flips no slope, and no step explodes.
STEADY = tuple(sorted(set(LOSSES) - {"quantile", "poisson"}))
OPTIMIZERS = [SGD(0.0), SGD(0.9, nesterov=False), SGD(0.9), Adam()]


def large_case(dtype=np.float32):
    """Several row tasks and several tiles: two workers find something to do."""
    case = make_case((120, 200, 160, 4), penalty="elasticnet", alpha=1e-3, n=210, dtype=dtype)
    return type(case)(case.problem, case.theta * dtype(0.1))


# --- tasks --------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([1, 2, 7, 64, 300, 784, 1500]), min_size=2, max_size=5),
    st.integers(1, 3000),
)
def test_tasks_cover_every_row_and_every_weight_once(units, batch_size):
    network = Network(units, "relu", "squared_error")
    rows_per_task, tiles = network.tasks(batch_size)
    assert 1 <= rows_per_task <= batch_size
    for layer, fan_in in enumerate(units[:-1]):
        mine = sorted((first, last) for number, first, last in tiles if number == layer)
        assert [i for first, last in mine for i in range(first, last)] == list(range(fan_in))
    assert {layer for layer, _, _ in tiles} == set(range(len(units) - 1))
    assert 1 <= network.max_workers(batch_size) <= len(tiles)


def test_a_large_network_has_work_for_two():
    rows_per_task, tiles = large_case().problem.network().tasks(128)
    assert rows_per_task < 128
    assert len(tiles) > 3
    assert large_case().problem.network().max_workers(128) >= 2


# --- determinism --------------------------------------------------------------------------------


class Always(Pace):
    """Does not look at the clock."""

    def choose(self):
        return max(self.seconds)


def train_with(n_workers, case, optimizer, monkeypatch):
    """θ after two epochs with exactly that many workers."""
    monkeypatch.setattr(training, "worker_threads", lambda wanted: nullcontext(n_workers))
    monkeypatch.setattr(training, "Pace", Always)
    rng = np.random.RandomState(3)
    return case.train(optimizer, eta=0.01, n_epochs=2, batch_size=100, rng=rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_the_number_of_workers_changes_no_bit(optimizer, dtype, monkeypatch):
    case = large_case(dtype)
    (one, met), (two, met_too), (three, _) = (
        train_with(n, case, optimizer, monkeypatch) for n in (1, 2, 3)
    )
    assert np.array_equal(one.theta, two.theta)
    assert np.array_equal(one.theta, three.theta)
    assert met == met_too
    assert not np.array_equal(one.theta, case.theta)


HELD = {
    "inputs": dict(penalty=InputGroups(), alpha=1e-2),
    "neurons": dict(penalty=NeuronGroups(), alpha=1e-2),
    "norm_bound": dict(norm_bound=5.0),
    "max_norm": dict(max_norm=0.3),
    "dropout": dict(dropout=(0.2, 0.5)),
    "decoupled": dict(weight_decay="decoupled", alpha=0.1),
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:], ids=str)
def test_the_number_of_workers_changes_no_bit_whatever_holds_the_network(
    optimizer, held, monkeypatch
):
    case = large_case().held_by(**HELD[held])
    one, two, three = (train_with(n, case, optimizer, monkeypatch)[0].theta for n in (1, 2, 3))
    assert np.array_equal(one, two)
    assert np.array_equal(one, three)
    assert not np.array_equal(one, case.theta)


def test_blas_threads_of_the_caller_change_no_bit():
    case = large_case()
    results = []
    for limit in (1, 2):
        with threadpool_limits(limit, "blas"):
            results.append(case.train(Adam(), eta=0.01, n_epochs=2, batch_size=100)[0].theta)
    assert np.array_equal(*results)


def test_openmp_setting_of_the_process_changes_no_bit():
    script = textwrap.dedent(
        """
        import hashlib, numpy as np
        from skreg import RegularizedMLPClassifier
        rng = np.random.RandomState(0)
        X, y = rng.normal(size=(300, 100)).astype(np.float32), rng.randint(3, size=300)
        network = RegularizedMLPClassifier((200, 100), max_iter=3, random_state=0).fit(X, y)
        digest = hashlib.sha256(b"".join(W.tobytes() for W in network.coefs_)).hexdigest()
        """
    )
    elsewhere = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script + "print(digest)"],
        env={**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    names = {}
    with threadpool_limits(1):
        exec(script, names)
    assert len(names["digest"]) == 64
    assert elsewhere.stdout.strip() == names["digest"]


def test_concurrent_trainings_do_not_disturb_each_other():
    case = large_case()

    def train(seed):
        rng = np.random.RandomState(seed)
        return case.train(Adam(), eta=0.01, n_epochs=2, batch_size=100, rng=rng)[0].theta

    alone = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, range(4)))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(alone[0], alone[1])


# --- order of the rows --------------------------------------------------------------------------


@given(cases(activations=("tanh", "logistic"), losses=STEADY))
def test_permuting_rows_changes_nothing_on_a_full_batch(case):
    X, Y, weights = case.data
    order = np.random.default_rng(1).permutation(len(X))
    moved = case.changed(
        X=X[order], Y=Y[order], sample_weight=None if weights is None else weights[order]
    )
    one, other = (
        c.train(SGD(0.8), eta=0.05, n_epochs=4, batch_size=len(X))[0].theta for c in (case, moved)
    )
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@given(st.integers(0, 2**64 - 1), st.integers(0, 200))
def test_a_shuffle_is_a_permutation_and_belongs_to_its_seed(seed, n):
    order, again = np.full(n, -1, dtype=np.intp), np.arange(n)
    shuffle(order, seed)
    shuffle(again, seed)
    assert np.array_equal(np.sort(order), np.arange(n))
    assert np.array_equal(order, again)


def test_every_permutation_is_as_likely():
    n_draws, seeds = 24_000, np.random.default_rng(0).integers(2**63, size=24_000)
    order, counts = np.empty(4, dtype=np.intp), {}
    for seed in seeds:
        shuffle(order, int(seed))
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    assert len(counts) == 24
    expected = n_draws / 24
    # χ² with 23 degrees of freedom is above 50 once in a thousand.
    assert sum((c - expected) ** 2 for c in counts.values()) / expected < 50


def test_shuffling_only_changes_the_order_of_the_rows():
    case = make_case(n=10)
    order = np.empty(10, dtype=np.intp)
    shuffle(order, np.random.RandomState(5).tomaxint())
    X, Y, _ = case.data
    shuffled = case.train(
        SGD(0.8), eta=0.05, n_epochs=1, batch_size=3, rng=np.random.RandomState(5)
    )
    by_hand = case.changed(X=X[order], Y=Y[order]).train(
        SGD(0.8), eta=0.05, n_epochs=1, batch_size=3
    )
    assert np.array_equal(shuffled[0].theta, by_hand[0].theta)


@given(cases(activations=("tanh", "logistic"), losses=STEADY), st.sampled_from(OPTIMIZERS[:3]))
def test_training_with_integer_weights_equals_training_with_repeated_rows(case, optimizer):
    X, Y, _ = case.data
    counts = np.r_[2, np.arange(len(X) - 1) % 3]
    weighted = case.changed(sample_weight=counts.astype(float))
    repeated = case.changed(
        X=np.repeat(X, counts, axis=0), Y=np.repeat(Y, counts, axis=0), sample_weight=None
    )
    one, other = (
        c.train(optimizer, eta=0.05, n_epochs=5, batch_size=len(c.problem.X))[0].theta
        for c in (weighted, repeated)
    )
    np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-11)


@given(cases(losses=STEADY), st.sampled_from(OPTIMIZERS), st.integers(1, 9))
def test_training_in_two_goes_is_training_in_one(case, optimizer, batch_size):
    batch_size = min(batch_size, len(case.problem.X))
    state, _ = case.train(optimizer, eta=0.01, n_epochs=4, batch_size=batch_size)
    first, _ = case.train(optimizer, eta=0.01, n_epochs=2, batch_size=batch_size)
    second = first.copy()
    epochs = case.problem.epochs(second, optimizer=optimizer, batch_size=batch_size)
    next(epochs), next(epochs)
    epochs.close()
    assert np.array_equal(state.theta, second.theta)
    assert state.n_steps == second.n_steps
    for name in ("theta", "point", "slot_1", "slot_2"):
        assert not np.shares_memory(getattr(first, name), getattr(second, name))


# --- divergence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", OPTIMIZERS[:3], ids=str)
@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_a_learning_rate_too_large_is_reported_at_once(optimizer, activation, dtype):
    case = make_case((3, 8, 1), activation=activation, n=50, dtype=dtype)
    with pytest.raises(ValueError, match=r"diverged.*learning_rate_init=1e\+06"):
        case.train(optimizer, eta=1e6, n_epochs=30, batch_size=5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("batch_size", [1, 20])
def test_the_last_step_of_an_epoch_is_checked_too(optimizer, batch_size):
    """No loss is taken after it, and without a penalty nothing else would show it."""
    case = make_case((2, 1), penalty="none", alpha=0.0, n=batch_size, dtype=np.float32)
    with pytest.raises(ValueError, match="diverged"):
        case.train(optimizer, eta=1e39, n_epochs=1, batch_size=batch_size)


def test_a_squared_gradient_that_overflows_does_not_freeze_adam_in_silence():
    case = make_case((3, 4, 1), n=20, dtype=np.float32)
    case = case.changed(Y=np.float32(1e25) * case.problem.Y)
    with pytest.raises(ValueError, match="diverged"):
        case.train(Adam(), eta=1e-3, n_epochs=1, batch_size=5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_parameter_that_is_not_finite_makes_divergence_and_not_silence(
    bad, activation, loss, dtype
):
    case = make_case((2, 3, 2), activation=activation, loss=loss, penalty="l1", dtype=dtype)
    for i in range(len(case.theta)):
        theta = case.theta.copy()
        theta[i] = bad
        with pytest.raises(ValueError, match="diverged"):
            type(case)(case.problem, theta).train(Adam(), eta=1e-3, n_epochs=1, batch_size=4)


def test_divergence_of_several_workers_ends_them_all(monkeypatch):
    case = large_case()
    for n_workers in (2, 3):
        theta = case.theta.copy()
        theta[5] = np.nan
        with pytest.raises(ValueError, match="diverged"):
            train_with(n_workers, type(case)(case.problem, theta), Adam(), monkeypatch)


def test_subnormal_numbers_still_work_after_an_epoch():
    smallest = np.array([1e-40, 3e-42], dtype=np.float32)
    expected = smallest.view(np.int32).copy() * 2
    case = large_case()
    case.train(Adam(), eta=0.01, n_epochs=1, batch_size=100)
    doubled = smallest + smallest
    assert np.all(doubled > 0)
    assert np.array_equal(doubled.view(np.int32), expected)


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_data_are_not_copied(dtype, monkeypatch):
    case, seen = make_case(n=20, dtype=dtype), []

    class Spy(Trainer):
        def __init__(self, network, X, Y, *args, **kwargs):
            seen.append((X, Y))

    monkeypatch.setattr(training.kernel, "Trainer", Spy)
    case.train(Adam(), eta=0.01, n_epochs=1, batch_size=5)
    ((X, Y),) = seen
    assert np.shares_memory(X, case.problem.X)
    assert np.shares_memory(Y, case.problem.Y)


def test_read_only_data_are_accepted():
    case = make_case(n=20, weights="real")
    for array in case.data:
        array.flags.writeable = False
    state, met = case.train(Adam(), eta=0.01, n_epochs=3, batch_size=6)
    assert met[-1] < met[0]
    assert np.isfinite(case.problem.objective_and_gradient(state.theta)[0])


def test_the_trainer_refuses_arrays_of_other_types():
    case = make_case()
    state = TrainingState.start(case.theta.copy(), "adam")
    arrays = [state.theta, state.point, state.slot_1, state.slot_2]
    network, (X, Y, _) = case.problem.network(), case.data
    for bad in (X.astype(np.float32), np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        with pytest.raises(ValueError, match="X must be C-contiguous"):
            Trainer(network, bad, Y, None, *arrays, batch_size=3, optimizer="adam")
