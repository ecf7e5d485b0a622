"""Penalties that are not convex: the λ by way of which they are followed, and their tangents."""

import numpy as np

from skreg.penalties import Penalty, Separable
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


def lasso_of_slopes(penalty: Penalty, theta: Array, alpha: float) -> Separable | None:
    """The L1 penalty, for a λ of 1, that touches P(·; λ) at θ (p,); None without a table of P."""
    table = penalty.table(len(theta), alpha)
    if table is None:
        return None
    slopes = np.where(theta == 0, table[:, 0, 2], np.abs(penalty.gradient(theta, alpha)))
    return Separable(factors=np.where(table[:, 0, 0] < 0, np.inf, slopes))
