"""Newton's method for R(θ, b) + λ·½Σⱼfⱼθⱼ² from one λ to the next, sparing with Hessians.

A Hessian costs as much as dozens of gradients. So one is kept from step to step and from λ to λ,
and what it lacks is made up by the limited-memory BFGS correction (Nocedal, 1980) built on it: the
differences of the risk's gradients along past steps hold for every λ, as the penalty's part of them
is known. Where convergence is slow all the same, the Hessian is taken anew. Every step is a descent
step with an exact gradient, and a line search on the penalized objective, so it converges from
anywhere (Nocedal & Wright, 2006, theorem 3.2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from skreg._kernels import extrapolation
from skreg.quadratic.point import own_weights
from skreg.rows.products import EPS, Array

# Pairs kept for the BFGS correction.
_MEMORY = 8
# Solutions that the next is guessed from.
_KNOWN = 3
# Sufficient decrease, and the part of the slope that may be left, at the end of a line search.
_DECREASE, _SLOPE_LEFT = 1e-4, 0.9
_MAX_TRIALS = 40
# Steps in a row that gain nothing and leave the gradient: what is left of it is rounding.
_STALLS = 4
# Change of J in a step, as a share, at which J is settled, and how much further a gradient then has
# to go, at a guess, where it is not.
_SETTLED, _FURTHER = 1e-10, 1e-3
# Where the minimizer of one quadratic is the answer, conjugate gradients go on to this residual.
_EXACT = 1e-12


def gradient_scales(risk, diagonal, curvature):
    """√(Hⱼⱼ·R₀), (K, p), and the same of the intercepts, (K,): what gradient norms divide by.

    ``diagonal`` (K, p) is Hⱼⱼ of the null model, whose risk is R₀, and ``curvature`` (n, K) that of
    its rows, see `EmpiricalRisk.derivatives_at`.
    """
    null_risk = risk.null_risk or 1.0
    bends = own_weights(risk, curvature).sum(axis=0)
    used = np.where(diagonal > 0, diagonal, 1.0)
    return np.sqrt(used * null_risk), np.sqrt(np.maximum(bends, EPS) * null_risk)


class Descent:
    """Walks over λ, keeping the point, the Hessian and the past steps.

    Parameters
    ----------
    risk : EmpiricalRisk
    factors : ndarray of shape (p,)
        f.
    hessian_type : type
        `Hessian` or `DenseHessian`.
    patience : float
        Gradients that a Hessian costs: it is renewed where it would save more steps than that.
    always_fresh : bool, default=False
        Renew it for every step.

    Attributes
    ----------
    point : Point
    hessian : Hessian
        The one in hand.
    taken_at : float
        The λ on which the walk was when it was taken, inf for the null model.
    null_diagonal : ndarray of shape (K, p)
        The diagonal of the null model's Hessian.
    rounding : float
        A gradient norm that may be rounding alone.
    notes : list of str
        What users are to be warned of.
    """

    def __init__(self, risk, factors, hessian_type, patience, always_fresh=False):
        self.risk, self.factors = risk, factors
        self.always_fresh = always_fresh
        self._hessian_type, self._patience = hessian_type, patience
        shape = risk.n_outputs, risk.n_features
        self.weights = np.tile(factors, risk.n_outputs)
        # Of θ and b in a row, as all vectors below that have no name of their own.
        self._bends = np.concatenate([self.weights, np.zeros(risk.n_outputs)])
        self.point = risk.null
        self._pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=_MEMORY)
        self._solved: deque[tuple] = deque(maxlen=_KNOWN)
        self._is_fresh = False
        self.notes: list[str] = []
        self.renew(np.inf)
        self.null_diagonal = self.hessian.diagonal.reshape(shape)
        scales = gradient_scales(risk, self.null_diagonal, self.point.curvature)
        self._scales = np.concatenate([part.ravel() for part in scales])
        self.rounding = risk.rounding.slope / np.sqrt(risk.null_risk or 1.0)

    def start_at(self, coef, intercept):
        """Begin at θ (K, p) and b (K,), as `EmpiricalRisk.raw` takes them."""
        theta, b = np.array(coef, dtype=np.float64), np.array(intercept, dtype=np.float64)
        raw = self.risk.raw(theta, b)
        about_center = b + theta @ self.risk.design.center
        self.go_back(self.risk.at(theta.ravel(), about_center, raw=raw))

    def renew(self, alpha):
        """Take the Hessian at this point, on the way to the solution for λ = ``alpha``."""
        if self._is_fresh:
            self.taken_at = alpha
            return
        self.hessian = self._hessian_type(self.risk, self.point.curvature)
        self._pairs.clear()
        self._factor = None
        self._is_fresh, self.taken_at = True, alpha

    def go_back(self, point):
        """Start again from a point, with the Hessian there."""
        self.point, self._is_fresh = point, False
        self.renew(np.inf)

    def factor(self, alpha):
        """The Hessian in hand plus λF, factored."""
        if self._factor is None or self._factor[0] != alpha:
            self._factor = alpha, self.hessian.factor(alpha * self.weights)
        return self._factor[1]

    def gradient(self, alpha):
        """Of the penalized objective, in θ and b, shape (K·p + K,)."""
        return self.point.slopes + alpha * self._bends * self.point.both

    def objective(self, alpha):
        """R + λ·½Σⱼfⱼθⱼ² at the point."""
        return self.point.value + alpha * self._penalty(self.point.theta)

    def gradient_norm(self, alpha):
        """max |∂ⱼ| / √(Hⱼⱼ·R₀) over coefficients and intercepts, H and R₀ of the null model.

        Half the square of a component is about the decrease of the objective, relative to R₀, that
        its own coefficient could still bring; the number does not depend on units.
        """
        return float(np.abs(self.gradient(alpha) / self._scales).max(initial=0.0))

    def run(self, alpha, tol, max_steps, size=None):
        """Minimize for this λ; returns the number of steps and the gradient norm reached.

        With a ``size`` until J is settled, too: a step changes it little beside itself or ``size``.
        Where λ or the null model's risk is tiny, a gradient may be below ``tol`` long before that.
        """
        self._extrapolate(alpha)
        settled, J = size is None, self._penalty(self.point.theta)
        norm, steps, stalls, noisy = self.gradient_norm(alpha), 0, 0, 0
        while (norm > tol or not settled) and steps < max_steps:
            if self.always_fresh and not self._is_fresh:
                self.renew(alpha)
            full = self.step(alpha)
            steps += 1
            if full is None:  # no progress along the step
                if self._is_fresh:
                    break
                self.renew(alpha)
                continue
            before, norm = norm, self.gradient_norm(alpha)
            if size is not None:
                J_before, J = J, self._penalty(self.point.theta)
                settled = not abs(J - J_before) > _SETTLED * max(J, size)
            noisy += norm <= self.rounding
            stalls = stalls + 1 if self._gain < EPS and norm > 0.5 * before else 0
            if _STALLS in (stalls, noisy):
                break
            end = tol if settled else min(tol, _FURTHER * norm)
            if norm > end and not self._is_fresh and self._is_slow(before, norm, end, full):
                self.renew(alpha)
        if not self._solved or self._solved[-1][0] != alpha:
            self._solved.append((alpha, self.point.theta, self.point.intercept, self.point.raw))
        return steps, norm

    def _extrapolate(self, alpha):
        """Go on along the parabola in log λ through the last solutions, if it leads closer.

        Raw predictions are linear in θ, so this takes half the passes of a step.
        """
        known = [solution[0] for solution in self._solved]
        if len(known) < _KNOWN or not min(alpha, *known) > 0:
            return
        at, nodes = float(np.log(alpha)), np.log(known).tolist()
        if len({at, *nodes}) <= len(nodes):
            return
        shares = extrapolation.lagrange(nodes, at)
        parts = list(zip(*self._solved, strict=True))[1:]
        theta, b, raw = (sum(s * x for s, x in zip(shares, part, strict=True)) for part in parts)
        old, norm = self.point, self.gradient_norm(alpha)
        self._move(self.risk.at(theta, b, raw=raw))
        if not self.gradient_norm(alpha) < norm:
            self.point = old

    def _is_slow(self, before, norm, tol, full):
        """Whether a new Hessian would save more steps than it costs."""
        if not full:
            return True
        rate = np.log(before / norm) if norm < before else 0.0
        return np.log(norm / tol) > rate * (self._patience + 2.0)

    def step(self, alpha):
        """One step; whether it was a full one, None if there was nothing to gain."""
        risk, old = self.risk, self.point
        gradient = self.gradient(alpha)
        step = self._direction(gradient, alpha)
        descent = gradient @ step
        if not descent < 0:
            return None
        d, d_b = step[: len(old.theta)], step[len(old.theta) :]
        start = self.objective(alpha)
        scale = abs(start) + risk.null_risk + risk.rounding.value
        self._gain = -descent / scale if scale > 0 else 0.0
        change, derivatives, slope = risk.along(old.raw, d.reshape(len(d_b), -1), d_b)
        found = self._search(alpha, start, d, change, descent, derivatives)
        if found is None:
            return None
        t, derivatives = found
        new = risk.at(
            old.theta + t * d,
            old.intercept + t * d_b,
            raw=old.raw + t * change,
            derivatives=derivatives,
            gradient=slope.ravel() if slope is not None and t == 1.0 else None,
        )
        self._move(new)
        return t == 1.0

    def _move(self, new):
        """Make this the point, and learn from the change of the gradient."""
        old, self.point = self.point, new
        self._pairs.append((new.both - old.both, new.slopes - old.slopes))
        self._is_fresh = False

    def quadratic_minimum(self, alpha):
        """The point where the quadratic taken here, with the Hessian in hand, plus λJ is least."""
        point, size = self.point, len(self.weights)
        gradient = self.gradient(alpha)
        d, d_b = self.factor(alpha).solve(gradient[:size], gradient[size:], tol=_EXACT)
        raw = point.raw + self.risk.design.dot(d.reshape(len(d_b), -1).T) + d_b
        return self.risk.at(point.theta + d, point.intercept + d_b, raw=raw)

    def _search(self, alpha, start, d, change, descent, derivatives):
        """A step length t with sufficient decrease, by the slope along the line, and R there.

        ``start`` is the objective at t = 0; ``derivatives`` are those at t = 1.

        The slope is a sum over rows of known numbers, so a trial takes no pass over X; it is exact
        where differences of the objective are lost in rounding. A convex objective does not rise
        by more than t times the slope at the end, so where that is next to nothing, or below 0,
        the objective need not be asked.
        """
        point = self.point
        slack = 64 * EPS * (abs(start) + self.risk.null_risk) + self.risk.rounding.value
        bend = self.weights * d
        t = 1.0
        for _ in range(_MAX_TRIALS):
            value, residual, _ = derivatives
            theta = point.theta + t * d
            end = value + alpha * self._penalty(theta)
            slope = np.vdot(residual, change) + alpha * np.vdot(theta, bend)
            enough = end <= start + _DECREASE * t * descent + slack
            if self.risk.is_convex and slope <= -_DECREASE * descent and np.isfinite(end):
                return t, derivatives
            if enough and abs(slope) <= _SLOPE_LEFT * abs(descent):
                return t, derivatives
            if enough and slope < 0:
                return t, derivatives
            secant = t * descent / (descent - slope) if np.isfinite(slope) and slope > 0 else 0.0
            t = min(max(secant, 0.1 * t), 0.5 * t) if secant else 0.25 * t
            derivatives = self.risk.derivatives_at(point.raw + t * change)
        return None

    def _direction(self, gradient, alpha):
        """−(BFGS correction of H + λF)⁻¹·gradient."""
        size, factor, bends = len(self.weights), self.factor(alpha), alpha * self._bends

        def solve(right):
            return np.concatenate(factor.solve(-right[:size], -right[size:]))

        pairs = [(s, y + bends * s) for s, y in self._pairs]
        step = corrected_step(gradient, pairs, solve)
        if self.risk.loss.coupled:
            # What is common to all classes is 0 at the minimum, and no risk pulls it back there.
            for part in (step[:size], step[size:]):
                by_class = part.reshape(self.risk.n_outputs, -1)
                by_class -= by_class.mean(axis=0)
        return step

    def _penalty(self, theta):
        return 0.5 * float(np.vdot(self.weights * theta, theta))


def corrected_step(
    gradient: Array, pairs: Iterable[tuple[Array, Array]], solve: Callable[[Array], Array]
) -> Array:
    """−(BFGS correction of M)⁻¹·gradient, by the two-loop recursion (Nocedal, 1980).

    ``gradient`` has shape (…, size): several problems, each with pairs of its own, may be stacked.
    ``pairs`` are (step, change of the gradient), each shaped like it, the oldest first; one without
    curvature along the step, which only rounding makes, is left out. ``solve`` gives M⁻¹ times an
    array of that shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.solvers.descent import corrected_step
    >>> pair = np.array([1.0, 0.0]), np.array([4.0, 0.0])
    >>> corrected_step(np.array([4.0, 1.0]), [pair], solve=lambda g: g)
    array([-1., -1.])
    """
    step, used = -gradient, []
    for s, y in reversed(list(pairs)):
        inverse = _inverse(_dot(s, y))
        share = inverse * _dot(s, step)
        step -= share * y
        used.append((s, y, inverse, share))
    step = solve(step)
    for s, y, inverse, share in reversed(used):
        step += (share - inverse * _dot(y, step)) * s
    return step


def _dot(a: Array, b: Array) -> Any:
    """Along the last axis, which stays; a number for vectors, whose time is all overhead."""
    return a @ b if a.ndim == 1 else np.einsum("...i,...i->...", a, b)[..., None]


def _inverse(bend: Any) -> Any:
    """1/bend, 0 where that is not positive."""
    if np.ndim(bend) == 0:
        return 1.0 / bend if bend > 0 else 0.0
    return np.divide(1.0, bend, out=np.zeros_like(bend), where=bend > 0)
