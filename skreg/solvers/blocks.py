"""The blocks of coefficients that leave 0 together: what a working set is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skreg.penalties.base import Penalty

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class CoefficientBlocks:
    """A penalty's blocks over the coefficients of K outputs, numbered k·p + j.

    With the kernel "coordinates" each coefficient is a block. Else a block holds its features for
    all outputs, and features without a penalty are one block, the first.

    Parameters
    ----------
    penalty : Penalty
    n_features, n_outputs : int
        p and K.

    Attributes
    ----------
    sizes : ndarray of shape (n_blocks,)
    free : ndarray of int
        Blocks without a penalty.
    which : ndarray of int
        For a penalty with groups, the penalty's block that each of these is; −1 for the free one.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import Group
    >>> from skreg.solvers.blocks import CoefficientBlocks
    >>> blocks = CoefficientBlocks(Group([[0, 2], [1]]), 3, 2)
    >>> blocks.coefficients(np.array([0]))
    array([0, 2, 3, 5])
    """

    def __init__(self, penalty: Penalty, n_features: int, n_outputs: int = 1) -> None:
        self.penalty, self.n_features, self.n_outputs = penalty, n_features, n_outputs
        self.single = penalty.kernel == "coordinates"
        if self.single:
            self._order = np.arange(n_outputs * n_features)
            self.sizes = np.ones(len(self._order), dtype=np.intp)
            self.free = np.flatnonzero(np.tile(penalty.free(n_features), n_outputs))
            self.which = self._order
        else:
            self._merge()
        self._starts = np.cumsum([0, *self.sizes])

    def _merge(self) -> None:
        """The penalty's blocks, those without a penalty as one."""
        blocks, free = self.penalty.blocks(self.n_features), self.penalty.free(self.n_features)
        parts = np.split(blocks.order, blocks.starts[1:-1])
        self.which = np.flatnonzero([not free[part[0]] for part in parts])
        kept = [parts[b] for b in self.which]
        if free.any():
            kept.insert(0, np.flatnonzero(free))
            self.which = np.concatenate([[-1], self.which])
        self.free = np.arange(int(free.any()))
        classes = self.n_features * np.arange(self.n_outputs)
        self.sizes = np.array([len(part) * self.n_outputs for part in kept], dtype=np.intp)
        self._order = np.concatenate([np.add.outer(classes, part).ravel() for part in kept])

    def __len__(self) -> int:
        return len(self.sizes)

    def coefficients(self, blocks: Indices) -> Indices:
        """The coefficients of these blocks, one block after another."""
        if self.single:
            return blocks
        parts = [self._order[self._starts[b] : self._starts[b + 1]] for b in blocks]
        return np.concatenate([*parts, np.empty(0, dtype=np.intp)])

    def nonzero(self, theta: Array) -> NDArray[np.bool_]:
        """Mask of the blocks in which θ, shape (K·p,), is not 0."""
        if self.single:
            return theta != 0
        return np.logical_or.reduceat(theta[self._order] != 0, self._starts[:-1])

    def pull(self, slope: Array) -> Array:
        """The smallest λ at which each block stays at 0, for −∂R/∂θ of shape (K·p,) or (q, p).

        What it says of blocks without a penalty means nothing.
        """
        if self.single and self.n_outputs == 1:
            return self.penalty.pull(slope)
        rows = slope.reshape(-1, self.n_features)
        if self.single:
            return np.concatenate([self.penalty.pull(row) for row in rows])
        pull = self.penalty.pull(rows)[self.which]
        pull[self.free] = 0.0
        return pull
