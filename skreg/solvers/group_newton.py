"""The group lasso for any loss: proximal Newton by working sets of groups, λ downwards.

On the working set the risk is replaced by its quadratic about the current point, the intercepts at
their best; the quadratic's group lasso gives the next point, and a line search on the objective
makes this converge from anywhere (Lee, Sun & Saunders, 2014). The Hessian is taken anew when steps
gain little. The gradient over all features says which groups were missed.
"""

from dataclasses import replace

import numpy as np

from skreg._kernels import group_descent, lasso_gap
from skreg.quadratic.group_lasso import warn, working_blocks
from skreg.quadratic.hessian import DenseHessian
from skreg.solvers.certificate import Certificate
from skreg.solvers.newton import solve_newton
from skreg.solvers.solution import Solution, as_seen

EPS = np.finfo(np.float64).eps
# Features that join the working set at once: this many, or as many as are in it.
_BATCH = 100
# A step must gain this share of what the quadratic promises (Armijo).
_ARMIJO = 1e-4
# The Hessian is taken anew where a step promises more than this share of what the last one did.
_STALE = 0.05
# Curvatures below this share of the largest are raised to it, and to ten times more wherever a step
# proves too long: at 1 the quadratic is above a risk whose curvature is bounded, as huber's.
_FLOOR = 1e-6
# Passes for one quadratic, and quadratics for one λ.
_MAX_INNER = 200
_MAX_EXPANSIONS = 200


