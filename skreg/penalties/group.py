"""The group lasso's penalty: whole groups of components are kept or dropped."""

import numpy as np
from numpy.typing import ArrayLike

from skreg.penalties.base import Array, Blocks, Mask, Penalty, Tangent
from skreg.penalties.partition import check_group_factors, partition


class Group(Penalty):
    """J(θ) = Σ_g f_g (ρ√|g|·‖θ_g‖₂ + (1−ρ)·½‖θ_g‖₂²) (Yuan & Lin, 2006).

    Parameters
    ----------
    groups : array-like of shape (p,), or sequence of sequences of int
        The label of each component's group; or the components of each group, which must name every
        component once.
    factors : None or array-like of shape (n_groups,)
        f_g ≥ 0; 0 leaves a group unpenalized, inf excludes it. In the order of the index lists, or
        of the sorted labels. None: all 1.
    l1_ratio : float in (0, 1], default=1.0
        ρ, the share of the norms. Below 1, groups of one feature and several targets give the
        multi-task elastic net.

    Attributes
    ----------
    n_features : int
        p.
    labels : ndarray of shape (n_groups,)
        Names of the groups: sorted labels, or places in the list.
    order : ndarray of shape (p,)
        The components, group by group.
    starts : ndarray of shape (n_groups + 1,)
        Group g is ``order[starts[g] : starts[g + 1]]``.
    weights : ndarray of shape (n_groups,)
        ρf_g √|g|, the weights of the norms.
    l2_weights : ndarray of shape (n_groups,)
        (1−ρ)f_g, the weights of ½‖θ_g‖².

    Raises
    ------
    ValueError
        If a component is in no group or in several, a group is empty, ``factors`` do not match, or
        ``l1_ratio`` is not in (0, 1].

    Notes
    -----
    θ has shape (p,) or (q, p). With q rows a group holds its components in all of them, and ‖θ_g‖₂
    is over all of them: groups of one component then give the multi-task lasso.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import Group
    >>> penalty = Group(["a", "a", "b"])
    >>> round(penalty.value(np.array([3.0, 4.0, 2.0])), 3)  # 5√2 + 2
    9.071
    >>> penalty.prox(np.array([3.0, 4.0, 0.5]), step=1.0).round(3)
    array([2.151, 2.869, 0.   ])
    """

    kernel = "groups"

    def __init__(self, groups: ArrayLike, factors: ArrayLike | None = None, l1_ratio: float = 1.0):
        if not 0 < l1_ratio <= 1:
            raise ValueError(
                f"l1_ratio must be in (0, 1] with groups, got {l1_ratio!r}. Without a share of "
                "norms there are no groups: use a ridge."
            )
        self.labels, self.order, sizes = partition(groups)
        self.n_features = len(self.order)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.factors, self.l1_ratio = check_group_factors(factors, len(sizes)), float(l1_ratio)
        # No component of an excluded group is ever other than 0, so its weights are of no account.
        self.excluded = np.isinf(self.factors)
        finite = np.where(self.excluded, 1.0, self.factors)
        self.weights = self.l1_ratio * finite * np.sqrt(sizes)
        self.l2_weights = (1.0 - self.l1_ratio) * finite
        self._group = self.blocks(self.n_features).labels

    def __repr__(self):
        name = type(self).__name__
        return f"{name}(n_features={self.n_features}, n_groups={len(self.labels)})"

    def blocks(self, p: int) -> Blocks:
        """The groups."""
        return Blocks(self.order, self.starts)

    def free(self, p: int) -> Mask:
        """Mask of the components in groups of factor 0."""
        return (self.factors == 0)[self._group]

    def check_features(self, p: int) -> None:
        """The groups name each feature."""
        if self.n_features != p:
            raise ValueError(
                f"groups must cover the {p} features, they cover {self.n_features}. Give each "
                "feature a label."
            )

    def norms(self, theta: Array) -> Array:
        """‖θ_g‖₂ of each group, shape (n_groups,), without overflow or underflow."""
        size = np.abs(np.atleast_2d(theta)).max(axis=0)[self.order]
        top = np.maximum.reduceat(size, self.starts[:-1])
        scale = np.where(top > 0, top, 1.0)
        sizes = np.diff(self.starts)
        inside = np.square(np.atleast_2d(theta)[:, self.order] / np.repeat(scale, sizes))
        return scale * np.sqrt(np.add.reduceat(inside.sum(axis=0), self.starts[:-1]))

    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """λJ(θ)."""
        norms = self.norms(theta)
        if norms[self.excluded].any():
            return np.inf
        return alpha * float(self.weights @ norms + 0.5 * self.l2_weights @ norms**2)

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """λ∇J(θ), 0 on groups that are zero."""
        norms = self.norms(theta)
        ratio = np.divide(self.weights, norms, out=np.zeros_like(norms), where=norms > 0)
        ratio = alpha * (ratio + self.l2_weights)
        return (theta * ratio[self._group]).astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """argmin_u ½‖u − θ‖² + step·λJ(u): each group shortened by step·λw_g, or dropped."""
        norms, strength = self.norms(theta), np.multiply(step, alpha)
        kept = np.maximum(norms - strength * self.weights, 0.0) * ~self.excluded
        kept = np.divide(kept, norms, out=np.zeros_like(norms), where=norms > 0)
        kept /= 1.0 + strength * self.l2_weights
        # Adding 0 turns the −0.0 of a negative component switched off into 0.0.
        return (theta * kept[self._group] + 0.0).astype(theta.dtype, copy=False)

    def pull(self, slope: Array) -> Array:
        """‖s_g‖₂/w_g; 0 for an excluded group."""
        norms = np.where(self.excluded, 0.0, self.norms(slope))
        endless = np.where(norms > 0, np.inf, 0.0)
        return np.divide(norms, self.weights, out=endless, where=self.weights > 0)

    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """Σ_g (‖s_g‖₂ − λw_g)₊²/(2λ(1−ρ)f_g), +inf without an L2 share."""
        excess = self.norms(slope) - alpha * self.weights
        return half_squares(excess[~self.excluded], alpha * self.l2_weights[~self.excluded])

    def curvature(self, theta: Array, alpha: float = 1.0) -> Tangent:
        """(λw_g/‖θ_g‖)(I − uuᵀ) + λ(1−ρ)f_g with u = θ_g/‖θ_g‖, on the active groups."""
        norms, active = self.norms(theta), self.support(theta)
        bend = alpha * np.divide(self.weights, norms, out=np.zeros_like(norms), where=norms > 0)
        place = np.broadcast_to(self._group, active.shape)[active]
        used = np.flatnonzero(bend)
        # A column for each active group: u·√(λw_g/‖θ_g‖).
        factors = np.zeros((len(place), len(used)))
        column = np.searchsorted(used, place)
        inside = np.flatnonzero(bend[place])
        root = np.sqrt(bend[place]) * theta[active]
        factors[inside, column[inside]] = root[inside] / norms[place[inside]]
        return Tangent(active, bend[place] + alpha * self.l2_weights[place], factors)

    def support(self, theta: Array) -> Mask:
        """Mask of the components whose group has not been switched off; the shape of θ."""
        on = (self.norms(theta) > 0) | (self.weights == 0)
        return np.broadcast_to(on[self._group], np.shape(theta)).copy()


def half_squares(excess: Array, weights: Array) -> float:
    """Σ e₊²/2w, the conjugate of an L2 part; +inf where e > 0 meets no weight."""
    outside = excess > 0
    if (weights[outside] == 0).any():
        return np.inf
    return 0.5 * float(np.sum(excess[outside] ** 2 / weights[outside]))
