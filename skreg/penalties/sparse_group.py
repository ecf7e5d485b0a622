"""The sparse group lasso: few groups, and few components within them."""

import numpy as np
from numpy.typing import ArrayLike

from skreg._validation import lies_between
from skreg.penalties.base import Array, Mask
from skreg.penalties.group import Group


class SparseGroup(Group):
    """J(θ) = Σ_g f_g ((1−a)√|g|·‖θ_g‖₂ + a‖θ_g‖₁) (Simon, Friedman, Hastie & Tibshirani, 2013).

    Parameters
    ----------
    groups, factors, positive, bounds
        As for `Group`.
    asparse : float in [0, 1], default=0.05
        a, the share of the L1 part: 0 is the group lasso, 1 the lasso. Name and default as in R's
        sparsegl.

    Attributes
    ----------
    l1_weights : ndarray of shape (p,)
        af_g, the weights of |θⱼ|. The others are those of `Group`.

    Raises
    ------
    ValueError
        As for `Group`, or if ``asparse`` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import SparseGroup
    >>> penalty = SparseGroup(["a", "a", "b"], asparse=0.5)
    >>> penalty.prox(np.array([3.0, 0.4, 0.8]), step=1.0).round(3)
    array([1.793, 0.   , 0.   ])
    """

    kernel = "prox"

    def __init__(
        self,
        groups: ArrayLike,
        factors: ArrayLike | None = None,
        asparse: float = 0.05,
        positive: bool = False,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
    ):
        if not lies_between(asparse, 0, 1, closed="both"):
            raise ValueError(f"asparse must be in [0, 1], got {asparse!r}. 0.05 is usual.")
        super().__init__(groups, factors, positive=positive, bounds=bounds)
        self.asparse = float(asparse)
        self.l1_weights = self.asparse * np.where(self.excluded, 1.0, self.factors)[self._group]
        self.weights = (1.0 - self.asparse) * self.weights

    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """λJ(θ)."""
        l1_part = float(np.sum(self.l1_weights * np.abs(theta)))
        return super().value(theta, alpha) + alpha * l1_part

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """λ∇J(θ), with sign(0) = 0 and 0 on groups that are zero."""
        out = super().gradient(theta, alpha) + alpha * self.l1_weights * np.sign(theta)
        return out.astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """argmin_u ½‖u − θ‖² + step·λJ(u): soft-thresholding, then the group's step."""
        kept = self._soft(theta, np.multiply(step, alpha)).astype(theta.dtype, copy=False)
        return super().prox(kept, step, alpha)

    def pull(self, slope: Array) -> Array:
        """The λ with ‖soft(s_g, λaf_g)‖₂ = λ(1−a)f_g√|g|, the dual norm (Ndiaye et al., 2016)."""
        size = np.atleast_2d(self._outward(slope)[0])[:, self.order]
        label = np.tile(np.repeat(np.arange(len(self.labels)), np.diff(self.starts)), len(size))
        order = np.lexsort((-size.ravel(), label))
        starts = len(size) * self.starts[:-1]
        size = size.ravel()[order]
        label = label[order]
        top = size[starts]
        scaled = size / np.where(top > 0, top, 1.0)[label]
        factor = np.where(self.excluded, 1.0, self.factors)
        weight = np.divide(self.weights, factor, out=np.zeros_like(factor), where=factor > 0)
        norm = top * _dual_norms(scaled, label, starts, self.asparse, weight)
        norm[self.excluded] = 0.0
        endless = np.where(norm > 0, np.inf, 0.0)
        return np.divide(norm, factor, out=endless, where=factor > 0)

    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """0 where no group is pulled more than λ, elsewhere +inf or, within bounds, `Group`'s."""
        outside = self.pull(slope) > alpha
        if not (outside.any() and self._has_bounds):
            return np.inf if outside.any() else 0.0
        return super().conjugate(self._soft(slope, alpha) * outside[self._group], alpha)

    def support(self, theta: Array) -> Mask:
        """Mask of the components that are not 0, and of those in groups of factor 0."""
        return super().support(theta) & (np.not_equal(theta, 0) | self.free(self.n_features))

    def _soft(self, theta: Array, strength: ArrayLike) -> Array:
        """θ less strength·af_g in size: what the L1 part leaves to the norms."""
        kept = np.maximum(np.abs(theta) - np.multiply(strength, self.l1_weights), 0.0)
        return np.sign(theta) * kept


def _dual_norms(size, label, starts, a, weight):
    """The root of Σᵢ (sizeᵢ − λa)₊² = λ²weight² for each group.

    ``size`` descends within groups, from 1. With the k largest above λa it is a root of a quadratic
    in the sums of their sizes and squares; the i-th is among them if the left side at λ = sizeᵢ/a
    is less than the right.
    """
    ends = np.append(starts[1:], len(size))
    first, second = (_running(part, label, starts) for part in (size, size**2))
    before = np.arange(len(size)) - starts[label]
    left = (second - size**2) - 2 * size * (first - size) + before * size**2
    inside = a**2 * left < (size * weight[label]) ** 2
    inside[starts] = True
    k = np.add.reduceat(inside.astype(np.intp), starts)
    at = np.minimum(starts + k, ends) - 1
    s1, s2 = first[at], second[at]
    root = np.sqrt(np.maximum((a * s1) ** 2 - (k * a**2 - weight**2) * s2, 0.0))
    total = a * s1 + root
    # A group without any weight has factor 0: it is no part of the norm.
    return np.divide(s2, total, out=np.where(s2 > 0, 1.0, 0.0), where=total > 0)


def _running(values, label, starts):
    """Sums from the start of each group on."""
    total = np.cumsum(values)
    return total - (total[starts] - values[starts])[label]
