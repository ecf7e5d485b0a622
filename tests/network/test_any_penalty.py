"""Any penalty trains a network: compiled, or by its prox between compiled steps."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_cases import RULES, check_against_twin, make_case, rules

from skreg.network.optimizers import SGD, Adam
from skreg.network.proximal import prox_in_metric
from skreg.penalties import (
    L1,
    L2,
    MCP,
    PENALTIES,
    SCAD,
    SLOPE,
    Group,
    Penalty,
    Separable,
    SparseGroup,
)


@dataclass(frozen=True)
class LogSum(Penalty):
    """J(θ) = Σ ln(1 + |θⱼ|/δ): a penalty that the package does not know."""

    delta: float = 0.1
    is_convex: ClassVar[bool] = False

    def value(self, theta, alpha=1.0):
        return float(alpha * np.log1p(np.abs(theta) / self.delta).sum())

    def gradient(self, theta, alpha=1.0):
        return alpha * np.sign(theta) / (self.delta + np.abs(theta))

    def prox(self, theta, step, alpha=1.0):
        size, weight = np.abs(theta), np.multiply(step, alpha)
        root = np.sqrt(np.maximum((size + self.delta) ** 2 - 4 * weight, 0))
        u = np.maximum(0.5 * (size - self.delta + root), 0)
        gain = 0.5 * size**2 - 0.5 * (u - size) ** 2 - weight * np.log1p(u / self.delta)
        return np.sign(theta) * np.where(gain > 0, u, 0)

    def pull(self, slope):
        return np.abs(slope) * self.delta

    def conjugate(self, slope, alpha=1.0):
        return np.inf if np.any(slope) else 0.0

    def curvature(self, theta, alpha=1.0):
        raise NotImplementedError


class InPython(MCP):
    """MCP without what networks compile."""

    def common_pieces(self, alpha):
        return None


SEPARABLE = {
    "mcp": MCP(),
    "mcp, bending": MCP(1.2),
    "scad": SCAD(),
    "scad, bending": SCAD(2.1),
    "in python": InPython(2.0),
    "log-sum": LogSum(),
    "positive": Separable(1.0, positive=True),
    "bounds": Separable(1.0, bounds=(-0.2, np.inf)),
}


def layer_prox(case, penalty, alphas):
    """The twin's prox: the penalty's own, layer by layer."""

    def prox(theta, d):
        out = theta.copy()
        for (W, _), (dW, _), alpha in zip(
            case.twin.layers(out), case.twin.layers(d), alphas, strict=True
        ):
            W[...] = penalty.prox(W.ravel(), dW.ravel(), alpha).reshape(W.shape)
        return out

    return prox


@rules
@pytest.mark.parametrize("name", SEPARABLE)
def test_the_proximal_step_is_in_the_optimizers_metric(name, rule):
    penalty, alphas = SEPARABLE[name], (0.15, 0.05)
    case = make_case((4, 6, 2), n=33).held_by(penalty=penalty, alpha=alphas)
    theta = check_against_twin(case, rule, prox=layer_prox(case, penalty, alphas), rtol=1e-6)
    assert np.any(theta == 0)
    assert np.abs(theta - case.theta).max() > 0.01


@pytest.mark.parametrize("penalty", [MCP(), SCAD()], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=st.integers(0, 10**6), alpha=st.sampled_from([0.01, 0.4, 3.0]))
def test_compiled_pieces_are_the_penaltys_prox(penalty, dtype, seed, alpha):
    rng = np.random.default_rng(seed)
    case = make_case((3, 40, 20), dtype=dtype, n=1, seed=seed, penalty="none")
    z = (10.0 ** rng.uniform(-3, 1, case.theta.size) * rng.choice([-1, 1], case.theta.size)).astype(
        dtype
    )
    case.theta[:] = z
    # One step with a gradient of 0: its prox alone.
    case = case.held_by(penalty=penalty, alpha=alpha)
    case = case.changed(sample_weight=None, X=np.zeros_like(case.problem.X))
    eta = 10.0 ** rng.uniform(-1, 1)
    without = case.held_by(alpha=0.0).train(SGD(0.0), eta=eta, n_epochs=1, batch_size=1)[0].theta
    moved = case.train(SGD(0.0), eta=eta, n_epochs=1, batch_size=1)[0].theta
    mask = case.twin.is_weight
    expected = without.copy()
    expected[mask] = penalty.prox(without[mask].astype(np.float64), eta, alpha)
    # Where zero and another minimum are equally good, rounding may choose.
    near = np.isclose(moved, expected, rtol=1e-4 if dtype == np.float32 else 1e-10, atol=1e-7)
    assert np.mean(near) > (0.99 if dtype == np.float32 else 0.999)


COUPLED = {
    "slope": SLOPE(),
    "group": Group(np.arange(24) // 4),
    "sparse group": SparseGroup(np.arange(24) // 4),
}


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_components_in_a_metric(name):
    penalty, rng = COUPLED[name], np.random.default_rng(0)
    z, d = rng.normal(size=24), rng.uniform(0.5, 2.0, size=24)
    best = prox_in_metric(penalty, z, d, 0.3, rng.normal(size=24))

    def objective(u):
        return 0.5 * np.sum((u - z) ** 2 / d) + penalty.value(u, 0.3)

    others = best + rng.normal(size=(300, 24)) * np.logspace(-6, 0, 300)[:, np.newaxis]
    assert all(objective(best) <= objective(u) + 1e-6 for u in others)


def held(penalty, alpha, units=(6, 5, 2)):
    return make_case(units, n=40).held_by(penalty=penalty, alpha=alpha)


def unmoved(case, theta, penalty, alpha, step=1e-3):
    """How far a small proximal gradient step in NumPy moves θ, over the step: 0 if stationary."""
    X, Y, weights = case.data
    gradient = case.held_by(alpha=0.0).twin.gradient(theta, X, Y, weights)
    moved, worst = theta - step * gradient, 0.0
    for (W, b), (V, c) in zip(case.twin.layers(moved), case.twin.layers(theta), strict=True):
        u = penalty.prox(W.ravel(), step, alpha).reshape(W.shape)
        worst = max(worst, np.abs(u - V).max() / step, np.abs(b - c).max() / step)
    return worst


EVERY = {
    "mcp": (MCP(), 0.03),
    "scad": (SCAD(), 0.03),
    "log-sum": (LogSum(), 0.003),
    "groups": (Group(np.arange(12) // 2), 0.1),
    "positive": (Separable(1.0, positive=True), 0.02),
}


OPTIMIZERS = {"momentum": SGD(0.5, nesterov=False), "nesterov": SGD(), "adam": Adam()}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_training_ends_where_the_objective_is_stationary(name, rule):
    penalty, alpha = EVERY[name]
    case, eta = held(penalty, alpha, units=(6, 2)), 0.01 if rule == "adam" else 0.5
    optimizer = OPTIMIZERS[rule]
    theta = case.train(optimizer, eta=eta, n_epochs=500, batch_size=40)[0].theta
    assert unmoved(case, theta, penalty, alpha) < 1e-3
    assert np.any(theta == 0)


def test_an_unknown_penalty_is_not_ignored():
    """It trained as no penalty at all, while its value stood in the objective."""
    case = held(LogSum(), 0.05)
    theta = case.train(Adam(), eta=0.01, n_epochs=50, batch_size=8)[0].theta
    without = case.held_by(alpha=0.0).train(Adam(), eta=0.01, n_epochs=50, batch_size=8)[0].theta
    assert np.sum(theta == 0) > 10
    assert not np.any(without == 0)


@rules
def test_max_norm_holds_after_the_prox(rule):
    case = held(LogSum(), 0.001).held_by(max_norm=0.5)
    theta = case.train(RULES[rule][0], eta=0.05, n_epochs=5, batch_size=8)[0].theta
    longest = max(np.linalg.norm(W, axis=0).max() for W, _ in case.twin.layers(theta))
    assert longest == pytest.approx(0.5, rel=1e-12)


def test_the_meter_and_the_value_agree():
    for penalty in (MCP(), LogSum(), SLOPE(), L1(), L2()):
        case = held(penalty, (0.2, 0.1))
        regularization, network = case.problem.regularization, case.problem.network()
        value = regularization.value(case.theta, case.problem.units)
        assert regularization.meter(case.theta, network)() == pytest.approx(value, rel=1e-12)
        layers = [W.ravel() for W, _ in case.twin.layers(case.theta)]
        expected = sum(penalty.value(w, a) for w, a in zip(layers, (0.2, 0.1), strict=True))
        assert value == pytest.approx(expected, rel=1e-12)


def test_registered_from_outside(monkeypatch):
    from skreg import RegularizedMLPRegressor

    monkeypatch.setitem(PENALTIES, "log_sum", LogSum)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    y = X[:, 0] + 0.1 * rng.normal(size=60)
    options = dict(hidden_layer_sizes=(6,), alpha=0.02, random_state=0, dropout=0.0)
    named, given = (
        RegularizedMLPRegressor(penalty=p, **options).fit(X, y) for p in ("log_sum", LogSum())
    )
    assert named.objective_ == given.objective_
    assert named.sparsity_[0] > 0.2
    penalty = sum(LogSum().value(W, 0.02) for W in named._raw_weights())
    assert named.history_["objective"][-1] - named.history_["loss"][-1] == pytest.approx(penalty)
