"""The choice among candidates by what each gains on the first, split by split."""

import numpy as np
from numpy.typing import NDArray


def gains(scores: NDArray, ratio: float) -> tuple[NDArray, NDArray]:
    """Mean gain of every candidate on the first, and its standard error.

    A split is hard or easy for all candidates alike, which differences do not see. Training parts
    overlap, so that the plain standard error over J splits, s/√J, is too small: it is
    s·√(1/J + n_test/n_train) here.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_splits)
    ratio : float
        n_test/n_train of a split.

    Returns
    -------
    mean, error : ndarray of shape (n_candidates,)
        The error is NaN for a single split.

    References
    ----------
    C. Nadeau, Y. Bengio (2003), "Inference for the generalization error".

    Examples
    --------
    >>> gains(np.array([[1.0, 2.0], [2.0, 4.0]]), 1.0)
    (array([0. , 1.5]), array([0.        , 0.8660254]))
    """
    with np.errstate(invalid="ignore"):  # scores of −inf have no difference
        differences = scores - scores[0]
        mean, n_splits = differences.mean(axis=1), scores.shape[1]
        if n_splits == 1:
            return mean, np.full(len(mean), np.nan)
        spread = differences.std(axis=1, ddof=1)
    return mean, spread * np.sqrt(1 / n_splits + ratio)


def surest(mean: NDArray, error: NDArray, finished: NDArray) -> int:
    """Index of the largest mean − error among the finished; the first, where none is above 0.

    So the first is left only for a gain that is larger than its standard error.

    Examples
    --------
    >>> mean, error = np.array([0.0, 1.5, 1.2, 0.1]), np.array([0.0, 1.4, 0.9, 0.2])
    >>> surest(mean, error, np.array([True, True, True, True]))
    2
    >>> surest(mean, error, np.array([True, True, False, True]))
    1
    >>> surest(mean[[0, 3]], error[[0, 3]], np.ones(2, bool))
    0
    """
    bound = np.where(finished & np.isfinite(mean), mean - error, -np.inf)
    bound[0] = 0.0
    return int(np.argmax(bound))
