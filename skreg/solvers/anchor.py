"""Risks without a minimizer, and where the one quadratic is taken: at θ̂, or at a λ₀ > 0."""

from enum import Enum

import numpy as np

# λ₀ of an anchor, amid the λ that matter: a share of the largest curvature of a coefficient in the
# null model.
_ANCHOR = 1e-2
# Steps between two looks at whether the classes are separated.
_ROUND = 8
# A raw prediction still moving by this much in every Newton step is on its way to infinity.
_MOVING, _LOOKS = 0.1, 3


def find_anchor(descent, tol, max_iter):
    """Bring ``descent`` to the anchor, with the Hessian taken there; returns λ₀ and the steps."""
    alpha = 0.0
    if has_no_minimum(descent, tol, max_iter):
        alpha = _ANCHOR * _largest(descent)
        _note(
            descent,
            f"the one quadratic is taken at the minimizer for alpha={alpha:.3g} instead. Use "
            "max_expansions=None for exact solutions",
        )
    steps, _ = descent.run(alpha, tol, max_iter)
    descent.renew(alpha)
    return alpha, max(steps, 1)


class Recession(Enum):
    """Whether the risk falls forever, and along which rows."""

    NONE = "there is a minimizer"
    SOME = "the loss of some rows can be driven to its infimum"
    ALL = "the loss of every row can"


def has_no_minimum(descent, tol, max_iter):
    """Whether the risk falls forever; if not, ``descent`` is left at its minimizer."""
    return recession(descent, tol, max_iter) is not Recession.NONE


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
        if is_separated(descent):
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


def is_separated(descent):
    """Whether every row lies strictly on the side of its class: its loss can be driven to 0."""
    risk, point = descent.risk, descent.point
    rows = risk.share > 0
    y, raw = risk.y[rows], point.raw[rows]
    if risk.offset is not None:
        raw = raw - risk.offset[rows]
    return risk.loss.is_separated(y, raw)


def _largest(descent):
    """maxⱼ Hⱼⱼ/fⱼ over the penalised features, in the null model."""
    diagonal = descent.null_diagonal
    penalised = descent.factors > 0
    if not penalised.any():
        return float(diagonal.max(initial=1.0))
    largest = np.max(diagonal[:, penalised] / descent.factors[penalised])
    return float(largest) if largest > 0 else 1.0


def _note(descent, what):
    reason = descent.risk.loss.no_minimum
    descent.notes.append(f"the risk has no finite minimizer ({reason}): {what}.")
