"""Duality gaps of rows in chunks: by sums over the rows, as a pass tells them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from skreg.penalties import Penalty
from skreg.quadratic.chunk_risk import ChunkRisk
from skreg.quadratic.point import Point
from skreg.rows.products import Array
from skreg.solvers.certificate import Certificate
from skreg.solvers.counterweight import ClassSums, NullSides


class ChunkCertificate(Certificate):
    """The `Certificate` of a risk whose rows are not at hand.

    The natural dual point, scaled, needs none of them; that is what a gap is taken by. It says
    little until features without a penalty are at their best to nine digits.
    """

    def __init__(self, risk: ChunkRisk, penalty: Penalty) -> None:
        self.chunks = risk
        self.start(risk, penalty)
        kind: Any = ClassSums if risk.loss.coupled else NullSides
        self.counterweight = kind(risk) if risk.fit_intercept else None

    def gap(self, point: Point, alpha: float, tol: float) -> float:
        """An upper bound of objective(θ, b) − the minimum."""
        if not np.isfinite(point.gradient).all():
            return np.inf
        fenchel = point.value - point.gradient @ point.theta - point.total @ point.intercept
        objective, slope = self.objective(point, alpha), -point.gradient
        return self._bound(objective, fenchel, None, point.total, slope, alpha, 0.0)

    @cached_property
    def _steepest(self) -> Array:
        """√Hⱼⱼ·R₀ of each free feature, H and the risk R₀ those of the null model."""
        lengths = np.sqrt(self.chunks.null_hessian.diagonal[self.free])
        return lengths * np.sqrt(self.chunks.null_risk)
