"""Ensembles whose members share most weights: where their own lie in θ, and what they say together.

The kernels are in `skreg/_kernels/members.pxd`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax, logsumexp

from skreg.losses import Loss
from skreg.network.parameters import n_parameters

#: Members that a row trains each time it is met: they take turns, and an epoch costs about what it
#: costs so many networks.
TRAINED_AT_ONCE = 4


def adapters(theta: NDArray, units: tuple[int, ...], n_waves: int = 0) -> tuple[NDArray, NDArray]:
    """Views of r, (n_members, n_features), and c, (n_members, width of the first hidden layer).

    Both are empty for one network.
    """
    n_features, width = units[:2]
    own = theta[n_parameters(units) : len(theta) - 2 * n_waves]
    n_members = len(own) // (n_features + width)
    split = n_members * n_features
    return own[:split].reshape(-1, n_features), own[split:].reshape(-1, width)


def own_part(theta: NDArray, units: tuple[int, ...], n_members: int, n_waves: int = 0) -> NDArray:
    """A view of what belongs to one member or another: the last layer, r and c; nothing for one."""
    last = len(theta) - 2 * n_waves
    return theta[n_parameters(units[:-1]) if n_members > 1 else last : last]


def mean_losses(loss: Loss, Y: NDArray, raw: NDArray, n_members: int) -> NDArray:
    """For every row the mean of its losses by the members; ``raw`` as in `mean_prediction`."""
    parts = np.split(raw, n_members, axis=1)
    return np.mean([loss.pointwise(Y, part)[0] for part in parts], axis=0)


def mean_prediction(raw: NDArray, loss: Loss, n_members: int) -> NDArray:
    """Raw predictions that mean the mean of the members' probabilities, or of their numbers.

    Parameters
    ----------
    raw : ndarray of shape (n, n_members · n_outputs)
        Of the members, side by side.
    loss : Loss
    n_members : int

    Returns
    -------
    ndarray of shape (n, n_outputs)

    Examples
    --------
    >>> from skreg.losses import BinaryLogLoss
    >>> from scipy.special import expit, logit
    >>> raw = mean_prediction(logit([[0.2, 0.6]]), BinaryLogLoss(), 2)
    >>> expit(raw).round(6).tolist()
    [[0.4]]
    """
    if n_members == 1:
        return raw
    raw = raw.reshape(len(raw), n_members, -1)
    if loss.coupled:
        return logsumexp(log_softmax(raw, axis=2), axis=1) - np.log(raw.dtype.type(n_members))
    if loss.is_for_classes:
        return logsumexp(log_expit(raw), axis=1) - logsumexp(log_expit(-raw), axis=1)
    if loss.has_log_link:
        return logsumexp(raw, axis=1) - np.log(raw.dtype.type(n_members))
    return raw.mean(axis=1)
