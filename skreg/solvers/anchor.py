"""Risks without a minimizer: what is answered at λ = 0, and where the one quadratic is taken."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

from skreg.losses import Loss
from skreg.quadratic.hessian import Hessian
from skreg.quadratic.point import RowPoint
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import Array

# λ₀ of an anchor, amid the λ that matter: a share of the largest curvature of a coefficient in the
# null model.
_ANCHOR = 1e-2
# λ₀ of an answer at λ = 0, in units in which the null model's curvature is 1 along every
# coefficient, from the first to the last: the first at which all rows that can be are on the right
# side is taken.
FIRST, LAST = 1e-6, 1e-13
# Steps between two looks at whether the classes are separated.
_ROUND = 8
# A raw prediction still moving by this much in every Newton step is on its way to infinity.
_MOVING, _LOOKS = 0.1, 3


def find_anchor(descent, tol, max_iter):
    """Bring ``descent`` to the anchor, with the Hessian taken there; returns λ₀ and the steps."""
    alpha = 0.0
    if recession(descent, tol, max_iter) is not Recession.NONE:
        alpha = _ANCHOR * _largest(descent)
        descent.notes.append(
            f"the risk has no finite minimizer ({descent.risk.loss.no_minimum}): the one quadratic "
            f"is taken at the minimizer for alpha={alpha:.3g} instead. Use max_expansions=None for "
            "exact solutions."
        )
    steps, _ = descent.run(alpha, tol, max_iter)
    descent.renew(alpha)
    return alpha, max(steps, 1)


class Recession(Enum):
    """Whether the risk falls forever, and along which rows."""

    NONE = "there is a minimizer"
    SOME = "the loss of some rows can be driven to its infimum"
    ALL = "the loss of every row can"


def recession(descent, tol, max_iter):
    """Whether the risk falls forever; if not, ``descent`` is left at its minimizer.

    Rows all on the right side of a boundary prove it. Where only some of the rows can be pushed
    outwards forever, Newton's steps move their raw predictions by about 1 each time, however
    small the gradient has become; near a minimum they shrink quadratically.
    """
    if not descent.risk.loss.no_minimum:
        return Recession.NONE
    start = descent.point
    for _ in range(max(max_iter // _ROUND, 1)):
        steps, norm = descent.run(0.0, tol, _ROUND)
        if is_separated(descent.risk, descent.point):
            descent.go_back(start)
            return Recession.ALL
        if norm <= tol or steps < _ROUND:
            break
    for _ in range(_LOOKS):
        before = descent.point.raw
        descent.renew(0.0)
        if not descent.step(0.0) or np.abs(descent.point.raw - before).max() < _MOVING:
            return Recession.NONE
    descent.go_back(start)
    return Recession.SOME


def is_separated(risk: EmpiricalRisk, point: RowPoint) -> bool:
    """Whether every row lies strictly on the side of its class: its loss can be driven to 0."""
    rows = risk.share > 0
    y, raw = risk.y[rows], point.raw[rows]
    if risk.offset is not None:
        raw = raw - risk.offset[rows]
    return risk.loss.is_separated(y, raw)


def _largest(descent):
    """maxⱼ Hⱼⱼ/fⱼ over the penalized features, in the null model."""
    diagonal = descent.null_diagonal
    penalized = descent.factors > 0
    if not penalized.any():
        return float(diagonal.max(initial=1.0))
    largest = np.max(diagonal[:, penalized] / descent.factors[penalized])
    return float(largest) if largest > 0 else 1.0


def go_to_limit(descent, kind, tol, max_iter, ceiling=np.inf):
    """Bring ``descent`` to the minimizer of R + λ₀·½Σⱼ Hⱼⱼθⱼ² for a small λ₀.

    Its factors are `null_curvatures`, which make λ₀ the same for columns of any scale. λ₀ is as
    small as it takes to classify the rows as the limit λ₀ → 0 does, and for the risk not to be
    above ``ceiling``, that of a λ > 0. Returns the steps, the gradient norm, and a note for users.
    """
    alpha, steps, loss = FIRST, 0, descent.risk.loss
    while True:
        more, norm = descent.run(alpha, tol, max(max_iter - steps, 1))
        steps += more
        settled = kind is not Recession.ALL or is_separated(descent.risk, descent.point)
        settled = settled and descent.point.value <= ceiling
        if settled or steps >= max_iter or alpha <= LAST:
            break
        alpha *= 0.1
    note = limit_note(loss, alpha)
    if norm > tol and steps >= max_iter:
        note = (
            f"the risk has no finite minimizer ({loss.no_minimum}), and the answer at alpha=0 is "
            f"where max_iter={max_iter} steps came to. Use alpha > 0."
        )
    return max(steps, 1), norm, note


def limit_note(loss: Loss, alpha: float) -> str:
    """What users are to be told of an answer at λ = 0 that is taken at λ₀ = ``alpha``."""
    return (
        f"the risk has no finite minimizer ({loss.no_minimum}): the answer at alpha=0 minimizes it "
        f"plus {0.5 * alpha:.3g}·Σⱼ Hⱼⱼθⱼ², H the null model's Hessian. Use alpha > 0."
    )


def null_curvatures(risk: Any) -> Array:
    """Hⱼⱼ of the null model, the mean of the classes; 1 for constant columns."""
    diagonal = Hessian(risk, risk.null.curvature).diagonal
    mean = diagonal.reshape(risk.n_outputs, -1).mean(axis=0)
    return np.where(mean > 0, mean, 1.0)
