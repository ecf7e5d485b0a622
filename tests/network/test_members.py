"""Ensembles that share hidden layers: against networks that are written out member by member."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from network_cases import (
    ACTIVATIONS,
    LOSSES,
    RULES,
    SMOOTH,
    make_case,
    penalty,
    rules,
    slopes,
)  # fmt: skip
from scipy.special import expit, log_softmax, softmax

from skreg.losses import BinaryLogLoss, Huber, MultinomialLogLoss, Poisson
from skreg.network.columns import Columns
from skreg.network.members import adapters, mean_prediction, own_part
from skreg.network.parameters import initial_theta, n_parameters
from skreg.network.prediction import compiled_network, raw_predictions
from skreg.network.regularization import Regularization
from skreg.network.state import TrainingState
from skreg.network.training import Objective
from skreg.penalties import get_penalty


def ensemble_case(k=3, units=(3, 4, 5, 2), seed=0, **options):
    """A case of k members from one of a network: its data, with a θ of all members."""
    case = make_case(units, seed=seed, **options)
    n_outputs = case.problem.units[-1]
    units = (*units[:-1], n_outputs * k)
    rng = np.random.default_rng(seed + 1)
    theta = rng.normal(scale=0.7, size=n_parameters(units, k)).astype(case.theta.dtype)
    held = replace(case.problem.regularization, n_members=k)
    problem = replace(case.problem, units=units, n_members=k, regularization=held)
    return replace(case, problem=problem, theta=theta)


def member(case, theta, m):
    """(twin, θ) of a member as a network by itself."""
    problem, k = case.problem, case.problem.n_members
    single = replace(
        case, problem=replace(problem.of_one_member(), sample_weight=problem.sample_weight)
    ).twin
    shared = reference.Network(problem.units, problem.activation, problem.loss.name)
    layers = [(W.copy(), b.copy()) for W, b in shared.layers(theta)]
    tail, d, h = theta[len(shared.is_weight) :], problem.units[0], problem.units[1]
    r, c = tail[: k * d].reshape(k, d)[m], tail[k * d :].reshape(k, h)[m]
    layers[0] = (r[:, None] * layers[0][0], layers[0][1] + c)
    W, b = layers[-1]
    mine = slice(m * (W.shape[1] // k), (m + 1) * (W.shape[1] // k))
    layers[-1] = (W[:, mine], b[mine])
    return single, np.concatenate([part.ravel() for layer in layers for part in layer])


def risk(case, theta, rows=slice(None), seen=None):
    """The mean over members of their mean losses; of the rows ``seen[m]`` alone, their sum."""
    X, Y, weights = case.data
    weights = np.ones(len(X)) if weights is None else weights / weights.mean()
    total = 0.0
    for m in range(case.problem.n_members):
        twin, own = member(case, theta, m)
        raw = twin.forward(own, X[rows])[1][-1]
        losses = reference.losses(twin.loss, Y[rows], raw, twin.parameter)[0] * weights[rows]
        total += losses.mean() if seen is None else losses[seen[m]].sum()
    return total / case.problem.n_members if seen is None else total


@given(st.integers(2, 5), st.sampled_from(ACTIVATIONS), st.sampled_from(sorted(LOSSES)),
       st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 4),
       st.sampled_from(["none", "real", "with zeros"]), st.integers(0, 10**6))  # fmt: skip
def test_objective_is_that_of_networks_written_out(
    k, activation, loss, hidden, width, weights, seed
):
    case = ensemble_case(
        k, (3, *hidden, width), seed=seed, activation=activation, loss=loss, weights=weights,
        penalty="elasticnet",
    )  # fmt: skip
    expected = risk(case, case.theta) + penalty(case, case.theta)
    assert np.isclose(case.problem.objective_and_gradient(case.theta)[0], expected, rtol=1e-11)
    assert np.isclose(case.problem.risk_at(case.theta), risk(case, case.theta), rtol=1e-11)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("loss", ["squared_error", "multinomial_log_loss", "binary_log_loss"])
@pytest.mark.parametrize("hidden", [(4,), (4, 3)])
def test_gradient_equals_differences_of_the_twin(activation, loss, hidden):
    case = ensemble_case(3, (2, *hidden, 2), activation=activation, loss=loss, weights="real")
    gradient = case.problem.objective_and_gradient(case.theta)[1]
    expected = slopes(lambda at: risk(case, at) + penalty(case, at), case.theta)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)


@rules
@pytest.mark.parametrize("k", [3, 6])
def test_training_equals_the_twin(rule, k):
    """A row is seen by four members, in turn; what is a member's own moves k times as far."""
    case = ensemble_case(k, (3, 4, 2), n=13, penalty="l2", alpha=0.1, weights="real")
    copies, batch, (X, _, _) = min(k, 4), 5, case.data
    optimizer, twin_rule = RULES[rule]
    state, met = case.train(optimizer, eta=0.02, n_epochs=3, batch_size=batch)
    step, theta = twin_rule(0.02), case.theta.astype(float)
    metric = np.ones(len(theta))
    own_part(metric, case.problem.units, k)[:] = k
    for _ in range(3):
        for start in range(0, len(X), batch):
            rows = np.arange(start, min(start + batch, len(X)))
            t = np.arange(len(rows) * copies)
            seen = [t[t % k == m] // copies for m in range(k)]

            def gradient_at(point, rows=rows, seen=seen):
                def objective(at):
                    return risk(case, at, rows, seen) / (len(rows) * copies) + penalty(case, at)

                return metric * slopes(objective, point)

            theta = step(theta, gradient_at, lambda theta, d: theta, 0.0)
    np.testing.assert_allclose(state.theta, theta, rtol=2e-4, atol=1e-6)
    assert np.all(np.isfinite(met))


@pytest.mark.parametrize("name", ["l1", "elasticnet", "mcp", "slope"])
def test_weights_become_exact_zeros_and_adapters_do_not(name):
    case = ensemble_case(4, (3, 8, 2), n=30).held_by(penalty=get_penalty(name), alpha=0.4)
    state, _ = case.train(RULES["adam"][0], eta=0.02, n_epochs=60, batch_size=10)
    assert np.mean(state.theta == 0) > 0.3
    assert all(np.all(part != 0) for part in adapters(state.theta, case.problem.units))


def test_groups_of_inputs_switch_off():
    case = ensemble_case(4, (3, 8, 1), n=60).held_by(
        penalty=get_penalty("group", 0.5, "inputs"), alpha=0.05
    )
    Y = case.problem.X[:, :1] * 2
    state, _ = case.changed(Y=Y).train(RULES["adam"][0], eta=0.02, n_epochs=200, batch_size=10)
    alive = np.any(state.theta[:24].reshape(3, 8) != 0, axis=1)
    assert alive.tolist() == [True, False, False]


@pytest.mark.parametrize("dropout", [(0.0, 0.0), (0.2, 0.3)])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_bits_do_not_depend_on_workers(activation, dropout):
    k, units = 6, (40, 64, 48, 12)
    rng = np.random.RandomState(0)
    X, Y = rng.normal(size=(500, 40)), rng.normal(size=(500, 2))
    held = Regularization(get_penalty("l2"), 1e-3, dropout=dropout, n_members=k)
    problem = Objective(units, activation, LOSSES["squared_error"], held, X, Y, None, k)
    ends = []
    for n_workers in (1, 2):
        theta = initial_theta(units, np.random.RandomState(1), np.float64, n_members=k)
        state = TrainingState.start(theta, "adam")
        trainer = problem.trainer(state, batch_size=200, max_workers=2, **held.numbers(units))
        assert problem.network().max_workers(200, 4) >= 2
        from threading import Thread

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


def test_a_row_is_predicted_as_among_many():
    case = ensemble_case(5, (3, 4, 2), n=7)
    many = np.random.default_rng(0).normal(size=(700, 3))
    network = case.problem.network()
    raw = raw_predictions(network, case.theta, many)
    for m in range(5):
        twin, own = member(case, case.theta, m)
        mine = twin.forward(own, many)[1][-1]
        np.testing.assert_allclose(raw[:, 2 * m : 2 * m + 2], mine, rtol=1e-10, atol=1e-12)
    one = raw_predictions(network, case.theta, many[600:601])
    np.testing.assert_allclose(one, raw[600:601], rtol=1e-12)


@pytest.mark.parametrize("loss", [MultinomialLogLoss(), BinaryLogLoss(), Poisson(), Huber(1.0)])
def test_mean_prediction_is_the_mean_of_what_members_mean(loss):
    raw = np.random.default_rng(0).normal(scale=4, size=(6, 12))
    parts = np.split(raw, 3, axis=1)
    means = {
        "softmax": lambda f: softmax(f, axis=1),
        "logistic": expit,
        "exponential": np.exp,
        "identity": lambda f: f,
    }[loss.out_activation]
    found = means(mean_prediction(raw, loss, 3))
    np.testing.assert_allclose(found, np.mean([means(part) for part in parts], axis=0), rtol=1e-12)
    assert mean_prediction(raw, loss, 1) is raw


def test_mean_of_classes_is_finite_where_all_are_sure():
    raw = np.array([[900.0, -900, 900, -900]])
    assert np.allclose(log_softmax(mean_prediction(raw, MultinomialLogLoss(), 2)), [[0, -1800]])
    assert mean_prediction(np.array([[900.0, 900]]), BinaryLogLoss(), 2) == 900


def test_centers_are_folded_into_each_members_biases():
    units, k, rng = (3, 4, 6), 3, np.random.default_rng(0)
    theta = rng.normal(size=n_parameters(units, k))
    X = rng.normal(size=(9, 3)) + 50
    centers = Columns(np.array([50.0, 0, 49]), np.ones(3))
    network = compiled_network(units, "tanh", LOSSES["squared_error"], k)
    moved = theta.copy()
    centers.move(moved, units, 1)
    np.testing.assert_allclose(
        raw_predictions(network, moved, X - centers.centers),
        raw_predictions(network, theta, X),
        rtol=1e-9,
    )
    centers.move(moved, units, -1)
    np.testing.assert_allclose(moved, theta, rtol=1e-12, atol=1e-12)


def test_outputs_start_as_those_of_a_network_by_itself():
    units = (10, 50, 3 * 20)
    theta = initial_theta(units, np.random.RandomState(0), np.float64, n_members=20)
    last = theta[11 * 50 : 11 * 50 + 50 * 60]
    assert np.isclose(np.abs(last).max(), np.sqrt(6 / 53), rtol=1e-2)
    factors, terms = adapters(theta, units)
    assert factors.shape == (20, 10)
    assert not terms.any()
    assert abs(factors.mean() - 1) < 0.1
    one = initial_theta((10, 50, 3), np.random.RandomState(0), np.float64)
    assert np.array_equal(one[:500], theta[:500])
