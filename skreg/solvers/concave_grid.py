"""The λ by way of which penalties that are not convex are followed."""

import numpy as np

from skreg.rows.products import EPS, Array

# The grid's ratio and its end.
_RATIO, _LONGEST = 0.8, 100


def grid_above(alpha: float, alpha_max: float) -> Array:
    """The λ ≥ ``alpha`` of a grid from λ_max down that nobody asked for; empty beyond its ends.

    A penalty that is not convex has several local minima, and which is found depends on where from.
    On the way down a fixed grid it depends on λ alone, and not on whether it is one of a path or
    the only one.

    Examples
    --------
    >>> from skreg.solvers.concave_grid import grid_above
    >>> grid_above(0.6, 1.0)
    array([1.  , 0.8 , 0.64])
    """
    if not 0 < alpha < alpha_max < np.inf:
        return np.empty(0)
    place = int(np.floor(np.log(alpha / alpha_max) / np.log(_RATIO) * (1 + 4 * EPS)))
    return alpha_max * np.power(_RATIO, np.arange(min(place, _LONGEST) + 1.0))
