"""What rounding leaves of a risk and of its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skreg.quadratic.point import Point
from skreg.quadratic.row_curvature import own_weights

if TYPE_CHECKING:
    from skreg.quadratic.risk import EmpiricalRisk

EPS = np.finfo(np.float64).eps
# Units in the last place that a sum of many terms may be off.
_UNITS = 16


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
