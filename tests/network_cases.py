"""Random networks with data, for the property tests of the network."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import reference
from hypothesis import strategies as st

from skreg.losses import BinaryLogLoss, MultinomialLogLoss, SquaredError
from skreg.network.regularization import Regularization
from skreg.network.training import Problem, TrainingState
from skreg.penalties import get_penalty

LOSSES = {loss.name: loss for loss in (SquaredError(), BinaryLogLoss(), MultinomialLogLoss())}


@dataclass(frozen=True)
class Case:
    """A network, its data and a point θ."""

    problem: Problem
    theta: np.ndarray

    @property
    def twin(self):
        """The independent implementation of the same objective."""
        p = self.problem
        alpha, penalty = p.regularization.alpha, p.regularization.penalty
        l1, l2 = alpha * penalty.l1_share, alpha * penalty.l2_share
        return reference.Network(p.units, p.activation, p.loss.name, l1, l2)

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

    def train(self, optimiser, *, eta, n_epochs, batch_size, rng=None):
        """The state after epochs from θ, and the objective of each epoch."""
        state = TrainingState.start(self.theta.copy(), optimiser.kernel)
        state.eta = eta
        epochs = self.problem.epochs(state, optimiser=optimiser, batch_size=batch_size, rng=rng)
        met = [next(epochs) for _ in range(n_epochs)]
        epochs.close()
        return state, met


def make_case(
    units=(3, 4, 2), *, activation="tanh", loss="squared_error", penalty="l2", alpha=0.1, n=7,
    weights="none", dtype=np.float64, seed=0, l1_ratio=0.3,
):  # fmt: skip
    """A case from plain numbers; the loss may widen the output to what it needs."""
    rng = np.random.default_rng(seed)
    width = {"binary_log_loss": 1, "multinomial_log_loss": max(units[-1], 3)}.get(loss, units[-1])
    units = (*units[:-1], width)
    X = rng.normal(size=(n, units[0]))
    if loss == "squared_error":
        Y = rng.normal(size=(n, width))
    elif loss == "binary_log_loss":
        Y = rng.integers(2, size=(n, 1)).astype(float)
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
    problem = Problem(
        units, activation, LOSSES[loss], Regularization(get_penalty(penalty, l1_ratio), alpha),
        X.astype(dtype), Y.astype(dtype), sample_weight,
    )  # fmt: skip
    return Case(problem, theta.astype(dtype))


@st.composite
def cases(draw, dtype=np.float64, activations=("identity", "logistic", "tanh", "relu")):
    """Any shape (no to three hidden layers), activation, loss, penalty and kind of weights."""
    hidden = draw(st.lists(st.integers(1, 5), max_size=3))
    return make_case(
        (draw(st.integers(1, 4)), *hidden, draw(st.integers(1, 4))),
        activation=draw(st.sampled_from(activations)),
        loss=draw(st.sampled_from(sorted(LOSSES))),
        penalty=draw(st.sampled_from(["none", "l2", "l1", "elasticnet"])),
        alpha=draw(st.sampled_from([0.0, 1e-3, 0.3])),
        n=draw(st.integers(1, 9)),
        weights=draw(st.sampled_from(["none", "integer", "with zeros", "real"])),
        dtype=dtype,
        seed=draw(st.integers(0, 10**6)),
    )
