"""Checks of user input that more than one layer makes."""

import numbers

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import _num_samples, assert_all_finite, check_array


def check_weights(sample_weight, X):
    """Sample weights as a float64 vector, or None for equal weights.

    Parameters
    ----------
    sample_weight : None, float or array-like of shape (n_samples,)
        What the user gave. A number stands for the same weight in every row.
    X : array-like of shape (n_samples, n_features)
        The rows that the weights belong to.

    Returns
    -------
    None or ndarray of shape (n_samples,), float64
        None only when ``sample_weight`` is None.

    Raises
    ------
    ValueError
        If the weights have the wrong shape, or are NaN, infinite, negative or all zero.

    Examples
    --------
    >>> check_weights([1, 2], [[0.5], [0.7]])
    array([1., 2.])
    >>> check_weights([1, -2], [[0.5], [0.7]])
    Traceback (most recent call last):
        ...
    ValueError: sample_weight must not be negative, got -2.0 in row 1. Give such a row weight 0 ...
    """
    if sample_weight is None:
        return None
    n_samples = _num_samples(X)
    if isinstance(sample_weight, numbers.Number):
        sample_weight = np.full(n_samples, sample_weight, dtype=np.float64)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, order="C", input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one weight for each row of X, shape ({n_samples},), got "
            f"shape {weights.shape}."
        )
    if (lowest := weights.min()) < 0:
        raise ValueError(
            f"sample_weight must not be negative, got {lowest} in row {weights.argmin()}. "
            "Give such a row weight 0 to leave it out."
        )
    if weights.max() == 0:
        raise ValueError(
            "sample_weight is zero in every row, which leaves nothing to fit. "
            "Give a positive weight to at least one row."
        )
    return weights


def check_alphas(alphas: ArrayLike) -> tuple[NDArray[np.float64], bool]:
    """Values of λ as a float64 vector, and whether a single number was given.

    Examples
    --------
    >>> check_alphas(0.5)
    (array([0.5]), True)
    >>> check_alphas([1.0, float("nan")])
    Traceback (most recent call last):
        ...
    ValueError: alphas must be finite and not negative, got nan. Use 0 for no penalty.
    """
    array = np.asarray(alphas, dtype=np.float64)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(
            f"alphas must be a number or a one-dimensional, non-empty sequence, got {alphas!r}."
        )
    one, array = array.ndim == 0, np.atleast_1d(array)
    bad = array[~(np.isfinite(array) & (array >= 0))]
    if bad.size:
        raise ValueError(
            f"alphas must be finite and not negative, got {bad[0]}. Use 0 for no penalty."
        )
    return array, one


def check_factors(factors, n_features, name="penalty_factors", may_exclude=False):
    """Multipliers of the penalty, one a feature, as a float64 vector; None stays None.

    Where ``may_exclude`` they may be infinite.

    Examples
    --------
    >>> check_factors([0, 1], 2)
    array([0., 1.])
    >>> check_factors([1, -1], 2)
    Traceback (most recent call last):
        ...
    ValueError: penalty_factors must be finite and not negative, got -1.0 for feature 1. Use 0 ...
    """
    if factors is None:
        return None
    array = np.asarray(factors, dtype=np.float64)
    if array.shape != (n_features,):
        raise ValueError(
            f"{name} must have one number for each feature, shape ({n_features},), got shape "
            f"{array.shape}."
        )
    bad = np.flatnonzero(~((array >= 0) & (may_exclude | np.isfinite(array))))
    if bad.size:
        raise ValueError(
            f"{name} must be finite and not negative, got {array[bad[0]]} for feature {bad[0]}. "
            "Use 0 for a feature without a penalty."
        )
    return array


def check_offset(offset, X):
    """What is added to the raw predictions, as a float64 vector; None stays None.

    Examples
    --------
    >>> check_offset([1, 2], [[0.5], [0.7]])
    array([1., 2.])
    """
    if offset is None:
        return None
    n_samples = _num_samples(X)
    array = check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")
    if array.shape != (n_samples,):
        raise ValueError(
            f"offset must have one number for each row of X, shape ({n_samples},), got shape "
            f"{array.shape}."
        )
    return array


def refuse_infinite(X):
    """Raise for an X whose sums of squares are not finite: for its NaN or infinity, or its size.

    Examples
    --------
    >>> refuse_infinite(np.array([[1.0, 1e200]]))
    Traceback (most recent call last):
        ...
    ValueError: X holds 1e+200, whose square is too large for float64. Scale its column down.
    """
    assert_all_finite(X, input_name="X")
    values = X.data if issparse(X) else X
    largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
    raise ValueError(
        f"X holds {largest:g}, whose square is too large for float64. Scale its column down."
    )
