"""Duality gaps of rows in chunks: by sums over the rows, as a pass tells them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from skreg.penalties import Penalty
from skreg.quadratic.chunk_risk import ChunkRisk
from skreg.quadratic.point import Point
from skreg.rows.products import Array
from skreg.solvers.certificate import Certificate, class_mixing, mixing_share


class ChunkCertificate(Certificate):
    """The `Certificate` of a risk whose rows are not at hand.

    The natural dual point, scaled, needs none of them; that is what a gap is taken by. It says
    little until features without a penalty are at their best to nine digits.
    """

    def __init__(self, risk: ChunkRisk, penalty: Penalty) -> None:
        self.chunks = risk
        self.start(risk, penalty)
        kind = _ClassSums if risk.loss.coupled else _NullSides
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


class _NullSides:
    """Fixed dual points of either sign: the residuals of constants beside that of the null model.

    At u = ℓ′(b) Fenchel's equality tells −Σ s·ℓ*(u) = R − bΣsu.
    """

    def __init__(self, risk: ChunkRisk) -> None:
        self.parts = {}
        for side in risk.null_model.sides:
            weight = float(side.total[0])
            dual = side.value - weight * float(side.intercept[0])
            self.parts[1 if weight > 0 else -1] = side.gradient, dual, weight

    def mix(self, total):
        """As of the counterweights of `Certificate`; residuals are not at hand."""
        total = float(total[0])
        part = self.parts.get(-1 if total > 0 else 1)
        if total == 0 or part is None:
            return 0.0, 0.0, 0.0, None
        gradient, dual, weight = part
        return mixing_share(total, weight), gradient, dual, None


class _ClassSums:
    """Dual points of constant probabilities, see `class_mixing`."""

    def __init__(self, risk: ChunkRisk) -> None:
        moments = risk.moments
        self.frequency = moments.y_mean
        center, scale = risk.passes.rows.center, risk.scale
        self.mean = (moments.x_mean - center) / scale
        # Σ s·yₖ(x − c) from the moments about the means.
        about = moments.xy.T / moments.weight / scale
        self.targets = about + np.outer(self.frequency, self.mean)

    def mix(self, total):
        """As of the counterweights of `Certificate`."""
        share, q = class_mixing(total, self.frequency)
        gradient = (np.outer(q, self.mean) - self.targets).ravel()
        inside = q[q > 0]
        return share, gradient, -float(inside @ np.log(inside)), None
