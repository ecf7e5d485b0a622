"""Sorted L1: the larger a coefficient among its peers, the stronger its penalty."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from skreg._validation import as_floats, lies_between
from skreg.penalties.base import Array, Blocks, Penalty, Tangent


@dataclass(frozen=True, eq=False)
class SLOPE(Penalty):
    """J(θ) = Σᵢ vᵢ|θ|₍ᵢ₎, |θ|₍₁₎ ≥ |θ|₍₂₎ ≥ … (Bogdan et al., 2015).

    The weights vᵢ = Φ⁻¹(1 − iq/2m) are those of Benjamini and Hochberg's procedure: with orthogonal
    features the share of false discoveries is held below q. Correlated features come to have
    coefficients of equal size.

    Parameters
    ----------
    q : float in (0, 1), default=0.1
        As in R's SLOPE.
    sequence : None or array-like of shape (m,), default=None
        v itself, not increasing and not negative. m is the number of coefficients, over all targets
        or classes.

    Raises
    ------
    ValueError
        If q is not in (0, 1), or the sequence increases, is negative or zero, or is of another
        length than θ.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import SLOPE
    >>> penalty = SLOPE(sequence=(2.0, 1.0))
    >>> penalty.value(np.array([3.0, -4.0]))
    11.0
    >>> penalty.prox(np.array([3.0, -3.5]), step=1.0)
    array([ 1.75, -1.75])
    """

    q: float = 0.1
    sequence: tuple[float, ...] | None = None

    def __post_init__(self):
        if not lies_between(self.q, 0, 1):
            raise ValueError(f"q must be between 0 and 1, got {self.q!r}. Use 0.1.")
        if self.sequence is not None:
            v = as_floats(self.sequence, "sequence")
            object.__setattr__(self, "sequence", tuple(v.ravel().tolist()))
            if v.ndim != 1 or not v.size or not v[0] > 0 or (np.diff(v) > 0).any() or v[-1] < 0:
                raise ValueError(
                    "sequence must be one-dimensional, start above 0, not increase and not be "
                    f"negative, got {self.sequence!r}. Sort it."
                )

    def __eq__(self, other):
        return type(other) is type(self) and vars(self) == vars(other)

    def __hash__(self):
        return hash((type(self), self.q, self.sequence))

    def weights(self, m: int) -> Array:
        """v for m coefficients."""
        if self.sequence is None:
            return _benjamini_hochberg(self.q, m)
        if len(self.sequence) != m:
            raise ValueError(
                f"sequence must have one weight for each of the {m} coefficients, got "
                f"{len(self.sequence)}."
            )
        return np.array(self.sequence)

    def blocks(self, p: int) -> Blocks:
        """All components are one block."""
        return Blocks(np.arange(p), np.array([0, p]))

    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """λJ(θ)."""
        return alpha * float(_descending(theta) @ self.weights(np.size(theta)))

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """λ times the mean weight of those of equal size, with θ's sign; 0 where θ is."""
        size, v = np.abs(theta).ravel(), self.weights(np.size(theta))
        mean = np.empty(len(size))
        cluster, order = _clusters(size)
        mean[order] = (np.bincount(cluster, v) / np.bincount(cluster))[cluster]
        out = alpha * mean.reshape(np.shape(theta)) * np.sign(theta)
        return out.astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """argmin_u ½‖u − θ‖² + step·λJ(u): an isotonic regression of what is sorted."""
        theta = np.asarray(theta)
        size = np.abs(theta).ravel().astype(np.float64)
        order = np.argsort(-size, kind="stable")
        shrunk = size[order] - np.multiply(step, alpha) * self.weights(size.size)
        size[order] = np.maximum(isotonic_regression(shrunk, increasing=False).x, 0.0)
        out = np.sign(theta) * size.reshape(theta.shape) + 0.0
        return out.astype(theta.dtype, copy=False)

    def pull(self, slope: Array) -> Array:
        """max_k Σ_{i≤k} |s|₍ᵢ₎ / Σ_{i≤k} vᵢ, the dual norm; one block."""
        weights = np.cumsum(self.weights(np.size(slope)))
        return np.array([(np.cumsum(_descending(slope)) / weights).max(initial=0.0)])

    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """0 where the dual norm is at most λ, +inf elsewhere."""
        return 0.0 if self.pull(slope)[0] <= alpha else np.inf

    def curvature(self, theta: Array, alpha: float = 1.0) -> Tangent:
        """0 along the directions in which components of equal size stay so."""
        active = np.not_equal(theta, 0)
        signs, v = np.sign(theta[active]), self.weights(np.size(theta))[: active.sum()]
        cluster, order = _clusters(np.abs(theta[active]))
        ends = np.flatnonzero(np.diff(cluster, prepend=-1, append=len(cluster)))
        # Equal weights tie nothing: there J is the L1 norm.
        tied = np.repeat(v[ends[:-1]] > v[ends[1:] - 1], np.diff(ends))
        first = np.zeros(len(v), dtype=bool)
        first[ends[:-1]] = True
        column = np.cumsum(first | ~tied) - 1
        m = int(column[-1]) + 1 if len(column) else 0
        if m == len(v):
            return Tangent(active, np.zeros(m))
        basis = np.zeros((len(v), m))
        basis[order, column] = signs[order]
        return Tangent(active, np.zeros(m), basis=basis)


@lru_cache(maxsize=16)
def _benjamini_hochberg(q, m):
    weights = ndtri(1.0 - np.arange(1, m + 1) * q / (2 * m))
    weights.flags.writeable = False
    return weights


def _descending(x):
    return -np.sort(-np.abs(np.ravel(x)))


def _clusters(size):
    """The cluster of equal sizes that each is in, the largest first; and their order."""
    order = np.argsort(-size, kind="stable")
    ordered = size[order]
    return np.cumsum(np.diff(ordered, prepend=np.inf) != 0) - 1, order
