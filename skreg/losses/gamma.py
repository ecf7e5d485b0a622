"""Half the gamma deviance, for positive targets whose spread grows with their mean."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, gammaln
from sklearn.metrics import d2_tweedie_score

from skreg._kernels import losses as kernels
from skreg.losses.base import Array, CompiledLoss, first_bad, is_constant


class Gamma(CompiledLoss):
    """ℓ(y, f) = log(μ/y) + y/μ − 1 with μ = exp(f): half the unit deviance, log link.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Gamma
    >>> Gamma().pointwise(np.array([[2.0], [6.0]]), np.log([[2.0], [2.0]]))[0].round(4)
    array([0.    , 0.9014])
    """

    name = "gamma"
    out_activation = "exponential"
    positive_targets = True
    has_likelihood = True

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """u·log y + v·log v + u with v = 1 − u ≥ 0."""
        return (u * (np.log(y) + 1.0) + kernels.entropy(1.0 - u)).sum(axis=1)

    def check_targets(self, y: NDArray) -> None:
        """Targets are positive."""
        bad = ~(y > 0)
        if bad.any():
            value, row = first_bad(y, bad)
            raise ValueError(
                f"y must be positive for loss='gamma', got {value} in row {row}. Use "
                "loss='poisson' for targets that may be 0, loss='squared_error' for any."
            )

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """log Σ s·y·exp(−o)."""
        ratio = np.log(y[:, 0]) - (0.0 if offset is None else offset.reshape(len(y)))
        return ratio.max() + np.log(share @ np.exp(ratio - ratio.max()))[None]

    def explained(self, y: NDArray, mean: NDArray, sample_weight: Array | None = None) -> float:
        """D² of the gamma deviance."""
        if is_constant(y, sample_weight):  # scikit-learn divides by zero
            return super().explained(y, mean, sample_weight)
        return d2_tweedie_score(y, mean, sample_weight=sample_weight, power=2)

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """Without Σ log y, at the likeliest shape k: log k − ψ(k) = R."""
        if risk <= 0:
            return -np.inf
        k = np.exp(brentq(lambda t: t - digamma(np.exp(t)) - risk, -60.0, 30.0, xtol=1e-14))
        return 2.0 * n * (k * risk + k - k * np.log(k) + gammaln(k))

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The mean μ = exp(f)."""
        return np.exp(raw)
