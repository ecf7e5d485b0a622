"""Waves of numbers, with their frequencies and phases: against a network that is written out."""

from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
from network_cases import LOSSES, RULES, make_case, penalty, rules, slopes

from skreg.network.compression import compress
from skreg.network.members import adapters, mean_losses, own_part
from skreg.network.parameters import initial_theta, layer_views, n_parameters
from skreg.network.prediction import raw_predictions
from skreg.network.regularization import Regularization
from skreg.network.state import TrainingState
from skreg.network.training import Objective
from skreg.network.waves import Waves
from skreg.penalties import get_penalty

# Three waves of the one number, one of the other, behind two plain columns.
WAVES = Waves(2, (0, 0, 1, 0))
#: How much slower than biases frequencies and phases move.
UNIT = 10


def wavy_case(hidden=(4,), k=1, n=13, loss="squared_error", dtype=np.float64, **options):
    """A case whose last two columns are numbers that waves are made of."""
    case = make_case((4, *hidden, 2), loss=loss, n=n, dtype=dtype, **options)
    units = (6, *hidden, case.problem.units[-1] * k)
    rng = np.random.default_rng(1)
    theta = rng.normal(scale=0.6, size=n_parameters(units, k, len(WAVES))).astype(dtype)
    held = replace(case.problem.regularization, n_members=k)
    problem = replace(case.problem, units=units, n_members=k, regularization=held, waves=WAVES)
    return replace(case, problem=problem, theta=theta)


def seen(X, theta):
    """The plain columns of X, and cos 2π(f·z + φ)."""
    f, phase = theta[-8:-4], theta[-4:]
    columns = [X[:, 0], X[:, 1]]
    columns += [
        np.cos(2 * np.pi * (f[c] * X[:, 2 + of] + phase[c])) for c, of in enumerate((0, 0, 1, 0))
    ]
    return np.stack(columns, axis=1)


def risk(case, theta, rows=slice(None)):
    """The mean loss, written out with `numpy.cos`."""
    p = case.problem
    a, (weights, biases) = seen(p.X[rows], theta), layer_views(theta, p.units)
    factors, shifts = adapters(theta, p.units, len(WAVES))
    members = []
    for m in range(p.n_members):
        z, width = a, weights[-1].shape[1] // p.n_members
        if p.n_members > 1:
            z = a * factors[m]
        for level, (W, b) in enumerate(zip(weights, biases, strict=True)):
            mine = slice(m * width, (m + 1) * width) if level == len(weights) - 1 else slice(None)
            z = z @ W[:, mine] + b[mine]
            z = z + shifts[m] if p.n_members > 1 and level == 0 else z
            z = np.tanh(z) if level < len(weights) - 1 else z
        members.append(z)
    losses = mean_losses(p.loss, p.Y[rows], np.hstack(members), p.n_members)
    weights = None if p.sample_weight is None else p.sample_weight[rows]
    return np.average(losses, weights=weights)


