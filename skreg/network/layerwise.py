"""A penalty on each layer of weights by itself, and what compiled training knows of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from skreg.penalties import NetworkPenalty, Penalty

_MOST_PIECES = 3


@dataclass(frozen=True)
class Layerwise(NetworkPenalty):
    """Σ_l P(W_l; λ_l): P takes the weights of a layer as one vector, row by row.

    Parameters
    ----------
    penalty : Penalty
        P. Layers with λ = 0 are not shown to it.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import L1
    >>> Layerwise(L1()).value([np.array([[3.0, -4.0]]), np.array([[1.0], [1.0]])], [1.0, 0.5])
    8.0
    """

    kernel: ClassVar[str] = "layers"

    penalty: Penalty

    def _pairs(self, weights, alphas) -> Iterator[tuple[np.ndarray, float]]:
        return zip(weights, np.asarray(alphas).tolist(), strict=True)

    def value(self, weights: Sequence[np.ndarray], alphas: Sequence[float]) -> float:
        """Σ_l P(W_l; λ_l)."""
        return float(
            sum(self.penalty.value(W.ravel(), a) for W, a in self._pairs(weights, alphas) if a)
        )

    def gradient(self, weights: Sequence[np.ndarray], alphas: Sequence[float]) -> list[np.ndarray]:
        """∂/∂W of `value`, for each matrix; at a kink the sub-gradient nearest to 0."""
        return [
            self.penalty.gradient(W.ravel(), a).reshape(W.shape) if a else np.zeros_like(W)
            for W, a in self._pairs(weights, alphas)
        ]

    def shares(self, sizes: Sequence[int]) -> np.ndarray | None:
        """`Penalty.common_shares` of each layer, shape (n_layers, 2); None where it is none."""
        by_layer = [self.penalty.common_shares(size) for size in sizes]
        return None if None in by_layer else np.array(by_layer)

    def pieces(self, alphas: np.ndarray) -> np.ndarray | None:
        """`Penalty.common_pieces` of each layer, shape (n_layers, 3, 4); None where it is none."""
        out = np.empty((len(alphas), _MOST_PIECES, 4))
        for rows, alpha in zip(out, alphas.tolist(), strict=True):
            pieces = self.penalty.common_pieces(alpha)
            if pieces is None or len(pieces) > _MOST_PIECES:
                return None
            rows[:] = pieces[-1]
            rows[: len(pieces)] = pieces
        return out

    def numbers(self, units: Sequence[int], alphas: np.ndarray) -> dict | None:
        """Arguments of the compiled trainer; None where it does not know P."""
        shares = self.shares([a * b for a, b in pairwise(units)])
        if shares is not None:
            return dict(l1=alphas * shares[:, 0], l2=alphas * shares[:, 1])
        if not alphas.any():
            return {}
        pieces = self.pieces(alphas)
        return None if pieces is None else dict(pieces=pieces)
