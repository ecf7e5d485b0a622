"""Zeros of X that lie together: when the kernel looks for them, and that nobody can tell."""

import numpy as np
import pytest
import scipy.sparse as sp
from network_cases import make_case

from skreg.datasets import load_mnist_subset
from skreg.network import training
from skreg.network.optimizers import SGD, Adam
from skreg.network.prediction import zeros_lie_together


def indicators(n, d, dtype=np.float64):
    """A table of indicators, one in each row."""
    return np.eye(d, dtype=dtype)[np.random.default_rng(0).integers(d, size=n)]


def looked_for(monkeypatch, answer):
    monkeypatch.setattr(training, "zeros_lie_together", lambda X, width: answer)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_they_are_looked_for_where_that_is_faster(form):
    images = load_mnist_subset(return_X_y=True)[0] / 255
    dense = np.random.default_rng(0).normal(size=(100, 60))
    scattered = np.where(np.random.default_rng(1).random(dense.shape) < 0.5, dense, 0)
    assert zeros_lie_together(form(images), 256)
    assert zeros_lie_together(form(indicators(1000, 60)), 64)
    assert not zeros_lie_together(form(images), 32)
    assert not zeros_lie_together(form(dense), 256)
    assert not zeros_lie_together(form(scattered), 256)
    assert not zeros_lie_together(form(indicators(5, 60)), 256)
    assert not zeros_lie_together(form(indicators(100, 5)), 256)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [SGD(0.9), SGD(0.9, nesterov=True), Adam()], ids=str)
@pytest.mark.parametrize("units", [(60, 70, 3), (60, 200, 80, 2)])  # sums of gradients, and tiles
def test_training_is_the_same_to_the_bit(units, optimizer, dtype, monkeypatch):
    X = indicators(700, 60, dtype) + (np.arange(60) % 20 < 3) * np.arange(700)[:, None] / dtype(700)
    case = make_case(units, n=700, dtype=dtype, weights="real", penalty="elasticnet", alpha=1e-3)
    case = case.changed(X=X.astype(dtype))
    met = []
    for answer, form in ((False, np.asarray), (True, np.asarray), (True, sp.csr_array)):
        looked_for(monkeypatch, answer)
        state, objectives = case.changed(X=form(case.problem.X)).train(
            optimizer, eta=0.01, n_epochs=2, batch_size=150
        )
        met.append((state.theta, objectives))
    for theta, objectives in met[1:]:
        assert np.array_equal(theta, met[0][0])
        assert objectives == met[0][1]


def test_a_weight_that_is_not_finite_is_noticed_behind_zeros(monkeypatch):
    looked_for(monkeypatch, True)
    case = make_case((60, 70, 3), n=200)
    X = case.problem.X.copy()
    X[:, 7] = 0
    case.theta[7 * 70 + 3] = np.nan
    with pytest.raises(ValueError, match="diverged"):
        case.changed(X=X).train(Adam(), eta=0.01, n_epochs=1, batch_size=100)
