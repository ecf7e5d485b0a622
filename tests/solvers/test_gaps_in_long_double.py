"""Duality gaps of every penalty, against what a descent in long double still gains from them."""

import itertools
import warnings

import numpy as np
import pytest
from differential.cases import LOSSES
from differential.optimality import Loss, Penalty, Problem
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxLasso, QuadraticApproxLassoClassifier

OFFSETS, SCALES = (0.0, 1.0, 1e2, 1e4, 1e6), (1.0, 1e-6, 1e6, "mixed")
SHAPES = ((24, 6), (10, 16))
FORMS = ("dense", "csr", "float32")
PENALTIES = ("lasso", "elastic net", "groups", "positive", "free")


def problem(loss, penalty, shape, offset, scale, form, seed):
    """X, y, an estimator's options and the penalty that they mean."""
    rng = np.random.default_rng(seed)
    p = shape[1]
    Z = rng.normal(size=shape)
    eta = Z[:, :3] @ [0.5, -0.5, 0.3]
    spread = 10.0 ** rng.uniform(-6, 6, size=p) if scale == "mixed" else np.full(p, scale)
    X = (offset + Z) * spread
    if form == "csr":
        X[rng.random(shape) < 0.4] = 0.0
    X = X.astype(np.float32) if form == "float32" else X
    y = {
        "log_loss": lambda: (eta + rng.logistic(size=len(Z)) > 0).astype(float),
        "classes": lambda: rng.integers(3, size=len(Z)).astype(float),
        "gamma": lambda: np.exp(eta) * rng.gamma(2, size=len(Z)),
        "squared_error": lambda: eta + rng.normal(size=len(Z)),
        "huber": lambda: eta + rng.standard_t(2, size=len(Z)),
    }.get(loss, lambda: rng.poisson(np.exp(eta + 1)).astype(float))()
    if loss in ("classes", "log_loss"):
        y[:3] = [0.0, 1.0, 2.0 if loss == "classes" else 1.0]
    groups = np.arange(p) // 2 if penalty == "groups" else None
    factors, lower = np.ones(p if groups is None else p // 2), -np.inf
    options = {"l1_ratio": 0.5} if penalty == "elastic net" else {}
    if penalty == "groups":
        options["groups"] = groups
    if penalty == "positive":
        options["positive"], lower = True, 0.0
    if penalty == "free":
        factors[0] = 0.0
        options["penalty_factors"] = factors
    l1_ratio = options.get("l1_ratio", 1.0)
    return X, y, options, Penalty(l1_ratio, factors, groups, lower=lower)


def gap_and_excess(loss, penalty, shape, offset, scale, form, share, seed, fit_intercept=True):
    """The gap told, and what a descent gains, both relative to the null risk."""
    X, y, options, its = problem(loss, penalty, shape, offset, scale, form, seed)
    of_classes = loss in ("log_loss", "classes")
    kind = QuadraticApproxLassoClassifier if of_classes else QuadraticApproxLasso
    if not of_classes:
        options |= {"loss": loss, **LOSSES[loss]}
    model = kind(fit_intercept=fit_intercept, **options)
    data = sparse.csr_matrix(X) if form == "csr" else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        top = model.regularization_path(data, y, 1).alphas[0]
        model.set_params(alpha=share * top).fit(data, y)
    targets = (y[:, None] == np.arange(3)).astype(float) if loss == "classes" else y[:, None]
    formula = Loss("log_loss") if of_classes else Loss(loss, **LOSSES[loss])
    exact = Problem(X, targets, formula, its, model.alpha, fit_intercept=fit_intercept)
    theta = np.atleast_2d(model.coef_).astype(np.longdouble)
    b = np.atleast_1d(model.intercept_).astype(np.longdouble)
    excess = exact.objective(theta, b) - exact.descend(theta, b)[0]
    return model.dual_gap_, float(excess / exact.null_risk())


CASES = list(
    itertools.product(
        [*LOSSES, "log_loss", "classes"], PENALTIES, SHAPES, OFFSETS, SCALES, FORMS, (0.1, 1e-4)
    )
)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_no_gap_is_below_the_truth(penalty):
    """By no more than a factor 2 or rounding, over offsets and scales of columns."""
    cases = [case for case in CASES if case[1] == penalty]
    rng = np.random.default_rng(PENALTIES.index(penalty))
    for i in rng.choice(len(cases), size=8, replace=False):
        gap, excess = gap_and_excess(*cases[i], seed=i, fit_intercept=bool(i % 3))
        assert excess <= 2 * gap + 1e-13, cases[i]
