"""Leave-one-out, exact for a ridge on squared error and approximate for all else."""

import warnings
from functools import partial

import numpy as np
from scipy.sparse import issparse

from skreg.estimators._fitting import Fitting
from skreg.model_selection.criteria.base import CriterionScores, fit_path
from skreg.model_selection.criteria.likelihood import row_risk, solutions
from skreg.model_selection.criteria.scoring import left_out_scores
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic
from skreg.solvers.left_out import left_out, refit_doubtful
from skreg.solvers.ridge_left_out import left_out_predictions

#: Share of the loss in doubt from which on a λ is not to be trusted.
DOUBTFUL = 0.05


def loo(estimator, X, y, alphas, fit_params=None, scorers=None, score_params=None, on_solved=None):
    """Leave-one-out scores of every λ from one path.

    **Squared error and a ridge**: exact for all λ from one decomposition, the predictions of
    `GridSearchCV` with `LeaveOneOut` (λ against the mean loss of the n − 1 rows that are left, with
    ``sample_weight`` the mean by their weights): see `skreg.solvers.ridge_left_out`.

    **Other losses, and other convex penalties on each coefficient** (the lasso, bounds):
    approximate leave-one-out (ALO; Rad & Maleki, 2020), with a second step where the first one is
    long, and fits without the row where both leave doubt and n·p is small: see
    `skreg.solvers.left_out`. ``class_weight="balanced"`` is that of all rows.

    A scorer sees the left-out predictions of all rows together, once for each λ. For means over
    rows (``neg_mean_squared_error``, ``neg_log_loss``, ``accuracy``, …) this is the mean over
    splits. R², of which a single row has none, is pooled: 1 − Σ(y − ŷ₋ᵢ)²/Σ(y − ȳ)². So is
    everything else, AUC for instance. ``sample_weight`` in ``score_params`` weighs rows in the
    score. Standard errors are those of means over rows; of other scores, of the jackknife over 20
    parts.

    It takes the rows for independent. With groups, duplicates, or an order in time a row's
    neighbours tell of it, and λ comes out too small: split by ``GroupKFold`` or ``TimeSeriesSplit``
    instead.

    Parameters
    ----------
    estimator : linear estimator of skreg, or Pipeline that ends in one
        In a Pipeline the earlier steps are fitted to all rows: what they learn from a row is not
        left out with it. That is little for a scaler, and much for steps that look at y.
    X, y, alphas, fit_params, scorers, score_params, on_solved
        See `skreg.model_selection.criteria`.

    Returns
    -------
    CriterionScores
        Where approximate, ``diagnostics`` has ``max_leverage``, the largest eigenvalue of a row's
        ℓ″q that was not left out by a fit; ``doubt``, about how far the mean loss may be off, as
        a share of it; and ``n_refits``, the rows left out by fits.

    Raises
    ------
    ValueError
        For a penalty that couples coefficients, as groups or SLOPE, or is not convex, as MCP and
        SCAD, an approximate Hessian, limited ``max_expansions``, or sizes whose Hessian cannot be
        formed.

    Warns
    -----
    UserWarning
        Where more than a twentieth of the loss is in doubt.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import QuadraticApproxRidge
    >>> from skreg.model_selection.criteria import loo
    >>> X, y = load_diabetes(return_X_y=True)
    >>> found = loo(QuadraticApproxRidge(), X, y, [1e-1, 1e-4, 1e-7])
    >>> found.scores.round(4), found.std_error.round(4)
    (array([0.0537, 0.4938, 0.4938]), array([0.003 , 0.0316, 0.0329]))
    """
    fit = fit_path(estimator, X, y, alphas, fit_params, "cv='loo'", on_solved)
    diagnostics = {"dof": fit.path.dof + fit.n_intercepts}
    if fit.problem.is_quadratic and fit.is_ridge:
        raw = _exact(fit)
        doubt = None
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # doubts tell of first steps too long
            raw, doubt, leverage, refits = _approximate(fit)
        diagnostics |= {"max_leverage": leverage, "doubt": doubt, "n_refits": refits}
    if fit.problem.is_quadratic:
        raw = fit.shifted(raw, fit.prefix.rows, fit.prefix.fit_params.get("offset"))
    raw = _shaped(fit, raw)
    scores, errors = {}, {}
    for name, scorer in (scorers or {"score": None}).items():
        known = left_out_scores(fit, raw, X, y, score_params or {}, scorer)
        scores[name], errors[name] = known
    first = next(iter(scores))
    if doubt is not None:
        _warn(fit.path.alphas, scores[first], leverage, doubt)
    return CriterionScores(scores[first], errors[first], diagnostics, fit.path, scores, errors)


def _exact(fit):
    """Raw predictions (n_alphas, n, q)."""
    if fit.problem.is_large:
        n, p = fit.problem.rows.shape
        raise ValueError(
            f"cv='loo' takes a decomposition, and a sparse X of {n} rows and {p} features is too "
            "large for one. Use cv=5, or fewer features."
        )
    return left_out_predictions(fit.problem, fit.path.alphas, fit.ridge_factors)


