"""What concave penalties of single components share: P is quadratic, piece by piece, in |θⱼ|."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from skreg._kernels import pieces as kernel
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
    def pieces(self, strength: Array | float) -> list[Piece]:
        """(end, c₀, c₁, c₂) of the intervals of t = |θⱼ|, on which P = c₀ + c₁t + ½c₂t².

        ``strength`` is fⱼλ, an array or one number. The intervals follow one another from 0; the
        last ends at +inf.
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

    def table(self, p: int, alpha: float) -> Array:
        """The pieces of each component, the last repeated where there are fewer than three."""
        out = np.empty((p, 3, 4))
        if self.factors is None:
            same = self.pieces(float(alpha))
            out[:] = np.array([*same, *[same[-1]] * (3 - len(same))], dtype=np.float64)
            return out
        pieces = self.pieces(self._strength(p, alpha))
        for k in range(3):
            for part, column in enumerate(pieces[min(k, len(pieces) - 1)]):
                out[:, k, part] = column
        out[self._excluded(p), 0, 0] = -1.0
        return out

    def _at(self, theta, alpha):
        """|θ| and c₀, c₁, c₂ of its pieces."""
        size = np.abs(np.asarray(theta, dtype=np.float64))
        rows = size.reshape(-1, size.shape[-1])
        table = self.table(size.shape[-1], alpha)
        chosen = [kernel.at(np.ascontiguousarray(row), table) for row in rows]
        return size, *np.stack(chosen, axis=1).reshape(3, *size.shape)

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
        rows = np.array(theta, dtype=np.float64).reshape(-1, np.shape(theta)[-1])
        table = self.table(rows.shape[1], alpha)
        return sum(kernel.value(row, table) for row in rows)

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """∂P/∂θ, 0 where θ is."""
        size, _, linear, square = self._at(theta, alpha)
        return (np.sign(theta) * (linear + square * size)).astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """The global minimizer of ½‖u − θ‖² + step·P(u; λ), for every step."""
        theta = np.asarray(theta)
        p, steps = theta.shape[-1], np.empty(theta.shape)
        steps[...] = step
        table = self.table(p, alpha)
        rows = np.array(theta, dtype=np.float64).reshape(-1, p)
        parts = zip(rows, steps.reshape(-1, p), strict=True)
        out = np.array([kernel.prox(row, length, table) for row, length in parts]) + 0.0
        return out.reshape(theta.shape).astype(theta.dtype, copy=False)

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
