"""The λ of one training part of rows in chunks: where each begins, and where steps lead."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np

from skreg._kernels import extrapolation
from skreg.penalties import Penalty, Separable
from skreg.penalties.base import Mask
from skreg.quadratic.chunk_risk import LARGEST_PASS, ChunkRisk, look_at_null_models
from skreg.quadratic.expansion import ArrayExpansion
from skreg.quadratic.factor import DenseFactor, add_gauge
from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.point import Point
from skreg.rows.products import EPS, Array
from skreg.solvers.certificate import Certificate
from skreg.solvers.method import Method, Task
from skreg.solvers.proximal_gradient import ProximalGradient
from skreg.solvers.working_set import ActiveSet, BlockDescent

# What minimizes a quadratic beside a penalty that is not smooth.
_METHODS: tuple[Method, ...] = (ActiveSet(), BlockDescent(), ProximalGradient())
# Solved λ that another is begun from.
_NEIGHBORS = 4
# The relative gap of the quadratics between two passes: to rounding.
_INNER = 1e-15


class Walk:
    """The solutions of one training part so far, and what steps of its λ have in common.

    Parameters
    ----------
    risk : ChunkRisk
    penalty : Penalty
        Convex, in its simplest form.
    aim : float
        The gap, or gradient norm where the penalty is smooth, at which a λ counts as solved.

    Attributes
    ----------
    solved : list of (float, Point, DenseHessian or None)
        λ, its solution and the last second derivatives on the way.
    """

    def __init__(self, risk: ChunkRisk, penalty: Penalty, aim: float) -> None:
        self.risk, self.penalty, self.aim = risk, penalty, aim
        self.shape = K, p = risk.n_outputs, risk.n_features
        self.is_bounded = penalty.is_bounded(p)
        self.is_ridge = penalty.is_smooth and penalty.kernel == "coordinates"
        self.kept, self.factors = np.ones(K * p, dtype=bool), np.zeros(K * p)
        if self.is_ridge and isinstance(penalty, Separable):
            self.kept = np.tile(~penalty.excluded(p), K)
            self.factors = np.tile(penalty.l2(p), K)
        self.free = penalty.free(p)
        self.inner = _of_all_outputs(penalty, K, p)
        self.certificate = Certificate(risk, penalty)
        self.solved: list[tuple[float, Point, DenseHessian | None]] = []
        # Passes that second derivatives may cost: n·p²·K(K + 1)/2 flops beside those of gradients.
        self.patience = p * (K + 1) / 24
        null, unit = risk.null_hessian.diagonal, risk.null_risk or 1.0
        self._scale = np.sqrt(np.where(null > 0, null, 1.0) * unit)
        self._scale_b = np.sqrt(np.maximum(risk.null.bends, EPS) * unit)

    @property
    def at_once(self) -> int:
        """Points whose second derivatives may be held at a time."""
        return max(LARGEST_PASS // (8 * self.kept.size**2), 1)

    def objective(self, point: Point, alpha: float) -> float:
        """R + P."""
        return self.certificate.objective(point, alpha)

    def is_smooth_at(self, alpha: float) -> bool:
        """Whether the objective has a gradient at this λ."""
        return self.is_ridge or (alpha == 0 and not self.is_bounded)

    def measure(self, point: Point, alpha: float) -> float:
        """The relative gap; if there is a gradient its norm, see `Descent.gradient_norm`."""
        if not np.isfinite(point.value):
            return np.inf
        if not self.is_smooth_at(alpha):
            return self.gap(point, alpha)
        slope = (point.gradient + alpha * self.factors * point.theta) / self._scale
        norm = float(np.abs(slope[self.kept]).max(initial=0.0))
        return max(norm, float(np.abs(point.total / self._scale_b).max(initial=0.0)))

    def gap(self, point: Point, alpha: float) -> float:
        """The duality gap, relative to the risk of the null model."""
        unit = self.risk.null_risk or 1.0
        gap = self.certificate.gap(point, alpha, 0.0) / unit
        if gap <= self.aim:
            return gap
        return min(gap, self.certificate.gap_of_small(point, alpha) / unit)

    def predicted(self, alpha: float) -> tuple[Array, Array, DenseHessian]:
        """θ and b to begin a λ with, and second derivatives from nearby."""
        nodes = [node for node in self.solved if node[0] > 0]
        if not nodes or (alpha == 0 and len(nodes) == 1):
            null = self.risk.null
            return *self.target(null, self.risk.null_hessian, alpha), self.risk.null_hessian
        log = np.log([node[0] for node in nodes])
        away = np.abs(log - (np.log(alpha) if alpha > 0 else log.min()))
        order = np.argsort(away, kind="stable")
        hessian = next(h for i in order if (h := nodes[i][2]) is not None)
        if alpha == 0:
            point = nodes[order[0]][1]
            return *self.target(point, hessian, alpha), hessian
        near = order[:_NEIGHBORS]
        weights = extrapolation.lagrange(log[near].tolist(), float(np.log(alpha)))
        mixed = hessian.inverse_bb @ hessian.mixed if len(hessian.inverse_bb) else None
        rest, at_zero = np.zeros(self.kept.size), np.zeros(self.shape[0])
        for share, i in zip(weights, near, strict=True):
            point = nodes[i][1]
            rest += share * (point.gradient - hessian.matrix @ point.theta)
            if mixed is not None:
                at_zero += share * (point.intercept + mixed @ point.theta)
        return *self._least(hessian, -rest, at_zero, alpha), hessian

    def target(self, point: Point, hessian: DenseHessian, alpha: float) -> tuple[Array, Array]:
        """Where the quadratic about a point, with these second derivatives, is least with P."""
        if not self.kept.any():
            step_b = hessian.inverse_bb @ point.total if len(hessian.inverse_bb) else 0.0
            return point.theta, point.intercept - step_b
        if self.is_smooth_at(alpha):
            slope = point.gradient + alpha * self.factors * point.theta
            step, shift = np.zeros(self.kept.size), np.zeros(self.shape[0])
            step[self.kept], shift = self._factor(hessian, alpha).solve(
                slope[self.kept], point.total
            )
            if self.risk.loss.coupled:  # what is common to all classes is 0 at the minimum
                step = (step.reshape(self.shape) - step.reshape(self.shape).mean(axis=0)).ravel()
                shift = shift - shift.mean()
            return point.theta + step, point.intercept + shift
        at = point.theta, point.intercept, point.gradient, point.total
        return self._least(hessian, *hessian.expanded(*at), alpha)

    def _factor(self, hessian: DenseHessian, alpha: float) -> DenseFactor:
        kept, gauge = self.kept, hessian.gauge
        if kept.all():
            return hessian.factor(alpha * self.factors)
        gauge = None if gauge is None else gauge[kept[: self.shape[1]]]
        ridge, mixed = alpha * self.factors[kept], hessian.mixed[:, kept]
        return DenseFactor(
            hessian.block(np.flatnonzero(kept)), ridge, gauge, mixed, hessian.inverse_bb
        )

    def _least(
        self, hessian: DenseHessian, cross: Array, at_zero: Array, alpha: float
    ) -> tuple[Array, Array]:
        """argmin ½θᵀHθ − hᵀθ + P(θ; λ), and the intercepts that go with it."""
        risk, mixed = self.risk, hessian.inverse_bb @ hessian.mixed
        if self.is_smooth_at(alpha):
            theta = np.zeros(cross.size)
            if self.kept.any():
                factor = self._factor(hessian, alpha)
                theta[self.kept] = factor.inverse_times(cross[self.kept])
        else:
            if self.risk.loss.coupled and self.free.any():
                hessian = _held_together(hessian, self.free)
            quadratic = ArrayExpansion(
                hessian, cross, at_zero, np.zeros(self.shape[1]), risk.weight, risk.n_rows,
                risk.fit_intercept,
            )  # fmt: skip
            task = Task(quadratic, self.inner, np.array([alpha]), tol=_INNER)
            theta = next(m for m in _METHODS if m.serves(task)).path(task).thetas[0].ravel()
        b = at_zero - mixed @ theta if len(mixed) else np.zeros(self.shape[0])
        return theta, b


def _of_all_outputs(penalty: Penalty, K: int, p: int) -> Penalty:
    """The penalty of K·p coefficients in a row."""
    if K == 1:
        return penalty
    if not isinstance(penalty, Separable):
        raise ValueError(
            f"{penalty!r} with {K} classes needs the rows themselves. Use the elastic net, or give "
            "X and y as arrays."
        )
    return penalty.repeated(K, p)


def _held_together(hessian: DenseHessian, free: Mask) -> DenseHessian:
    """With curvature for what is common to all classes in features without a penalty."""
    assert hessian.gauge is not None
    held = copy(hessian)
    held.matrix = hessian.matrix.copy()
    add_gauge(held.matrix, np.where(free, hessian.gauge, 0.0))
    return held


def walks_of(risks: Sequence[ChunkRisk], penalty: Penalty, aims: Sequence[float]) -> list[Walk]:
    """A walk for each risk, whose null models are found together."""
    new = [risk for risk in risks if "null_model" not in vars(risk)]
    if new:
        look_at_null_models(new)
    return [Walk(risk, penalty, aim) for risk, aim in zip(risks, aims, strict=True)]
