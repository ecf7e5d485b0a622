"""Duality gaps of R(θ, b) + λJ(θ) for any loss: certificates that need no second solver.

With shares sᵢ = wᵢ/W, raw predictions fᵢ = xᵢθ + b + oᵢ and a dual point u (one number for each row
and output) the dual function is

    D(u) = −Σᵢ sᵢ(ℓ*(uᵢ) − uᵢoᵢ) − Σⱼ (λJ)*ⱼ(qⱼ),    q = −Σᵢ sᵢuᵢxᵢ,

where Σᵢ sᵢuᵢ = 0 (the intercept), |qⱼ| ≤ l1ⱼ where there is no L2 part, and qⱼ = 0 for features
without a penalty. The natural u = ℓ′(f) is made feasible by steps that keep it in the convex domain
of ℓ*, which contains 0, and for which no product with X is needed:

- *the intercept*: b is at its best to a few digits; the rest of Σ su is cancelled by mixing u with
  a fixed point of the domain whose sum has the opposite sign (`_Counterweight`);
- *features without a penalty*: u moves by ℓ″·z with z in the span of these columns and the
  intercept, a Newton step that makes their q vanish to rounding (two products with X);
- *the L1 bound*: u is scaled down by s. As ℓ*(0) ≤ 0 and ℓ* is convex, D(su) ≥ s·D(u), which costs
  nothing; ℓ* itself is evaluated only where that bound is not good enough.

By Fenchel's equality −Σ s(ℓ*(u) − uo) = R − gᵀθ − bΣsu at u = ℓ′(f), g = ∂R/∂θ.
"""

import numpy as np

from skreg.penalties.separable import pull

# Below this multiple of the gap asked for, the exact conjugate may decide.
_WORTH_A_LOOK = 100.0
_LEFT = 1e-9
# What a dual point outside the domain is multiplied by, in turn.
_SHRINK = (1.0, 1.0 - 1e-9, 1.0 - 1e-6, 1.0 - 1e-3, 0.9)


class Certificate:
    """Duality gaps of one problem at any λ.

    Parameters
    ----------
    risk : LinearRisk
    l1, l2 : ndarray of shape (K·p,)
        What λ multiplies, for each coefficient.
    positive : bool

    Attributes
    ----------
    reference : float
        ‖∂R/∂θ‖∞ of the null model, if the owner knows it: q of features without a penalty counts
        as 0 within 1e-9 of it.
    """

    def __init__(self, risk, l1, l2, positive):
        self.risk, self.l1, self.l2, self.positive = risk, l1, l2, positive
        self.free = np.flatnonzero(l1 + l2 == 0)
        self.reference = np.inf
        self._last = None
        self.counterweight = _counterweight(risk) if risk.fit_intercept else None
        self.smallest_weight = self.counterweight.smallest if self.counterweight else 0.0

    def penalty(self, theta, alpha):
        """λJ(θ)."""
        return alpha * float(self.l1 @ np.abs(theta) + 0.5 * self.l2 @ np.square(theta))

    def objective(self, point, alpha):
        """R + λJ."""
        return point.value + self.penalty(point.theta, alpha)

    def gap(self, point, alpha, tol, correct=None):
        """An upper bound of objective(θ, b) − the minimum.

        Parameters
        ----------
        point : Point
        alpha : float
        tol : float
            The gap hoped for: a costlier and smaller bound is tried near it.
        correct : callable, default=None
            Makes from ``point`` the residual and q of a dual point in which the free features have
            no share; needed if there are any.
        """
        objective = self.objective(point, alpha)
        if self.free.size:
            residual, slope = correct(point)
            return self._corrected(objective, residual, slope, alpha)
        fenchel = point.value - point.gradient @ point.theta - point.total @ point.intercept
        return self._bound(objective, fenchel, point.residual, -point.gradient, alpha, tol)

    def gap_by(self, point, residual, alpha, tol):
        """The same with a dual point that already meets the conditions on the working set.

        Parameters
        ----------
        point, alpha, tol
            As for `gap`.
        residual : ndarray of shape (n, K)
            share·u. Rows in which u lies outside the domain are taken from ``point``.

        Returns
        -------
        gap : float
            +inf where the working set alone says that it is above ``tol``.
        slope : ndarray of shape (K·p,) or None
            q, if it was computed.
        """
        risk, share = self.risk, self.risk.share
        conjugate = risk.loss.conjugate(risk.y, _per_row(residual, share))
        outside = ~np.isfinite(conjugate)
        if outside.any():
            if self.free.size:
                return np.inf, None
            residual = np.where(outside[:, None], point.residual, residual)
            u = _per_row(residual[outside], share[outside])
            conjugate[outside] = risk.loss.conjugate(risk.y[outside], u)
        fenchel = -float(share @ conjugate)
        if risk.offset is not None:
            fenchel += float(risk.offset @ residual.sum(axis=1))
        objective = self.objective(point, alpha)
        if not self.l2.any() and not objective - fenchel <= tol:
            return np.inf, None
        slope = -risk.design.transposed_dot(residual).T.ravel()
        return self._bound(objective, fenchel, residual, slope, alpha, tol), slope

    def _bound(self, objective, fenchel, residual, slope, alpha, tol):
        """The gap from −Σ s(ℓ*(u) − uo), q and Σ su before mixing and scaling."""
        mixing = None
        if self.counterweight is not None:
            mixing = self.counterweight.mix(residual.sum(axis=0))
            share, gradient, dual, _ = mixing
            slope = (1.0 - share) * slope - share * gradient
            fenchel = (1.0 - share) * fenchel + share * dual
        scale = self._scale(slope, alpha)
        self._last = residual, mixing, scale
        bound = objective - scale * fenchel + self._conjugate(scale * slope, alpha)
        if not tol < bound <= _WORTH_A_LOOK * tol:
            return max(bound, 0.0)
        if mixing is not None:
            residual = (1.0 - mixing[0]) * residual + mixing[0] * mixing[3]()
        exact = self._exact(residual, scale) - self._conjugate(scale * slope, alpha)
        return max(min(bound, objective - exact), 0.0)

    def dual_point(self):
        """−u, shape (n, K), of the last gap told: anybody can evaluate D there."""
        residual, mixing, scale = self._last
        if mixing is not None:
            residual = (1.0 - mixing[0]) * residual + mixing[0] * mixing[3]()
        return -scale * _per_row(residual, self.risk.share)

    def _corrected(self, objective, residual, slope, alpha):
        """The gap by a dual point that may lie a little outside the domain: it is shrunk then."""
        scale = self._scale(slope, alpha)
        for shrink in _SHRINK:
            dual = self._exact(residual, shrink * scale)
            if np.isfinite(dual):
                self._last = residual, None, shrink * scale
                dual -= self._conjugate(shrink * scale * slope, alpha)
                return max(objective - dual, 0.0)
        return np.inf

    def _exact(self, residual, scale):
        """−Σ s(ℓ*(u) − uo) at u = scale·residual/share."""
        risk = self.risk
        u = _per_row(residual, risk.share)
        total = -float(risk.share @ risk.loss.conjugate(risk.y, scale * u))
        if risk.offset is not None:
            total += scale * float(risk.offset @ residual.sum(axis=1))
        return total

    def _scale(self, slope, alpha):
        """The largest s ≤ 1 with s·|qⱼ| ≤ l1ⱼ wherever nothing else bounds q."""
        if pull(slope[self.free], self.positive).max(initial=0.0) > _LEFT * self.reference:
            return 0.0
        bounded = alpha * self.l2 == 0
        bounded[self.free] = False
        outward, bound = pull(slope[bounded], self.positive), alpha * self.l1[bounded]
        if alpha == 0:
            return 0.0 if outward.max(initial=0.0) > 0 else 1.0
        return 1.0 / max(1.0, (outward / bound).max(initial=0.0))

    def _conjugate(self, slope, alpha):
        """Σⱼ (λJ)*(qⱼ) where the L2 part makes it finite."""
        if alpha == 0 or not self.l2.any():
            return 0.0
        inside = self.l2 > 0
        excess = np.maximum(pull(slope[inside], self.positive) - alpha * self.l1[inside], 0.0)
        return 0.5 * float(np.sum(excess**2 / (alpha * self.l2[inside])))


