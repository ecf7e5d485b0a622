"""Dual points whose sum is of the other sign, by which the intercept's condition is met."""

from __future__ import annotations

import numpy as np

from skreg.quadratic.chunk_risk import ChunkRisk
from skreg.rows.products import Array


def fenchel_sum(risk, residual, scale=1.0):
    """−Σ s(ℓ*(u) − uo) at u = scale·residual/share."""
    u = per_row(residual, risk.share)
    total = -float(risk.share @ risk.loss.conjugate(risk.y, scale * u))
    if risk.offset is not None:
        total += scale * float(np.sum(risk.offset * residual))
    return total


def per_row(residual, share):
    """u from share·u; 0 in rows without a share."""
    is_whole, share = np.count_nonzero(share) == len(share), share[:, None]
    if is_whole:
        return residual / share
    return np.divide(residual, share, out=np.zeros_like(residual), where=share > 0)


def mixing_share(total: float, weight: float) -> float:
    """τ with (1 − τ)·total + τ·weight = 0, for numbers of opposite sign."""
    return total / (total - weight)


def class_mixing(total: Array, frequency: Array) -> tuple[float, Array]:
    """τ, and constant probabilities q with (1 − τ)·total + τ(q − frequency) = 0."""
    above = total > 0
    share = float((total[above] / (frequency[above] + total[above])).max(initial=0.0))
    if share == 0:
        return 0.0, frequency
    return share, np.maximum(frequency - total * (1.0 - share) / share, 0.0)


class Counterweight:
    """Fixed dual points of either sign: the parts of the null model's residual."""

    def __init__(self, risk):
        null = risk.null
        above, below = np.maximum(null.residual, 0.0), np.minimum(null.residual, 0.0)
        gradient = risk.design.transposed_dot(above)[:, 0]
        self.parts = {}
        for sign, part, its in ((1, above, gradient), (-1, below, null.gradient - gradient)):
            self.parts[sign] = part, its, fenchel_sum(risk, part), float(part.sum())
        self.smallest = self.parts[1][3]

    def mix(self, total):
        """τ with (1−τ)Σsu + τΣsv = 0; v's gradient, −Σs(ℓ*−vo), and residual on demand."""
        total = float(total[0])
        part, gradient, dual, weight = self.parts[-1 if total > 0 else 1]
        if total == 0 or weight == 0:
            return 0.0, gradient, dual, lambda: part
        return mixing_share(total, weight), gradient, dual, lambda: part


class ClassCounterweight:
    """Dual points u = q − y of constant probabilities q, which stay in the simplex."""

    def __init__(self, risk):
        self.risk = risk
        self.frequency = risk.share @ risk.y
        self.smallest = float(self.frequency[self.frequency > 0].min())
        self.mean = risk.design.transposed_dot(risk.share[:, None])[:, 0]
        own = risk.share[:, None] * risk.y
        self.targets = risk.design.transposed_dot(own).T
        # Σs⟨u, o⟩ = ⟨q, Σso⟩ − Σs⟨y, o⟩; an offset of one column, common to all classes, has none.
        self.offset, self.targets_offset = np.zeros(len(self.frequency)), 0.0
        if risk.offset is not None and risk.offset.shape[1] > 1:
            self.offset = risk.share @ risk.offset
            self.targets_offset = float(np.sum(own * risk.offset))

    def mix(self, total):
        share, q = class_mixing(total, self.frequency)
        gradient = (np.outer(q, self.mean) - self.targets).ravel()
        inside = q[q > 0]
        dual = float(q @ self.offset - inside @ np.log(inside)) - self.targets_offset
        return share, gradient, dual, lambda: self.risk.share[:, None] * (q - self.risk.y)


class NullSides:
    """Fixed dual points of either sign: the residuals of constants beside that of the null model.

    At u = ℓ′(b) Fenchel's equality tells −Σ s·ℓ*(u) = R − bΣsu.
    """

    def __init__(self, risk: ChunkRisk) -> None:
        self.parts = {}
        for side in risk.null_sides:
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


class ClassSums:
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
