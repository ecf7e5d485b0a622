"""L1 and elastic net under any loss: proximal Newton along a path, with a certificate at every λ.

At a point θ the risk is replaced by its quadratic, with the gradient g there and a Hessian H that may
be older, and the quadratic's lasso on a working set gives the next point (Lee, Sun & Saunders, 2014).
Written as ½θᵀHθ + Nᵀθ with N = g − Hθ, all that a step needs to know is N, a smooth function of λ
along the path. So the first point at a new λ takes N *extrapolated* from the last few λ, by the
degree that would have served best at the last of them; mostly one more step, or none, is enough.

Steps are accepted on sufficient decrease of the objective (the intercepts always at their best), and
shortened if need be, with a Hessian taken anew first: convergence is global. H is renewed when the
steps that its age has cost weigh as much as a new one.
"""

import warnings
from collections import deque
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skreg._kernels import coordinate_descent as kernel
from skreg.solvers.duality import Certificate, Point
from skreg.solvers.solution import Solution
from skreg.solvers.working_hessian import WorkingHessian

EPS = np.finfo(np.float64).eps
# Coefficients that join the working set at once: this many, or as many as it has non-zeros.
_BATCH = 100
# Points that the extrapolation looks back on.
_MEMORY = 5
# A step must gain this share of what the quadratic promises (Armijo).
_ARMIJO = 1e-4
# λ falls at most by this factor between points; a path with wider steps goes through more λ.
_STRIDE = 0.3
# Quadratics for one λ, where the caller sets no limit.
_MAX_EXPANSIONS = 200
# The intercepts' Newton steps go this far at first, and twice as far each time.
_REACH = 20.0
_INTERCEPT_STEPS = 100
# Curvatures below this share of their mean are raised to it; more when steps prove too long.
_FLOOR = 1e-6


def solve_proximal_newton(
    risk, alphas, penalty, *, hessian="full", max_expansions=None, tol=1e-6, max_iter=10_000
):
    """argmin R(θ, b) + λJ(θ) for each λ, J an L1 or elastic-net penalty, under any loss.

    Parameters
    ----------
    risk : LinearRisk
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    penalty : Separable
    hessian : {"full", "diagonal", "pca"}, default="full"
        The form of H where ``max_expansions=1``; the exact solution needs "full".
    max_expansions : int or None, default=None
        Quadratics for each λ. None takes as many as ``tol`` wants. 1 takes one for all λ, around the
        minimiser of R (where there is none, of R + λ₀·½‖θ‖²) and solves its lasso.
    tol : float, default=1e-6
        Duality gap, relative to the risk of the null model, at which a λ counts as solved.
    max_iter : int, default=10000
        Passes of coordinate descent for each λ.

    Returns
    -------
    Solution
        ``dof`` counts the non-zero coefficients and those without a penalty, ``norms`` are J's L1
        part ‖θ‖₁, ``dual_gaps`` are relative to the risk of the null model.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import BinaryLogLoss
    >>> from skreg.penalties.separable import Separable
    >>> from skreg.quadratic.risk import LinearRisk
    >>> from skreg.solvers.proximal_newton import solve_proximal_newton
    >>> X = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    >>> risk = LinearRisk(X, np.array([[0.0], [1.0], [0.0], [1.0]]), BinaryLogLoss())
    >>> solve_proximal_newton(risk, np.array([0.5, 0.25]), Separable(), tol=1e-9).coefs.round(6)
    array([[0.      , 0.      ],
           [1.098612, 0.      ]])
    """
    path = _Path(risk, penalty, tol, max_iter, max_expansions or _MAX_EXPANSIONS)
    order = np.argsort(-alphas, kind="stable")
    results = [None] * len(alphas)
    for i in order:
        results[i] = path.solve(alphas[i])
    return _solution(risk, penalty, alphas, results, path, tol, max_iter)


def alpha_max(risk, penalty):
    """The smallest λ at which every penalised coefficient is 0.

    ‖∂R/∂θⱼ‖/(ρfⱼ) at its largest, where θ = 0 but for features without a penalty, which are at their
    best beside the intercept.
    """
    path = _Path(risk, penalty, 1e-10, 10_000, _MAX_EXPANSIONS)
    return path.alpha_max