def _per_row(residual, share):
    """u from share·u; 0 in rows without a share."""
    share = share[:, None]
    if share.all():
        return residual / share
    return np.divide(residual, share, out=np.zeros_like(residual), where=share > 0)


def _counterweight(risk):
    return _ClassCounterweight(risk) if risk.loss.coupled else _Counterweight(risk)


class _Counterweight:
    """Fixed dual points of either sign: the parts of the null model's residual."""

    def __init__(self, risk):
        null = risk.derivatives_at(risk.constant_raw(risk.null_intercept()))[1]
        self.parts = {}
        for sign, part in ((1, np.maximum(null, 0.0)), (-1, np.minimum(null, 0.0))):
            u = _per_row(part, risk.share)
            dual = -float(risk.share @ risk.loss.conjugate(risk.y, u))
            if risk.offset is not None:
                dual += float(risk.offset @ part[:, 0])
            gradient = risk.design.transposed_dot(part)[:, 0]
            self.parts[sign] = part, gradient, dual, float(part.sum())
        self.smallest = self.parts[1][3]

    def mix(self, total):
        """τ with (1−τ)Σsu + τΣsv = 0; v's gradient, −Σs(ℓ*−vo), and residual on demand."""
        total = float(total[0])
        part, gradient, dual, weight = self.parts[-1 if total > 0 else 1]
        if total == 0 or weight == 0:
            return 0.0, gradient, dual, lambda: part
        return total / (total - weight), gradient, dual, lambda: part


class _ClassCounterweight:
    """Dual points u = q − y of constant probabilities q, which stay in the simplex."""

    def __init__(self, risk):
        self.risk = risk
        self.frequency = risk.share @ risk.y
        self.smallest = float(self.frequency[self.frequency > 0].min())
        self.mean = risk.design.transposed_dot(risk.share[:, None])[:, 0]
        self.targets = risk.design.transposed_dot(risk.share[:, None] * risk.y).T

    def mix(self, total):
        above = total > 0
        share = float((total[above] / (self.frequency[above] + total[above])).max(initial=0.0))
        if share == 0:
            q = self.frequency
        else:
            q = np.maximum(self.frequency - total * (1.0 - share) / share, 0.0)
        gradient = (np.outer(q, self.mean) - self.targets).ravel()
        inside = q[q > 0]
        dual = -float(inside @ np.log(inside))
        return share, gradient, dual, lambda: self.risk.share[:, None] * (q - self.risk.y)
