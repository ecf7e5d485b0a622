"""What concave penalties of single components share: P is quadratic, piece by piece, in |θⱼ|."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from skreg.penalties.base import Array, Mask, Penalty, Tangent

Piece = tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]


@dataclass(frozen=True, eq=False)
class Concave(Penalty):
    """Σⱼ P(|θⱼ|; fⱼλ), a slope of fⱼλ at 0 that falls to 0 as |θⱼ| grows.

    P is not a multiple of λ: the size from which a coefficient is no longer shrunk grows with λ.
    The objective has local minima. Solvers follow the one that begins at 0 for λ_max, and report
    how far it is from stationary in place of a duality gap.

    A subclass defines `pieces`. Everything else follows from it.
    """

    gamma: float
    factors: np.ndarray | None = None
    is_convex: ClassVar[bool] = False
    is_separable: ClassVar[bool] = True

    @abstractmethod
    def pieces(self, strength: Array) -> list[Piece]:
        """(end, c₀, c₁, c₂) of the intervals of t = |θⱼ|, on which P = c₀ + c₁t + ½c₂t².

        ``strength`` is fⱼλ. The intervals follow one another from 0; the last ends at +inf.
        """

    def __eq__(self, other):
        return type(other) is type(self) and self._parameters() == other._parameters()

    def __hash__(self):
        return hash((type(self), self._parameters()))

    def _parameters(self):
        return self.gamma, None if self.factors is None else tuple(np.ravel(self.factors).tolist())

    def _strength(self, p, alpha):
        """fⱼλ, 0 for excluded features."""
        if self.factors is None:
            return np.full(p, float(alpha))
        factors = np.asarray(self.factors, dtype=np.float64)
        return alpha * np.where(np.isinf(factors), 0.0, factors)

    def _excluded(self, p):
        return np.zeros(p, bool) if self.factors is None else np.isinf(self.factors)

    def _at(self, theta, alpha):
        """|θ| and c₀, c₁, c₂ of its pieces."""
        size = np.abs(theta)
        pieces = self.pieces(self._strength(size.shape[-1], alpha))
        *chosen, last = ([np.broadcast_to(c, size.shape) for c in piece] for piece in pieces)
        inside = [size <= end for end, *_ in chosen]
        return size, *(
            np.select(inside, [piece[k] for piece in chosen], last[k]) for k in (1, 2, 3)
        )

    def common_pieces(self, alpha: float) -> Array | None:
        """The pieces for strength λ; None with factors."""
        if self.factors is not None:
            return None
        return np.array(self.pieces(np.array(float(alpha))), dtype=np.float64)

    def check_features(self, p: int) -> None:
        """There is a factor for each feature."""
        if self.factors is not None and len(self.factors) != p:
            raise ValueError(
                f"penalty_factors must have one number for each feature, {p}, got "
                f"{len(self.factors)}."
            )

    def free(self, p: int) -> Mask:
        """Mask of the features of factor 0."""
        return np.zeros(p, bool) if self.factors is None else np.equal(self.factors, 0)

    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """Σⱼ P(|θⱼ|; fⱼλ)."""
        if np.any(theta, where=self._excluded(np.shape(theta)[-1])):
            return np.inf
        size, constant, linear, square = self._at(theta, alpha)
        return float(np.sum(constant + size * (linear + 0.5 * square * size)))

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """∂P/∂θ, 0 where θ is."""
        size, _, linear, square = self._at(theta, alpha)
        return (np.sign(theta) * (linear + square * size)).astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """The global minimizer of ½‖u − θ‖² + step·P(u; λ), for every step."""
        theta = np.asarray(theta)
        size, step = np.abs(theta).astype(np.float64), np.asarray(step, dtype=np.float64)
        pieces = self.pieces(self._strength(theta.shape[-1], alpha))
        convex = np.all([np.broadcast_to(1.0 + step * p[3] > 0, size.shape) for p in pieces], 0)
        best = _stationary(size, step, pieces)
        if not convex.all():
            best = np.where(convex, best, _least(size, step, pieces))
        best = np.where(self._excluded(theta.shape[-1]), 0.0, best)
        return (np.sign(theta) * best + 0.0).astype(theta.dtype, copy=False)

    def pull(self, slope: Array) -> Array:
        """max |sⱼ|/fⱼ over the targets: 0 is stationary from this λ on."""
        size = np.abs(np.atleast_2d(slope)).max(axis=0)
        size = np.where(self._excluded(len(size)), 0.0, size)
        weight = self._strength(len(size), 1.0)
        endless = np.where(size > 0, np.inf, 0.0)
        return np.divide(size, weight, out=endless, where=weight > 0)

    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """0 for s = 0, +inf elsewhere, as P is bounded: it certifies nothing."""
        return np.inf if np.any(slope, where=~self._excluded(np.shape(slope)[-1])) else 0.0

    def curvature(self, theta: Array, alpha: float = 1.0) -> Tangent:
        """c₂ ≤ 0 on the active components."""
        active = self.support(theta)
        return Tangent(active, self._at(theta, alpha)[3][active])


def _stationary(size, step, pieces):
    """The stationary point where the objective is convex: that of the first piece it lies in."""
    best = None
    for end, _, linear, square in reversed(pieces):
        bend = 1.0 + step * square
        with np.errstate(divide="ignore", invalid="ignore"):
            point = np.maximum((size - step * linear) / bend, 0.0)
        best = point if best is None else np.where(point <= end, point, best)
    return best


def _least(size, step, pieces):
    """The best of all stationary points and ends of pieces."""
    best, least = np.zeros(size.shape), np.full(size.shape, np.inf)
    start = np.zeros(size.shape)
    for end, constant, linear, square in pieces:
        bend = 1.0 + step * square
        inside = (size - step * linear) / np.where(bend > 0, bend, 1.0)
        point = np.where(bend > 0, np.clip(inside, start, end), start)
        for u in (start, point):
            value = 0.5 * (u - size) ** 2 + step * (constant + u * (linear + 0.5 * square * u))
            best, least = np.where(value < least, u, best), np.minimum(value, least)
        start = np.broadcast_to(end, size.shape)
    return best
