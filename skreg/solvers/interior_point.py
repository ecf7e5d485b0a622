"""R + λJ for losses linear on either side of y, by a primal–dual interior-point method.

The pinball loss of r = y − o − xθ − b is sτ·r⁺ + s(1 − τ)·r⁻ with r = r⁺ − r⁻ (s: a row's share),
and an L1 part costs λl₁(t⁺ + t⁻) with θ = t⁺ − t⁻: a linear program for the lasso, a quadratic one
with an L2 part (Koenker, 2005, §6.4; Mehrotra, 1992). With a the multiplier of a row and

    q = Xᵀa − λl₂θ,

a solution has Σa = 0, a in [−s(1 − τ), sτ], |q| ≤ λl₁, and the complementary products r⁺(sτ − a),
r⁻(a + s(1 − τ)), t⁺(λl₁ − q), t⁻(λl₁ + q) all 0. Newton's method follows the points at which they
are equal and positive. Each step is a ridge regression: weights w = 1/(r⁺/(sτ − a) + r⁻/(…)) of the
rows and strengths λl₂ + 1/(t⁺/(λl₁ − q) + t⁻/(λl₁ + q)) of the features, p × p, or n × n where p is
larger. Every iterate gives a point of the dual, so the duality gap of the exact problem is known.

Huber's loss has δ in the place of τ and 1 − τ, and bends where it has not reached these slopes: its
conjugate is ½u² beside that of the median, which makes r = r⁺ − r⁻ + a/s and adds 1/s to 1/w. It
comes here where targets are so far beyond δ that a quadratic says little of it.

The end of a lasso is a vertex: rows that are interpolated (or bend) and features that are in. They
are read off the multipliers, and the vertex solved for, so that zeros are exact. The end of an
elastic net is solved for in the same way, beside the L2 part; features and rows that the solution
disagrees with are exchanged, as in a primal-dual active-set method, until the gap is as small.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import issparse

from skreg._threads import one_blas_thread
from skreg.quadratic.point import Point
from skreg.rows.products import EPS, Array
from skreg.solvers.certificate import best_scale
from skreg.solvers.interior_step import NewtonStep, penalized_saddle_point, saddle_point
from skreg.solvers.method import Answer, Method, Stop, Task

# How near to the boundary a step goes; gaps are brought to this at least: the last steps are cheap.
_NEAR, _AIM = 0.995, 1e-11
# Slopes of features without a penalty that count as 0, beside their largest possible size.
_LEFT = 1e-9
# Slopes this far beyond the limit of an L1 part, beside their largest possible size, are at it.
_ROUNDED = 16 * EPS
_MAX_ITER = 200
# Rounds in which features and rows at the end of an elastic net are put right.
_ROUNDS = 10
# Steps below this are compared with steps toward this share of the present products.
_SHORT, _CENTERING = 0.03, 0.5


class InteriorPoint(Method):
    """Mehrotra's predictor–corrector steps for each λ, and the vertex of a lasso at their end."""

    name = "interior_point"
    scope = "L1, L2 and elastic-net penalties under a pinball loss, or Huber's of far targets"
    needs: ClassVar = {
        "problem.is_piecewise_linear": (True,),
        "penalty.kernel": ("coordinates",),
        "has_inner_bounds": (False,),
        "is_one_shot": (False,),
    }
    unit = "steps"

    def path(self, task: Task) -> Answer:
        """Solve for each λ by itself: a dozen steps each."""
        with one_blas_thread():
            found = ((i, solved(task, float(alpha))) for i, alpha in enumerate(task.alphas))
            return Answer.of(task, self.name, found)

    def alpha_max(self, task: Task) -> float:
        """Of the dual point that belongs to the fit without the penalized features."""
        risk, penalty = task.risk, task.penalty
        held = ~penalty.free(risk.n_features)
        with one_blas_thread():
            found = Iterate(risk, penalty, 0.0, held=held).run(_AIM, _MAX_ITER)
        return penalty.alpha_max(found.point.gradient)


def solved(task: Task, alpha: float) -> Stop:
    """The solution of a task at one λ."""
    return Iterate(task.risk, task.penalty, alpha).run(min(task.tol, _AIM), task.max_iter)


@dataclass(eq=False)
class DualPoint(Point):
    """A point with the multipliers of its rows, Σa = 0; its ``gradient`` is −Xᵀa."""

    a: Array


