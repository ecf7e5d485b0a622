"""The smooth part of an objective as the proximal gradient method sees it: squared error or a loss.

Both kinds of problem answer the same questions about θ of shape (K, p), the intercepts always at
their best: value, gradient, Hessian on a working set, and how far a point is from optimal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skreg.penalties import Separable
from skreg.penalties.base import Penalty
from skreg.quadratic.hessian import Hessian, QuadraticHessian
from skreg.quadratic.point import Point
from skreg.quadratic.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.certificate import Certificate, largest_scale
from skreg.solvers.evaluation import Evaluator
from skreg.solvers.method import Task
from skreg.solvers.newton import Newton

EPS = np.finfo(np.float64).eps
Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class State:
    """θ and what the risk says of it.

    Attributes
    ----------
    theta, gradient : ndarray of shape (K, p)
    value : float
        min_b R(θ, b).
    point : Point or None
        The same as an `EmpiricalRisk` tells it.
    """

    theta: Array
    value: float
    gradient: Array
    point: Point | None = None

    @property
    def known(self) -> Point:
        """The point of an `EmpiricalRisk`."""
        if self.point is None:
            raise ValueError("a state of squared error has no point: ask for its value.")
        return self.point


class SquaredErrorPart:
    """Squared error as its quadratic ½θᵀHθ − hᵀθ + ½‖b‖², summed over targets.

    Parameters
    ----------
    quadratic : Quadratic
    penalty : Penalty
    """

    is_quadratic = True

    def __init__(self, quadratic: Quadratic, penalty: Penalty):
        self.problem, self.penalty, self.form = quadratic, penalty, quadratic.form
        self.cross = np.ascontiguousarray(self.form.cross.T)
        self.shape = self.cross.shape
        self.power = float(self.form.power.sum())
        self.null_risk = 0.5 * self.power
        self.diagonal = np.broadcast_to(np.maximum(self.form.diagonal, 0.0), self.shape)
        self._grams = self.form.working_grams()
        self.hessian = QuadraticHessian(self.shape[1], self._grams, n_outputs=self.shape[0])

    def at(self, theta: Array, near: State | None = None) -> State:
        """The state at θ."""
        gradient = self.form.gradient(theta)
        value = 0.5 * (self.power + float(np.vdot(theta, gradient - self.cross)))
        return State(theta, max(value, 0.0), gradient)

    def hessian_at(self, state: State) -> QuadraticHessian:
        """H, the same everywhere."""
        return self.hessian

    def gap(self, state: State, alpha: float, tol: float) -> float:
        """The duality gap at θ, by the residual made orthogonal to features without a penalty.

        The dual point is that residual times the s which brings q into the domain of (λJ)*:
        D = s⟨b, r⟩ − ½s²‖r‖² − (λJ)*(sq), with ⟨b, r⟩ = ‖b‖² − ⟨θ, h⟩, ‖r‖² = ⟨b, r⟩ − ⟨θ, q⟩.
        """
        objective = state.value + self.penalty.value(state.theta, alpha)
        theta, slope = state.theta, -state.gradient
        free = self.penalty.free(self.shape[1])
        if free.any():
            theta, slope = self._settled(theta, slope, np.flatnonzero(free))
        along = self.power - float(np.vdot(theta, self.cross))
        square = max(along - float(np.vdot(theta, slope)), 0.0)
        scale, conjugate = largest_scale(self.penalty, slope, alpha)
        if square > 0 and conjugate == 0:
            scale = min(scale, along / square)
        dual = scale * along - 0.5 * scale**2 * square - conjugate
        return max(objective - dual, 0.0)

    def _settled(self, theta: Array, slope: Array, free: Indices) -> tuple[Array, Array]:
        """θ with free features at their best beside the others, and q, 0 on them."""
        # What is at a bound stays there: (λJ)* accounts for its q.
        loose = self.penalty.curvature(theta).active[:, free]
        moved = theta.copy()
        gram = self._grams(free)
        for one, rest, inside in zip(moved, slope, loose, strict=True):
            which = np.flatnonzero(inside)
            block = gram[np.ix_(which, which)]
            one[free[which]] += np.linalg.lstsq(block, rest[free[which]], rcond=None)[0]
        slope = -self.form.gradient(moved)
        reference = np.sqrt(self.diagonal[:, free] * self.power)
        settled = np.abs(slope[:, free]) <= 1e-9 * reference
        slope[:, free] = np.where(settled, 0.0, slope[:, free])
        return moved, slope

    def unpenalized(self) -> tuple[State, float]:
        """The minimizer of R alone, and its gap."""
        theta = self.problem.minimizer
        state = self.at(theta)
        return state, max(state.value - self.problem.minimum_risk, 0.0)

    def intercepts(self, states: list[State]) -> Array:
        """b of these states, shape (m, K)."""
        return self.problem.intercepts(np.array([s.theta for s in states]))


class LossPart:
    """The risk of any loss, the intercepts at their best.

    Parameters
    ----------
    risk : EmpiricalRisk
    penalty : Penalty
    tol : float
        Relative accuracy that intercepts have to serve.
    """

    is_quadratic = False

    def __init__(self, risk: EmpiricalRisk, penalty: Penalty, tol: float):
        self.problem, self.penalty = risk, penalty
        self.shape = risk.n_outputs, risk.n_features
        self.null_risk = risk.null_risk
        self.certificate = Certificate(risk, penalty)
        # ∂R/∂b that a counterweight makes good at a small share of the gap asked for.
        small = 1e-3 * min(max(tol, 1e-12), 1e-3)
        self.evaluate = Evaluator(risk, small * self.certificate.smallest_weight)
        null = self.at(np.zeros(self.shape))
        self.certificate.reference = float(np.abs(null.gradient).max(initial=0.0))
        self.diagonal = self._diagonal(null)

    def at(self, theta: Array, near: State | None = None) -> State:
        """The state at θ, whose intercepts are near those of another."""
        b = self.problem.null_intercept() if near is None else near.known.intercept
        with np.errstate(over="ignore", invalid="ignore"):
            point = self.evaluate(np.ascontiguousarray(theta).ravel(), b)
        return State(theta, point.value, point.gradient.reshape(self.shape), point)

    def hessian_at(self, state: State) -> Hessian:
        """The Hessian of min_b R there."""
        return Hessian(self.problem, state.known.curvature)

    def gap(self, state: State, alpha: float, tol: float) -> float:
        """The duality gap."""
        return self.certificate.gap(state.known, alpha, tol)

    def unpenalized(self) -> tuple[State, float]:
        """The minimizer of R alone, by Newton's method; its gap is not known."""
        task = Task(self.problem, Separable(0.0), np.zeros(1), tol=1e-10, max_iter=1000)
        theta = Newton().path(task).thetas[0]
        return self.at(theta), np.nan

    def intercepts(self, states: list[State]) -> Array:
        """b of these states, shape (m, K)."""
        thetas = np.array([s.theta for s in states])
        intercepts = np.array([s.known.intercept for s in states])
        return intercepts - thetas @ self.problem.design.centre

    def _diagonal(self, state):
        """An upper bound of the Hessian's diagonal at the null model."""
        risk, curvature = self.problem, state.known.curvature
        if risk.loss.coupled:
            curvature = risk.share[:, None] * curvature * (1.0 - curvature)
        return np.stack([risk.design.squares(np.ascontiguousarray(c)) for c in curvature.T])
