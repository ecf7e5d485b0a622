"""A point (θ, b), what the risk says of it, its rows' second derivatives, and what rounding leaves.

``curvature`` is what `EmpiricalRisk.derivatives_at` says of it: share·ℓ″ for each output, (n, K),
or, for the multinomial log loss, the probabilities π, where a row's Hessian is
share·(diag(π) − ππᵀ).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skreg.rows.products import EPS, Array, Indices

if TYPE_CHECKING:
    from skreg.quadratic.risk import EmpiricalRisk

# Units in the last place that a sum of many terms may be off.
_UNITS = 16
# Where a loss is linear (huber's tails) the Hessian takes this share of its largest curvature.
FLOOR = 1e-6
# Second derivatives up to here have no inverse that is a number, by some margin.
_NOTHING = 1e-280


@dataclass(eq=False)
class Point:
    """(θ, b) about the center of the features, with the risk and its derivatives there.

    Attributes
    ----------
    theta, gradient : ndarray of shape (K·p,)
        θ and ∂R/∂θ, class by class.
    intercept, total : ndarray of shape (K,)
        b and ∂R/∂b; both are 0 without an intercept.
    value : float
        R.
    """

    theta: Array
    intercept: Array
    value: float
    gradient: Array
    total: Array

    @cached_property
    def both(self) -> Array:
        """θ and b in a row, shape (K·p + K,)."""
        return np.concatenate([self.theta, self.intercept])

    @cached_property
    def slopes(self) -> Array:
        """∂R/∂θ and ∂R/∂b in a row, shape (K·p + K,)."""
        return np.concatenate([self.gradient, self.total])

    def bare(self) -> Point:
        """The same without what else is known of it, such as numbers for every row."""
        return Point(self.theta, self.intercept, self.value, self.gradient, self.total)


@dataclass(eq=False)
class RowPoint(Point):
    """A `Point` with what its rows say; made by `EmpiricalRisk.at`.

    Attributes
    ----------
    raw : ndarray of shape (n, K)
        The raw predictions.
    residual, curvature : ndarray of shape (n, K)
        See `EmpiricalRisk.derivatives_at`.
    complete : bool
        False where ``gradient`` is known on a working set only.
    """

    raw: Array
    residual: Array
    curvature: Array
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
    def at(cls, risk: EmpiricalRisk, point: RowPoint) -> Rounding:
        """Those at a point.

        A raw prediction f is right to |f| units in the last place (its exponential to 1 + |f|), and
        curvature says what that does to a derivative. The loss of a log link is a difference of
        terms as large as its curvature; that of the others is a product of residuals and raw
        predictions.
        """
        raw, curvature = point.raw, point.curvature
        weights = own_weights(risk, curvature)
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


def row_weights(risk: EmpiricalRisk, curvature: Array, k: int, l: int) -> Array | None:
    """Weights of rows in ±∂²R/∂θₖ∂θₗ (minus for k ≠ l), or None where that is 0."""
    if k == l:
        return own_weights(risk, curvature[:, [k]])[:, 0]
    return risk.share * curvature[:, k] * curvature[:, l] if risk.loss.coupled else None


def own_weights(risk: EmpiricalRisk, curvature: Array) -> Array:
    """Weights of rows in ∂²R/∂θₖ² for each output k, or for those whose columns are given."""
    if risk.loss.coupled:
        return risk.share[:, None] * curvature * (1.0 - curvature)
    return floored(risk, curvature)


def rows_times(risk: EmpiricalRisk, curvature: Array, change: Array) -> Array:
    """Second derivatives of the rows' losses times a change of raw predictions, (n, K, …)."""
    more = (1,) * (change.ndim - 2)
    curvature = curvature.reshape(*curvature.shape, *more)
    if not risk.loss.coupled:
        return curvature * change
    share = risk.share.reshape(-1, 1, *more)
    return share * curvature * (change - np.sum(curvature * change, axis=1, keepdims=True))


def row_roots(risk: EmpiricalRisk, curvature: Array, rows: slice | Indices) -> Array:
    """Bᵢ with BᵢBᵢᵀ the Hessian of a row's loss, shape (m, K, K)."""
    root = np.sqrt(curvature[rows])
    if not risk.loss.coupled:
        return root[:, :, None] * np.eye(risk.n_outputs)
    inner = -root[:, :, None] * root[:, None, :]
    at = np.arange(risk.n_outputs)
    inner[:, at, at] = curvature[rows] @ (1.0 - np.eye(len(at)))  # 1 − π cancels where π is near 1
    return np.sqrt(risk.share[rows])[:, None, None] * root[:, :, None] * inner


def floored(risk: EmpiricalRisk, curvature: Array) -> Array:
    """The curvature, of which a loss that is linear somewhere gets some there."""
    if not risk.loss.has_flat_parts:
        return curvature
    return np.maximum(curvature, FLOOR * risk.share[:, None])


def intercept_block(risk: EmpiricalRisk, curvature: Array) -> Array:
    """∂²R/∂b², shape (K, K)."""
    if not risk.loss.coupled:
        return np.add.reduce(curvature, axis=0) * np.eye(curvature.shape[1])
    weighted = risk.share[:, None] * curvature
    return np.diag(weighted.sum(axis=0)) - weighted.T @ curvature


def invert_bb(bb: Array, coupled: bool) -> Array:
    """Inverse of ∂²R/∂b² (K × K), the direction common to all classes made definite.

    0 where there is next to nothing to invert, and the inverse would be no number.
    """
    if len(bb) == 1:
        return 1.0 / bb if bb[0, 0] > _NOTHING else np.zeros_like(bb)
    if not np.abs(bb).max() > _NOTHING:
        return np.zeros_like(bb)
    if coupled:
        bb = bb + np.trace(bb) / len(bb)
    values, vectors = np.linalg.eigh(bb)
    kept = values > 1e-13 * np.abs(values).max()
    vectors = vectors[:, kept]
    return (vectors / values[kept]) @ vectors.T
