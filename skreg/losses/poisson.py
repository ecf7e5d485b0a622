"""Half the Poisson deviance, for counts."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import d2_tweedie_score

from skreg._kernels import losses as kernels
from skreg.losses.base import Array, CompiledLoss, check_not_negative, is_constant


class Poisson(CompiledLoss):
    """ℓ(y, f) = y·log(y/μ) − y + μ with μ = exp(f): half the unit deviance, log link.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Poisson
    >>> Poisson().pointwise(np.array([[0.0], [2.0]]), np.log([[3.0], [2.0]]))[0].round(12)
    array([3., 0.])
    """

    name = "poisson"
    out_activation = "exponential"
    positive_targets = True
    has_likelihood = True
    no_minimum = "some counts are 0 wherever a combination of features is large"

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """v·log v − y·log y − u with v = y + u ≥ 0."""
        return (kernels.entropy_change(y, u) - u).sum(axis=1)

    def check_targets(self, y: NDArray) -> None:
        """Targets are not negative, and not all 0."""
        check_not_negative(y, self.name)

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """log Σ s·y − log Σ s·exp(o)."""
        log_mean = np.log(np.maximum(share @ y, np.finfo(np.float64).tiny))
        if offset is None:
            return log_mean
        largest = offset.max()
        return log_mean - largest - np.log(share @ np.exp(offset - largest))

    def explained(self, y: NDArray, mean: NDArray, sample_weight: Array | None = None) -> float:
        """D² of the Poisson deviance."""
        if is_constant(y, sample_weight):  # scikit-learn divides by zero
            return super().explained(y, mean, sample_weight)
        return d2_tweedie_score(y, mean, sample_weight=sample_weight, power=1)

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """2nR, the deviance: the saturated model's likelihood is common to all fits."""
        return 2.0 * n * risk

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The mean μ = exp(f)."""
        return np.exp(raw)
