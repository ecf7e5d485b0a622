"""A point (θ, b) and what the risk says of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(eq=False)
class Point:
    """(θ, b) about the centre of the design, with the risk and its derivatives there.

    Made by `EmpiricalRisk.at`.

    Attributes
    ----------
    theta, gradient : ndarray of shape (K·p,)
        θ and ∂R/∂θ, class by class.
    intercept, total : ndarray of shape (K,)
        b and ∂R/∂b; both are 0 without an intercept.
    raw : ndarray of shape (n, K)
        The raw predictions.
    value : float
        R.
    residual, curvature : ndarray of shape (n, K)
        See `EmpiricalRisk.derivatives_at`.
    complete : bool
        False where ``gradient`` is known on a working set only.
    """

    theta: Array
    intercept: Array
    raw: Array
    value: float
    residual: Array
    curvature: Array
    gradient: Array
    total: Array
    complete: bool = True
