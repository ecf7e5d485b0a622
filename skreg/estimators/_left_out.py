"""What a linear estimator predicts of every row by the fit to the others, from a path on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skreg.estimators._fitting import Fitting, LinearModel
from skreg.losses import SquaredError
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic
from skreg.solvers.left_out import (
    is_large,
    is_one_ridge,
    left_out,
    reduced,
    refit_doubtful,
    refuse_large,
    unit_ridge,
)
from skreg.solvers.method import by_targets
from skreg.solvers.ridge_left_out import left_out_predictions

Array = NDArray[np.float64]
#: Share of the loss in doubt from which on a λ is not to be trusted.
DOUBTFUL = 0.05


@dataclass(frozen=True, eq=False)
class LeftOutRows:
    """Of every λ.

    Attributes
    ----------
    raw : ndarray of shape (n_alphas, n, K)
        Raw predictions of every row by the fit to the others; of squared error without the offset.
    doubt : ndarray of shape (n_alphas,) or None
        About how far the mean loss may be off, as a share of it; None where the rows are left out
        exactly.
    leverage : ndarray of shape (n_alphas,) or None
        The largest of a row that was not left out by a fit.
    n_refits : ndarray of int, shape (n_alphas,), or None
        The rows left out by fits.
    """

    raw: Array
    doubt: Array | None = None
    leverage: Array | None = None
    n_refits: NDArray[np.intp] | None = None

    @classmethod
    def of(
        cls,
        fit: Fitting,
        alphas: Array,
        coefs: Array,
        intercepts: Array,
        told: tuple[str, str],
        least_only: bool = False,
        tol: float = 0.0,
        on_left_out: Callable[[int], None] | None = None,
    ) -> LeftOutRows:
        """Of the minimizers of all rows, θ of shape (n_alphas, K, p) and b of shape (n_alphas, K).

        Exact for a ridge on squared error (`skreg.solvers.ridge_left_out`), else approximate
        (`skreg.solvers.left_out`), of what `refuse_kind` and `refuse_sizes` let pass.
        ``least_only`` says that a λ whose loss is larger than another's beyond doubt may stay in
        doubt. ``tol`` is an error of mean squares that does not matter, as a share of their
        standard errors, where rows are left out exactly. ``on_left_out`` is called with the number
        of each λ that is done, where it is approximate.

        Raises
        ------
        ValueError
            If the Hessian of active coefficients is too large to be formed. ``told`` is what
            cannot be had then, and what to do instead.
        """
        if fit.problem.is_quadratic and fit.is_ridge:
            quadratic = cast(Quadratic, fit.problem)
            return cls(left_out_predictions(quadratic, alphas, fit.ridge_factors, tol))
        with np.errstate(over="ignore", invalid="ignore"):  # doubts tell of first steps too long
            return cls(*_approximate(fit, alphas, coefs, intercepts, told, least_only, on_left_out))


def refuse_kind(model: LinearModel, name: str, instead: str = "Use cv=5") -> None:
    """ValueError where rows cannot be left out of such a fit, whatever they are.

    That is a loss without a curvature, a penalty that couples coefficients, as groups or SLOPE, or
    is not convex, as MCP and SCAD, an approximate Hessian, or limited ``max_expansions``. The
    message says that ``name`` cannot be had, and what to do ``instead``.
    """
    if not (model.loss.is_quadratic and model.is_ridge):
        reason, remedy = _refusal(model)
        if reason:
            raise ValueError(f"{name} {reason}. {instead}{remedy}.")


def refuse_sizes(fit: Fitting, name: str, instead: str = "Use cv=5") -> None:
    """ValueError where so many rows and features take a matrix that is too large to be formed.

    Of a penalty with kinks only its solutions tell how many features count.
    """
    if not fit.problem.is_quadratic:
        risk = _of_weight(cast(EmpiricalRisk, fit.problem))
        penalty = fit.penalty(risk.n_features)
        if is_one_ridge(risk, penalty) and is_large(risk):
            refuse_large(reduced(risk, unit_ridge(risk, penalty))[0], name, instead)
    elif fit.is_ridge and fit.problem.is_large:
        n, p = cast(Quadratic, fit.problem).rows.shape
        raise ValueError(
            f"{name} takes a decomposition, and a sparse X of {n} rows and {p} features is too "
            f"large for one. {instead}, or fewer features."
        )


def row_risk(problem: Problem, targets: slice = slice(None)) -> EmpiricalRisk:
    """The risk of a problem by reference to its rows; of squared error, that of some targets."""
    if not problem.is_quadratic:
        return cast(EmpiricalRisk, problem)
    quadratic = cast(Quadratic, problem)
    X, y, weights = quadratic.data
    return EmpiricalRisk(X, y[:, targets], SquaredError(), weights, None, quadratic.centered)


def _of_weight(risk: EmpiricalRisk) -> EmpiricalRisk:
    """The same of the rows that have a weight alone."""
    which = np.flatnonzero(risk.share)
    if len(which) == len(risk.share):
        return risk
    offset = None if risk.offset is None else risk.offset[which]
    weights = risk.share[which] * risk.weight
    return EmpiricalRisk(
        risk.X[which], risk.y[which], risk.loss, weights, offset, risk.fit_intercept
    )


def _approximate(fit, alphas, coefs, intercepts, told, least_only, on_left_out):
    """Raw predictions, doubt left as a share of the loss, largest leverages, refits."""
    each = [slice(None)]
    if fit.problem.is_quadratic:
        each = [slice(t, t + 1) for t in range(fit.problem.n_outputs)]
    least_only &= len(each) == 1  # of several targets the sum tells
    parts = []
    for t in each:
        tell = on_left_out if t is each[-1] else None  # by the last of the targets
        of_all = row_risk(fit.problem, t), alphas, coefs[:, t], intercepts[:, t]
        parts.append(_one(fit, *of_all, told, least_only, tell))
    raw = np.concatenate([part[0] for part in parts], axis=2)
    loss = sum(part[1] for part in parts)
    doubt = sum(part[2] for part in parts) / np.maximum(loss, np.finfo(np.float64).tiny)
    leverage = np.max([part[3] for part in parts], axis=0)
    return raw, doubt, leverage, sum(part[4] for part in parts)


def _one(fit, risk, alphas, coefs, intercepts, told, least_only, tell):
    """One target, or all outputs of a loss: raw predictions, loss, doubt, leverage, refits."""
    if (some := _of_weight(risk)) is not risk:  # without one of the others the fit stays
        raw = np.array([risk.raw(*point) for point in zip(coefs, intercepts, strict=True)])
        of_all = alphas, coefs, intercepts
        raw[:, risk.share > 0], *rest = _one(fit, some, *of_all, told, least_only, tell)
        return raw, *rest
    penalty = fit.penalty(risk.n_features)
    steps = []
    for i, one in enumerate(left_out(risk, penalty, alphas, coefs, intercepts, told)):
        steps.append(one)
        if tell is not None:
            tell(i)
    raw, doubt = np.array([s.raw for s in steps]), np.array([s.doubt for s in steps])
    leverage = np.array([s.leverage for s in steps])

    def losses(raw):
        return np.array([risk.loss.derivatives(risk.y, r)[0] for r in raw])

    def refit(i, which):
        return _refit(fit, risk, i, alphas[which], (coefs[which], intercepts[which]))

    has_kinks = not penalty.is_smooth
    refitted = refit_doubtful(raw, doubt, losses, refit, _work(fit, risk), has_kinks, least_only)
    total = losses(raw).sum(axis=1)
    largest = np.where(refitted, 0.0, leverage).max(axis=1)
    return raw, total, doubt.sum(axis=1), largest, refitted.sum(axis=1)


def _work(fit, risk):
    """Multiply-adds of a fit for one λ of several, about."""
    n, p = risk.X.shape
    if fit.problem.is_quadratic and p > n:  # a path of the lasso
        return 4.0 * n * p
    return max(float(n) * p * min(n, p) * risk.n_outputs**2, 5e6)


def _refit(fit, risk, i, alphas, near):
    """Row i's raw predictions, (n_alphas, K), by fits without it from θ and b ``near`` them."""
    weights = risk.share * risk.weight
    weights[i] = 0.0
    problem: Problem
    if fit.problem.is_quadratic:
        problem, near = Quadratic.from_rows(risk.X, risk.y, weights, risk.fit_intercept), None
    else:
        problem = EmpiricalRisk(risk.X, risk.y, risk.loss, weights, risk.offset, risk.fit_intercept)
    near = None if fit.is_ridge else near  # Newton's method takes one of them
    coefs, intercepts = by_targets(Fitting(fit.estimator, problem).solve(alphas, start=near))
    x = risk.X[[i]].toarray()[0] if issparse(risk.X) else risk.X[i]
    raw = coefs @ x + intercepts
    return raw if risk.offset is None else raw + risk.offset[i]


def _refusal(model):
    """Why rows cannot be left out, and another remedy; empty if they can be."""
    # Which kind it is does not depend on the number of features.
    penalty, expansions = model.penalty(1), model.estimator.max_expansions
    kind = type(penalty).__name__
    if not model.loss.has_curvature:
        return f"goes by the curvature of the loss, and loss {model.loss.name!r} has none", ""
    if not penalty.is_separable:
        return f"takes a penalty on each coefficient by itself, and {kind} couples them", ""
    if not penalty.is_convex:
        return (
            f"goes by what changes little when one row is left out, and {kind} is not convex: its "
            "solutions jump from one local minimum to another"
        ), ""
    exact = "starts from an exact minimizer, and"
    if (hessian := model.hessian) != "full":
        return f"{exact} hessian={hessian!r} approximates it", ", or hessian='full'"
    if expansions is not None and not model.loss.is_quadratic:
        stop = f"max_expansions={expansions} may stop short of it"
        return f"{exact} {stop}", ", or max_expansions=None"
    return "", ""