class GroupPath:
    """Solves for one λ after another, downwards; remembers its working set.

    Parameters
    ----------
    risk : LinearRisk
    penalty : Group
    tol : float
        Duality gap relative to the risk of the null model.
    max_iter : int
        Passes over the groups for each λ.

    Attributes
    ----------
    point : Point
        The last solution.
    alpha_max : float
    """

    def __init__(self, risk, penalty, tol=1e-8, max_iter=10_000):
        self.risk, self.penalty, self.max_iter, self.given_tol = risk, penalty, max_iter, tol
        self.blocks, self.weights = working_blocks(penalty)
        self.free = bool(self.weights[0] == 0)
        self._by_block = np.concatenate(self.blocks)
        self._block_starts = np.cumsum([0, *(len(block) for block in self.blocks[:-1])])
        # Not below what rounding leaves in a sum of losses.
        self.tol = max(tol, 64 * EPS) * risk.null_risk
        self.certificate = Certificate(risk, penalty)
        self.members = np.arange(int(self.free))
        self.floor = _FLOOR
        self.passes = self.expansions = 0
        k, p = risk.n_outputs, risk.n_features
        intercept = risk.null_intercept() + 0.0
        self.point = risk.at(np.zeros(k * p), intercept)
        self._take_working_set()
        if self.free:
            self.point = self._whole(
                self._minimise(self._inside(self.point), 0.0, EPS * risk.null_risk)
            )
        norms = self._norms(self.point.gradient)
        on = self.weights > 0
        self.alpha_max = float((norms[on] / self.weights[on]).max(initial=0.0))
        self.alpha = self.alpha_max

    def solution(self, alphas):
        """`Solution` for these λ."""
        k, p = self.risk.n_outputs, self.risk.n_features
        n = len(alphas)
        coefs, intercepts = np.zeros((n, k, p)), np.zeros((n, k))
        risk, gaps, dof = np.zeros((3, n))
        n_iter, expansions = np.ones((2, n), dtype=int)
        positive = np.flatnonzero(alphas > 0)
        order = positive[np.argsort(-alphas[positive], kind="stable")]
        for i, following in zip(order, [*alphas[order[1:]], None], strict=False):
            gaps[i] = self.solve(alphas[i])
            point = self.point
            coefs[i] = point.theta.reshape(k, p)
            intercepts[i] = point.intercept - coefs[i] @ self.risk.design.centre
            n_iter[i], expansions[i] = max(self.passes, 1), max(self.expansions, 1)
            if following is not None:  # the Hessian that dof takes then begins the next λ
                self.prepare(following)
            risk[i], dof[i] = point.value, self.dof()
        if (zero := np.flatnonzero(alphas == 0)).size:
            free = solve_newton(
                self.risk, np.zeros(1), None, max_expansions=None, tol=1e-10, max_iter=100
            )
            coefs[zero] = free.coefs.reshape(k, p)
            intercepts[zero] = free.intercepts.reshape(k)
            risk[zero], dof[zero], gaps[zero] = free.risk[0], free.dof[0], np.nan
        gaps /= self.risk.null_risk or 1.0
        if positive.size:
            spent = (n_iter >= self.max_iter) | (expansions >= _MAX_EXPANSIONS)
            asked = alphas[positive], gaps[positive], self.given_tol, spent[positive]
            warn(*asked, self.max_iter, stacklevel=3)
        return Solution(
            alphas=alphas,
            **as_seen(self.risk, coefs, intercepts),
            dof=dof,
            norms=np.array([self.penalty.value(coef) for coef in coefs]),
            risk=risk,
            dual_gaps=gaps,
            n_iter=n_iter,
            solver="proximal_newton",
            n_expansions=expansions,
        )

    def solve(self, alpha):
        """Bring ``point`` to λ = ``alpha``, not above the last one; the duality gap reached."""
        self.passes = self.expansions = 0
        self.prepare(alpha)
        self.alpha, strength, goal = alpha, alpha * self.weights, 0.3 * self.tol
        while True:
            before = self.passes
            self.point = self._whole(self._minimise(self._inside(self.point), alpha, goal))
            gap = self.certificate.gap(self.point, alpha, self.tol)
            spent = self.passes >= self.max_iter or self.expansions >= _MAX_EXPANSIONS
            if gap <= self.tol or spent:
                return gap
            if not self._grow(strength * (1 + 1e-10), strength):
                goal *= 0.1  # what a step promises said less of the gap than was hoped
                if goal < EPS * self.tol or self.passes == before:
                    return gap

    def prepare(self, alpha):
        """Set the working set for λ = ``alpha`` by the strong rule (Tibshirani et al., 2012)."""
        self._shrink()
        self._grow(min(alpha, 2 * alpha - self.alpha) * self.weights, alpha * self.weights)

    def dof(self):
        """tr H(H + P)⁻¹ over the active groups, H taken at the solution."""
        if not len(self.features):
            return 0.0
        self._expand(self._inside(self.point))
        theta = np.ascontiguousarray(self._inside(self.point).theta[self.order])
        return group_descent.degrees_of_freedom(
            self.hessian, self.starts, self.alpha * self.weights[self.members], theta[None]
        )

    # Minimising on the working set ---------------------------------------------------------------

    def _minimise(self, point, alpha, goal):
        """The point of the working set's risk from which a step promises less than ``goal``."""
        if not len(self.features):
            return point
        last = np.inf
        while self.passes < self.max_iter and self.expansions < _MAX_EXPANSIONS:
            fresh = self.hessian is None
            if fresh:
                self._expand(point, self.floor)
            theta, intercept = self._step(point, alpha)
            promise = self._promise(point, theta, intercept, alpha)
            if promise > point.value + alpha * self._penalty(point.theta) and self.floor < 1:
                # More than there is, as losses are not negative.
                self.hessian, self.floor = None, min(10.0 * self.floor, 1.0)
                continue
            if promise > _STALE * last and not fresh:
                self.hessian, last = None, np.inf
                continue
            last = promise
            new = self._search(point, theta, intercept, promise, alpha)
            if new is None:
                if fresh:
                    return point
                self.hessian = None
                continue
            point = new
            if promise <= goal:
                break
        return point

    def _step(self, point, alpha):
        """Minimiser of the quadratic at ``point`` plus λJ: θ on the working set, and b."""
        c = self.curvature
        with_b = c.inverse_bb @ point.total[: len(c.inverse_bb)]
        slope = np.ascontiguousarray((with_b @ c.mixed - point.gradient)[self.order])
        theta = np.ascontiguousarray(point.theta[self.order])
        fitted = self.hessian @ theta
        cross, start = fitted + slope, theta.copy()
        weights = self.weights[self.members]
        passes, _ = group_descent.descend(
            self.hessian,
            cross[None],
            self.starts,
            alpha * weights,
            16 * EPS * alpha * weights,
            self.vectors,
            self.values,
            theta[None],
            slope[None],
            abs(start @ (cross + slope)) + 2.0 * point.value,
            0.01 * self.tol,
            min(self.max_iter - self.passes, _MAX_INNER),
        )
        self.passes += passes
        self.expansions += 1
        new = np.empty_like(theta)
        new[self.order] = theta
        intercept = point.intercept.copy()
        if len(c.inverse_bb):
            intercept -= with_b + c.inverse_bb @ (c.mixed @ (new - point.theta))
        return new, intercept

    def _promise(self, point, theta, intercept, alpha):
        """By how much the objective falls along the step, to first order in R."""
        change = point.gradient @ (theta - point.theta) + point.total @ (
            intercept - point.intercept
        )
        return alpha * (self._penalty(point.theta) - self._penalty(theta)) - change

    def _search(self, point, theta, intercept, promise, alpha):
        """The point at the step, or at a part of it, that gains enough; None if there is none."""
        objective = point.value + alpha * self._penalty(point.theta)
        room = 8 * EPS * abs(objective)
        length = 1.0
        while length > 1e-10:
            new = self.part.at(
                point.theta + length * (theta - point.theta) if length < 1 else theta,
                point.intercept + length * (intercept - point.intercept),
            )
            new_objective = new.value + alpha * self._penalty(new.theta)
            if new_objective <= objective - _ARMIJO * length * promise + room:
                if length < 1:
                    self.hessian = None
                    self.floor = min(10.0 * self.floor, 1.0)
                else:
                    self.floor = max(0.1 * self.floor, _FLOOR)
                return new
            length *= 0.5
        return None

    def _penalty(self, theta):
        ordered = theta[self.order]
        squares = np.add.reduceat(ordered * ordered, self.starts[:-1])
        return float(self.weights[self.members] @ np.sqrt(squares))

    def _expand(self, point, floor=_FLOOR):
        """Take the quadratic at ``point`` of the working set's risk."""
        curvature, share = point.curvature, self.risk.share[:, None]
        if not self.risk.loss.coupled:
            largest = np.divide(
                curvature, share, out=np.zeros_like(curvature), where=share > 0
            ).max()
            curvature = np.maximum(curvature, floor * largest * share)
        self.curvature = DenseHessian(self.part, curvature)
        hessian = np.ascontiguousarray(self.curvature.matrix)
        self.hessian = lasso_gap.submatrix(hessian, self.order)
        self.vectors, self.values = group_descent.block_eigen(self.hessian, self.starts)

    # The working set -----------------------------------------------------------------------------

    def _take_working_set(self):
        """Features, coefficients by groups, and the risk over the members' features alone."""
        k, p = self.risk.n_outputs, self.risk.n_features
        blocks = [self.blocks[g] for g in self.members]
        self.features = np.sort(np.concatenate([*blocks, np.empty(0, dtype=np.intp)]))
        place = np.zeros(p, dtype=np.intp)
        place[self.features] = np.arange(len(self.features))
        classes = len(self.features) * np.arange(k)
        by_group = [np.add.outer(classes, place[block]).ravel() for block in blocks]
        self.order = np.concatenate([*by_group, np.empty(0, dtype=np.intp)])
        self.starts = np.cumsum([0, *(len(one) for one in by_group)]).astype(np.intp)
        self.part = self.risk.restricted(self.features)
        self.hessian = None

    def _shrink(self):
        """Start anew from the active groups where they are few beside the working set."""
        active = np.flatnonzero(self._norms(self.point.theta) > 0)
        active = np.union1d(active, np.arange(int(self.free)))
        size = sum(len(self.blocks[g]) for g in active)
        if 3 * size + _BATCH < len(self.features):
            self.members = active
            self._take_working_set()

    def _grow(self, threshold, strength):
        """Add the groups whose gradient exceeds the threshold; whether there were any."""
        pull = self._norms(self.point.gradient)
        new = pull > threshold
        new[self.members] = False
        new = np.flatnonzero(new)
        if not new.size:
            return False
        sizes = np.array([len(self.blocks[g]) for g in new])
        by_promise = np.argsort(strength[new] / np.maximum(pull[new], strength[new] * EPS))
        room = max(_BATCH, len(self.features))
        take = max(1, np.searchsorted(np.cumsum(sizes[by_promise]), room, "right"))
        self.members = np.sort(np.concatenate([self.members, new[by_promise[:take]]]))
        self._take_working_set()
        return True

    def _norms(self, x):
        """‖x_g‖ of each block, over all classes, for x of shape (K·p,)."""
        squares = np.square(x.reshape(self.risk.n_outputs, -1)).sum(axis=0)
        return np.sqrt(np.add.reduceat(squares[self._by_block], self._block_starts))

    def _inside(self, point):
        """The point seen from the working set, outside which θ is zero."""
        k = self.risk.n_outputs
        theta, gradient = (
            x.reshape(k, -1)[:, self.features].ravel() for x in (point.theta, point.gradient)
        )
        return replace(point, theta=theta, gradient=gradient)

    def _whole(self, point):
        """The point of the working set's risk as one over all features."""
        k, p = self.risk.n_outputs, self.risk.n_features
        theta = np.zeros((k, p))
        theta[:, self.features] = point.theta.reshape(k, -1)
        gradient = self.risk.design.transposed_dot(point.residual).T.ravel()
        return replace(point, theta=theta.ravel(), gradient=gradient)
