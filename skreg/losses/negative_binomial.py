"""Half the negative binomial deviance, for counts that vary more than Poisson's."""

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import losses as kernels
from skreg._validation import lies_between
from skreg.losses.base import Array, CompiledLoss, check_not_negative


class NegativeBinomial(CompiledLoss):
    """ℓ(y, f) = y·log(y/μ) − (y + 1/α)·log((1 + αy)/(1 + αμ)) with μ = exp(f).

    Half the unit deviance of counts with variance μ + α·μ² (NB2; Cameron & Trivedi, 1986), log
    link. It is convex in f for every α > 0, and Poisson's loss in the limit α → 0.

    Parameters
    ----------
    dispersion : float, default=1.0
        α > 0, which is given, not estimated.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import NegativeBinomial
    >>> y, raw = np.array([[0.0], [2.0]]), np.log([[3.0], [2.0]])
    >>> NegativeBinomial(dispersion=1.0).pointwise(y, raw)[0].round(4)
    array([1.3863, 0.    ])
    """

    name = "negative_binomial"
    out_activation = "exponential"
    parameters = ("dispersion",)
    positive_targets = True
    has_likelihood = True
    no_minimum = "some counts are 0 wherever a combination of features is large"

    def __init__(self, dispersion: float = 1.0) -> None:
        if not lies_between(dispersion, 0, None):
            raise ValueError(
                f"dispersion must be a positive number, got {dispersion!r}. Use loss='poisson' for "
                "counts without overdispersion."
            )
        self.dispersion = self.parameter = float(dispersion)

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """v·log v − y·log y + w·log(αw) with v = y + u ≥ 0 and w = 1/α − u ≥ 0."""
        w = 1.0 / self.dispersion - u
        inside = w >= -8 * np.finfo(np.float64).eps * (1.0 + np.abs(u))
        # w·log(αw), without the cancellation of a small α.
        rest = np.maximum(-self.dispersion * u, -1.0)
        rest = np.where(w > 0, w * np.log1p(np.where(w > 0, rest, 0.0)), 0.0)
        return np.where(inside, kernels.entropy_change(y, u) + rest, np.inf).sum(axis=1)

    def check_targets(self, y: NDArray) -> None:
        """Targets are not negative, and not all 0."""
        check_not_negative(y, self.name)

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """log ȳ; with an offset by Newton's method."""
        if offset is not None:
            return super().null_intercept(y, share, offset)
        return np.log(np.maximum(share @ y, np.finfo(np.float64).tiny))

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """2nR, the deviance: the saturated model's likelihood is common to all fits."""
        return 2.0 * n * risk

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The mean μ = exp(f)."""
        return np.exp(raw)