def _shaped(fit, raw):
    """(n_alphas, n, K) as the estimator's predictions are shaped."""
    single = fit.path.coefs.ndim == 2 or (raw.shape[2] == 1 and not fit.problem.is_quadratic)
    return raw[:, :, 0] if single else raw


def _approximate(fit):
    """Raw predictions, doubt left as a share of the loss, largest leverages, refits."""
    _check(fit)
    n_targets = fit.problem.n_outputs if fit.problem.is_quadratic else 1
    parts = [_one(fit, t) for t in range(n_targets)]
    raw = np.concatenate([part[0] for part in parts], axis=2)
    loss = sum(part[1] for part in parts)
    doubt = sum(part[2] for part in parts) / np.maximum(loss, np.finfo(np.float64).tiny)
    leverage = np.max([part[3] for part in parts], axis=0)
    return raw, doubt, leverage, sum(part[4] for part in parts)


def _one(fit, target):
    """One target, or all outputs of a loss: raw predictions, loss, doubt, leverage, refits."""
    risk, alphas = row_risk(fit, target), fit.path.alphas
    penalty = fit.penalty(risk.n_features)
    found = solutions(fit, target if fit.problem.is_quadratic else None)
    steps = list(left_out(risk, penalty, alphas, *found))
    raw, doubt = np.array([s.raw for s in steps]), np.array([s.doubt for s in steps])
    leverage = np.array([s.leverage for s in steps])

    def losses(raw):
        return np.array([risk.loss.derivatives(risk.y, r)[0] for r in raw])

    refit, has_kinks = partial(_refit, fit, risk), not penalty.is_smooth
    refitted = refit_doubtful(raw, doubt, losses, refit, _work(fit, risk), has_kinks)
    total = losses(raw).sum(axis=1)
    largest = np.where(refitted, 0.0, leverage).max(axis=1)
    return raw, total, doubt.sum(axis=1), largest, refitted.sum(axis=1)


def _work(fit, risk):
    """Multiply-adds of a fit for one λ of several, about."""
    n, p = risk.X.shape
    if fit.problem.is_quadratic and p > n:  # a path of the lasso
        return 4.0 * n * p
    return max(float(n) * p * min(n, p) * risk.n_outputs**2, 5e6)


def _refit(fit, risk, i, which):
    """Row i's raw predictions, (len(which), K), by fits without it."""
    weights = risk.share * risk.weight
    weights[i] = 0.0
    problem: Problem
    if fit.problem.is_quadratic:
        problem = Quadratic.from_rows(risk.X, risk.y, weights, risk.fit_intercept)
    else:
        problem = EmpiricalRisk(risk.X, risk.y, risk.loss, weights, risk.offset, risk.fit_intercept)
    found = Fitting(fit.estimator, problem).solve(fit.path.alphas[which])
    coefs = np.asarray(found.coefs, dtype=np.float64).reshape(len(which), -1, risk.n_features)
    x = risk.X[[i]].toarray()[0] if issparse(risk.X) else risk.X[i]
    raw = coefs @ x + np.reshape(found.intercepts, (len(which), -1))
    return raw if risk.offset is None else raw + risk.offset[i]


def _check(fit):
    """Raise where the solutions are not minimisers by a separable penalty."""
    source = fit.estimator
    if not fit.loss.has_curvature:
        raise ValueError(
            f"cv='loo' goes by the curvature of the loss, and loss {fit.loss.name!r} has none. "
            "Use cv=5."
        )
    penalty = fit.penalty(fit.problem.n_features)
    kind = type(penalty).__name__
    if not penalty.is_separable:
        raise ValueError(
            f"cv='loo' takes a penalty on each coefficient by itself, and {kind} couples them. "
            "Use cv=5."
        )
    if not penalty.is_convex:
        raise ValueError(
            f"cv='loo' goes by what changes little when one row is left out, and {kind} is not "
            "convex: its solutions jump from one local minimum to another. Use cv=5."
        )
    if (hessian := fit.hessian) != "full":
        raise ValueError(
            f"cv='loo' starts from an exact minimiser, and hessian={hessian!r} approximates it. "
            "Use hessian='full', or cv=5."
        )
    if source.max_expansions is not None and not fit.problem.is_quadratic:
        raise ValueError(
            f"cv='loo' starts from an exact minimiser, and max_expansions={source.max_expansions} "
            "may stop short of it. Use max_expansions=None, or cv=5."
        )


def _warn(alphas, scores, leverage, doubt):
    """Where it is not to be trusted."""
    bad = doubt > DOUBTFUL
    if not bad.any():
        return
    best = int(np.nanargmax(scores)) if np.isfinite(scores).any() else 0
    among = "the best λ is among them" if bad[best] else "the best λ is not among them"
    warnings.warn(
        f"approximate leave-one-out is not to be trusted for {bad.sum()} of {len(alphas)} λ "
        f"(alpha={alphas[bad].min():.3g} to {alphas[bad].max():.3g}; {among}): rows have a "
        f"leverage of up to {leverage[bad].max():.2f}, and {doubt[bad].max():.0%} of the loss is "
        "in doubt. Use cv=5, or larger alphas.",
        UserWarning,
        stacklevel=3,
    )
