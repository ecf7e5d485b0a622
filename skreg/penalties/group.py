"""The group lasso's penalty: whole groups of components are kept or dropped."""

from collections.abc import Sequence, Sized

import numpy as np


class Group:
    """J(θ) = Σ_g f_g √|g| ‖θ_g‖₂ (Yuan & Lin, 2006).

    Parameters
    ----------
    groups : array-like of shape (p,), or sequence of sequences of int
        The label of each component's group; or the components of each group, which must name every
        component once.
    factors : None or array-like of shape (n_groups,)
        f_g, not negative; 0 leaves a group unpenalised. In the order of the index lists, or of the
        sorted labels. None: all 1.

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
        f_g √|g|.

    Raises
    ------
    ValueError
        If a component is in no group or in several, a group is empty, or ``factors`` do not match.

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

    def __init__(self, groups, factors=None):
        self.labels, self.order, sizes = _partition(groups)
        self.n_features = len(self.order)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.factors = _check_factors(factors, len(sizes))
        self.weights = self.factors * np.sqrt(sizes)
        self._group = np.empty(self.n_features, dtype=np.intp)
        self._group[self.order] = np.repeat(np.arange(len(sizes)), sizes)

    def __repr__(self):
        return f"Group(n_features={self.n_features}, n_groups={len(self.labels)})"

    def norms(self, theta):
        """‖θ_g‖₂ of each group, shape (n_groups,), without overflow or underflow."""
        size = np.abs(np.atleast_2d(theta)).max(axis=0)[self.order]
        top = np.maximum.reduceat(size, self.starts[:-1])
        scale = np.where(top > 0, top, 1.0)
        inside = np.square(np.atleast_2d(theta)[:, self.order] / np.repeat(scale, self._sizes))
        return scale * np.sqrt(np.add.reduceat(inside.sum(axis=0), self.starts[:-1]))

    @property
    def _sizes(self):
        return np.diff(self.starts)

    def value(self, theta):
        """J(θ)."""
        return float(self.weights @ self.norms(theta))

    def gradient(self, theta):
        """∇J(θ), 0 on groups that are zero."""
        norms = self.norms(theta)
        ratio = np.divide(self.weights, norms, out=np.zeros_like(norms), where=norms > 0)
        return (theta * ratio[self._group]).astype(theta.dtype, copy=False)

    def prox(self, theta, step):
        """argmin_u ½‖u − θ‖² + step·J(u): each group shortened by step·f_g√|g|, or dropped."""
        norms = self.norms(theta)
        kept = np.maximum(norms - step * self.weights, 0.0)
        kept = np.divide(kept, norms, out=np.zeros_like(norms), where=norms > 0)
        # Adding 0 turns the −0.0 of a negative component switched off into 0.0.
        return (theta * kept[self._group] + 0.0).astype(theta.dtype, copy=False)

    def alpha_max(self, gradient_at_zero):
        """max_g ‖∇R(0)_g‖₂/(f_g√|g|); infinite if a group without penalty is not at its best."""
        norms = self.norms(gradient_at_zero)
        ratio = np.divide(
            norms, self.weights, out=np.full_like(norms, np.inf), where=self.weights > 0
        )
        return float(np.where(norms > 0, ratio, 0.0).max(initial=0.0))

    def support(self, theta):
        """Mask of the components whose group has not been switched off; the shape of θ."""
        on = (self.norms(theta) > 0) | (self.weights == 0)
        return np.broadcast_to(on[self._group], np.shape(theta)).copy()


def _partition(groups):
    """(labels, components group by group, size of each group)."""
    if isinstance(groups, str) or not isinstance(groups, Sized) or len(groups) == 0:
        raise ValueError(
            f"groups must be a label for each feature or a list of index lists, got {groups!r}."
        )
    if any(isinstance(one, Sequence | np.ndarray) and not isinstance(one, str) for one in groups):
        return _from_lists(groups)
    labels, place, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError("groups must not hold NaN or infinity. Give each feature a label.")
    return labels, np.argsort(place, kind="stable"), sizes


def _from_lists(groups):
    lists = [np.atleast_1d(np.asarray(one)) for one in groups]
    for g, one in enumerate(lists):
        if one.size == 0:
            raise ValueError(f"groups[{g}] is empty. Leave it out.")
        if one.ndim != 1 or one.dtype.kind not in "iu" or one.min() < 0:
            raise ValueError(
                f"groups[{g}] must list feature indices from 0 upwards, got {groups[g]!r}."
            )
    order = np.concatenate(lists).astype(np.intp)
    count = np.bincount(order)
    if (count > 1).any():
        raise ValueError(
            f"groups must not share features: {_some(count > 1)} occur more than once. "
            "Keep each in one group."
        )
    if (count == 0).any():
        raise ValueError(
            f"groups must name every feature: {_some(count == 0)} are in none. Give them a group "
            "of their own, with factor 0 if they are not to be penalised."
        )
    return np.arange(len(lists)), order, np.array([one.size for one in lists])


def _some(mask):
    which = np.flatnonzero(mask)
    return ", ".join(map(str, which[:5])) + (", …" if len(which) > 5 else "")


def _check_factors(factors, n_groups):
    if factors is None:
        return np.ones(n_groups)
    array = np.asarray(factors, dtype=np.float64)
    if array.shape != (n_groups,):
        raise ValueError(
            f"penalty_factors must have one number for each of the {n_groups} groups, got shape "
            f"{array.shape}."
        )
    bad = array[~(np.isfinite(array) & (array >= 0))]
    if bad.size:
        raise ValueError(
            f"penalty_factors must be finite and not negative, got {bad[0]}. Use 0 for no penalty."
        )
    return array
