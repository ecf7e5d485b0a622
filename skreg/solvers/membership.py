"""Who belongs to the working set of a path, and who joins it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skreg.rows.products import Array, Indices, Mask

if TYPE_CHECKING:
    from skreg.solvers.inner import CoefficientBlocks

# What joins a working set at once: so many coefficients, or as many as are in it.
_BATCH = 100
# Who is expected as near to λ as this joins, and with them those expected so many λ later.
_NEAR, _AHEAD = 0.95, 3


def newcomers(wanted: Mask, score: Array, n_known: int, sizes: Indices | None = None) -> Indices:
    """Of the blocks wanted those that join ``n_known`` coefficients: the best, one at least.

    ``sizes`` are numbers of coefficients, of all blocks; None stands for one each.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.solvers.membership import newcomers
    >>> score = np.array([0.0, 2.0, 0.0, 1.0])
    >>> newcomers(score > 0, score, 0)
    array([1, 3])
    """
    which, room = np.flatnonzero(wanted), max(_BATCH, n_known)
    size = len(which) if sizes is None else sizes[which].sum()
    if size > room:
        which = which[np.argsort(-score[which], kind="stable")]
        if sizes is not None:
            room = max(int(np.searchsorted(np.cumsum(sizes[which]), room, "right")), 1)
        which = np.sort(which[:room])
    return which


class Membership:
    """The blocks of a working set, and what is known of those that are not in it.

    Attributes
    ----------
    members : ndarray of int
    drift : ndarray of shape (K·p,) or None
        How slopes change with λ, once those of all features are known at two λ.
    """

    def __init__(self, blocks: CoefficientBlocks) -> None:
        self.blocks = blocks
        self.drift: Any = None
        self._told: Any = None  # λ, and the slopes there
        self.hold(np.empty(0, dtype=np.intp))

    def hold(self, members: Indices) -> None:
        """Let these be the members."""
        self.members, self._others = members, np.ones(len(self.blocks), dtype=bool)
        self._others[members] = False

    def excess(self, slope: Array, alpha: float) -> Array:
        """How far the slopes exceed what holds blocks at 0."""
        return self.blocks.pull(slope) - alpha

    def tell(self, alpha: float, slope: Array) -> None:
        """Learn the slopes of all features at the solution for another λ."""
        if self._told is not None and self._told[0] != alpha:
            self.drift = (slope - self._told[1]) / (alpha - self._told[0])
        self._told = alpha, slope

    def expected(self, slope: Array, now: float, alpha: float) -> Array | None:
        """The excess expected at ``alpha``, for slopes at ``now``; None where nobody joins."""

        def beyond(then: float) -> Array:
            ahead = (then - now) * self.drift
            ahead += slope
            return self.excess(ahead, _NEAR * then)

        near = beyond(alpha)
        if not ((near > 0) & self._others).any():
            return None
        # Who joins soon joins now: a wider Hessian costs less than one more widening.
        return np.maximum(near, beyond(alpha * (alpha / now) ** _AHEAD))

    def newcomers(self, excess: Array, theta: Array) -> Indices:
        """Of the others those of positive excess; the best, where they are many beside θ's own."""
        drawn = (excess > 0) & self._others
        if not drawn.any():
            return self.members[:0]
        own = self.blocks.sizes[self.blocks.nonzero(theta)].sum()
        return self.blocks.newcomers(drawn, excess, own)