@dataclass(frozen=True)
class _Result:
    theta: np.ndarray
    intercept: np.ndarray
    value: float
    gap: float
    passes: int
    expansions: int


class _Path:
    """Solves for one λ after another, downwards."""

    def __init__(self, risk, penalty, tol, max_iter, max_expansions):
        self.risk, self.penalty = risk, penalty
        self.max_iter, self.max_expansions = max_iter, max_expansions
        p, k = risk.n_features, risk.n_outputs
        self.l1, self.l2 = np.tile(penalty.l1(p), k), np.tile(penalty.l2(p), k)
        self.positive = penalty.positive
        self.certificate = Certificate(risk, self.l1, self.l2, penalty.positive)
        self.free = self.certificate.free
        self.null_risk = risk.null_risk
        # Not below what rounding leaves in a sum of losses.
        self.tol = max(tol, 64 * EPS) * self.null_risk
        self.floor = _FLOOR
        # ∂R/∂b that a counterweight makes good at a small share of the gap asked for.
        self.total_tol = 1e-3 * min(max(tol, 1e-12), 1e-3) * self.certificate.smallest_weight
        self.model, self.age_cost = None, 0.0
        self.history = deque(maxlen=_MEMORY)
        intercept = risk.null_intercept() if risk.fit_intercept else np.zeros(k)
        self.point = self.evaluate(np.zeros(k * p), intercept)
        self.passes = self.expansions = 0
        if self.free.size:
            self._fit_free()
        pull = -self.point.gradient.reshape(k, p)
        self.alpha_max = penalty.alpha_max(-pull)
        self.alpha = self.alpha_max

    # One λ ---------------------------------------------------------------------------------------

    def solve(self, alpha):
        """`_Result` at this λ, not above the last one."""
        self.passes = self.expansions = 0
        if alpha >= self.alpha_max:
            gap = self.certificate.gap(self.point, alpha, self.tol, self._corrected)
            if gap <= self.tol or not self.free.size:
                return self._result(self.point, gap)
        if not self.history:
            self.history.append((self.alpha, self.point))
        goal = self.tol
        while np.isfinite(self.alpha) and alpha < _STRIDE * self.alpha:
            self._to(max(alpha, _STRIDE * self.alpha), max(goal, 1e-3 * self.null_risk))
            if self.passes >= self.max_iter or self.alpha <= alpha:
                break
            self.passes = 0
            if self.alpha <= 1e-12 * self.alpha_max:
                break
        gap = self._to(alpha, goal)
        return self._result(self.point, gap)

    def _result(self, point, gap):
        return _Result(
            point.theta,
            point.intercept,
            point.value,
            gap,
            max(self.passes, 1),
            max(self.expansions, 1),
        )

    def _to(self, alpha, goal):
        """Bring ``self.point`` to λ = ``alpha``; the gap reached."""
        point, gap = self._first(alpha, goal)
        point, gap = self._iterate(point, gap, alpha, goal)
        if alpha == self.alpha:
            self.history.clear()
        self.point, self.alpha = point, alpha
        self.history.append((alpha, point))
        return gap

    def _first(self, alpha, goal):
        """The better of the last point and the one predicted from the last few."""
        last = self.point
        self._choose(alpha)
        predicted = self.evaluate(self._minimise(alpha, self._extrapolated(alpha), last.theta),
                                  self._extrapolated_intercept(alpha))
        gap = self._gap(predicted, alpha, goal)
        if gap <= goal:
            return predicted, gap
        self.age_cost += self._evaluation_cost
        objective = self.certificate.objective
        if objective(predicted, alpha) <= objective(last, alpha):
            return predicted, gap
        return last, self._gap(last, alpha, goal)

    def _iterate(self, point, gap, alpha, goal):
        while gap > goal and self.passes < self.max_iter and self.expansions < self.max_expansions:
            self._admit(point, alpha)
            if self.age_cost > self._renewal_cost:
                self._renew(point)
            new = self._step(point, alpha)
            if new is None:
                break
            point, gap = new, self._gap(new, alpha, goal)
            if gap > goal:
                self.age_cost += self._evaluation_cost
        return point, gap

    def _step(self, point, alpha):
        """A point of lower objective, or None where rounding leaves none to be found."""
        way, promise = self._direction(point, alpha)
        objective = self.certificate.objective(point, alpha)
        rounding = 4 * EPS * objective
        if promise < -rounding:
            new = self.evaluate(point.theta + way, point.intercept + self._intercept_way(way))
            if self.certificate.objective(new, alpha) <= objective + _ARMIJO * promise + rounding:
                self.floor = max(_FLOOR, self.floor / 10)
                return new
        if self.model_point is not point:
            self._renew(point)
            return self._step(point, alpha)
        length = 0.5
        while promise < -rounding and length > 1e-10:
            new = self.evaluate(
                point.theta + length * way, point.intercept + length * self._intercept_way(way)
            )
            if self.certificate.objective(new, alpha) <= objective + _ARMIJO * length * promise:
                self.floor = min(1.0, 100 * self.floor) if length < 0.1 else self.floor
                return new
            length *= 0.5 if length > 0.1 else 0.1
        return None

    def _direction(self, point, alpha):
        """From ``point`` to the minimiser of its quadratic, and the change that promises."""
        which, penalty = self.model.which, self.certificate.penalty
        rest = point.gradient[which] - self.model.matrix @ point.theta[which]
        target = self._minimise(alpha, rest, point.theta)
        way = target - point.theta
        change = penalty(target, alpha) - penalty(point.theta, alpha)
        return way, float(point.gradient @ way) + change

    # The quadratic -------------------------------------------------------------------------------

    def _minimise(self, alpha, rest, start):
        """argmin ½θᵀHθ + restᵀθ + λJ(θ) over the working set, from ``start``."""
        which = self.model.which
        hessian, theta = self.model.matrix, start[which]
        l1, l2 = alpha * self.l1[which], alpha * self.l2[which]
        if l2.any():
            hessian = hessian.copy()
            hessian[np.diag_indices_from(hessian)] += l2
        fitted = hessian @ theta
        slope = -rest - fitted
        slack = 16 * EPS * (np.abs(rest) + l1)
        made, _ = kernel.descend(
            hessian,
            -rest,
            slack,
            l1,
            theta,
            slope,
            float(abs(theta @ fitted)) + 2 * self.null_risk,
            1e-3 * self.tol,
            self.max_iter - self.passes,
            self.positive,
        )
        self.passes += made
        self.expansions += 1
        out = np.zeros_like(start)
        out[which] = theta
        return out

    def _extrapolated(self, alpha):
        """N at λ = ``alpha`` by the polynomial through the last points that predicts best."""
        which, matrix = self.model.which, self.model.matrix
        thetas = np.array([point.theta[which] for _, point in self.history])
        rests = np.array([point.gradient[which] for _, point in self.history]) - thetas @ matrix
        alphas = np.array([a for a, _ in self.history])
        self.weights = _best_weights(alphas, rests, alpha)
        return self.weights @ rests[-len(self.weights) :]

    def _extrapolated_intercept(self, alpha):
        intercepts = np.array([point.intercept for _, point in self.history])
        return self.weights @ intercepts[-len(self.weights) :]

    def _intercept_way(self, way):
        if not self.risk.fit_intercept:
            return 0.0
        return self.model.intercept_way(way[self.model.which])

    # The working set -----------------------------------------------------------------------------

    def _choose(self, alpha):
        """The working set of the first step at this λ: the supports so far, and who may join."""
        last = self.point
        expected = last.gradient
        if len(self.history) > 1:
            (before, earlier), (now, _) = self.history[-2], self.history[-1]
            expected = expected + (alpha - now) / (now - before) * (last.gradient - earlier.gradient)
            bound = 0.98 * alpha * self.l1
        else:
            bound = max(2 * alpha - self.alpha, 0.5 * alpha) * self.l1
        inside = np.zeros(len(expected), dtype=bool)
        for _, point in self.history:
            inside |= point.theta != 0
        inside[self.free] = True
        self._join(inside, self._pull(expected) - bound)

    def _admit(self, point, alpha):
        """Take coefficients at 0 that are drawn away from it into the working set."""
        bound = alpha * self.l1
        excess = self._pull(point.gradient) - bound - 16 * EPS * bound
        self._join(point.theta != 0, excess)

    def _join(self, needed, excess):
        known = self.model.which if self.model is not None else np.empty(0, dtype=np.intp)
        wanted = needed | (excess > 0)
        wanted[known] = False
        new = np.flatnonzero(wanted & ~needed)
        batch = max(_BATCH, np.count_nonzero(needed))
        if len(new) > batch:
            drop = np.argpartition(-excess[new], batch)[batch:]
            wanted[new[drop]] = False
        new = np.flatnonzero(wanted)
        if self.model is None:
            self._renew(self.point, new)
        elif len(new):
            self.model.extend(new)

    def _pull(self, gradient):
        return -gradient if self.positive else np.abs(gradient)

    # The Hessian ---------------------------------------------------------------------------------

    def _renew(self, point, which=None):
        """Take the Hessian at ``point``; more damped where it was taken there already."""
        if which is None:
            which = self.model.which
            inside = (point.theta != 0) | (self._pull(point.gradient) > 0.9 * self.alpha * self.l1)
            for _, other in self.history:
                inside |= other.theta != 0
            inside[self.free] = True
            which = which[inside[which]]
        self.model = WorkingHessian(self.risk, _floored(point, self.risk, self.floor), which)
        self.model_point, self.age_cost = point, 0.0

    @property
    def _evaluation_cost(self):
        return 4.0 * self.risk.n_features * self.risk.n_outputs

    @property
    def _renewal_cost(self):
        return float(len(self.model.which)) ** 2

    # Points --------------------------------------------------------------------------------------

    def _gap(self, point, alpha, goal):
        return self.certificate.gap(point, alpha, goal, self._corrected)

    def evaluate(self, theta, intercept):
        """The risk at θ with the intercepts brought to their best from here."""
        risk = self.risk
        k = risk.n_outputs
        raw = risk.design.dot(theta.reshape(k, -1).T)
        if risk.offset is not None:
            raw += risk.offset[:, None]
        if risk.fit_intercept:
            raw += intercept
            intercept, (value, residual, curvature) = self._best_intercept(raw, intercept)
        else:
            value, residual, curvature = risk.derivatives_at(raw)
        gradient = risk.design.transposed_dot(residual).T.ravel()
        total = residual.sum(axis=0)
        return Point(theta, intercept, value, residual, curvature, gradient, total)

    def _best_intercept(self, raw, intercept):
        """(b, the derivatives there) from ``raw``, which has ``intercept`` in it and is changed.

        Newton's method, until a counterweight makes good what is left of ∂R/∂b.
        """
        reach, intercept = _REACH, np.array(intercept, dtype=np.float64)
        low, high = np.full((2, len(intercept)), np.inf) * [[-1], [1]]
        for _ in range(_INTERCEPT_STEPS):
            derivatives = self.risk.derivatives_at(raw)
            _, residual, curvature = derivatives
            total = residual.sum(axis=0)
            if np.abs(total).max() <= self.total_tol:
                break
            if self.risk.loss.coupled:
                weighted = self.risk.share[:, None] * curvature
                block = np.diag(weighted.sum(axis=0)) - weighted.T @ curvature
                new = intercept - np.clip(np.linalg.pinv(block, hermitian=True) @ total, -5, 5)
            else:
                high = np.where(total > 0, intercept, high)
                low = np.where(total > 0, low, intercept)
                bend = np.maximum(curvature.sum(axis=0), np.abs(total) / reach)
                new = intercept - total / bend
                reach *= 2
                outside = (new <= low) | (new >= high)
                if outside.any():
                    new = 0.5 * (low + high)
            raw += new - intercept
            intercept = new
        else:
            derivatives = self.risk.derivatives_at(raw)
        return intercept, derivatives

    # Features without a penalty ------------------------------------------------------------------

    def _fit_free(self):
        """Bring the features without a penalty to their best at θ = 0 for the others."""
        self._renew(self.point, self.free)
        for _ in range(_MAX_EXPANSIONS):
            new = self._step(self.point, 0.0)
            if new is None:
                break
            self.point = new
            self._renew(new, self.free)
        self.model = None

    def _corrected(self, point):
        """Residual and q after the Newton step that takes the free features' share of q away."""
        risk, p, k = self.risk, self.risk.n_features, self.risk.n_outputs
        free = self.free[point.theta[self.free] != 0] if self.positive else self.free
        curvature = _floored(point, risk, _FLOOR)
        model = WorkingHessian(risk, curvature, free)
        residual, slope = point.residual, -point.gradient
        for _ in range(2):
            part, shift = model.solve(-slope[free], residual.sum(axis=0))
            step = np.zeros(k * p)
            step[free] = part
            z = risk.design.dot(step.reshape(k, p).T) + shift
            if risk.loss.coupled:
                z -= (curvature * z).sum(axis=1, keepdims=True)
                z *= risk.share[:, None]
            residual = residual - curvature * z
            slope = -risk.design.transposed_dot(residual).T.ravel()
        if self.positive and (slope[self.free] > 1e-9 * np.abs(slope).max()).any():
            slope[self.free] = np.inf
        return residual, slope


