"""Half the Tweedie deviance, for amounts that are often 0: claims, rainfall."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import d2_tweedie_score

from skreg._validation import lies_between
from skreg.losses.base import Array, CompiledLoss, Loss, check_not_negative, first_bad, is_constant
from skreg.losses.gamma import Gamma
from skreg.losses.poisson import Poisson
from skreg.losses.squared_error import SquaredError

# Members with a name of their own.
_KNOWN: dict[float, type[SquaredError] | type[Poisson] | type[Gamma]] = {
    0: SquaredError,
    1: Poisson,
    2: Gamma,
}
_MAX_STEPS = 50


class Tweedie(CompiledLoss):
    """Half the unit deviance of the compound Poisson-gamma law, with μ = exp(f).

    ℓ(y, f) = y·μ^(1−p)/(p − 1) + μ^(2−p)/(2 − p) − y^(2−p)/((p − 1)(2 − p)), whose variance is
    φ·μᵖ (Jørgensen, 1987).

    Parameters
    ----------
    power : float, default=1.5
        p > 1. `from_parameters` takes 0, 1 and 2 as well, which are `SquaredError` (with the
        identity link, as in `sklearn.linear_model.TweedieRegressor`), `Poisson` and `Gamma`; 3 is
        the inverse Gaussian. Beyond 2 the deviance is not convex in f: a ridge finds a stationary
        point, by Fisher's scoring, and a lasso, which could not certify it, is refused. Between 0
        and 1 there is no such law.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Tweedie
    >>> Tweedie(1.5).pointwise(np.array([[0.0], [4.0]]), np.log([[4.0], [4.0]]))[0].round(12)
    array([4., 0.])
    """

    name = "tweedie"
    out_activation = "exponential"
    parameters = ("power",)
    positive_targets = True
    no_minimum = "some targets are 0 wherever a combination of features is large"

    def __init__(self, power: float = 1.5) -> None:
        if lies_between(power, 0, 2, closed="both") and power in _KNOWN:
            raise ValueError(
                f"power={power!r} is a loss of its own: use {_KNOWN[power].__name__}(), or "
                "Tweedie.from_parameters."
            )
        if not lies_between(power, 1, None):
            raise ValueError(
                f"power must be 0 or at least 1, got {power!r}: no Tweedie law has another power, "
                "but for extreme stable ones. Use loss='squared_error' for targets below 0."
            )
        self.is_convex = power < 2
        self.power = self.parameter = float(power)

    @classmethod
    def from_parameters(cls, power: float = 1.5, **parameters: float) -> Loss:
        """The loss of that power: `SquaredError` for 0, `Poisson` for 1, `Gamma` for 2."""
        return _KNOWN[power](**parameters) if power in _KNOWN else cls(power, **parameters)

    def conjugate(self, y: NDArray, u: Array) -> Array:
        """u·f − ℓ(y, f) where μ^(2−p) − y·μ^(1−p) = u; u ≥ 0 where y = 0. For p < 2."""
        if not self.is_convex:
            raise ValueError(
                f"the Tweedie deviance of power={self.power} is not convex, and has no duality gap."
            )
        above, below = self.power - 1.0, 2.0 - self.power
        outside = (y == 0) & (u < -8 * np.finfo(np.float64).eps)
        f = self._best(y, u)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            falling = np.where(y > 0, np.exp(np.log(y) - above * f), 0.0) / above
            product = np.where(np.isneginf(f), 0.0, u * f)
            least = np.where(y > 0, y**below, 0.0) / (above * below)
            value = product - np.exp(below * f) / below - falling + least
        return np.where(outside, np.inf, value).sum(axis=1)

    def _best(self, y: NDArray, u: Array) -> Array:
        """argmax_f u·f − ℓ(y, f), by Newton's method for the logarithm of an equation.

        With μ = exp(f) it is μ = y + u·μ^(p−1) for u ≥ 0, else μ + |u|·μ^(p−1) = y. In logarithms
        the first is concave and the second convex in f, with slopes between 2 − p and 1 or p − 1
        and 1: Newton's steps converge from anywhere.
        """
        above = self.power - 1.0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_y, log_u = np.log(y), np.log(np.abs(u))
            both = np.where(u >= 0, np.logaddexp(log_y, log_u), log_y)
            f = np.where(y > 0, both, log_u / (2.0 - self.power))
            moving = (y > 0) & np.isfinite(f)
            for _ in range(_MAX_STEPS):
                other = log_u + above * f
                up = f - np.logaddexp(log_y, other)
                down = np.logaddexp(f, other) - log_y
                rising = 1.0 - above / (1.0 + np.exp(log_y - other))
                falling = above + (1.0 - above) / (1.0 + np.exp(other - f))
                step = np.where(u >= 0, up / rising, down / falling)
                step = np.where(moving, step, 0.0)
                f = f - step
                if (np.abs(step) <= 1e-14 * (1.0 + np.abs(f))).all():
                    break
        return np.where((y == 0) & (u <= 0), -np.inf, f)

    def check_targets(self, y: NDArray) -> None:
        """Targets are not negative, and not all 0; positive for p > 2."""
        if not self.is_convex and not (y > 0).all():
            value, row = first_bad(y, ~(y > 0))
            raise ValueError(
                f"y must be positive for loss='tweedie' with power={self.power}, got {value} in "
                f"row {row}. Use a power below 2 for targets that may be 0."
            )
        check_not_negative(y, self.name)

    def null_intercept(self, y: NDArray, share: Array, offset: Array | None = None) -> Array:
        """log Σ s·y·exp((1 − p)o) − log Σ s·exp((2 − p)o)."""
        offset = np.zeros(len(y)) if offset is None else offset.reshape(len(y))
        middle = 0.5 * (offset.min() + offset.max())
        away = offset - middle
        above = share @ (y * np.exp((1.0 - self.power) * away)[:, None])
        above = np.maximum(above, np.finfo(np.float64).tiny)
        return np.log(above) - np.log(share @ np.exp((2.0 - self.power) * away)) - middle

    def explained(self, y: NDArray, mean: NDArray, sample_weight: Array | None = None) -> float:
        """D² of the Tweedie deviance."""
        if is_constant(y, sample_weight):  # scikit-learn divides by zero
            return super().explained(y, mean, sample_weight)
        return d2_tweedie_score(y, mean, sample_weight=sample_weight, power=self.power)

    def inverse_link(self, raw: NDArray) -> NDArray:
        """The mean μ = exp(f)."""
        return np.exp(raw)
