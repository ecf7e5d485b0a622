"""The smooth part of an objective as the proximal gradient method sees it: squared error or a loss.

Both kinds of problem answer the same questions about θ of shape (K, p), the intercepts always at
their best: value, gradient, Hessian on a working set, and how far a point is from optimal.
"""

from __future__ import annotations

import numpy as np

from skreg._kernels import losses
from skreg.penalties import Separable
from skreg.penalties.base import Penalty
from skreg.quadratic.hessian import Hessian, QuadraticHessian
from skreg.quadratic.point import Point, RowPoint, intercept_block, own_weights
from skreg.quadratic.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import Array
from skreg.solvers.certificate import Certificate
from skreg.solvers.known_slopes import KnownSlopes
from skreg.solvers.method import Stop, Task
from skreg.solvers.newton import Newton
from skreg.solvers.working_hessian import FLOOR, raised
from skreg.solvers.working_set import PenalizedQuadratic

# The intercepts' Newton steps go this far at first, and twice as far each time.
_REACH = 20.0
_STEPS = 100
# Curvature of a risk that is next to linear in them.
_FLAT = 1e-30


class Evaluator:
    """Makes `Point`s of coefficients.

    ``certificate`` is that of the risk, and ``tol`` the relative duality gap that intercepts have
    to serve.
    """

    def __init__(self, certificate, tol):
        self.risk, self._certificate = certificate.risk, certificate
        design = self.risk.design
        self._known = KnownSlopes(design, lambda: np.sqrt(design.squares(np.ones(design.shape[0]))))
        # ∂R/∂b that a counterweight makes good at a small share of the gap asked for.
        weight = certificate.counterweight.smallest if self.risk.fit_intercept else 0.0
        self.total_tol = 1e-3 * min(max(tol, 1e-12), 1e-3) * weight

    def __call__(self, theta, intercept, model=None):
        """The point at θ, whose best intercept is near ``intercept``.

        With a `WorkingHessian` that keeps its columns, θ is 0 outside these and the gradient is
        found on them alone.
        """
        risk, k = self.risk, self.risk.n_outputs
        kept = model is not None and model.columns is not None
        raw = model.dot(theta) if kept else risk.design.dot(theta.reshape(k, -1).T)
        if risk.offset is not None:
            raw += risk.offset
        raw += intercept
        if risk.fit_intercept:
            intercept, derivatives, total = self._best_intercept(raw, intercept)
        else:
            derivatives = risk.derivatives_at(raw)
            total = np.add.reduce(derivatives[1], axis=0)
        value, residual, curvature = derivatives
        unknown = np.zeros(theta.shape)
        point = RowPoint(theta, intercept, value, unknown, total, raw, residual, curvature, False)
        if kept:
            point.gradient[model.which] = model.transposed_dot(residual)
        else:
            self.complete(point)
        return point

    def unpenalized(self) -> Stop:
        """The minimizer of R alone, by Newton's method, which knows where there is none."""
        task = Task(self.risk, Separable(0.0), np.zeros(1), tol=1e-10, max_iter=1000)
        found = Newton().path(task)
        assert found.intercepts is not None  # of a loss a method tells them
        theta, b, steps = found.thetas[0], found.intercepts[0], int(found.n_iter[0])
        point = self(theta.ravel(), b + theta @ self.risk.design.center)
        gap, notes = self._certificate.gap_of_small(point, 0.0), tuple(found.notes)
        return Stop(point, gap, steps, steps, has_minimizer=found.has_minimizer, notes=notes)

    def complete(self, point):
        """Find the whole gradient."""
        if not point.complete:
            kept = self.risk.n_outputs == 1
            point.gradient = -self._known.found(point.residual, kept)
            point.complete = True

    def knows(self, slope):
        """Whether this is a slope of the last pass over X, and right in all features."""
        return self._known.is_last(slope)

    def slope_by(self, model, points, weights, alpha):
        """A function of the `linear_residual` of these points, in place of −Xᵀr: see `KnownSlopes`.

        None where it would be of no use.
        """
        penalty, inner = self._certificate.penalty, model.inner
        is_plain = self.risk.n_outputs == 1 and inner.is_exact
        if not (is_plain and self._known) or penalty.is_bounded(self.risk.n_features):
            return None
        own = inner.slope
        if self.risk.fit_intercept:
            total = weights @ np.array([point.total for point in points])
            own = own - model.intercept_way_back(total)
        given = model.which, own, inner.blocks.terms[0], alpha
        return lambda residual: self._known.nearly(residual, *given)

    def _best_intercept(self, raw, intercept):
        """(b, the derivatives, ∂R/∂b) from ``raw``, which has ``intercept`` in it and is changed.

        Newton's method, until a counterweight makes good what is left of ∂R/∂b.
        """
        loss, risk, reach = self.risk.loss, self.risk, _REACH
        if loss.has_identity_link:  # b has the units of y
            reach = max(reach, float(np.abs(raw).max(initial=0.0)))
        steps = losses.InterceptSteps(reach)
        if loss.is_compiled and not loss.coupled:
            at = loss.name, risk.y, raw, risk.share, intercept[0], steps, self.total_tol, _STEPS
            b, slope, derivatives = losses.centered(*at, loss.parameter)
            return np.array([b]), derivatives, np.array([slope])
        intercept = np.array(intercept, dtype=np.float64)
        for _ in range(_STEPS):
            derivatives = _, residual, curvature = risk.derivatives_at(raw)
            total = np.add.reduce(residual, axis=0)
            if not np.abs(total).max() > self.total_tol:  # NaN, far away: no point to stay at
                return intercept, derivatives, total
            if loss.coupled:
                new = intercept - _shared_step(intercept_block(risk, curvature), total)
            else:
                new = np.array([steps.next(intercept[0], total[0], curvature.sum())])
            if (new == intercept).all():  # as near as rounding lets it
                return intercept, derivatives, total
            raw += new - intercept
            intercept = new
        derivatives = risk.derivatives_at(raw)
        return intercept, derivatives, np.add.reduce(derivatives[1], axis=0)


