"""Leave-one-out by fits without every row: slow, and what the fast ways are held against."""

import warnings

import numpy as np

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.estimators._fitting import Fitting
from skreg.model_selection.criteria import loo


def refitted(estimator, X, y, alphas, sample_weight=None, offset=None):
    """Raw predictions of every row by paths on the others, with the offset: (n_alphas, n, K)."""
    out = []
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        given = {"sample_weight": sample_weight, "offset": offset}
        given = {name: value[rest] for name, value in given.items() if value is not None}
        path = estimator.regularization_path(X[rest], y[rest], alphas, **given)
        raw = path.decision_function(X[[i]])[:, 0]
        out.append(raw if offset is None else raw + offset[i])
    return np.moveaxis(np.array(out), 0, 1).reshape(len(alphas), len(y), -1)


def draw(seed):
    """A random problem of 17 to 60 rows: estimator, X, y, λ and what `fit` is given beside.

    Losses that are not their own quadratic under a ridge and a lasso, and the lasso of squared
    error; X with rows that stick out, correlated or with zeros; n to p from 30:1 to 1:2.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(17, 61))
    p = int(rng.integers(2, 2 * n + 1))
    kinds = ["log", "poisson", "gamma", "huber", "squared_error", "multinomial"]
    kind = kinds[rng.choice(6, p=[0.25, 0.2, 0.15, 0.2, 0.1, 0.1])]
    is_lasso = kind == "squared_error" or rng.random() < 0.5
    X = rng.normal(size=(n, p))
    if rng.random() < 0.3:
        X *= rng.standard_t(3, size=(n, 1))
    if rng.random() < 0.3:
        X += rng.normal(size=(n, 1))
    if rng.random() < 0.2:
        X *= rng.random((n, p)) < 0.3
    theta = rng.normal(size=p) * (rng.random(p) < min(1, 4 / p)) * rng.choice([0.3, 1.0])
    y = _targets(kind, np.clip(X @ theta, -4, 4), rng)
    if kind in ("log", "multinomial"):
        k = 3 if kind == "multinomial" else 2
        y[: 2 * k] = np.tile(np.arange(k), 2)
        kinds_of = QuadraticApproxRidgeClassifier, QuadraticApproxLassoClassifier
        options = {}
    else:
        if kind == "poisson":
            y[:2] = [1, 2]
        kinds_of, options = (QuadraticApproxRidge, QuadraticApproxLasso), {"loss": kind}
    if is_lasso:
        options["l1_ratio"] = rng.choice([1.0, 0.5])
    estimator = kinds_of[is_lasso](**options)
    given = {"sample_weight": rng.uniform(0.2, 3, n)} if rng.random() < 0.4 else {}
    largest = Fitting.of(estimator, X, y, **given).alphas(1)[0]
    alphas = largest * np.geomspace(0.8 if is_lasso else 0.1, 10.0 ** -rng.uniform(1.5, 4.0), 5)
    return estimator, X, y, alphas, given


def _targets(kind, f, rng):
    n = len(f)
    if kind == "log":
        return (f + rng.logistic(size=n) > 0).astype(int)
    if kind == "multinomial":
        return np.argmax(np.column_stack([f, -f, 0 * f]) + rng.gumbel(size=(n, 3)), axis=1)
    if kind == "poisson":
        return rng.poisson(np.exp(0.5 * f)).astype(float)
    if kind == "gamma":
        return np.exp(0.5 * f) * rng.gamma(2, 0.5, n)
    return f + (rng.standard_t(2, n) if kind == "huber" else rng.normal(size=n))


def errors(seed):
    """Of a random problem: relative errors of the mean loss for each λ, and what is announced."""
    estimator, X, y, alphas, given = draw(seed)
    sample = Fitting.sample(estimator, X, y)[1]
    targets, seen = sample.y.reshape(len(y), -1), []

    def scorer(fitted, X, y):
        if len(y) == len(targets):
            seen.append(_losses(sample.loss, targets, fitted._raw(X)[0]))
        return 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = loo(estimator, X, y, alphas, given, {"spy": scorer})
        exact = [
            _losses(sample.loss, targets, r) for r in refitted(estimator, X, y, alphas, **given)
        ]
    return np.abs(np.divide(seen, exact) - 1), found.diagnostics["doubt"]


def _losses(loss, targets, raw):
    return loss.derivatives(targets, raw.reshape(len(targets), -1))[0].mean()
