"""The experiment on λ within a fit: its contenders are what they say, and docs quote its result."""

import json

import numpy as np
import pytest

from benchmarks import alpha_while_training as other
from benchmarks import auto_alpha
from benchmarks.experiment import OUTPUT
from skreg.losses import get_loss
from skreg.network.regularization import Regularization
from skreg.network.training import Objective

RESULT = json.loads((OUTPUT / f"{auto_alpha.NAME}.json").read_text(encoding="utf-8"))


def _data(is_class, n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4)).astype(np.float32)
    if is_class:
        return other.Data(X, np.eye(3, dtype=np.float32)[rng.integers(0, 3, n)], True)
    y = X[:, :1] + 0.5 * rng.normal(size=(n, 1))
    return other.Data(X, ((y - y.mean()) / y.std()).astype(np.float32), False)


@pytest.mark.parametrize("is_class", [True, False])
def test_gradients_are_those_of_the_package(is_class):
    data, units = _data(is_class), (4, 6, 5, 3 if is_class else 1)
    network = other.Network(units, 0.01, is_class, np.random.RandomState(0))
    loss = get_loss("multinomial_log_loss" if is_class else "squared_error")
    objective = Objective(units, "relu", loss, Regularization(), data.X, data.Y)
    _, expected = objective.objective_and_gradient(network.theta)
    np.testing.assert_allclose(network.risk_gradient(data.X, data.Y), expected, atol=1e-6)


def test_the_evidence_of_a_linear_network_is_that_of_a_ridge():
    """λ = σ²γ/(n‖w‖²) by the spectrum of XᵀX/n at the network's own weights."""
    data = _data(False)
    network = other.Network((4, 1), 0.01, False, np.random.RandomState(0))
    W = np.linalg.lstsq(data.X, data.Y, rcond=None)[0]
    network.W[0][:] = W
    alpha = other._fixed_point(network, data)
    sigma = np.linalg.eigvalsh(data.X.T @ data.X / 60)
    gamma = np.sum(sigma / (sigma + alpha))
    noise = np.sum((data.Y - data.X @ W) ** 2) / (60 - gamma)
    # The curvature by the outputs, 1, is estimated from 60 draws.
    assert alpha == pytest.approx(noise * gamma / (60 * np.sum(W**2)), rel=0.05)


@pytest.mark.parametrize("way", list(auto_alpha.OTHERS))
def test_labels_at_random_ask_for_more_than_clear_ones(way):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10)).astype(np.float32)
    clear = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    alphas = [
        auto_alpha.OTHERS[way](
            other.Data(X, np.eye(3, dtype=np.float32)[y], True), (10, 32, 3), 40, 0
        )[0]
        for y in (clear, rng.integers(0, 3, 300))
    ]
    assert alphas[1] > 2 * alphas[0]


def test_the_committed_result_is_whole():
    assert not RESULT["quick"]
    assert {s["problem"] for s in RESULT["splits"]} >= {"main job", "iris", "concrete"}
    ways = {"pilots", *auto_alpha.OTHERS, *(f"3/n · 3^{k}" for k in auto_alpha.STEPS)}
    assert all(set(s["ways"]) == ways for s in RESULT["splits"])
    assert {(p["shape"], p["penalty"]) for p in RESULT["prices"]} == {
        (shape, penalty) for shape in auto_alpha.SHAPES for penalty in auto_alpha.PENALTIES
    }


def test_the_guide_quotes_the_result():
    guide = (OUTPUT.parents[1] / "docs" / "guide" / "networks.md").read_text(encoding="utf-8")
    assert auto_alpha.ways(RESULT) in guide
    assert auto_alpha.prices(RESULT) in guide
