"""``alpha="auto"`` of linear estimators: λ by leave-one-out, within one fit."""

from __future__ import annotations

from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from skreg._warnings import warn_user
from skreg.estimators._fitting import Fitting
from skreg.estimators._left_out import DOUBTFUL, LeftOutRows, refuse_kind, refuse_sizes, row_risk
from skreg.path.grid import extension
from skreg.quadratic import Quadratic
from skreg.solvers import Solution
from skreg.solvers.method import by_targets

Array = NDArray[np.float64]
#: λ, mean losses and their standard errors, each of shape (n_alphas,).
Curve: TypeAlias = dict[str, Array]

#: The ``alpha`` of estimators that choose it themselves.
AUTO = "auto"
# What refusals say cannot be had, and what to do instead.
_TOLD = f"alpha={AUTO!r}", "Use PathSearchCV with cv=5"
# Numbers that predictions of every row for some λ may take at once.
_TOGETHER = 2**24
# Error of a loss that does not matter, as a share of its standard error: that of `PathSearchCV`.
_TOL = 1e-3
# Where leaving a row out costs more than a product, every so many λ of the grid are looked at, and
# then so often the two half way to the neighbors of the best.
_COARSE, _HALVINGS = 9, 3
# How often the grid is extended at most, to some 13 decades, and the share of a standard error that
# further λ have to gain.
_EXTENSIONS, _WORTH = 2, 1e-2


def tuned(fit: Fitting) -> tuple[Solution, Curve]:
    """The solution at the λ of the least leave-one-out loss, and how that was found.

    The grid is that of `skreg.path.path_alphas`, and goes on downwards while that gains. Of a ridge
    on squared error all of it is looked at; else every ninth λ, and then those about the best.

    Parameters
    ----------
    fit : Fitting

    Returns
    -------
    solution : Solution
        Of one λ.
    curve : dict of str to ndarray of shape (n_alphas,)
        ``alpha``, descending; ``loss``, the mean loss of every row under the fit to the others;
        ``std_error`` of that mean, NaN by moments; and ``doubt``, about how far it may be off, as a
        share of it.

    Raises
    ------
    ValueError
        Where a row cannot be left out without a fit, before any λ is solved.

    Warns
    -----
    UserWarning
        Where more than a twentieth of the loss is in doubt at the λ chosen.
    """
    _refuse(fit)
    step = 1 if fit.problem.is_quadratic and fit.is_ridge else _COARSE
    curve = _curve(fit, fit.alphas()[::step])
    for _ in range(_EXTENSIONS):
        best, error = _best(curve), np.nan_to_num(curve["std_error"][-1])
        more = extension(curve["alpha"], "smallest")
        if best < len(curve["loss"]) - 1 or not more.size:
            break
        curve = _joined(curve, _curve(fit, more))
        if not curve["loss"][best] - curve["loss"].min() > _WORTH * error:
            break
    for _ in range(_HALVINGS if step > 1 else 0):
        near = curve["alpha"][max(_best(curve) - 1, 0) : _best(curve) + 2]
        curve = _joined(curve, _curve(fit, np.sqrt(near[1:]) * np.sqrt(near[:-1])))
    best = _best(curve)
    if curve["doubt"][best] > DOUBTFUL:
        warn_user(
            f"alpha={AUTO!r} chose {curve['alpha'][best]:.3g} by leave-one-out errors that are "
            f"approximate, and {curve['doubt'][best]:.0%} of the mean loss is in doubt. Use "
            "PathSearchCV with cv=5.",
            UserWarning,
        )
    return fit.solve(curve["alpha"][[best]], closely=True), curve


def _refuse(fit):
    if fit.problem.n_rows < 2:
        raise ValueError(f"alpha={AUTO!r} leaves rows out, and there is 1 sample. Give a number.")
    if _has_rows(fit):
        refuse_kind(fit, *_TOLD)
        refuse_sizes(fit, *_TOLD)


def _has_rows(fit):
    return not fit.problem.is_quadratic or cast(Quadratic, fit.problem).data is not None


def _best(curve):
    return int(curve["loss"].argmin())


def _joined(curve, further):
    """Both, in descending order of λ."""
    order = np.argsort(-np.append(curve["alpha"], further["alpha"]), kind="stable")
    return {key: np.append(curve[key], further[key])[order] for key in curve}


def _curve(fit, alphas):
    found = fit.solve(alphas)
    loss, error, doubt = (_by_rows if _has_rows(fit) else _by_moments)(fit, found)
    loss = np.where(np.isnan(loss), np.inf, loss)
    return {"alpha": found.alphas, "loss": loss, "std_error": error, "doubt": doubt}


def _by_rows(fit, found):
    """Mean losses of rows that are left out, standard errors, and shares in doubt."""
    risk, (coefs, intercepts) = row_risk(fit.problem), by_targets(found)
    counted = risk.share > 0
    share, step = risk.share[counted], max(_TOGETHER // (len(risk.y) * coefs.shape[1]), 1)
    out = []
    for i in range(0, len(coefs), step):
        some = slice(i, i + step)
        solved = found.alphas[some], coefs[some], intercepts[some]
        rows = LeftOutRows.of(fit, *solved, _TOLD, least_only=True, tol=_TOL)
        doubts = np.zeros(len(rows.raw)) if rows.doubt is None else rows.doubt
        for raw, doubt in zip(rows.raw, doubts, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                losses = risk.loss.derivatives(risk.y, raw)[0][counted]
                mean = share @ losses
                out.append((mean, np.sqrt(np.square(losses - mean) @ share**2), doubt))
    return np.array(out).T


def _by_moments(fit, found):
    """Generalized cross-validation, R/(1 − d/n)² with the intercept in d, of rows that are gone."""
    quadratic = cast(Quadratic, fit.problem)
    dof = found.freedom.counts() / quadratic.n_outputs + bool(fit.estimator.fit_intercept)
    left = np.maximum(1.0 - dof / quadratic.n_rows, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.where(left > 0, np.asarray(found.risk, dtype=np.float64) / left**2, np.inf)
    return loss, np.full(len(loss), np.nan), np.zeros(len(loss))
