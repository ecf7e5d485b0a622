"""Leave-one-out, exact for a ridge on squared error and approximate for all else."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skreg._warnings import warn_user
from skreg.estimators._left_out import DOUBTFUL, LeftOutRows, refuse_kind, refuse_sizes
from skreg.model_selection.criteria.base import CriterionScores, check_kind, fit_path
from skreg.model_selection.criteria.scoring import left_out_scores
from skreg.solvers.method import by_targets

_NAME = "cv='loo'"


def loo(
    estimator: Any,
    X: Any,
    y: Any,
    alphas: Any,
    fit_params: dict[str, Any] | None = None,
    scorers: dict[str, Any] | None = None,
    score_params: dict[str, Any] | None = None,
    on_solved: Callable[[int], None] | None = None,
    tol: float = 1e-3,
) -> CriterionScores:
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
    neighbors tell of it, and λ comes out too small: split by ``GroupKFold`` or ``TimeSeriesSplit``
    instead.

    Parameters
    ----------
    estimator : linear estimator of skreg, or Pipeline that ends in one
        In a Pipeline the earlier steps are fitted to all rows: what they learn from a row is not
        left out with it. That is little for a scaler, and much for steps that look at y.
    X, y, alphas, fit_params, scorers, score_params, on_solved
        See `skreg.model_selection.criteria`.
    tol : float, default=1e-3
        Of a ridge on squared error, the error of a mean of squared residuals that does not matter,
        as a share of its standard error: leverages are made in single precision, in half the time,
        where a bound tells that no more comes of it. 0 makes all of it in double precision.

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
    check_loo(estimator)
    sizes = partial(refuse_sizes, name=_NAME)
    fit = fit_path(estimator, X, y, alphas, fit_params, _NAME, on_solved, sizes, n_parts=3)
    diagnostics: dict[str, Any] = {"dof": fit.path.freedom.counts(fit.tell) + fit.n_intercepts}
    told = _NAME, "Use cv=5"
    of_all = fit.path.alphas, *by_targets(fit.path)
    rows = LeftOutRows.of(fit, *of_all, told, tol=tol, on_left_out=fit.tell)
    raw, doubt, leverage = rows.raw, rows.doubt, rows.leverage
    if doubt is not None:
        diagnostics |= {"max_leverage": leverage, "doubt": doubt, "n_refits": rows.n_refits}
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


def check_loo(estimator: Any) -> None:
    """ValueError where it does not judge such an estimator, whatever the rows."""
    check_kind(estimator, _NAME, partial(refuse_kind, name=_NAME))


def _shaped(fit, raw):
    """(n_alphas, n, K) as the estimator's predictions are shaped."""
    single = fit.path.coefs.ndim == 2 or (raw.shape[2] == 1 and not fit.problem.is_quadratic)
    return raw[:, :, 0] if single else raw


def _warn(alphas, scores, leverage, doubt):
    """Where it is not to be trusted."""
    bad = doubt > DOUBTFUL
    if not bad.any():
        return
    best = int(np.nanargmax(scores)) if np.isfinite(scores).any() else 0
    among = "the best λ is among them" if bad[best] else "the best λ is not among them"
    warn_user(
        f"approximate leave-one-out is not to be trusted for {bad.sum()} of {len(alphas)} λ "
        f"(alpha={alphas[bad].min():.3g} to {alphas[bad].max():.3g}; {among}): rows have a "
        f"leverage of up to {leverage[bad].max():.2f}, and {doubt[bad].max():.0%} of the loss is "
        "in doubt. Use cv=5, or larger alphas.",
        UserWarning,
    )
