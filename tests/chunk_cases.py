"""Rows, targets and models for tests of losses from rows in chunks."""

import numpy as np

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

RNG = np.random.default_rng(0)
N = 400
X = RNG.normal(size=(N, 5)) * [1.0, 2.0, 0.1, 1.0, 1.0] + [0.0, 1.0, 5.0, -3.0, 0.0]
ETA = X @ [0.3, -0.2, 1.0, 0.1, 0.5] - 5.0
WEIGHTS = RNG.integers(0, 3, N).astype(float)
COUNTS = RNG.poisson(np.exp(ETA)).astype(float)
LABELS = np.array(["a", "b", "c"])[np.digitize(ETA + RNG.logistic(size=N), [-0.5, 0.7])]
TARGETS = {
    "poisson": COUNTS,
    "gamma": RNG.gamma(2.0, np.exp(ETA)) + 1e-3,
    "tweedie": COUNTS * RNG.gamma(2.0, size=N),
    "negative_binomial": COUNTS,
    "huber": ETA + RNG.standard_t(2, size=N),
}
FACTORS = [0.0, 1.0, 2.0, np.inf, 1.0]
MODELS = {
    **{name: (QuadraticApproxRidge(loss=name), y) for name, y in TARGETS.items()},
    "factors": (QuadraticApproxRidge(loss="poisson", penalty_factors=FACTORS), COUNTS),
    "through 0": (QuadraticApproxRidge(loss="poisson", fit_intercept=False), COUNTS),
    "lasso": (QuadraticApproxLasso(loss="poisson"), COUNTS),
    "net": (QuadraticApproxLasso(loss="huber", l1_ratio=0.5), TARGETS["huber"]),
    "free": (QuadraticApproxLasso(loss="gamma", penalty_factors=FACTORS), TARGETS["gamma"]),
    "groups": (QuadraticApproxLasso(loss="poisson", groups=[0, 0, 1, 1, 2]), COUNTS),
    "positive": (QuadraticApproxLasso(loss="tweedie", positive=True), TARGETS["tweedie"]),
    "slope": (QuadraticApproxLasso(loss="poisson", penalty="slope"), COUNTS),
    "two classes": (QuadraticApproxRidgeClassifier(), LABELS == "a"),
    "three classes": (QuadraticApproxRidgeClassifier(), LABELS),
    "lasso of two": (QuadraticApproxLassoClassifier(), np.where(LABELS == "a", 1, 7)),
    "lasso of three": (QuadraticApproxLassoClassifier(), LABELS),
    "net of three": (QuadraticApproxLassoClassifier(l1_ratio=0.5), LABELS),
    "no intercept": (QuadraticApproxLassoClassifier(fit_intercept=False), LABELS),
}


def chunks(*columns, size=130):
    """A function that gives the rows in tuples."""
    return lambda: (tuple(c[i : i + size] for c in columns) for i in range(0, N, size))