class Iterate:
    """The primal and dual variables at one λ.

    The penalty is of the kernel "coordinates", and its finite bounds are 0. Coefficients of the
    features ``held`` (p,) are held at 0; ``up`` and ``down`` are those with a t⁺, with a t⁻.
    """

    def __init__(self, risk, penalty, alpha, held=None):
        self.risk, self.penalty, self.alpha = risk, penalty, alpha
        self.design, p = risk.design, risk.n_features
        self.y = risk.y[:, 0] - (0.0 if risk.offset is None else risk.offset[:, 0])
        lower, upper = penalty.limits(p)
        # Features whose coefficient is held at 0.
        self.out = (lower == upper) | (False if held is None else held)
        self.l1, self.l2 = alpha * penalty.l1(p), alpha * penalty.l2(p)
        one_sided = (lower == 0) | (upper == 0)
        self.up = ((self.l1 > 0) | one_sided) & (upper > 0) & ~self.out
        self.down = ((self.l1 > 0) | one_sided) & (lower < 0) & ~self.out
        # Rows without weight are no rows: a box of width 0 has no interior.
        self.rows = risk.share > 0
        above, below = risk.loss.linear_sides
        self.high, self.low = risk.share * above, -risk.share * below
        # What a unit of residuals costs, so that no unit of the loss matters.
        self.steep = above + below
        self.bend = np.zeros(len(self.y))
        self.bend[self.rows] = risk.loss.conjugate_curvature / risk.share[self.rows]
        self.is_linear_program = not (self.l2.any() or self.bend.any())
        self._start()

    def _start(self):
        """Variables with every slack positive, about θ = 0, or where one sign is allowed off it."""
        risk = self.risk
        self.b = float(risk.null_intercept()[0])
        self.a = np.zeros(len(self.y))
        # Slopes are compared with λl₁; with what X is like where there is no L1 part, and where the
        # coefficient has one sign: its slack λl₁ − q starts at that size, however small λ is.
        n = len(self.y)
        squares, even = risk.design.squares(np.ones(n)), np.full(n, 1.0 / n)
        self.lengths_of_columns = np.sqrt(squares)
        # What sets features that are far from 0 apart is their spread, with an intercept or not.
        self.spread = self.steep * np.sqrt(risk.spread(squares / n, even))
        squares = risk.about_mean(squares / n, even)
        typical = self.steep * np.where(squares > 0, np.sqrt(squares), 1.0)
        one_sided = self.up != self.down
        count = int(np.count_nonzero(one_sided))
        self.size = np.where(one_sided, np.maximum(self.l1, typical), self.l1)
        self.size = np.where(self.size > 0, self.size, typical)
        self.q = np.where(one_sided, (self.l1 - self.size) * (1.0 * self.up - self.down), 0.0)
        deviation = float(risk.share @ np.abs(self.y - self.b))
        self.theta = np.zeros(risk.n_features)
        self._start_rows(0.1 * deviation)
        mu = (self.r_plus * self.high - self.r_minus * self.low)[self.rows].mean() / 2.0
        # t⁺ and t⁻ of either sign cancel, however large; one of them alone moves the rows.
        mu = np.where(one_sided, self.steep * (deviation or 1.0) / max(count, 1), mu)
        self.t_plus = np.where(self.up, mu / np.where(self.up, self.l1 - self.q, 1.0), 0.0)
        self.t_minus = np.where(self.down, mu / np.where(self.down, self.l1 + self.q, 1.0), 0.0)
        self.theta = self.t_plus - self.t_minus
        if count:
            self._start_rows(float(risk.share @ np.abs(self.y - self.raw())))

    def _start_rows(self, spread):
        """r⁺ and r⁻ of the residuals, both above 0 by ``spread``."""
        residual, spread = self.y - self.raw(), spread or 1.0
        self.r_plus = np.maximum(residual, 0.0) + spread
        self.r_minus = np.maximum(-residual, 0.0) + spread

    def _pairs(self):
        """Complementary pairs (primal, dual slack), each where it exists."""
        rows = self.rows
        return (
            (self.r_plus[rows], (self.high - self.a)[rows]),
            (self.r_minus[rows], (self.a - self.low)[rows]),
            (self.t_plus[self.up], (self.l1 - self.q)[self.up]),
            (self.t_minus[self.down], (self.l1 + self.q)[self.down]),
        )

    def raw(self, theta=None, b=None):
        """X θ + b about the center, without the offset."""
        theta, b = (self.theta if theta is None else theta), (self.b if b is None else b)
        return self.design.dot(theta[:, None])[:, 0] + b

    def transposed(self, a):
        """(X − c)ᵀa, 0 for features that are left out."""
        return np.where(self.out, 0.0, self.design.transposed_dot(a[:, None])[:, 0])

    def run(self, tol, max_iter):
        """Steps until the gap is below ``tol`` of the null risk, then the vertex."""
        scale, worse = self.risk.null_risk or 1.0, 0
        best: Stop | None = None
        for n_iter in range(max_iter + 1):
            found = self._certify(self.theta, self.b, self.a, n_iter)
            if best is None or found.gap < best.gap:
                best, worse = found, 0
                kept = self._kept(), self._interpolated()
            elif self._off(-found.point.gradient) <= _LEFT:
                worse += 1
            if best.gap <= tol * scale or worse >= 5 or n_iter == max_iter or not self._step():
                break
        return self._vertex(best, *kept, tol * scale)

    def _step(self):
        """One predictor and corrector; False where rounding leaves no way ahead."""
        with np.errstate(all="ignore"):
            system = NewtonStep(self)
            pairs = self._pairs()
            count = max(sum(len(x) for x, _ in pairs), 1)
            mu = sum(x @ z for x, z in pairs) / count
            move = system.direction(0.0, None)
            lengths = self._lengths(move)
            ahead = sum(
                (x + lengths[0] * dx) @ (z + lengths[1] * dz)
                for (x, z), (dx, dz) in zip(pairs, self._pair_moves(move), strict=True)
            )
            sigma = (ahead / count / mu) ** 3
            move = system.direction(sigma * mu, move)
            primal, dual = (min(_NEAR * length, 1.0) for length in self._lengths(move))
            if not min(primal, dual) >= _SHORT:  # products differ too much: first bring them nearer
                other = system.direction(_CENTERING * mu, None)
                lengths = [min(_NEAR * length, 1.0) for length in self._lengths(other)]
                if min(lengths) > min(primal, dual):
                    move, (primal, dual) = other, lengths
        if not all(np.isfinite(part).all() for part in move.values()) or max(primal, dual) < 1e-10:
            return False
        for name, change in move.items():
            size = dual if name in ("a", "q") else primal
            setattr(self, name, getattr(self, name) + size * change)
        return True

    def _pair_moves(self, move):
        rows, up, down = self.rows, self.up, self.down
        return (
            (move["r_plus"][rows], -move["a"][rows]),
            (move["r_minus"][rows], move["a"][rows]),
            (move["t_plus"][up], -move["q"][up]),
            (move["t_minus"][down], move["q"][down]),
        )

    def _lengths(self, move):
        """The longest primal and dual steps, below 1/0.995, that keep every slack positive."""
        pairs, moves = self._pairs(), self._pair_moves(move)
        longest = [1.0 / _NEAR, 1.0 / _NEAR]
        for pair, change in zip(pairs, moves, strict=True):
            for side in (0, 1):
                falling = change[side] < 0
                ratio = -pair[side][falling] / change[side][falling]
                longest[side] = min(longest[side], ratio.min(initial=np.inf))
        if not self.is_linear_program:  # θ is in the dual's equations too, or a in the primal ones
            longest = [min(longest)] * 2
        return longest

    def _off(self, slope):
        """How far q is from Xᵀa − λl₂θ where it did not start there: till then gaps may rise."""
        off = np.abs(slope - self.l2 * self.theta - self.q) / self.size
        return float(off[self.up != self.down].max(initial=0.0))

    # What is found --------------------------------------------------------------------------------

    def _certify(self, theta, b, a, n_iter):
        """The exact objective and its duality gap."""
        raw = self.raw(theta, b)
        offset = 0.0 if self.risk.offset is None else self.risk.offset[:, 0]
        value = self.risk.value_at((raw + offset)[:, None])
        if self.risk.fit_intercept:
            a = self._balanced(a)
        slope = self.design.transposed_dot(a[:, None])[:, 0]
        inside = np.where(self.out, 0.0, slope)
        free = self.penalty.free(len(slope)) | (self.alpha == 0)
        size = self.lengths_of_columns * np.linalg.norm(a)
        inside[free & (np.abs(slope) <= _LEFT * size)] = 0.0
        # Slopes within rounding of the L1 part's limit count as there, at a price; with an L2 part
        # if that is the smaller one, for λ below rounding.
        beyond = np.maximum(np.abs(inside) - self.l1, 0.0)
        cheaper = (self.l1 > 0) & (self.l2 == 0) | (beyond > 4.0 * self.l2 * np.abs(theta))
        beyond[(beyond > _ROUNDED * size) | ~cheaper] = 0.0
        inside -= np.copysign(beyond, inside)
        height, bend = a @ self.y, 0.5 * (self.bend * a @ a)
        at = self.penalty, inside[None], self.alpha
        scale, conjugate = best_scale(*at, lambda s: s * height - s**2 * bend)
        penalty = self.penalty.value(theta, self.alpha) if self.alpha else 0.0
        dual = scale * height - scale**2 * bend - conjugate
        gap = value + penalty - dual + 2.0 * beyond @ np.abs(theta)
        dof = np.nan if self.bend.any() else float(self._dof(theta))
        point = DualPoint(theta.copy(), np.array([b]), value, -slope, np.zeros(1), a)
        return Stop(point, max(gap, 0.0), n_iter, dof=dof)

    def _dof(self, theta):
        """Of a linear program, or with an L2 part, where repeated rows count once."""
        kept = np.flatnonzero(theta)
        if not (len(kept) and self.l2.any()):
            return len(kept)
        block = self._block(np.flatnonzero(self._interpolated()), kept)
        return max(np.linalg.matrix_rank(block) - self.risk.fit_intercept, 0) if block.size else 0

    def _balanced(self, a):
        """a with Σa = 0, moved within its box by what rounding has left."""
        room = np.minimum(self.high - a, a - self.low)
        return a - a.sum() * room / max(room.sum(), EPS)

    def _kept(self):
        """Features whose coefficient is not 0, by which of t and its slack is the smaller."""
        slack, size = (self.risk.null_risk or 1.0) / self.size, self.size
        by_up = self.up & (self.t_plus * size > slack * (self.l1 - self.q))
        by_down = self.down & (self.t_minus * size > slack * (self.l1 + self.q))
        return (by_up | by_down | ~(self.up | self.down)) & ~self.out

    def _interpolated(self):
        """Rows whose residual is 0: those with a inside its box, by the same comparison."""
        size = (self.risk.null_risk or 1.0) / self.steep
        width = np.where(self.rows, self.high - self.low, 1.0)
        above = self.r_plus * width < size * (self.high - self.a)
        below = self.r_minus * width < size * (self.a - self.low)
        return above & below & self.rows

    def _vertex(self, found, kept, rows, enough):
        """The same with exact zeros, and beside an L1 part at the vertex itself."""
        theta, b, a = found.point.theta, found.point.intercept[0], found.point.a
        zeros = self._certify(np.where(kept, theta, 0.0), b, a, found.n_iter)
        for _ in range(_ROUNDS if self.l2.any() else 1):
            if not self._has_vertex(rows.sum(), kept.sum()):
                break
            solved, at, dual = self._solved(theta, b, a, kept, rows)
            inside = np.clip(dual, self.low, self.high)
            candidate = self._certify(solved, at, inside, found.n_iter)
            if candidate.gap <= max(found.gap, enough):
                return candidate
            theta, a, kept, rows = self._corrected(theta, kept, rows, solved, at, dual)
        return zeros if zeros.gap <= max(found.gap, enough) else found

    def _has_vertex(self, n_rows, n_kept):
        """Whether these rows and features tell the solution, by equations worth their cost."""
        if self.l2.any():
            return bool(self.l1.any()) and not self.bend.any()
        return 0 < n_rows + n_kept <= 2 * len(self.y)

    def _block(self, at, which):
        """Some rows and columns of X − c, with a column of ones for the intercept."""
        block = self.risk.X[at][:, which]
        block = block.toarray() if issparse(block) else block
        block = np.subtract(block, self.design.center[which], dtype=np.float64)
        return np.column_stack([block, np.ones(len(at))]) if self.risk.fit_intercept else block

    def _solved(self, theta, b, a, kept, rows):
        """θ and b from the rows interpolated, or where the loss bends; a from the features kept.

        Of the θ and a given the signs count, and the nearer end of a row's box.
        """
        which, at = np.flatnonzero(kept), np.flatnonzero(rows)
        signs, theta, block = np.sign(theta), np.zeros(len(kept)), self._block(at, which)
        a = np.where(2.0 * a > self.high + self.low, self.high, self.low)
        a[at] = 0.0
        missing = (signs * self.l1 - self.transposed(a))[which]
        missing = np.append(missing, -a.sum()) if self.risk.fit_intercept else missing
        l2 = np.append(self.l2[which], np.zeros(block.shape[1] - len(which)))
        if l2.any():
            solved, a[at] = penalized_saddle_point(block, l2, self.y[at], missing)
            theta[which] = solved[: len(which)]
        elif block.size:
            solved, a[at] = saddle_point(block, self.bend[at], self.y[at], missing)
            theta[which] = solved[: len(which)]
        if block.size:
            b = float(solved[-1]) if self.risk.fit_intercept else 0.0
        return theta, b, a

    def _corrected(self, before, kept, rows, theta, b, a):
        """θ, a, features and rows for the next round, by the conditions that the last one broke."""
        residual, q = self.y - self.raw(theta, b), self.transposed(a)
        above = 2.0 * a > self.high + self.low
        off = ~rows & self.rows & np.where(above, residual < 0, residual > 0)
        rows = rows & (self.low <= a) & (a <= self.high) | off
        crossed = (self.up | self.down) & (theta * before <= 0)
        drawn = ~kept & ((q > self.l1) & self.up | (q < -self.l1) & self.down)
        return np.where(drawn, q, theta), a, kept & ~crossed | drawn, rows
