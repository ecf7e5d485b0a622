"""Groups of features as users write them: labels, or lists of indices."""

from collections.abc import Sequence, Sized

import numpy as np
from numpy.typing import ArrayLike

from skreg._validation import as_floats


def partition(groups: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, components group by group, size of each group)."""
    if isinstance(groups, str) or not isinstance(groups, Sized) or len(groups) == 0:
        raise ValueError(
            f"groups must be a label for each feature or a list of index lists, got {groups!r}."
        )
    is_plain = isinstance(groups, np.ndarray) and groups.ndim == 1 and groups.dtype != object
    if not is_plain and any(
        isinstance(one, Sequence | np.ndarray) and not isinstance(one, str) for one in groups
    ):
        return _from_lists(groups)
    names = np.asarray(groups)
    try:
        labels, place, sizes = np.unique(names, return_inverse=True, return_counts=True)
    except TypeError:  # objects that do not sort, such as None
        odd = next((i for i, one in enumerate(names.tolist()) if one is None), None)
        what = f"got {list(groups)!r}" if odd is None else f"got None for feature {odd}"
        raise ValueError(
            f"groups must hold numbers, or text, as labels: {what}. Give each feature a label, a "
            "feature outside of every group one of its own."
        ) from None
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
            "of their own, with factor 0 if they are not to be penalized."
        )
    return np.arange(len(lists)), order, np.array([one.size for one in lists])


def _some(mask):
    which = np.flatnonzero(mask)
    return ", ".join(map(str, which[:5])) + (", …" if len(which) > 5 else "")


def check_group_factors(factors: ArrayLike | None, n_groups: int) -> np.ndarray:
    """One factor for each group, not negative; ones for None."""
    if factors is None:
        return np.ones(n_groups)
    array = as_floats(factors, "penalty_factors")
    if array.shape != (n_groups,):
        raise ValueError(
            f"penalty_factors must have one number for each of the {n_groups} groups, got shape "
            f"{array.shape}."
        )
    bad = array[~(array >= 0)]
    if bad.size:
        raise ValueError(
            f"penalty_factors must not be negative, got {bad[0]}. Use 0 for no penalty, and inf to "
            "exclude a group."
        )
    return array


def check_feature_factors(
    factors: ArrayLike | None, n_features: int, name: str = "penalty_factors"
) -> None:
    """Raise ValueError if factors are not one number for each feature, not negative."""
    array = as_floats(factors, name)
    if array.shape != (n_features,):
        raise ValueError(
            f"{name} must have one number for each feature, shape ({n_features},), "
            f"got shape {array.shape}."
        )
    bad = np.flatnonzero(~(array >= 0))
    if bad.size:
        raise ValueError(
            f"{name} must be numbers that are not negative, got {array[bad[0]]} for "
            f"feature {bad[0]}. Use 0 for a feature without a penalty, inf to leave one out."
        )