def _floored(point, risk, floor):
    """The curvature with none far below the mean, so that the quadratic has a minimiser."""
    if risk.loss.coupled:
        return point.curvature
    mean = float(point.curvature.mean())
    if mean == 0:
        return risk.share[:, None].copy()
    return np.maximum(point.curvature, floor * mean)


def _best_weights(alphas, values, alpha):
    """Weights of the last rows of ``values`` that extrapolate them to ``alpha``.

    As many rows as would have told the last row from those before it best.
    """
    best, least = 1, np.inf
    for degree in range(1, len(alphas)):
        weights = _lagrange(alphas[-1 - degree : -1], alphas[-1])
        error = np.abs(weights @ values[-1 - degree : -1] - values[-1]).max(initial=0.0)
        if error < least:
            best, least = degree, error
    return _lagrange(alphas[-best:], alpha)


def _lagrange(nodes, x):
    """Weights of a polynomial's values at ``nodes`` in its value at x."""
    others = ~np.eye(len(nodes), dtype=bool)
    ratio = np.divide(x - nodes, nodes[:, None] - nodes, out=np.ones((len(nodes),) * 2), where=others)
    return ratio.prod(axis=1)


def _solution(risk, penalty, alphas, results, path, tol, max_iter):
    k, p = risk.n_outputs, risk.n_features
    thetas = np.array([result.theta for result in results]).reshape(-1, k, p)
    intercepts = np.array([result.intercept for result in results]).reshape(-1, k)
    intercepts = intercepts - thetas @ risk.design.centre
    gaps = np.array([result.gap for result in results]) / (path.null_risk or 1.0)
    inside = thetas != 0
    if (gaps > max(tol, 64 * EPS)).any():
        worst = gaps.argmax()
        warnings.warn(
            f"the proximal Newton method stopped (max_iter={max_iter} passes) with a relative "
            f"duality gap of {gaps[worst]:.1e} at alpha={alphas[worst]:.6g}, above tol={tol:g}. "
            "Raise max_iter, or accept this accuracy by raising tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return Solution(
        alphas=alphas,
        coefs=(thetas[:, 0] if k == 1 else thetas).astype(risk.dtype),
        intercepts=(intercepts[:, 0] if k == 1 else intercepts).astype(risk.dtype),
        dof=inside.sum(axis=(1, 2)).astype(np.float64),
        norms=np.abs(thetas).sum(axis=(1, 2)),
        risk=np.array([result.value for result in results]),
        dual_gaps=gaps,
        n_iter=np.array([result.passes for result in results]),
        solver="proximal_newton",
        n_expansions=np.array([result.expansions for result in results]),
    )
