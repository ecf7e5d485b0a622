"""The group lasso's penalty: whole groups of components are kept or dropped."""

import numpy as np
from numpy.typing import ArrayLike

from skreg._kernels import rows as row_kernels
from skreg._validation import lies_between
from skreg.penalties.base import Array, Blocks, Mask, Penalty, Tangent
from skreg.penalties.partition import check_group_factors, partition
from skreg.penalties.separable import Separable

# Steps of Newton's method, or halvings, toward the norm of a group within bounds, and how near.
_STEPS, _NEAR = 200, 4 * float(np.finfo(np.float64).eps)


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
    positive : bool, default=False
        θ ≥ 0; the same as ``bounds=(0, inf)``.
    bounds : None or (lower, upper), default=None
        Numbers, or arrays of shape (p,), with lower ≤ 0 ≤ upper; infinite for no bound. J is +inf
        outside.

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
    lower, upper : ndarray of shape (p,)
        The bounds, both 0 in excluded groups.

    Raises
    ------
    ValueError
        If a component is in no group or in several, a group is empty, ``factors`` or ``bounds`` do
        not match, bounds do not contain 0, or ``l1_ratio`` is not in (0, 1].

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
    >>> Group(["a", "a", "b"], positive=True).prox(np.array([3.0, -4.0, 2.0]), step=1.0).round(3)
    array([1.586, 0.   , 1.   ])
    """

    def __init__(
        self,
        groups: ArrayLike,
        factors: ArrayLike | None = None,
        l1_ratio: float = 1.0,
        positive: bool = False,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
    ):
        if not lies_between(l1_ratio, 0, 1, closed="right"):
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
        # 0 where J is finite, +inf elsewhere.
        outside = np.where(self.excluded, np.inf, 0.0)[self._group]
        self._box = Separable(factors=outside, positive=positive, bounds=bounds)
        self._box.check_features(self.n_features)
        self.lower, self.upper = self._box.limits(self.n_features)
        limits = np.stack([self.lower, self.upper])[:, ~self.excluded[self._group]]
        self._has_bounds = bool(np.isfinite(limits).any())

    @property
    def kernel(self) -> str:
        """The compiled solver, "groups"; "prox" within bounds."""
        return "prox" if self._has_bounds else "groups"

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

    def is_bounded(self, p: int) -> bool:
        """Whether some component has a bound, or is excluded."""
        return self._box.is_bounded(p)

    def bounds_alone(self) -> Separable | None:
        """0 within the bounds, +inf outside."""
        return self._box.bounds_alone()

    def for_outputs(self, n_outputs: int) -> Penalty:
        """The elastic net, where every group is one number."""
        if n_outputs > 1 or len(self.labels) < self.n_features:
            return self
        factors = self.factors[self._group]
        bounds = (self.lower, self.upper) if self._has_bounds else None
        return Separable(self.l1_ratio, factors, bounds=bounds)

    def norms(self, theta: Array) -> Array:
        """‖θ_g‖₂ of each group, shape (n_groups,), without overflow or underflow."""
        rows = np.atleast_2d(np.asarray(theta, dtype=np.float64))
        return row_kernels.group_norms(rows, self.order, self.starts)

    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """λJ(θ)."""
        if ((theta < self.lower) | (theta > self.upper)).any():
            return np.inf
        norms = self.norms(theta)
        return alpha * float(self.weights @ norms + 0.5 * (self.l2_weights * norms) @ norms)

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """λ∇J(θ), 0 on groups that are zero."""
        norms = self.norms(theta)
        ratio = np.divide(self.weights, norms, out=np.zeros_like(norms), where=norms > 0)
        ratio = alpha * (ratio + self.l2_weights)
        return (theta * ratio[self._group]).astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """argmin_u ½‖u − θ‖² + step·λJ(u): each group shortened by step·λw_g, or dropped.

        Within bounds it is clipped, and then shortened by less.
        """
        strength = np.multiply(step, alpha)
        if self._has_bounds:
            size, room = self._outward(theta)
            bend, weight = 1.0 + strength * self.l2_weights, strength * self.weights
            inside = np.minimum(size / self._rates(size, room, bend, weight)[self._group], room)
            return (np.sign(theta) * inside + 0.0).astype(theta.dtype, copy=False)
        norms = self.norms(theta)
        kept = np.maximum(norms - strength * self.weights, 0.0) * ~self.excluded
        kept = np.divide(kept, norms, out=np.zeros_like(norms), where=norms > 0)
        kept /= 1.0 + strength * self.l2_weights
        # Adding 0 turns the −0.0 of a negative component switched off into 0.0.
        return (theta * kept[self._group] + 0.0).astype(theta.dtype, copy=False)

    def pull(self, slope: Array) -> Array:
        """‖s_g‖₂/w_g, counting only slopes toward what bounds allow; 0 for an excluded group."""
        outward = self._outward(slope)[0] if self._has_bounds else slope
        norms = np.where(self.excluded, 0.0, self.norms(outward))
        endless = np.where(norms > 0, np.inf, 0.0)
        return np.divide(norms, self.weights, out=endless, where=self.weights > 0)

    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """Σ_g (‖s_g‖₂ − λw_g)₊²/(2λ(1−ρ)f_g), +inf without an L2 share; less within bounds."""
        if self._has_bounds:
            return self._conjugate_within(slope, alpha)
        excess = self.norms(slope) - alpha * self.weights
        return half_squares(excess[~self.excluded], alpha * self.l2_weights[~self.excluded])

    def curvature(self, theta: Array, alpha: float = 1.0) -> Tangent:
        """(λw_g/‖θ_g‖)(I − uuᵀ) + λ(1−ρ)f_g with u = θ_g/‖θ_g‖, on active groups but for bounds."""
        norms = self.norms(theta)
        active = self.support(theta) & (theta > self.lower) & (theta < self.upper)
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
        """Mask of the components whose group has not been switched off; the shape of θ.

        Those at a bound of 0 are.
        """
        on = (self.norms(theta) > 0) | (self.weights == 0)
        open_ = (self.lower < 0) & (self.upper > 0)
        return on[self._group] & (np.not_equal(theta, 0) | open_)

    # Within bounds -------------------------------------------------------------------------------

    def _outward(self, way: Array) -> tuple[Array, Array]:
        """|way|, 0 where bounds allow no step that way from 0, and how far they allow one."""
        room = np.where(np.greater(way, 0), self.upper, -self.lower)
        return np.where(room > 0, np.abs(way), 0.0), room

    def _rates(self, pull: Array, room: Array, bend: Array, weight: Array) -> Array:
        """The c of each group for which x = min(pull/c, room) is the best of 0 ≤ x ≤ room.

        That is the maximizer of ⟨pull, x⟩ − weight·‖x‖ − ½bend·‖x‖²: c = bend + weight/ν, where
        ν = ‖x‖ solves ν/‖x(ν)‖ = 1. The left side grows with ν, and is linear in ν where all
        components are at their bounds and where none is: Newton's method within a bracket finds it.
        c is +inf where 0 is best, and ``bend`` where ν has no end.
        """
        norms = self.norms(pull)
        size = np.where(norms > weight, self._longest(norms, pull, room, bend, weight), 0.0)
        todo = (size > 0) & (weight > 0) & np.isfinite(size)
        low, high = np.zeros_like(size), size
        with np.errstate(divide="ignore", invalid="ignore"):  # in groups that are done
            for _ in range(_STEPS if todo.any() else 0):
                rates = bend + weight / size
                free = pull / rates[self._group]
                length = self.norms(np.minimum(free, room))
                todo = todo & (np.abs(length - size) > _NEAR * size) & (high - low > _NEAR * high)
                if not todo.any():
                    break
                low = np.where(todo & (length > size), size, low)
                high = np.where(todo & (length < size), size, high)
                held = np.square(self.norms(np.where(free > room, room, 0.0)) / length)
                new = size + (length - size) / (held + (1.0 - held) * bend / rates)
                new = np.where((low < new) & (new < high), new, 0.5 * (low + high))
                size = np.where(todo, new, size)
            return np.where(size > 0, bend + np.where(weight > 0, weight / size, 0.0), np.inf)

    def _longest(self, norms: Array, pull: Array, room: Array, bend: Array, weight: Array) -> Array:
        """An upper bound of ‖x‖: its best value without bounds, or the most that these allow."""
        endless = np.isinf(room)
        ends = self.norms(np.where(endless | (pull == 0), 0.0, room))
        with np.errstate(all="ignore"):  # what is not a number is no bound
            steady = self.norms(np.where(endless, pull, 0.0)) / weight
            by_ends = ends / np.sqrt(1.0 - steady**2 - _NEAR)
            return np.fmin((norms - weight) / bend, by_ends)

    def _conjugate_within(self, slope: Array, alpha: float) -> float:
        """⟨s, x⟩ − λJ(x) at the best x: Σ ½λ(1−ρ)f_g·xⱼ² + Σ xⱼ(|sⱼ| − c_g xⱼ) at bounds."""
        pull, room = self._outward(slope)
        bend = alpha * self.l2_weights
        rates = self._rates(pull, room, bend, alpha * self.weights)[self._group]
        on = (pull > 0) & np.isfinite(rates)
        pull, room = pull[on], room[on]
        rates, bend = (np.broadcast_to(one, on.shape)[on] for one in (rates, bend[self._group]))
        x = np.divide(pull, rates, out=np.full_like(pull, np.inf), where=rates > 0)
        x = np.minimum(x, room)
        if np.isinf(x).any():
            return np.inf
        beyond = np.where(x < room, 0.0, pull - rates * x)
        return float(0.5 * bend @ x**2 + beyond @ x)


def half_squares(excess: Array, weights: Array) -> float:
    """Σ e₊²/2w, the conjugate of an L2 part; +inf where e > 0 meets no weight."""
    outside = excess > 0
    if (weights[outside] == 0).any():
        return np.inf
    return 0.5 * float(np.sum(excess[outside] ** 2 / weights[outside]))
