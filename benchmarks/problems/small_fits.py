"""Fits of a hundred rows and ten features, and predictions of one: what a call costs by itself."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.objective import binary_log_loss, half_square, penalized, squared_error
from benchmarks.problem import Case, Problem

N_SAMPLES, N_FEATURES = 100, 10
#: λ of each kind of model.
ALPHAS = {"ridge": 1.0, "lasso": 0.1, "logistic ridge": 0.01, "Poisson ridge": 0.1}
#: Calls that take some 0.1 s.
FITS, PREDICTIONS = 100, 1000


def _data(kind, n_predicted=0):
    """Normal features of which the first matters, and the coefficients that predictions take."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, N_FEATURES))
    y = X[:, 0] + rng.standard_normal(N_SAMPLES)
    if kind == "logistic ridge":
        y = (y > 0).astype(int)
    elif kind == "Poisson ridge":
        y = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    rows = X[:n_predicted]
    return SimpleNamespace(kind=kind, X=X, y=y, alpha=ALPHAS[kind], rows=rows, coef=X[0])


def _objective(data, solution):
    """Of a fit (θ, b); of predictions 1 and the largest error."""
    if len(data.rows):
        return 1.0 + np.abs(solution - data.rows @ data.coef).max()
    coef, intercept = np.ravel(solution[0]), solution[1]
    raw = data.X @ coef + intercept
    if data.kind == "Poisson ridge":
        losses = np.exp(raw) - data.y * raw
    else:
        losses = (binary_log_loss if data.kind == "logistic ridge" else squared_error)(data.y, raw)
    size = np.abs(coef).sum() if data.kind == "lasso" else half_square(coef)
    return penalized(losses, size, data.alpha)


def _case(name, make, calls):
    return Case(name, make, (calls // 10, calls + calls // 10))


def _cases(quick):
    shrink = 10 if quick else 1
    fits = [_case(kind, partial(_data, kind), FITS // shrink) for kind in ALPHAS]
    return fits + [
        _case(f"predict {n} row{'s' * (n > 1)}", partial(_data, "ridge", n), PREDICTIONS // shrink)
        for n in (1, N_SAMPLES)
    ]


PROBLEMS = (
    Problem(
        name="small-fits",
        title=f"One model from {N_SAMPLES} rows and {N_FEATURES} features with intercept, at each "
        "library's default tolerance, and predictions of it, one thread (float64)",
        task="small_fits",
        unit="call",
        cases=_cases,
        objective=_objective,
        # scikit-learn's defaults end at objectives up to 1e-5 above the least.
        relative=1e-4,
    ),
)