@pytest.mark.parametrize("loss", ["squared_error", "multinomial_log_loss", "poisson"])
@pytest.mark.parametrize(("hidden", "k"), [((), 1), ((4,), 1), ((4, 3), 1), ((4, 3), 3)])
def test_objective_and_gradient_are_those_of_the_network_written_out(loss, hidden, k):
    case = wavy_case(hidden, k, loss=loss, weights="real", penalty="l2", alpha=0.1)
    objective, gradient = case.problem.objective_and_gradient(case.theta)

    def expected(at):
        return risk(case, at) + penalty(case, at)

    assert np.isclose(objective, expected(case.theta), rtol=1e-11)
    np.testing.assert_allclose(gradient, slopes(expected, case.theta), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize("k", [1, 5])
def test_predictions_of_many_rows(dtype, rtol, k):
    case = wavy_case((4, 3), k, dtype=dtype)
    X = np.random.default_rng(3).normal(scale=[1, 1, 1, 30], size=(700, 4)).astype(dtype)
    raw = raw_predictions(case.problem.network(), case.theta, X)
    Y = np.zeros((700, 2), dtype)
    wide = replace(case.problem, X=X.astype(np.float64), Y=Y.astype(np.float64))
    mine = risk(replace(case, problem=wide), case.theta.astype(np.float64))
    theirs = np.mean(mean_losses(case.problem.loss, Y, raw, k))
    assert np.isclose(theirs, mine, rtol=rtol)
    one = raw_predictions(case.problem.network(), case.theta, X[600:601])
    np.testing.assert_allclose(one, raw[600:601], rtol=rtol)
    np.testing.assert_allclose(WAVES.seen(case.theta, X), seen(X, case.theta), rtol=1e-3, atol=1e-4)


@rules
def test_training_equals_the_twin(rule):
    """Frequencies and phases move as in units of a tenth, weights and biases in units of one."""
    case = wavy_case(n=13, penalty="l2", alpha=0.1, weights="real")
    optimizer, twin_rule = RULES[rule]
    state, met = case.train(optimizer, eta=0.02, n_epochs=3, batch_size=5)
    # The twin's rule on θ in these units.
    unit = np.ones(len(case.theta))
    unit[-8:] = UNIT
    step, theta = twin_rule(0.02), case.theta * unit
    weights = case.problem.sample_weight / case.problem.sample_weight.mean()
    for _ in range(3):
        for start in range(0, 13, 5):
            rows = slice(start, start + 5)

            def objective(at, rows=rows):
                at = at / unit
                return risk(case, at, rows) * weights[rows].mean() + penalty(case, at)

            theta = step(theta, lambda at, f=objective: slopes(f, at), lambda theta, d: theta, 0.0)
    np.testing.assert_allclose(state.theta, theta / unit, rtol=2e-4, atol=1e-6)
    assert np.all(np.isfinite(met))


@pytest.mark.parametrize("k", [1, 6])
def test_bits_do_not_depend_on_workers(k):
    waves = Waves(30, tuple(np.repeat(np.arange(30), 4).tolist()))
    units, rng = (10 + 120, 64, 48, 2 * k), np.random.RandomState(0)
    X, Y = rng.normal(size=(500, 40)), rng.normal(size=(500, 2))
    held = Regularization(get_penalty("l2"), 1e-3, dropout=(0.1, 0.2), n_members=k)
    problem = Objective(units, "relu", LOSSES["squared_error"], held, X, Y, None, k, waves)
    ends = []
    for n_workers in (1, 2):
        theta = initial_theta(units, np.random.RandomState(1), np.float64, n_members=k, waves=waves)
        state = TrainingState.start(theta, "adam")
        trainer = problem.trainer(state, batch_size=200, max_workers=2, **held.numbers(units))
        helper = Thread(target=trainer.serve, args=(1,), daemon=True)
        helper.start()
        for epoch in range(3):
            trainer.train(
                np.arange(500), np.full(3, 0.01), n_steps_done=3 * epoch, n_workers=n_workers,
                **RULES["adam"][0].numbers(),
            )  # fmt: skip
        trainer.dismiss()
        helper.join()
        ends.append(state.theta)
    assert np.array_equal(*ends)


def test_inputs_that_are_dropped_have_no_gradient():
    """With every second input dropped, θ moves as if by the waves that were kept, scaled."""
    case = wavy_case((), n=1, alpha=0.0).held_by(dropout=(0.5, 0.0))
    state, _ = case.train(RULES["momentum"][0], eta=0.01, n_epochs=1, batch_size=1)
    moved = state.theta[-8:-4] != case.theta[-8:-4]
    weights = layer_views(state.theta - case.theta, case.problem.units)[0][0]
    assert np.array_equal(moved, np.any(weights[2:] != 0, axis=1))
    assert 0 < moved.sum() < 4


@pytest.mark.parametrize("bound", [dict(norm_bound=0.5), dict(max_norm=0.3)])
def test_bounds_are_those_of_the_weights(bound):
    case = wavy_case(n=40, penalty="l2", alpha=0.0).held_by(**bound)
    state, _ = case.train(RULES["adam"][0], eta=0.05, n_epochs=20, batch_size=10)
    weights = layer_views(state.theta, case.problem.units)[0]
    if "norm_bound" in bound:
        assert np.isclose(0.5 * sum((W**2).sum() for W in weights), 0.5, rtol=1e-6)
    else:
        assert max(np.linalg.norm(W, axis=0).max() for W in weights) <= 0.3 + 1e-9
    assert np.all(state.theta[-8:] != case.theta[-8:])


@pytest.mark.parametrize("k", [1, 3])
def test_waves_that_nobody_hears_are_dropped(k):
    case = wavy_case((4, 3), k)
    theta, units = case.theta.copy(), case.problem.units
    layer_views(theta, units)[0][0][[1, 3, 4]] = 0
    smaller, fewer, kept = compress(theta, units, "tanh", len(WAVES))
    assert kept[0].tolist() == [0, 2, 5]
    problem = replace(
        case.problem, units=fewer, X=case.problem.X[:, [0, 2, 3]], waves=WAVES.take([0, 3])
    )
    assert np.isclose(problem.risk_at(smaller), case.problem.risk_at(theta), rtol=1e-12)
    gradient = np.ones(len(theta))
    own_part(gradient, units, k, len(WAVES))[:] = 0
    assert gradient[-8:].all()


def test_origins_out_of_range_are_refused():
    with pytest.raises(ValueError, match="origins"):
        wavy_case().changed(waves=Waves(2, (0, 0, 2, 0))).problem.network()
