"""Random networks with data, for the property tests of the network."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import reference
from hypothesis import strategies as st

from skreg.losses import (
    BinaryLogLoss,
    Huber,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredError,
)  # fmt: skip
from skreg.network.columns import Columns
from skreg.network.optimizers import SGD, Adam
from skreg.network.regularization import Regularization
from skreg.network.state import TrainingState
from skreg.network.training import Objective
from skreg.penalties import NoPenalty, get_penalty

ACTIVATIONS = ("identity", "logistic", "tanh", "relu", "silu", "gelu")
SMOOTH = ("tanh", "logistic", "silu", "gelu")
LOSSES = {
    loss.name: loss
    for loss in (
        SquaredError(), Huber(0.7), Quantile(0.3), Poisson(), BinaryLogLoss(), MultinomialLogLoss(),
    )
}  # fmt: skip

RULES = {
    "momentum": (SGD(momentum=0.8, nesterov=False), lambda eta: reference.heavy_ball(eta, 0.8)),
    "nesterov": (SGD(momentum=0.8), lambda eta: reference.nesterov(eta, 0.8)),
    "adam": (Adam(0.8, 0.99, 1e-6), lambda eta: reference.adam(eta, 0.8, 0.99, 1e-6)),
}
rules = pytest.mark.parametrize("rule", RULES)


@dataclass(frozen=True)
class Case:
    """A network, its data and a point θ."""

    problem: Objective
    theta: np.ndarray
    columns: Columns | None = None

    @property
    def twin(self):
        """The independent implementation of the same objective."""
        p = self.problem
        alphas = p.regularization.alphas(len(p.units) - 1)
        penalty = p.regularization.penalty
        l1, l2 = (alphas * getattr(penalty, f"{name}_share", 0.0) for name in ("l1", "l2"))
        return reference.Network(p.units, p.activation, p.loss.name, l1, l2, p.loss.parameter)

    @property
    def data(self):
        """X, Y, weights."""
        return self.problem.X, self.problem.Y, self.problem.sample_weight

    def changed(self, **fields):
        """The same with other data, or another ``regularization`` or ``alpha``."""
        if "alpha" in fields:
            held = replace(self.problem.regularization, alpha=fields.pop("alpha"))
            fields["regularization"] = held
        return replace(self, problem=replace(self.problem, **fields))

    def held_by(self, **options):
        """The same with other fields of its `Regularization`."""
        return self.changed(regularization=replace(self.problem.regularization, **options))

    def train(self, optimizer, *, eta, n_epochs, batch_size, rng=None, dropout_seed=0, shares=None):
        """The state after epochs from θ, and the objective of each epoch."""
        state = TrainingState.start(self.theta.copy(), optimizer.kernel, self.columns)
        state.eta, state.dropout_seed, state.shares = eta, dropout_seed, shares
        epochs = self.problem.epochs(state, optimizer=optimizer, batch_size=batch_size, rng=rng)
        met = [next(epochs) for _ in range(n_epochs)]
        epochs.close()
        return state, met


def make_case(
    units=(3, 4, 2), *, activation="tanh", loss="squared_error", penalty="l2", alpha=0.1, n=7,
    weights="none", dtype=np.float64, seed=0, l1_ratio=0.3,
):  # fmt: skip
    """A case from plain numbers; the loss may widen the output to what it needs."""
    rng = np.random.default_rng(seed)
    width = max(units[-1], 3) if loss == "multinomial_log_loss" else units[-1]
    units = (*units[:-1], width)
    X = rng.normal(size=(n, units[0]))
    if loss in ("squared_error", "huber", "quantile"):
        Y = rng.normal(size=(n, width))
    elif loss == "poisson":
        Y = rng.poisson(1.5, size=(n, width)).astype(float)
    elif loss == "binary_log_loss":
        Y = rng.integers(2, size=(n, width)).astype(float)  # a label each
    else:
        Y = np.eye(width)[rng.integers(width, size=n)]
    sample_weight = {
        "none": lambda: None,
        "integer": lambda: rng.integers(1, 4, size=n).astype(float),
        "with zeros": lambda: np.r_[1.0, rng.integers(0, 3, size=n - 1)],
        "real": lambda: rng.uniform(0.1, 5, size=n),
    }[weights]()
    size = sum((a + 1) * b for a, b in pairwise(units))
    theta = rng.normal(scale=0.7, size=size)
    problem = Objective(
        units, activation, LOSSES[loss], Regularization(get_penalty(penalty, l1_ratio), alpha),
        X.astype(dtype), Y.astype(dtype), sample_weight,
    )  # fmt: skip
    return Case(problem, theta.astype(dtype))


def penalty(case, theta):
    """λJ, that of output layers by its mean."""
    held = case.problem.regularization
    l1, l2 = (held.alpha * getattr(held.penalty, f"{name}_share", 0.0) for name in ("l1", "l2"))
    last = np.ones(len(case.problem.units) - 1)
    last[-1] = 1 / case.problem.n_members
    twin = reference.Network(case.problem.units, "tanh", "squared_error", l1 * last, l2 * last)
    return twin.penalty(theta[: len(twin.is_weight)])


def slopes(function, theta, h=1e-6):
    """Central differences."""
    steps = h * np.eye(len(theta))
    return np.array([(function(theta + s) - function(theta - s)) / (2 * h) for s in steps])


def in_layers(twin, shrink):
    """A proximal operator of θ from one of layers in place."""

    def prox(theta, d):
        theta = theta.copy()
        shrink(twin.layers(theta), twin.layers(d))
        return theta

    return prox


def check_against_twin(case, rule, prox=None, decay=0.0, eta=0.03, rtol=1e-8):
    """θ after some epochs; returns it."""
    optimizer, twin_rule = RULES[rule]
    X, Y, weights = case.data
    state, met = case.train(optimizer, eta=eta, n_epochs=12, batch_size=8)
    expected = case.twin.train(
        case.theta, X, Y, twin_rule(eta), n_epochs=12, batch_size=8, weights=weights, prox=prox,
        decay=decay,
    )  # fmt: skip
    np.testing.assert_allclose(state.theta, expected, rtol=rtol, atol=1e-10)
    assert np.array_equal(state.theta == 0, expected == 0)
    risk = case.held_by(penalty=NoPenalty(), alpha=0.0, norm_bound=None)
    assert np.isclose(
        case.problem.objective_and_gradient(state.theta)[0],
        risk.problem.objective_and_gradient(state.theta)[0]
        + case.problem.regularization.value(state.theta, case.problem.units),
    )
    assert np.all(np.isfinite(met))
    return state.theta


@st.composite
def cases(draw, dtype=np.float64, activations=ACTIVATIONS, losses=tuple(LOSSES)):
    """Any shape (no to three hidden layers), activation, loss, penalty and kind of weights."""
    hidden = draw(st.lists(st.integers(1, 5), max_size=3))
    return make_case(
        (draw(st.integers(1, 4)), *hidden, draw(st.integers(1, 4))),
        activation=draw(st.sampled_from(activations)),
        loss=draw(st.sampled_from(losses)),
        penalty=draw(st.sampled_from(["none", "l2", "l1", "elasticnet"])),
        alpha=draw(st.sampled_from([0.0, 1e-3, 0.3])),
        n=draw(st.integers(1, 9)),
        weights=draw(st.sampled_from(["none", "integer", "with zeros", "real"])),
        dtype=dtype,
        seed=draw(st.integers(0, 10**6)),
    )
