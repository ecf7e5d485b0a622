"""Factors of the inputs that are trained on the way: against the rule written out."""

from threading import Thread

import numpy as np
import pytest
import reference
from network_cases import LOSSES, RULES, make_case, rules

from skreg.network.columns import Columns
from skreg.network.parameters import initial_theta
from skreg.network.regularization import Regularization
from skreg.network.state import TrainingState
from skreg.network.training import Objective
from skreg.penalties import get_penalty

UNITS = (3, 4, 2)


def train(case, rule, n_epochs, **options):
    """The state after epochs with factors."""
    optimizer, problem = RULES[rule][0], case.problem
    state = TrainingState.start(case.theta.copy(), optimizer.kernel, case.columns)
    state.scale_inputs(problem.units[0])
    state.eta = 0.02
    epochs = problem.epochs(state, optimizer=optimizer, **options)
    for _ in range(n_epochs):
        next(epochs)
    epochs.close()
    return state


class Twin:
    """The rules for a row w = s·u: as on u with the gradient by w, then a step of ln s."""

    def __init__(self, rule, case, base):
        self.rule, self.twin, self.base = rule, case.twin, base
        self.theta, self.t = case.theta.copy(), 0
        self.m, self.v = np.zeros((2, len(self.theta)))
        self.point, self.log = self.theta.copy(), np.zeros((3, case.problem.units[0]))

    def rows(self, theta):
        return self.twin.layers(theta)[0][0]

    def step(self, X, Y, eta):
        self.t += 1
        theta, rule = self.theta, self.rule
        at = self.point if rule == "nesterov" else theta
        unit = np.ones(len(theta))  # the scale of the column, over s
        self.rows(unit)[:] = (self.base / np.exp(self.log[0]))[:, None]
        gradient = self.twin.risk_gradient(at, X, Y, np.ones(len(X)))
        l1, l2 = self.twin.spread(self.twin.l1), self.twin.spread(self.twin.l2)
        pull = self.rows(at * (gradient + l2 * at) + l1 * np.abs(at)).sum(axis=1)
        g = gradient + l2 * at
        if rule == "adam":
            rate = self.adam(g, eta / unit, 1e-6 * unit)
            new = theta - rate[0]
            self.theta = reference.soft_threshold(new, rate[1] * l1)
        else:
            rate = eta / unit**2
            if rule == "nesterov":
                moved = reference.soft_threshold(at - rate * g, rate * l1)
                self.point = moved + 0.8 * (moved - theta)
            else:
                moved = reference.soft_threshold(theta + 0.8 * self.m - rate * g, rate * l1)
                self.m = moved - theta
            self.theta = moved
        self.move(pull, eta)

    def adam(self, g, eta, epsilon):
        """The step, and its size for a gradient of 1."""
        self.m = 0.8 * self.m + 0.2 * g
        self.v = 0.99 * self.v + 0.01 * g**2
        rate = eta / (np.sqrt(self.v / (1 - 0.99**self.t)) + epsilon)
        return rate * self.m / (1 - 0.8**self.t), rate

    def move(self, pull, eta):
        """ln s."""
        log, m, v = self.log
        if self.rule == "adam":
            m[:] = 0.8 * m + 0.2 * pull
            v[:] = 0.99 * v + 0.01 * pull**2
            by = -6 * eta * m / (1 - 0.8**self.t) / (np.sqrt(v / (1 - 0.99**self.t)) + 1e-6)
        else:
            by = 0.8 * m - eta * pull
            m[:] = by
        log += by
        moved = [self.theta]
        moved += [self.point] if self.rule == "nesterov" else []
        moved += [self.m] if self.rule == "momentum" else []
        for array in moved:
            self.rows(array)[:] *= np.exp(by)[:, None]


@rules
@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
@pytest.mark.parametrize("scales", [None, [1.0, 4.0, 0.5]])
def test_training_equals_the_twin(rule, penalty, scales):
    case = make_case(UNITS, n=13, penalty=penalty, alpha=0.1)
    base = np.ones(3) if scales is None else np.array(scales)
    if scales is not None:
        case = type(case)(case.problem, case.theta, Columns(None, base))
        base = case.problem.suited(case.columns).scales
    state, twin = train(case, rule, 4, batch_size=5), Twin(rule, case, base)
    X, Y, _ = case.data
    for _ in range(4):
        for start in range(0, 13, 5):
            twin.step(X[start : start + 5], Y[start : start + 5], 0.02)
    np.testing.assert_allclose(state.theta, twin.theta, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(np.log(state.factors[0]), twin.log[0], rtol=1e-7, atol=1e-10)
    assert np.all(state.factors[0] != 1)
    assert np.array_equal(state.theta == 0, twin.theta == 0)


def test_the_gradient_knows_of_no_factors():
    case = make_case(UNITS)
    state = TrainingState.start(case.theta.copy(), "gradient")
    state.scale_inputs(3)
    trainer = case.problem.trainer(state, batch_size=7)
    trainer.train(np.arange(7), np.zeros(1), n_steps_done=0, n_workers=1)
    expected = case.twin.risk_gradient(case.theta, *case.data[:2], np.ones(7))
    np.testing.assert_allclose(state.slot_1, expected, rtol=1e-9, atol=1e-12)
    assert np.array_equal(state.factors[0], np.ones(3))


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_workers(k, dtype):
    units, rng = (90, 64, 48, 2 * k), np.random.RandomState(0)
    X, Y = rng.normal(size=(500, 90)).astype(dtype), rng.normal(size=(500, 2)).astype(dtype)
    held = Regularization(get_penalty("l2"), 1e-3, dropout=(0.1, 0.2), n_members=k)
    problem = Objective(units, "relu", LOSSES["squared_error"], held, X, Y, None, k)
    ends = []
    for n_workers in (1, 2):
        theta = initial_theta(units, np.random.RandomState(1), dtype, n_members=k)
        state = TrainingState.start(theta, "adam")
        state.scale_inputs(90)
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
        ends.append((state.theta, state.factors))
    assert np.array_equal(ends[0][0], ends[1][0])
    assert np.array_equal(ends[0][1], ends[1][1])
    assert np.abs(np.log(ends[0][1][0])).max() > 0.1


def test_factors_of_other_shapes_are_refused():
    case = make_case(UNITS)
    state = TrainingState.start(case.theta.copy(), "adam")
    for factors in (np.ones((2, 3)), np.ones((3, 4)), np.ones((3, 3), np.float32)):
        state.factors = factors
        with pytest.raises(ValueError, match="factors"):
            case.problem.trainer(state, batch_size=7)
