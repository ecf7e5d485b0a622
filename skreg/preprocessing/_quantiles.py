"""Quantiles of one column with weights, missing values left out."""

import numpy as np
from numpy.typing import ArrayLike


def weighted_quantiles(values, weights, levels: ArrayLike, averaged: bool = True):
    """Quantiles by the inverse of the weighted distribution function.

    At level q it is the least value whose share of the weights, with what lies below, is q or more.
    Integer weights give what repeated rows give.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        NaN is left out.
    weights : ndarray of shape (n_samples,)
        Rows of weight 0 are left out.
    levels : array-like in [0, 1]
    averaged : bool, default=True
        Whether a value whose share is q itself gives way to the mean of it and the next one.

    Returns
    -------
    ndarray
        NaN if no value is left.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0]), [0.0, 0.5, 1.0])
    array([1. , 1.5, 3. ])
    """
    kept = (weights > 0) & ~np.isnan(values)
    if not kept.any():
        return np.full(np.shape(levels), np.nan)
    order = np.argsort(values[kept], kind="stable")
    ordered, shares = values[kept][order], np.cumsum(weights[kept][order])
    targets = np.asarray(levels, np.float64) * shares[-1]
    last = len(ordered) - 1
    low = np.minimum(np.searchsorted(shares, targets, side="left"), last)
    if not averaged:
        return ordered[low]
    high = np.minimum(np.searchsorted(shares, targets, side="right"), last)
    return ordered[low] + (ordered[high] / 2 - ordered[low] / 2)
