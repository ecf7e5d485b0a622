"""What is no number ends an iteration: no step leads away from it, however many are allowed."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from skreg import solvers
from skreg._kernels import pieces
from skreg.losses import REGRESSION_LOSSES, BinaryLogLoss, get_loss
from skreg.penalties import Group, Separable, get_penalty
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.composite import CompositeDescent, WorkingPenalty

PENALTIES = {
    "lasso": Separable(),
    "elastic net": Separable(0.5),
    "ridge": Separable(0.0),
    "bounds": Separable(bounds=(0, 1)),
    "groups": Group(np.arange(5) // 2),
    "mcp": get_penalty("mcp"),
    "slope": get_penalty("slope"),
}
NAN = np.full((2, 2), np.nan)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Fail rather than go on for ever."""
    whole, calls = WorkingPenalty.prox, []

    def prox(self, *args):
        calls.append(1)
        assert len(calls) < 20_000
        return whole(self, *args)

    monkeypatch.setattr(WorkingPenalty, "prox", prox)


@pytest.mark.parametrize("penalty", list(PENALTIES))
@pytest.mark.parametrize("loss", [*sorted(REGRESSION_LOSSES - {"squared_error"}), "log"])
@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
def test_a_target_that_is_no_number(penalty, loss, kind):
    """The lasso of Huber's loss never came back."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 5)), np.abs(rng.normal(size=(12, 1)))
    y[3] = np.nan
    chosen = BinaryLogLoss() if loss == "log" else get_loss(loss)
    risk = EmpiricalRisk(kind(X), y, chosen, np.ones(12))
    found = solvers.solve(risk, PENALTIES[penalty], [0.1, 0.01], max_iter=20_000)
    assert found.n_iter.max() < 300


@pytest.mark.parametrize("penalty", [Separable(), Group([0, 0])])
def test_composite_descent(penalty):
    working = WorkingPenalty(penalty, 0.1, np.arange(2), (1, 2))
    descent = CompositeDescent(NAN, np.ones((1, 2)), working, np.zeros((1, 2)))
    descent.solve(1e-8, 10**6)
    assert descent.n_iter < 300


def test_coordinate_descent():
    table = get_penalty("mcp").table(2, 0.1)
    theta, product = np.full(2, np.nan), np.zeros(2)
    passes = pieces.descend(np.eye(2), np.ones(2), table, theta, product, 1e-8, 1000)
    assert 0 < passes < 5
