"""A point (θ, b), what the risk says of it, and what rounding leaves of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skreg.quadratic.row_curvature import own_weights
from skreg.rows.products import EPS, Array

if TYPE_CHECKING:
    from skreg.quadratic.risk import EmpiricalRisk

# Units in the last place that a sum of many terms may be off.
_UNITS = 16


@dataclass(eq=False)
class Point:
    """(θ, b) about the centre of the design, with the risk and its derivatives there.

    Made by `EmpiricalRisk.at`.

    Attributes
    ----------
    theta, gradient : ndarray of shape (K·p,)
        θ and ∂R/∂θ, class by class.
    intercept, total : ndarray of shape (K,)
        b and ∂R/∂b; both are 0 without an intercept.
    raw : ndarray of shape (n, K)
        The raw predictions.
    value : float
        R.
    residual, curvature : ndarray of shape (n, K)
        See `EmpiricalRisk.derivatives_at`.
    complete : bool
        False where ``gradient`` is known on a working set only.
    """

    theta: Array
    intercept: Array
    raw: Array
    value: float
    residual: Array
    curvature: Array
    gradient: Array
    total: Array
    complete: bool = True


class Rounding(NamedTuple):
    """Errors that float64 makes, to an order of magnitude.

    Attributes
    ----------
    least : float
        In R, where errors are as small as can be.
    value : float
        In R.
    slope : float
        In ∂R/∂θⱼ, divided by √Hⱼⱼ.
    """

    least: float
    value: float
    slope: float

    @classmethod
    def at(cls, risk: EmpiricalRisk, point: Point) -> Rounding:
        """Those at a point.

        A raw prediction f is right to |f| units in the last place (its exponential to 1 + |f|), and
        curvature says what that does to a derivative. The loss of a log link is a difference of
        terms as large as its curvature; that of the others is a product of residuals and raw
        predictions.
        """
        raw, curvature = point.raw, point.curvature
        weights = np.stack([own_weights(risk, curvature, k) for k in range(raw.shape[1])], axis=1)
        size = np.abs(raw) if risk.loss.has_identity_link else 1.0 + np.abs(raw)
        square = float(np.sum(weights * size**2))
        if risk.loss.has_log_link:
            terms = float(np.sum(weights * size))
        elif not risk.loss.has_curvature:
            terms = float(risk.share @ size.sum(axis=1))
        else:
            terms = np.sqrt(max(point.value, 0.0)) * np.sqrt(
                square
            )  # of the same size: no overflow
        return cls(EPS * terms, _UNITS * EPS * terms, _UNITS * EPS * np.sqrt(square))
