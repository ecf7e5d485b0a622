"""Random problems for every linear estimator: a seed makes the whole case."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from differential.optimality import Loss, Penalty, Problem
from scipy import sparse
from sklearn.base import is_classifier

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

LOSSES = {
    "squared_error": {},
    "huber": {"delta": 1.35},
    "poisson": {},
    "gamma": {},
    "tweedie": {"power": 1.5},
    "negative_binomial": {"dispersion": 0.7},
}


@dataclass
class Case:
    """An estimator, its data, and the problem it has to solve."""

    seed: int
    estimator: object
    X: object
    y: np.ndarray
    rows: dict
    loss: Loss
    penalty: Penalty

    def __str__(self):
        kind = f"{type(self.X).__name__}[{self.X.dtype}]" + str(self.X.shape)
        return f"case({self.seed}): {self.estimator} on {kind}, with {sorted(self.rows)}"

    @property
    def is_classifier(self):
        return is_classifier(self.estimator)

    @property
    def is_ridge(self):
        return "Ridge" in type(self.estimator).__name__

    def problem(self, alpha):
        """The same with λ, in long double."""
        X = self.X.toarray() if sparse.issparse(self.X) else np.asarray(self.X)
        y = self.y.reshape(len(self.y), -1)
        if self.is_classifier:
            classes = np.unique(self.y)
            y = (self.y[:, None] == classes).astype(float)
            y = y[:, 1:] if len(classes) == 2 else y
        return Problem(
            X,
            y,
            self.loss,
            self.penalty,
            alpha,
            self.rows.get("sample_weight"),
            self.rows.get("offset"),
            self.estimator.fit_intercept,
        )

    @cached_property
    def scale(self):
        """A λ at which the penalty weighs about as much as the risk."""
        problem = self.problem(0.0)
        theta = np.zeros((problem.y.shape[1], problem.X.shape[1]), problem.X.dtype)
        f = problem.raw(theta, problem.share @ problem.y * (problem.loss.name == "squared_error"))
        slope, curvature = problem.loss.derivatives(problem.y, f)
        X = problem.X - (problem.share @ problem.X) * self.estimator.fit_intercept
        if self.is_ridge:
            return float(np.median(problem.share @ (X * X)) * curvature.mean()) or 1.0
        return float(np.abs((problem.share[:, None] * slope).T @ X).max()) or 1.0


def case(seed):
    """A random case."""
    rng = np.random.default_rng(seed)

    def often(share):
        return bool(rng.random() < share)

    n, p = int(rng.integers(6, 50)), int(rng.integers(1, 30))
    Z = rng.normal(size=(n, p)) + rng.choice([0.0, 0.0, 1.0]) * rng.normal(size=(n, 1))
    signal = Z[:, : min(p, 3)] @ rng.normal(size=min(p, 3)) * rng.choice([0.3, 1.0])
    spread = 10.0 ** (rng.choice([0.0, 0.0, 1.0, 3.0]) * rng.uniform(-1, 1, size=p))
    X = (Z + rng.choice([0.0, 1.0, 1.0, 100.0])) * spread
    if often(0.3):
        X[rng.random(X.shape) < 0.6] = 0.0
    X = X.astype(np.float32) if often(0.2) else X
    X = [X, X, np.asfortranarray(X), sparse.csr_matrix(X), sparse.csc_array(X)][rng.integers(5)]

    of_classes, is_ridge = often(0.3), often(0.5)
    rows, settings = {}, {"fit_intercept": often(0.75)}
    if of_classes:
        n_classes = int(rng.choice([2, 2, 3, 4]))
        raw = signal[:, None] * rng.normal(size=n_classes) + rng.gumbel(size=(n, n_classes))
        y = np.argmax(raw, axis=1)
        y[:n_classes] = np.arange(n_classes)
        loss = Loss("log_loss")
    else:
        name = str(rng.choice(list(LOSSES), p=[0.35, 0.2, 0.15, 0.1, 0.1, 0.1]))
        loss, y = Loss(name, **LOSSES[name]), _targets(name, signal, rng)
        settings |= {"loss": name, **LOSSES[name]}
        if name == "squared_error" and often(0.3):
            y = np.column_stack([y, rng.normal(size=n)])
    if often(0.4):
        rows["sample_weight"] = rng.uniform(0.1, 3.0, size=n)
        if not of_classes and often(0.3):
            rows["sample_weight"][rng.integers(n, size=2)] = 0.0
    if y.ndim == 1 and not (of_classes and y.max() > 1) and often(0.25):
        rows["offset"] = 0.5 * rng.normal(size=n)

    penalty, more = _penalty(rng, p, is_ridge, often)
    kinds = {
        (True, True): QuadraticApproxRidgeClassifier,
        (True, False): QuadraticApproxLassoClassifier,
        (False, True): QuadraticApproxRidge,
        (False, False): QuadraticApproxLasso,
    }
    estimator = kinds[of_classes, is_ridge](**settings, **more)
    made = Case(seed, estimator, X, y, rows, loss, penalty)
    low, high = (-6.0, 2.0) if is_ridge else (-4.0, 0.2)
    estimator.set_params(alpha=made.scale * 10.0 ** rng.uniform(low, high))
    return made


def _targets(name, signal, rng):
    if name in ("squared_error", "huber"):
        y = signal + rng.standard_t(3, size=len(signal))
        return (
            y * 10.0 ** rng.uniform(-2, 2) if name == "squared_error" else y * rng.choice([1, 30])
        )
    mean = np.exp(np.clip(signal, -3, 3))
    if name == "gamma":
        return rng.gamma(2.0, mean / 2.0) + 1e-3
    y = rng.poisson(mean).astype(float)
    y[0] = 1.0  # not all 0
    return y * rng.gamma(2.0, 0.5, size=len(y)) if name == "tweedie" else y


def _penalty(rng, p, is_ridge, often):
    factors, more = np.ones(p), {}
    if often(0.3):
        factors = rng.uniform(0.2, 3.0, size=p)
        if often(0.4):
            factors[rng.integers(p)] = 0.0
        more["penalty_factors"] = factors
    if is_ridge:
        return Penalty(0.0, factors), more
    l1_ratio = float(rng.choice([1.0, 1.0, 0.7, 0.1]))
    more["l1_ratio"] = l1_ratio
    if p > 1 and often(0.3):
        groups = rng.integers(max(p // 2, 1), size=p)
        n_groups = len(np.unique(groups))
        factors = np.ones(n_groups)
        if "penalty_factors" in more:
            factors = rng.uniform(0.2, 3.0, size=n_groups)
            more["penalty_factors"] = factors
        return Penalty(l1_ratio, factors, groups), more | {"groups": groups}
    lower, upper = -np.inf, np.inf
    if often(0.15):
        lower, more["positive"] = 0.0, True
    return Penalty(l1_ratio, factors, lower=lower, upper=upper), more
