"""The best intercept of a model without features, from the derivatives of any loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skreg.losses.base import Loss

Array = NDArray[np.float64]

EPS = np.finfo(np.float64).eps
_MAX_STEPS = 200
# Where doubling a bracket ends: |b| beyond this is infinite for every link.
_FAR = 1e300


def best_intercept(loss: Loss, y: Array, share: Array, offset: Array | None = None) -> Array:
    """argmin_b Σᵢ shareᵢ·ℓ(yᵢ, b + oᵢ), of any convex loss.

    Parameters
    ----------
    loss : Loss
    y : ndarray of shape (n, K)
    share : ndarray of shape (n,)
        Weights of sum 1.
    offset : ndarray of shape (n,) or (n, K), default=None

    Returns
    -------
    ndarray of shape (K,)

    Raises
    ------
    ValueError
        If no finite b minimizes the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Poisson
    >>> from skreg.losses.intercept import best_intercept
    >>> best_intercept(Poisson(), np.array([[1.0], [3.0]]), np.array([0.5, 0.5])).round(4)
    array([0.6931])
    """
    rows = share > 0  # 0·inf is no number
    y, share = y[rows], share[rows]
    offset = np.zeros(len(y)) if offset is None else offset[rows]
    offset = np.broadcast_to(offset.reshape(len(y), -1), y.shape)
    if loss.coupled:
        return _newton(loss, y, share, offset)
    columns = ((y[:, [k]], share, offset[:, [k]]) for k in range(y.shape[1]))
    return np.array([root(loss, *column, *bracket(loss, *column)) for column in columns])


def slope_and_bend(loss, y, share, offset, b):
    """First and second derivative of the risk in the intercept of a single output."""
    with np.errstate(over="ignore", invalid="ignore"):
        _, gradient, curvature = loss.derivatives(y, offset + b)
        return share @ gradient[:, 0], share @ curvature[:, 0]


def bracket(loss, y, share, offset):
    """Numbers between which the slope changes sign, by doubling."""
    start = slope_and_bend(loss, y, share, offset, 0.0)[0]
    side, near, far = (-1.0 if start > 0 else 1.0), 0.0, 1.0
    while start != 0 and side * slope_and_bend(loss, y, share, offset, side * far)[0] < 0:
        near, far = far, 2.0 * far
        if far > _FAR:
            raise ValueError(
                f"no finite intercept minimizes the loss {loss.name!r} of these targets: it falls "
                "forever. Let `check_targets` of the loss refuse such targets."
            )
    return tuple(sorted((side * near, side * far)))


def root(loss, y, share, offset, low, high):
    """The b in [low, high] where the slope is 0: Newton's method, kept in a bracket.

    Parameters are those of `best_intercept` with K = 1, ``offset`` of shape (n, 1).
    """
    b = 0.5 * (low + high)
    for _ in range(_MAX_STEPS):
        slope, bend = slope_and_bend(loss, y, share, offset, b)
        low, high = (b, high) if slope < 0 else (low, b)
        step = b - slope / bend if bend > 0 else low
        new = step if low < step < high else 0.5 * (low + high)
        if slope == 0 or abs(new - b) <= 4 * EPS * max(1.0, abs(b)):
            break
        b = new
    return float(b)


def _newton(loss, y, share, offset):
    """Of a loss whose outputs are coupled: b of sum 0, Newton's method with a line search."""
    b = np.zeros(y.shape[1])
    value = share @ loss.derivatives(y, offset + b)[0]
    for _ in range(_MAX_STEPS):
        _, gradient, p = loss.derivatives(y, offset + b)
        hessian = np.diag(share @ p) - (share[:, None] * p).T @ p
        slope = share @ gradient
        step = -np.linalg.pinv(hessian, rcond=1e-13, hermitian=True) @ slope
        scale = 1.0
        while (new := share @ loss.derivatives(y, offset + b + scale * step)[0]) > value:
            scale *= 0.5
            if scale < EPS:
                return b - b.mean()
        b, value = b + scale * step, new
        if np.abs(step).max() <= 4 * EPS * max(1.0, np.abs(b).max()):
            break
    return b - b.mean()