def _shared_step(block, total):
    """Newton's step of the intercepts of a softmax, so short that the risk falls.

    Along a step s the curvature grows by exp((max s − min s)·t) at most, so the slope has kept its
    sign at t = log(1 + width)/width. With a curvature that is too large it has, too: where there
    is none, the step is long.
    """
    values, vectors = np.linalg.eigh(block + np.trace(block) / len(block))
    values = np.maximum(values, max(1e-13 * values[-1], _FLAT))
    step = vectors @ ((vectors.T @ (total - total.mean())) / values)
    step -= step.mean()
    width = np.ptp(step)
    return step * (np.log1p(width) / width if width > 0.5 else 1.0)  # else all of it is best


class SquaredErrorPart:
    """Squared error as its quadratic ½θᵀHθ − hᵀθ + ½‖b‖², summed over targets."""

    is_quadratic, has_flat_parts = True, False

    def __init__(self, quadratic: Quadratic, penalty: Penalty):
        self.problem, self._penalized = quadratic, PenalizedQuadratic(quadratic, penalty)
        self.shape, self.null_risk = self._penalized.cross.shape, quadratic.null_risk
        self.diagonal = np.broadcast_to(self._penalized.width**2, self.shape)
        self.hessian = quadratic.hessian_at(np.zeros(self.shape), quadratic.y_mean)

    def at(self, theta: Array, near: Point | None = None) -> Point:
        """The point at θ (K, p)."""
        gradient, b = self.problem.gradient(theta), self.problem.y_mean
        value = self._penalized.risk(theta, -gradient)
        return Point(theta.ravel(), b, value, gradient.ravel(), np.zeros_like(b))

    def hessian_at(self, point: Point, floor: float = 0.0) -> QuadraticHessian:
        """H, the same everywhere."""
        return self.hessian

    def gap(self, point: Point, alpha: float, tol: float) -> float:
        """The duality gap at θ."""
        theta, gradient = (x.reshape(self.shape) for x in (point.theta, point.gradient))
        return self._penalized.gap(theta, -gradient, alpha)

    def unpenalized(self) -> Stop:
        """The minimizer of R alone."""
        point = self.at(self.problem.minimizer)
        return Stop(point, max(point.value - self.problem.minimum_risk, 0.0), 1, 1)


class LossPart:
    """The risk of any loss, the intercepts at their best as far as a gap of ``tol`` asks."""

    is_quadratic = False

    def __init__(self, risk: EmpiricalRisk, penalty: Penalty, tol: float):
        self.problem, self.penalty = risk, penalty
        self.shape = risk.n_outputs, risk.n_features
        self.null_risk, self.has_flat_parts = risk.null_risk, risk.loss.has_flat_parts
        self.certificate = Certificate(risk, penalty)
        self.evaluate = Evaluator(self.certificate, tol)
        self.unpenalized = self.evaluate.unpenalized
        self.diagonal = self._diagonal()

    def at(self, theta: Array, near: RowPoint | None = None) -> RowPoint:
        """The point at θ (K, p), whose intercepts are near those of another."""
        b = self.problem.null_intercept() if near is None else near.intercept
        with np.errstate(over="ignore", invalid="ignore"):
            return self.evaluate(np.ascontiguousarray(theta).ravel(), b)

    def hessian_at(self, point: RowPoint, floor: float = FLOOR) -> Hessian:
        """The Hessian of min_b R there; where the loss has flat parts, see `raised`."""
        if self.has_flat_parts:
            return Hessian(self.problem, raised(self.problem, point, floor))
        return Hessian(self.problem, point.curvature)

    def gap(self, point: RowPoint, alpha: float, tol: float) -> float:
        """The duality gap."""
        if alpha == 0:
            return self.certificate.gap_of_small(point, alpha)
        return self.certificate.gap(point, alpha, tol)

    def _diagonal(self):
        """An upper bound of the Hessian's diagonal at the null model.

        Where no row may have a curvature there, that of quadratics above the losses.
        """
        risk, curvature = self.problem, self.problem.null.curvature
        if risk.loss.has_flat_parts:
            above = risk.loss.majorizer(risk.y, risk.null.raw)
            curvature = np.maximum(curvature, risk.share[:, None] * above)
        weights = own_weights(risk, curvature)
        return np.stack([risk.design.squares(np.ascontiguousarray(w)) for w in weights.T])
