"""Huber's loss, for regression with outliers."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from skreg._validation import lies_between
from skreg.losses.base import Array, CompiledLoss
from skreg.losses.intercept import root


class Huber(CompiledLoss):
    """ℓ(y, f) = ½r² for |r| ≤ δ, else δ|r| − ½δ², with r = f − y (Huber, 1964).

    Parameters
    ----------
    delta : float, default=1.35
        δ > 0, in the units of y: residuals beyond it pull with constant force.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Huber
    >>> Huber(delta=1.0).pointwise(np.zeros((2, 1)), np.array([[0.5], [3.0]]))[0]
    array([0.125, 2.5  ])
    """

    name = "huber"
    out_activation = "identity"
    parameters = ("delta",)
    has_flat_parts = True
    conjugate_curvature = 1.0
    scored_by_r2 = True

    def __init__(self, delta: float = 1.35) -> None:
        if not lies_between(delta, 0, None):
            raise ValueError(
                f"delta must be a positive number, got {delta!r}. Use loss='squared_error' for a "
                "loss without a bend."
            )
        self.delta = self.parameter = float(delta)
        self.linear_sides = (self.delta, self.delta)

    def majorizer(self, y: NDArray, raw: NDArray) -> Array:
        """min(1, δ/|r|): the curvature of the least parabola about f that lies above ℓ.

        It is symmetric in r and touches ℓ at f (Huber & Ronchetti, 2009, section 7.8).
        """
        return self.delta / np.maximum(np.abs(raw - y), self.delta)

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """Σⱼ uⱼyⱼ + ½uⱼ² for |uⱼ| ≤ δ."""
        limit = self.delta * (1 + 8 * np.finfo(np.float64).eps)
        out = u * (y + 0.5 * u)
        return np.where(np.abs(u) <= limit, out, np.inf).sum(axis=1)

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """Between the smallest residual and the largest; by Newton's method."""
        offset = np.zeros(y.shape) if offset is None else offset.reshape(len(y), -1)
        residual = y - offset
        return np.array([root(self, y, share, offset, residual.min(), residual.max())])

    def explained(self, y: NDArray, mean: NDArray, sample_weight: Array | None = None) -> float:
        """R²: comparable with that of squared error."""
        return r2_score(y, mean, sample_weight=sample_weight)

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The prediction is f itself."""
        return raw
