"""Problems for the proximal Newton method, and a plain proximal gradient method to compare with."""

from dataclasses import dataclass

import numpy as np
from reference_losses import DELTA, DISPERSION, PARAMETERS, POWER, n_outputs, targets, value
from scipy import sparse
from scipy.special import expit, softmax

from skreg.losses import get_loss
from skreg.penalties.separable import Separable
from skreg.quadratic.risk import EmpiricalRisk


@dataclass(eq=False)
class Case:
    """One problem in plain NumPy, and as skreg's objects."""

    name: str
    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    offset: np.ndarray | None
    fit_intercept: bool
    penalty: Separable

    def risk(self, X=None):
        loss = get_loss(self.name, **PARAMETERS.get(self.name, {}))
        X = self.X if X is None else X
        return EmpiricalRisk(X, self.y, loss, self.weights, self.offset, self.fit_intercept)

    def smooth(self, coef, intercept):
        """The mean loss and its gradients by the textbook."""
        share = np.ones(len(self.y)) if self.weights is None else self.weights
        share = share / share.sum()
        raw = self.X @ coef.T + intercept
        if self.offset is not None:
            raw = raw + self.offset[:, None]
        residual = share[:, None] * derivative(self.name, self.y, raw)
        gradient_b = residual.sum(axis=0) if self.fit_intercept else np.zeros(len(coef))
        return share @ value(self.name, self.y, raw), residual.T @ self.X, gradient_b

    def objective(self, coef, intercept, alpha):
        return self.smooth(coef, intercept)[0] + alpha * np.sum(self.penalty.value(coef))


def derivative(name, y, f):
    """∂ℓ/∂f."""
    return {
        "squared_error": lambda: f - y,
        "huber": lambda: np.clip(f - y, -DELTA, DELTA),
        "poisson": lambda: np.exp(f) - y,
        "gamma": lambda: 1 - y * np.exp(-f),
        "tweedie": lambda: np.exp((2 - POWER) * f) - y * np.exp((1 - POWER) * f),
        "negative_binomial": lambda: (np.exp(f) - y) / (1 + DISPERSION * np.exp(f)),
        "binary_log_loss": lambda: expit(f) - y,
        "multinomial_log_loss": lambda: softmax(f, axis=1) - y,
    }[name]()


def make_case(name, n, p, seed=0, **changes):
    """A random problem; ``changes`` are `Case`'s fields, ``True`` for random ones."""
    rng = np.random.default_rng(seed)
    k = n_outputs(name)
    X = rng.standard_normal((n, p))
    X[:, 1:] = 0.8 * X[:, 1:] + 0.6 * X[:, :-1]
    effect = np.zeros((k, p))
    effect[:, : min(3, p)] = rng.uniform(-1, 1, (k, min(3, p)))
    offset = 0.3 * rng.standard_normal(n) if changes.pop("offset", False) else None
    raw = X @ effect.T + 0.3
    y = targets(name, raw, seed)
    weights = rng.uniform(0.2, 2.0, n) if changes.pop("weights", False) else None
    if weights is not None:
        weights[0] = 0.0
    factors = changes.pop("factors", None)
    if factors is True:
        factors = rng.uniform(0.5, 2.0, p)
    elif factors == "some free":
        factors = rng.uniform(0.5, 2.0, p)
        factors[: min(2, p)] = 0.0
    penalty = Separable(changes.pop("l1_ratio", 1.0), factors, changes.pop("positive", False))
    case = Case(name, X, y, weights, offset, changes.pop("fit_intercept", True), penalty)
    if changes.pop("sparse", False):
        case.X = np.where(np.abs(X) > 0.6, X, 0.0)
    assert not changes
    return case


def as_sparse(X, kind):
    return (sparse.csr_array if kind == "csr" else sparse.csc_array)(X)


def proximal_gradient(case, alpha, steps=30_000):
    """(coef, intercept) by the proximal gradient method with restarts (O'Donoghue & Candès)."""
    k, p = case.y.shape[1], case.X.shape[1]
    at = before = (np.zeros((k, p)), np.zeros(k))
    constant, momentum = 1.0, 1.0
    for _ in range(steps):
        ahead_momentum = 0.5 * (1 + np.sqrt(1 + 4 * momentum**2))
        push = (momentum - 1) / ahead_momentum
        z = tuple(a + push * (a - b) for a, b in zip(at, before, strict=True))
        risk, gradient, gradient_b = case.smooth(*z)
        while True:
            coef = case.penalty.prox(z[0] - gradient / constant, alpha / constant)
            new = coef, z[1] - gradient_b / constant
            moved = [a - b for a, b in zip(new, z, strict=True)]
            squares = sum(np.sum(m**2) for m in moved)
            bound = risk + np.sum(gradient * moved[0]) + gradient_b @ moved[1]
            if case.smooth(*new)[0] <= bound + 0.5 * constant * squares + 1e-15:
                break
            constant *= 2
        if squares < 1e-28:
            break
        uphill = sum(np.sum(m * (a - b)) for m, a, b in zip(moved, new, at, strict=True))
        momentum = 1.0 if uphill < 0 else ahead_momentum
        before, at = (new if uphill < 0 else at), new
    return at
