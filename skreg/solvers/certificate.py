"""Duality gaps of R(θ, b) + λJ(θ) for any loss and any convex penalty: one certificate for all.

With shares sᵢ = wᵢ/W, raw predictions fᵢ = xᵢθ + b + oᵢ and a dual point u (one number for each row
and output) the dual function is

    D(u) = −Σᵢ sᵢ(ℓ*(uᵢ) − uᵢoᵢ) − (λJ)*(q),    q = −Σᵢ sᵢuᵢxᵢ,

where Σᵢ sᵢuᵢ = 0 (the intercept) and q must lie in the domain of (λJ)*: |qⱼ| ≤ λ for the lasso,
qⱼ = 0 for a feature without a penalty, anything where J has an L2 part. The natural u = ℓ′(f) is
made feasible by steps that keep it in the convex domain of ℓ*, which contains 0, and for which no
product with X is needed:

- *the intercept*: b is at its best to a few digits; the rest of Σ su is canceled by mixing u with
  a fixed point of the domain whose sum has the opposite sign (`Counterweight`);
- *features without a penalty*: u moves by ℓ″·z with z in the span of these columns and the
  intercept, a Newton step that makes their q vanish to rounding (two products with X);
- *the domain of (λJ)**: u is scaled down by s. As ℓ*(0) ≤ 0 and ℓ* is convex, D(su) ≥ s·D(u), which
  costs nothing; ℓ* itself is evaluated only where that bound is not good enough.

By Fenchel's equality −Σ s(ℓ*(u) − uo) = R − gᵀθ − bΣsu at u = ℓ′(f), g = ∂R/∂θ.
"""

import math
from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import Any

import numpy as np

from skreg.penalties import NoPenalty
from skreg.penalties.base import Penalty
from skreg.quadratic.point import Point, RowPoint
from skreg.rows.products import EPS, Array
from skreg.solvers.counterweight import ClassCounterweight, Counterweight, fenchel_sum, per_row
from skreg.solvers.working_hessian import WorkingHessian, raised

# Below this multiple of the gap asked for, the exact conjugate may decide.
_WORTH_A_LOOK = 100.0
# A slope of a feature without a penalty that counts as 0, beside the null model's steepest.
_LEFT = 1e-9
# What a dual point outside the domain is multiplied by, in turn.
_SHRINK = (1.0, 1.0 - 1e-9, 1.0 - 1e-6, 1.0 - 1e-3, 0.9)


def best_scale(
    penalty: Penalty, slope: Array, alpha: float, gain: Callable[[float], float]
) -> tuple[float, float]:
    """s ≤ 1 for which gain(s) − (λJ)*(s·q) is about largest, and (λJ)*(s·q).

    ``gain`` is concave. So is what is sought, with its kinks where a block leaves 0, or the domain
    of (λJ)*, at s·pull = λ: halving finds the best of these and 1. Mostly that is the largest in
    the domain, which is taken at once without bounds; with far ones slopes lose by their rounding.

    ``slope`` is q, (p,) or (q, p), exactly 0 for components without a penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import ElasticNet, Separable
    >>> from skreg.solvers.certificate import best_scale
    >>> s, conjugate = best_scale(ElasticNet(1.0), np.array([2.0, -0.5]), 1.0, lambda s: 5.0 * s)
    >>> round(s, 12), conjugate
    (0.5, 0.0)
    >>> best_scale(ElasticNet(0.5), np.array([2.0, -0.5]), 1.0, lambda s: 5.0 * s)
    (1.0, 2.25)
    >>> far = Separable(bounds=(-1e6, 1e6))
    >>> s, conjugate = best_scale(far, np.array([1.001, -1.0]), 1.0, lambda s: 5.0 * s)
    >>> round(s, 6), round(conjugate, 3)
    (0.999001, 0.0)
    """
    # Where the penalty is separable each component has a pull of its own.
    apart = penalty.is_separable and np.ndim(slope) > 1 and len(slope) > 1
    pull = np.concatenate([penalty.pull(row) for row in slope]) if apart else penalty.pull(slope)
    if penalty.is_flat:  # J is a norm: the domain is where no pull exceeds λ
        steepest = float(pull.max(initial=0.0))
        return (alpha / steepest * (1.0 - 8 * EPS), 0.0) if steepest > alpha else (1.0, 0.0)
    steep = pull[pull > alpha]
    if not steep.size:  # 0 is best for every block
        return 1.0, 0.0
    whole = penalty.conjugate(slope, alpha)
    if np.isfinite(whole) and not penalty.is_bounded(np.shape(slope)[-1]):
        return 1.0, whole
    scales = np.append(np.unique(alpha / steep) * (1.0 - 8 * EPS), 1.0)

    @cache
    def dual(i: int) -> tuple[float, float]:
        # At the lowest no block leaves 0.
        conjugate = penalty.conjugate(scales[i] * slope, alpha) if i else 0.0
        return gain(scales[i]) - conjugate, conjugate

    # The lowest is the answer where all blocks are of one kind, so it is tried against the next;
    # with all of q in the domain mostly 1 is.
    low, high = 0, len(scales) - 1
    middle = high - 1 if np.isfinite(whole) else 0
    while low < high:
        if dual(middle + 1)[0] > dual(middle)[0]:
            low = middle + 1
        else:
            high = middle
        middle = (low + high) // 2
    return float(scales[low]), dual(low)[1]


