"""R + P for losses linear on either side of y and any penalty: interior points, with P as it is.

As in `skreg.solvers.interior_point` the residuals are r = r⁺ − r⁻, and a multiplier a of a row lies
between the slopes −s(1 − τ) and sτ of its share of the loss. A step of Newton's method toward
products r⁺(sτ − a) = r⁻(a + s(1 − τ)) = μ is a least-squares problem with weights
w = 1/(r⁺/(sτ − a) + r⁻/(a + s(1 − τ))) of the rows, and 1/s beside these slacks for Huber's loss.
Here P stands beside it unchanged,

    min over θ, b   ½Σᵢ wᵢ(eᵢ − xᵢ(θ − θ₀) − (b − b₀))² − Σᵢ aᵢ(xᵢθ + b) + P(θ; λ),

on a working set of features. `DualNewton` solves it where P is convex, `CompositeDescent` where it
is not, so that Xᵀa is in the sub-differential of P after a whole step, and zeros are exact. A dozen
steps lead to a gap of 1e-8.

A convex P gets the exact duality gap at a. For others the residual is the larger of how far θ is
from stationary under a,

    maxⱼ |rⱼ| / √(Σᵢ sᵢ(xᵢⱼ − cⱼ)²),    r the smallest sub-gradient of P at θ less Xᵀa,

and how far a is from a sub-gradient of the loss, Σᵢ (sᵢℓᵢ − aᵢrᵢ) relative to the null risk. Where
many rows are alike they may stop short of a vertex. Linear programs, lassos of P's slopes at the
last θ (Zou & Li, 2008), then descend, and one that does not move θ proves it stationary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, cast

import numpy as np

from skreg._threads import one_blas_thread
from skreg.penalties import Penalty, Separable
from skreg.quadratic.hessian import Hessian
from skreg.quadratic.point import RowPoint
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array
from skreg.solvers.certificate import Certificate
from skreg.solvers.composite import CompositeDescent, WorkingPenalty, unsettled, widened
from skreg.solvers.concave_grid import grid_above, lasso_of_slopes
from skreg.solvers.counterweight import fenchel_sum
from skreg.solvers.dual_newton import DualNewton
from skreg.solvers.interior_point import DualPoint, Iterate, solved
from skreg.solvers.method import Answer, Method, Stop, Task

# How near to the boundary a step goes; steps at a null model, and those in a row without progress.
_NEAR, _STEPS, _STALE = 0.995, 60, 40
# The next products as a share of the present ones: by how short the last step was, within these.
_LEAST, _MOST = 0.05, 0.8
# Products are kept above this share of what the gap, and the gap asked for, comes to.
_BEHIND = 0.02
# Proximal and Newton steps for one step here; the gap they leave, as a share of the products, and
# the same where P is convex.
_INNER, _SHARE, _CONVEX_SHARE = 1000, 1e-2, 1e-4
# The length of proximal steps grows by a factor where Newton's method takes fewer steps than this,
# up to an end, and falls otherwise; lengths tried for one step.
_LONGER, _EASY, _LONGEST, _SHORTER, _TRIES = 3.0, 20, 3e4, 0.1, 10
# What is first added to a Hessian, as a share of its diagonal, where these do not suffice.
_RIDGE = 1e-7
# Lassos in a row that finish a concave penalty.
_LASSOS = 20
# A relative gap of another method that is no matter of the last digits.
_STAGNANT = 1e-9
# Features up to which all of them are in the working set from the start.
_FEW = 100


class PenalizedInterior(Method):
    """The walk of `InteriorPath`, λ downwards; at λ = 0 as `InteriorPoint`."""

    name = "penalized_interior_point"
    scope = "any penalty under a pinball loss, or Huber's of far targets or few rows"
    needs: ClassVar = {"is_one_shot": (False,)}
    unit = "steps"

    def serves(self, task: Task) -> bool:
        """A quadratic that says little of the risk; or few rows, where proximal gradients are slow.

        With n < p these take 1.3 to 25 times as long, the longer the farther targets are from δ.
        """
        problem, penalty = task.problem, task.penalty
        serves = problem.is_piecewise_linear
        if not (serves or problem.is_quadratic or problem.n_outputs > 1):
            has_few_rows = problem.n_rows < problem.n_features and task.risk.loss.linear_sides
            serves = bool(has_few_rows) and penalty.kernel == "prox" and penalty.is_convex
        return serves and super().serves(task)

    def path(self, task: Task) -> Answer:
        """Follow the path downwards in λ.

        Examples
        --------
        >>> import numpy as np
        >>> from skreg.losses import Quantile
        >>> from skreg.penalties import Group
        >>> from skreg.quadratic.risk import EmpiricalRisk
        >>> from skreg.solvers import solve
        >>> X = np.random.default_rng(0).normal(size=(40, 3))
        >>> risk = EmpiricalRisk(X, X @ [[2.0], [1.0], [0.0]], Quantile(0.5))
        >>> found = solve(risk, Group(["a", "a", "b"]), 0.01)
        >>> found.coefs.round(6), found.solver
        (array([[2., 1., 0.]]), 'penalized_interior_point')
        """
        with one_blas_thread():
            return Answer.of(task, self.name, self._solved(task))

    def _solved(self, task: Task) -> Iterator[tuple[int, Stop]]:
        risk, penalty = task.risk, task.penalty
        path = InteriorPath(risk, penalty, task.tol, task.max_iter, *self._null(task))
        for i in task.descending().tolist():
            alpha = float(task.alphas[i])
            if alpha > 0 or penalty.is_bounded(risk.n_features):
                yield i, path.go(alpha)
            else:
                yield i, solved(replace(task, penalty=Separable(0.0)), alpha)

    def alpha_max(self, task: Task) -> float:
        """Of the dual point of the fit of the features without a penalty, within their bounds."""
        return self._null(task)[0]

    def _null(self, task: Task) -> tuple[float, Stop]:
        """λ_max, and that fit: all others may move at λ_max without a loss, but need not."""
        risk, alone = task.risk, task.penalty.bounds_alone()
        held = ~task.penalty.free(risk.n_features)
        with one_blas_thread():
            if alone is None or held.all():
                found = Iterate(risk, Separable(0.0), 0.0, held=held).run(1e-11, 200)
                gradient = found.point.gradient
            else:
                limits = cast(Separable, alone).limits(risk.n_features)
                inside = Separable(0.0, np.where(held, np.inf, 0.0), bounds=limits)
                path = InteriorPath(risk, inside, 1e-11, _STEPS)
                found = path.solve(0.0, path.start)
                gradient = -risk.design.transposed_dot(path.a[:, None])[:, 0]
        point = risk.at(found.point.theta, found.point.intercept)
        return task.penalty.alpha_max(gradient), found._replace(point=point)


def closer_inside(task: Task, i: int | np.intp, stop: Stop) -> Stop:
    """A stop of another method at the λ of place ``i``, or a better one by interior points.

    These are asked where the gap is too large, P is convex and the loss has linear sides: what is
    far out on them may leave a quadratic little to say.
    """
    alpha, tol = float(task.alphas[i]), max(task.tol, _STAGNANT)
    if stop.gap <= tol * task.problem.null_risk or alpha == 0 or not task.penalty.is_convex:
        return stop
    if task.problem.is_quadratic or task.risk.loss.linear_sides is None or task.risk.n_outputs > 1:
        return stop
    path = InteriorPath(task.risk, task.penalty, tol, task.max_iter)
    found = path.solve(alpha, path.start)
    return found._replace(n_expansions=stop.n_expansions) if found.gap < stop.gap else stop


class InteriorPath:
    """Solutions for λ that descend: each starts from the θ and b where the last has ended.

    The risk is of one target, ``max_iter`` steps are allowed for each λ, ``top`` solves every
    λ ≥ ``alpha_max``, and ``start`` is the model of an intercept alone.
    """

    def __init__(
        self,
        risk: EmpiricalRisk,
        penalty: Penalty,
        tol: float,
        max_iter: int,
        alpha_max: float = np.inf,
        top: Stop | None = None,
    ):
        self.risk, self.penalty, self.alpha_max, self.top = risk, penalty, alpha_max, top
        self.scale, self.max_iter = risk.null_risk or 1.0, max_iter
        self.tol = max(tol, 64 * EPS) + risk.rounding.value / self.scale
        self.certificate = Certificate(risk, penalty)
        null = risk.at(np.zeros(risk.n_features), risk.null_intercept())
        self.widths = np.sqrt(risk.design.squares(risk.share))
        assert risk.loss.linear_sides is not None
        above, below = risk.loss.linear_sides
        # What a unit of residuals costs.
        self.steep = above + below
        # Rows without weight have a box, too, in which a stays 0.
        self.rows = risk.share > 0
        size = np.where(self.rows, risk.share, 1.0)
        self.high, self.low = size * above, -size * below
        self.bend = risk.loss.conjugate_curvature / size
        # A proximal step by which residuals change as much as there is: of each feature's own units
        # where the penalty is separable, or there is none.
        free = penalty.free(risk.n_features)
        spread = np.sqrt(risk.about_mean(self.widths**2, risk.share))
        typical = float(np.median(spread[spread > 0])) if spread.any() else 1.0
        width = np.where((spread > 0) & (free | penalty.is_separable), spread, typical)
        self.reach = self.scale / (self.steep * width) ** 2
        self.start = self.last = Stop(null, 0.0 if risk.null_risk == 0 else np.inf, dof=0)
        self.n_grid, self.on_grid = 0, self.start

    def go(self, alpha: float) -> Stop:
        """The solution at λ = ``alpha``, from the last; by way of `grid_above` if P is concave."""
        if self.risk.null_risk == 0:
            return self.start
        if alpha >= self.alpha_max > 0 and self.top and self.top.gap <= self.tol * self.scale:
            return self.top
        if self.penalty.is_convex:
            self.last = self.solve(alpha, self.last)
            return self.last
        for at in grid_above(alpha, self.alpha_max)[self.n_grid :]:
            self.n_grid, self.on_grid = self.n_grid + 1, self.solve(float(at), self.on_grid)
        return self.solve(alpha, self.on_grid)

    def solve(self, alpha: float, near: Stop) -> Stop:
        """The solution from that at another λ.

        Where columns are on scales far apart the dual of the inner problem may be too stiff.
        """
        point = cast(RowPoint, near.point)
        found = self._walk(alpha, point, by_dual=self.penalty.is_convex)
        if self.penalty.is_convex and not found.gap <= self.tol * self.scale:
            other = self._walk(alpha, point, by_dual=False)
            found = min(found, other, key=lambda stop: stop.gap)
        missed = not found.gap <= self.tol * self.scale
        if missed and not self.penalty.is_convex:
            return self._reweighted(alpha, found)
        if missed and alpha > 0 and self.risk.has_curvature:
            # The dual point of the residuals themselves may be a better one.
            gap = self.certificate.gap(found.point, alpha, self.tol * self.scale)
            found = found._replace(gap=min(found.gap, gap))
        return found

    def _walk(self, alpha: float, point: RowPoint, *, by_dual: bool) -> Stop:
        """Steps until the gap is small, the inner problems by one way or the other."""
        self._begin(point)
        best, gap, length, stale = Stop(point, np.inf, dof=0), 1.0, 0.0, 0
        for n_iter in range(1, self.max_iter + 1):
            above, below = self.high - self.a, self.a - self.low
            if not min(above.min(), below.min()) > 0:  # rounding leaves no way ahead
                break
            products = self.r_plus * above + self.r_minus * below
            mu = float(products.mean()) / 2.0
            share = float(np.clip((1.0 - length) ** 2, _LEAST, _MOST)) if n_iter > 1 else 1.0
            behind = _BEHIND * self.scale / (2 * len(products))
            mu = max(share * mu, behind * self.tol, min(behind * gap, mu))
            found, length = self._step(alpha, mu, by_dual)
            gap = self._error(found, alpha, self.a)
            stale = 0 if gap * self.scale < 0.9 * best.gap else stale + 1
            if gap * self.scale < best.gap:
                best = Stop(found, gap * self.scale, dof=self._dof())
            if gap <= self.tol or not np.isfinite(gap) or stale >= _STALE:
                break
        return best._replace(n_iter=n_iter)

    def _reweighted(self, alpha: float, best: Stop) -> Stop:
        """A better point by lassos in the place of P; the same where its slopes are not known."""
        lasso = lasso_of_slopes(self.penalty, best.point.theta, alpha)
        for _ in range(_LASSOS):
            left = min(_STEPS, self.max_iter - best.n_iter)
            if lasso is None or left < 1:
                break
            found = Iterate(self.risk, lasso, 1.0).run(0.1 * self.tol, left)
            dual, theta = cast(DualPoint, found.point), found.point.theta
            point = self.risk.at(theta, dual.intercept)
            gap = self._error(point, alpha, dual.a) * self.scale
            best = best._replace(n_iter=best.n_iter + found.n_iter)
            if gap < best.gap:
                best = best._replace(point=point, gap=gap, dof=found.dof)
            if gap <= self.tol * self.scale:
                break
            lasso = lasso_of_slopes(self.penalty, theta, alpha)
        return best

    def _begin(self, point: RowPoint) -> None:
        """Positive slacks about the residuals of a point, and multipliers of 0."""
        self.theta, self.b = point.theta, point.intercept
        self.ridge, self.stretch = 0.0, 1.0
        residual = (self.risk.y - point.raw)[:, 0]
        spread = 0.1 * self.scale / self.steep
        self.r_plus = np.maximum(residual, 0.0) + spread
        self.r_minus = np.maximum(-residual, 0.0) + spread
        self.a, self.raw, self.features = np.zeros(len(residual)), point.raw, np.empty(0, np.intp)
        if len(point.theta) <= _FEW:
            self.features = np.arange(len(point.theta))

    def _step(self, alpha: float, mu: float, by_dual: bool) -> tuple[RowPoint, float]:
        """Toward products of ``mu``: the point a whole step away, and the length that was gone."""
        above, below = self.high - self.a, self.a - self.low
        weights = self.rows / (self.bend + self.r_plus / above + self.r_minus / below)
        error = (self.risk.y - self.raw)[:, 0] - mu / above + mu / below - self.bend * self.a
        theta, b, change = self._least_squares(alpha, weights, error, mu, by_dual)
        plus = mu / above - self.r_plus + self.r_plus / above * change
        minus = mu / below - self.r_minus - self.r_minus / below * change
        primal = min(_longest(self.r_plus, plus), _longest(self.r_minus, minus))
        dual = min(_longest(above, -change), _longest(below, change))
        if self.bend.any():  # a is in the equations of the residuals, too
            primal = dual = min(primal, dual)
        found = self.risk.at(theta, b)
        self.theta = self.theta + primal * (theta - self.theta)
        self.b = self.b + primal * (b - self.b)
        self.raw = self.raw + primal * (found.raw - self.raw)
        self.r_plus, self.r_minus = self.r_plus + primal * plus, self.r_minus + primal * minus
        self.a = self.a + dual * change
        return found, min(primal, dual)

    def _least_squares(self, alpha: float, weights: Array, error: Array, mu: float, by_dual: bool):
        """θ and b of the weighted problem beside P, and what they add to a."""
        size = mu * len(weights)
        short = 1.0 / max(float(self.risk.design.squares(weights).sum()), EPS)
        while True:
            if by_dual:
                theta, b, change = self._by_dual(alpha, weights, error, _CONVEX_SHARE * size)
            else:
                theta, b, change = self._by_descent(alpha, weights, error, _SHARE * size)
            slope = self.risk.design.transposed_dot((self.a + change)[:, None])[:, 0]
            if not self._widen(theta, slope, short, alpha):
                return theta, self.b + b, change

    def _by_dual(self, alpha: float, weights: Array, error: Array, goal: float):
        """Beside a proximal term, too, which fades: steps grow while they come easily."""
        on, risk = self.features, self.risk
        penalty = WorkingPenalty(self.penalty, alpha, on, (1, risk.n_features))
        block, origin, intercept = risk.design.columns(on), self.theta[on], risk.fit_intercept
        inner = DualNewton(block, penalty, origin, weights, error, self.a, intercept)
        for _ in range(_TRIES):
            theta, b, change, is_solved = inner.solve(self.stretch * self.reach[on], goal)
            factor = _LONGER if inner.n_iter < _EASY else _SHORTER
            self.stretch = min(factor * self.stretch, _LONGEST)
            if is_solved:
                break
        return penalty.whole(theta)[0], b, change

    def _by_descent(self, alpha: float, weights: Array, error: Array, goal: float):
        """From the last point, with a ridge that grows where descent does not end."""
        risk, total = self.risk, float(weights.sum())
        level = (weights @ error + self.a.sum()) / total if risk.fit_intercept else 0.0
        pull = risk.design.transposed_dot((weights * (error - level) + self.a)[:, None])[:, 0]
        on, origin = self.features, self.theta[None, self.features]
        block = Hessian(risk, weights[:, None]).block(on)
        if self.ridge > 0:
            block = block + self.ridge * np.diag(block).max(initial=0.0) * np.eye(len(on))
        penalty = WorkingPenalty(self.penalty, alpha, on, (1, risk.n_features))
        descent = CompositeDescent(block, pull[None, on], penalty, origin, origin)
        theta = penalty.whole(descent.solve(goal, _INNER))[0]
        spent = descent.n_iter >= _INNER
        self.ridge = max(10.0 * self.ridge, _RIDGE) if spent else 0.1 * self.ridge
        rest = error - risk.design.dot((theta - self.theta)[:, None])[:, 0]
        b = (weights @ rest + self.a.sum()) / total if risk.fit_intercept else 0.0
        return theta, b, weights * (rest - b)

    def _widen(self, theta: Array, slope: Array, short: float, alpha: float) -> bool:
        """Take in what a short proximal step would not leave at 0; whether there was anything."""
        before = len(self.features)
        if before < len(theta):
            at = theta[None], -slope[None]
            self.features = widened(self.features, self.penalty, *at, short, alpha)
        return len(self.features) > before

    # How far from optimal ------------------------------------------------------------------------

    def _error(self, point: RowPoint, alpha: float, a: Array) -> float:
        """The relative duality gap, or the residual of the module's head."""
        residual = -np.where(self.rows, a, 0.0)[:, None]
        if self.penalty.is_convex:
            certificate = self.certificate if alpha > 0 else self._alone
            goal = self.tol * self.scale
            gap = certificate.gap_by(point, residual, alpha, goal)[0]
            if gap == np.inf:  # it is above the goal: by how much?
                gap = certificate.gap_by(point, residual, alpha, np.inf)[0]
            return gap / self.scale
        theta, slope = point.theta[None], self.risk.design.transposed_dot(residual).T
        short = 1e-3 * self.scale / max(float(self.widths @ self.widths), EPS)
        rest = unsettled(self.penalty, theta, slope, short, alpha, self.widths[None])
        return max(float(rest.max(initial=0.0)), self._loose(point, residual) / self.scale)

    def _loose(self, point: RowPoint, residual: Array) -> float:
        """Σᵢ sᵢ(ℓᵢ + ℓ*ᵢ(uᵢ) − uᵢfᵢ) ≥ 0: 0 where −a = su is a sub-gradient."""
        linear = point.raw if self.risk.offset is None else point.raw - self.risk.offset
        return point.value - fenchel_sum(self.risk, residual) - float(np.vdot(residual, linear))

    @cached_property
    def _alone(self) -> Certificate:
        """Of the bounds, which are all there is at λ = 0."""
        return Certificate(self.risk, self.penalty.bounds_alone() or self.penalty)

    def _dof(self) -> float:
        """Rows that are interpolated, but for the one of the intercept (Li & Zhu, 2008).

        NaN where the loss has a curvature: they are counted by that.
        """
        if self.risk.has_curvature:
            return np.nan
        width = self.high - self.low
        above = self.r_plus * width < self.scale * (self.high - self.a)
        below = self.r_minus * width < self.scale * (self.a - self.low)
        count = int(np.count_nonzero(above & below & self.rows))
        return max(count - self.risk.fit_intercept, 0)


def _longest(x: Array, change: Array) -> float:
    """The longest step up to 1 that keeps x well above 0."""
    falling = change < 0
    return min(1.0, _NEAR * float(np.min(-x[falling] / change[falling], initial=np.inf)))
