"""Dual points whose sum is of the other sign, by which the intercept's condition is met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skreg.quadratic.chunk_risk import ChunkRisk
from skreg.quadratic.risk import EmpiricalRisk
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


#: τ with (1 − τ)Σsu + τΣsv = 0; v's gradient, −Σs(ℓ* − vo), and residual on demand.
Mixing = tuple[float, Any, float, Callable[[], Any]]


class Counterweight:
    """Fixed dual points of either sign.

    ``parts`` are the gradient of one, −Σs(ℓ* − vo), its sum and its residual (None where rows are
    not at hand), by the sign of the sum.
    """

    def __init__(self, parts: dict[int, tuple[Array, float, float, Any]]) -> None:
        self.parts = parts

    @classmethod
    def of_rows(cls, risk: EmpiricalRisk) -> Counterweight:
        """The parts of the null model's residual."""
        null = risk.null
        above, below = np.maximum(null.residual, 0.0), np.minimum(null.residual, 0.0)
        gradient = risk.design.transposed_dot(above)[:, 0]
        each = (1, above, gradient), (-1, below, null.gradient - gradient)
        return cls({sign: (its, fenchel_sum(risk, v), float(v.sum()), v) for sign, v, its in each})

    @classmethod
    def of_sums(cls, risk: ChunkRisk) -> Counterweight:
        """The residuals of constants beside that of the null model.

        At u = ℓ′(b) Fenchel's equality tells −Σ s·ℓ*(u) = R − bΣsu.
        """
        parts = {}
        for side in risk.null_sides:
            weight = float(side.total[0])
            dual = side.value - weight * float(side.intercept[0])
            parts[1 if weight > 0 else -1] = side.gradient, dual, weight, None
        return cls(parts)

    @property
    def smallest(self) -> float:
        """The sum of the one that is positive."""
        return self.parts[1][2]

    def mix(self, total: Array) -> Mixing:
        """The point whose sum is of the other sign than ``total``, and how much of it."""
        rest = float(total[0])
        gradient, dual, weight, part = self.parts.get(-1 if rest > 0 else 1, (0.0, 0.0, 0.0, None))
        share = rest / (rest - weight) if rest and weight else 0.0
        return share, gradient, dual, lambda: part


class ClassCounterweight:
    """Dual points u = q − y of constant probabilities q, which stay in the simplex.

    Parameters
    ----------
    frequency, mean, targets : ndarray of shape (K,), (p,) and (K, p)
        Σ s·y, Σ s·x and Σ s·yₖx.
    risk : EmpiricalRisk, default=None
        The rows, where they are at hand.
    """

    def __init__(
        self, frequency: Array, mean: Array, targets: Array, risk: EmpiricalRisk | None = None
    ) -> None:
        self.frequency, self.mean, self.targets = frequency, mean, targets
        self.risk: Any = risk
        self.smallest = float(frequency[frequency > 0].min())
        # Σs⟨u, o⟩ = ⟨q, Σso⟩ − Σs⟨y, o⟩; an offset of one column, common to all classes, has none.
        self.offset, self.targets_offset = np.zeros(len(frequency)), 0.0
        if risk is not None and risk.offset is not None and risk.offset.shape[1] > 1:
            self.offset = risk.share @ risk.offset
            self.targets_offset = float(risk.share @ np.sum(risk.y * risk.offset, axis=1))

    @classmethod
    def of_rows(cls, risk: EmpiricalRisk) -> ClassCounterweight:
        """Of rows at hand."""
        share, design = risk.share[:, None], risk.design
        mean, targets = design.transposed_dot(share)[:, 0], design.transposed_dot(share * risk.y).T
        return cls(risk.share @ risk.y, mean, targets, risk)

    @classmethod
    def of_sums(cls, risk: ChunkRisk) -> ClassCounterweight:
        """Of the moments of rows in chunks."""
        moments = risk.moments
        mean = (moments.x_mean - risk.passes.rows.center) / risk.scale
        # Σ s·yₖ(x − c) from the moments about the means.
        about = moments.xy.T / moments.weight / risk.scale
        return cls(moments.y_mean, mean, about + np.outer(moments.y_mean, mean))

    def mix(self, total: Array) -> Mixing:
        """As of `Counterweight`, (1 − τ)·total + τ(q − frequency) = 0."""
        frequency, above = self.frequency, total > 0
        share, q = float((total[above] / (frequency + total)[above]).max(initial=0.0)), frequency
        if share > 0:
            q = np.maximum(frequency - total * (1.0 - share) / share, 0.0)
        gradient = (np.outer(q, self.mean) - self.targets).ravel()
        inside = q[q > 0]
        dual = float(q @ self.offset - inside @ np.log(inside)) - self.targets_offset
        return share, gradient, dual, lambda: self.risk.share[:, None] * (q - self.risk.y)