def quadratic_gap(
    penalty: Penalty,
    theta: Array,
    slope: Array,
    alpha: float,
    risk: float,
    across: float = 0.0,
    square: float = 0.0,
) -> float:
    """½‖r − s·r′‖² + P(θ; λ) − s⟨θ, q′⟩ + P*(s·q′; λ), the gap of a quadratic by s·r′.

    Of two s the better: that of `best_scale` and the largest with P* = 0, which is where an L2 part
    is so small that rounding in q′ = ``slope`` weighs. The rest are ½‖r‖², ⟨r, r − r′⟩ and
    ‖r − r′‖².
    """
    along = float(np.vdot(theta, slope))

    def gain(s: float) -> float:
        return s * along - (1 - s) ** 2 * risk - s * (1 - s) * across - 0.5 * s**2 * square

    scales = [best_scale(penalty, slope, alpha, gain)]
    steepest = float(penalty.pull(slope).max(initial=0.0))
    if steepest > alpha and np.isfinite(steepest):
        scales.append((alpha / steepest, 0.0))
    dual = max(gain(scale) - conjugate for scale, conjugate in scales)
    return max(penalty.value(theta, alpha) - dual, 0.0)


class Certificate:
    """Duality gaps of one problem at any λ.

    Parameters
    ----------
    risk : EmpiricalRisk or ChunkRisk
    penalty : Penalty
        Convex.

    Attributes
    ----------
    free : ndarray of int
        Coefficients without a penalty, numbered k·p + j.
    counterweight : object or None
        A ∂R/∂b far below its ``smallest`` weight is canceled at little cost.
    """

    def __init__(self, risk: Any, penalty: Penalty) -> None:
        kind: Any = ClassCounterweight if risk.loss.coupled else Counterweight
        of = kind.of_sums if risk.is_in_chunks else kind.of_rows
        self.counterweight: Any = of(risk) if risk.fit_intercept else None
        self.risk, self.penalty = risk, penalty
        self.shape = risk.n_outputs, risk.n_features
        self.free = np.flatnonzero(np.tile(penalty.free(risk.n_features), risk.n_outputs))

    def objective(self, point: Point, alpha: float) -> float:
        """R + λJ."""
        return point.value + self.penalty.value(point.theta.reshape(self.shape), alpha)

    def gap(self, point: Any, alpha: float, tol: float) -> float:
        """An upper bound of objective(θ, b) − the minimum.

        ``tol`` is the gap hoped for: a costlier and smaller bound is tried near it. Of rows in
        chunks sums are known, which tell of the natural dual point alone: that says little until
        features without a penalty are at their best to nine digits.
        """
        if not np.isfinite(point.gradient).all():  # of a step far too long
            return np.inf
        objective, is_in_chunks = self.objective(point, alpha), self.risk.is_in_chunks
        if self.free.size and not is_in_chunks:
            # Rows that are far on the right side bend no more, and leave no way to be orthogonal.
            with np.errstate(all="ignore"):
                residual, slope = self._orthogonal(point)
            if not np.isfinite(slope).all():
                return np.inf
            return self._corrected(objective, residual, slope, alpha)
        fenchel = point.value - point.gradient @ point.theta - point.total @ point.intercept
        residual, tol = (None, 0.0) if is_in_chunks else (point.residual, tol)
        return self._bound(objective, fenchel, residual, point.total, -point.gradient, alpha, tol)

    def gap_of_small(self, point: Any, alpha: float) -> float:
        """An upper bound of objective(θ, b) − the minimum, for λ near the rounding of gradients.

        The minimum is not below that of the risk within the bounds alone, whose dual point is
        orthogonal to all features off their bounds; and with more features than rows, not below 0.
        """
        penalty = self.objective(point, alpha) - point.value
        bounds = self.penalty.bounds_alone()
        if bounds is None and point.theta.size >= self.risk.n_rows:
            return point.value + penalty
        alone = Certificate(self.risk, bounds or NoPenalty())
        return min(alone.gap(point, 0.0, 0.0), point.value) + penalty

    def gap_by(
        self, point: RowPoint, residual: Array, alpha: float, tol: float, slope_by: Any = None
    ) -> tuple[float, Array | None]:
        """The same as `gap` with a dual point that already meets the conditions on the working set.

        ``residual`` (n, K) is share·u; rows in which u lies outside the domain are taken from
        ``point``. The gap is +inf where the working set alone says that it is above ``tol``; q
        (K·p,) beside it is None where it was not computed. ``slope_by`` tells q of the residual
        given, to rounding wherever it exceeds λ; None takes a pass over X.
        """
        risk, share = self.risk, self.risk.share
        conjugate = risk.loss.conjugate(risk.y, per_row(residual, share))
        fenchel = -float(share @ conjugate)
        if not math.isfinite(fenchel):
            outside = ~np.isfinite(conjugate)
            if self.free.size:
                return np.inf, None
            slope_by = None
            residual = np.where(outside[:, None], point.residual, residual)
            u = per_row(residual[outside], share[outside])
            conjugate[outside] = risk.loss.conjugate(risk.y[outside], u)
            fenchel = -float(share @ conjugate)
        if risk.offset is not None:
            fenchel += float(np.sum(risk.offset * residual))
        objective = self.objective(point, alpha)
        # (λJ)* ≥ 0: no q can help.
        if not objective - fenchel <= tol:
            return np.inf, None
        if slope_by is None:
            slope = -risk.design.transposed_dot(residual).T.ravel()
        else:
            slope = slope_by(residual)
        total = np.add.reduce(residual, axis=0)
        return self._bound(objective, fenchel, residual, total, slope, alpha, tol), slope

    def _bound(self, objective, fenchel, residual, total, slope, alpha, tol):
        """The gap from −Σ s(ℓ*(u) − uo), q and Σ su before mixing and scaling."""
        mixing = None
        if self.counterweight is not None:
            mixing = self.counterweight.mix(total)
            share, gradient, dual, _ = mixing
            slope = (1.0 - share) * slope - share * gradient
            fenchel = (1.0 - share) * fenchel + share * dual
        at = self.penalty, self._settled(slope), alpha
        scale, conjugate = best_scale(*at, lambda s: s * fenchel)
        bound = objective - scale * fenchel + conjugate
        if not tol < bound <= _WORTH_A_LOOK * tol:
            return max(bound, 0.0)
        if mixing is not None:
            residual = (1.0 - mixing[0]) * residual + mixing[0] * mixing[3]()
        return max(min(bound, objective - fenchel_sum(self.risk, residual, scale) + conjugate), 0.0)

    def _settled(self, slope):
        """q, where free features of hardly any slope count as at their best."""
        if self.free.size:
            slope, settled = slope.copy(), np.abs(slope[self.free]) <= _LEFT * self._steepest
            slope[self.free[settled]] = 0.0
        return slope.reshape(self.shape)

    @cached_property
    def _steepest(self) -> Array:
        """A bound of |q| of each free feature in the null model, √Σsx²·√Σsu²; or √Hⱼⱼ·R₀."""
        if self.risk.is_in_chunks:
            lengths = np.sqrt(self.risk.null_hessian.diagonal[self.free])
            return lengths * np.sqrt(self.risk.null_risk)
        residual = self.risk.null.residual
        power = float(np.sum(residual * per_row(residual, self.risk.share)))
        lengths = np.sqrt(self.risk.design.squares(self.risk.share))
        return lengths[self.free % self.shape[1]] * np.sqrt(power)

    # Features without a penalty ------------------------------------------------------------------

    def _orthogonal(self, point):
        """Residual and q of a dual point in which free features have no share.

        The residual moves as the Newton steps of these would move it, to first order.
        """
        risk, (k, p) = self.risk, self.shape
        residual, slope = point.residual, -point.gradient
        model = WorkingHessian(risk, raised(risk, point), self._drawn(point))
        factor = model.factor(np.zeros(len(model.which)))
        for _ in range(2):
            part, shift = factor.solve(slope[model.which], -residual.sum(axis=0))
            step = np.zeros(k * p)
            step[model.which] = part
            z = risk.design.dot(step.reshape(k, p).T) + shift
            residual = residual - model.rows_times(z)
            slope = -risk.design.transposed_dot(residual).T.ravel()
        return residual, slope

    def _drawn(self, point):
        """Free coefficients other than those at a bound, whose q (λJ)* accounts for."""
        inside = self.penalty.curvature(point.theta.reshape(self.shape)).active
        return self.free[inside.ravel()[self.free]]

    def _corrected(self, objective, residual, slope, alpha):
        """The gap by a dual point that may lie a little outside the domain: it is shrunk then."""
        gain = partial(fenchel_sum, self.risk, residual)
        scale, conjugate = best_scale(self.penalty, self._settled(slope), alpha, gain)
        for shrink in _SHRINK:
            dual = gain(shrink * scale)
            if np.isfinite(dual):
                return max(objective - dual + shrink * conjugate, 0.0)  # (λJ)* is convex
        return np.inf
