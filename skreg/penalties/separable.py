"""The elastic net with a factor for each feature and bounds; L1, L2 and no penalty included."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike

from skreg._validation import as_floats, lies_between
from skreg.penalties.base import Array, Mask, Penalty, Tangent

# Numbers in θ whose absolute values are taken at a time.
_TOGETHER = 100_000


@dataclass(frozen=True, eq=False)
class Separable(Penalty):
    """J(θ) = Σⱼ ρfⱼ|θⱼ| + (1−ρ)hⱼ·½θⱼ² for θ within bounds, +inf outside (Zou & Hastie, 2005).

    A feature with fⱼ = hⱼ = 0 is not penalized: it is in every model, and λ_max is taken with such
    features at their best. A feature with fⱼ = inf is excluded: its coefficient is exactly 0.

    Parameters
    ----------
    l1_ratio : float in [0, 1], default=1.0
        ρ: 1 is the lasso's penalty, 0 the ridge's.
    factors : None, float or ndarray of shape (p,), default=None
        f ≥ 0; None stands for ones.
    positive : bool, default=False
        θ ≥ 0; the same as ``bounds=(0, inf)``.
    l2_factors : None, float or ndarray of shape (p,), default=None
        h ≥ 0, finite; None stands for f.
    bounds : None or (lower, upper), default=None
        Numbers, or arrays of shape (p,), with lower ≤ 0 ≤ upper; infinite for no bound.

    Raises
    ------
    ValueError
        If bounds do not contain 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import Separable
    >>> penalty = Separable(factors=np.array([0.0, 1.0, 2.0]))
    >>> penalty.prox(np.array([3.0, 3.0, -3.0]), step=1.0)
    array([ 3.,  2., -1.])
    >>> penalty.alpha_max(np.array([0.0, 3.0, -4.0]))
    3.0
    >>> Separable(bounds=(-1.0, 0.5)).prox(np.array([3.0, -3.0]), step=1.0)
    array([ 0.5, -1. ])
    """

    l1_ratio: float = 1.0
    factors: np.ndarray | float | None = None
    positive: bool = False
    l2_factors: np.ndarray | float | None = None
    bounds: tuple[ArrayLike, ArrayLike] | None = None
    is_separable: ClassVar[bool] = True

    def __post_init__(self):
        # What follows from them is kept: an array that its owner changes later is another one.
        for name in ("factors", "l2_factors"):
            if isinstance(given := getattr(self, name), np.ndarray):
                object.__setattr__(self, name, given.copy())
        if not lies_between(self.l1_ratio, 0, 1, closed="both"):
            raise ValueError(
                f"l1_ratio must be in [0, 1], got {self.l1_ratio!r}. 1 is the lasso's."
            )
        if self.bounds is None:
            return
        if not hasattr(self.bounds, "__len__") or len(self.bounds) != 2:
            raise ValueError(f"bounds must be (lower, upper), got {self.bounds!r}.")
        lower, upper = (as_floats(one, "bounds") for one in self.bounds)
        if not (np.all(np.less_equal(lower, 0)) and np.all(np.greater_equal(upper, 0))):
            raise ValueError(
                f"bounds must contain 0, where the penalty is least: lower ≤ 0 ≤ upper, got "
                f"{self.bounds!r}."
            )
        if np.ndim(lower) == np.ndim(upper) == 0 and np.isinf(upper) and lower in (0, -np.inf):
            # The same by another name.
            object.__setattr__(self, "positive", bool(self.positive or lower == 0))
            object.__setattr__(self, "bounds", None)
        else:
            object.__setattr__(self, "bounds", (np.copy(lower)[()], np.copy(upper)[()]))

    def __eq__(self, other):
        return type(other) is type(self) and self._parameters() == other._parameters()

    def __hash__(self):
        return hash((type(self), self._parameters()))

    def _parameters(self):
        lower, upper = (None, None) if self.bounds is None else self.bounds
        arrays = (self.factors, self.l2_factors, lower, upper)
        parts = (None if a is None else tuple(np.ravel(a).tolist()) for a in arrays)
        return (self.l1_ratio, self.positive, *parts)

    # What compiled kernels take ------------------------------------------------------------------

    @property
    def kernel(self) -> str:
        """The compiled solver: "coordinates"."""
        return "coordinates"

    @property
    def is_smooth(self) -> bool:
        """Whether there is neither an L1 part nor a bound, but for features that are excluded."""
        return self.l1_share == 0 and not self.positive and self.bounds is None

    @property
    def is_flat(self) -> bool:
        """Whether there is neither an L2 part nor a bound."""
        return self.l2_share == 0 and not self._is_bounded

    @property
    def l1_share(self) -> float:
        """Weight of ‖θ‖₁ in J where all factors are 1."""
        return self.l1_ratio

    @property
    def l2_share(self) -> float:
        """Weight of ½‖θ‖₂² in J where all factors are 1."""
        return 1.0 - self.l1_ratio

    def l1(self, p: int) -> Array:
        """Weights of |θⱼ|, shape (p,); λ multiplies them. 0 for an excluded feature."""
        return self.l1_ratio * _finite(self.factors, p)

    def l2(self, p: int) -> Array:
        """Weights of ½θⱼ², shape (p,); λ multiplies them. 0 for an excluded feature."""
        factors = self.factors if self.l2_factors is None else self.l2_factors
        return (1.0 - self.l1_ratio) * _finite(factors, p)

    def ridge_factors(self, p: int) -> Array | None:
        """The same where it is all there is to J, inf if excluded; None where all are 1."""
        factors = np.where(self.excluded(p), np.inf, self.l2(p))
        return None if (factors == 1.0).all() else factors

    def common_shares(self, p: int) -> tuple[float, float] | None:
        """The weights of |θⱼ| and ½θⱼ²; None where they differ or there are bounds."""
        if self.factors is None and self.l2_factors is None and not self._is_bounded:
            return self.l1_ratio, 1.0 - self.l1_ratio
        l1, l2 = self.l1(p), self.l2(p)
        if self._is_bounded or np.ptp(l1) or np.ptp(l2):
            return None
        return float(l1[0]), float(l2[0])

    def excluded(self, p: int) -> Mask:
        """Mask of the features that are excluded, shape (p,)."""
        if not self._excludes:
            return np.zeros(p, dtype=bool)
        return np.broadcast_to(np.isinf(cast(ArrayLike, self.factors)), p)

    @cached_property
    def _excludes(self):
        return self.factors is not None and bool(np.isinf(self.factors).any())

    @cached_property
    def _is_bounded(self):
        return self.positive or self.bounds is not None or self._excludes

    def is_bounded(self, p: int) -> bool:
        """Whether some component has a bound."""
        return self._is_bounded and bool(np.isfinite(self.limits(p)).any())

    def limits(self, p: int) -> tuple[Array, Array]:
        """The bounds of each component, two arrays of shape (p,); both 0 for an excluded one."""
        lower, upper = np.full(p, -np.inf), np.full(p, np.inf)
        if self.bounds is not None:
            lower[:], upper[:] = self.bounds
        if self.positive:
            lower[:] = 0.0
        if self._excludes:
            lower[self.excluded(p)] = upper[self.excluded(p)] = 0.0
        return lower, upper

    def terms(self, p: int) -> tuple[Array, ...]:
        """`l1`, `l2` and the two `limits`."""
        return self.l1(p), self.l2(p), *self.limits(p)

    # The penalty ---------------------------------------------------------------------------------

    def for_outputs(self, n_outputs: int) -> "Separable":
        """Itself, which is as simple as can be."""
        return self

    def repeated(self, n_outputs: int, p: int) -> "Separable":
        """The same J of the coefficients of all outputs in a row, n_outputs·p of them."""
        factors, l2_factors, lower, upper = (
            None if given is None else np.tile(np.broadcast_to(given, p), n_outputs)
            for given in (self.factors, self.l2_factors, *(self.bounds or (None, None)))
        )
        bounds = None if lower is None or upper is None else (lower, upper)
        return Separable(self.l1_ratio, factors, self.positive, l2_factors, bounds)

    def bounds_alone(self) -> "Separable | None":
        """0 within the bounds, +inf outside."""
        if not self._is_bounded:
            return None
        excluded = 0.0 if self.factors is None else np.where(np.isinf(self.factors), np.inf, 0.0)
        return Separable(factors=excluded, positive=self.positive, bounds=self.bounds)

    def check_features(self, p: int) -> None:
        """Factors and bounds have one number for each feature, or one for all."""
        lower, upper = (None, None) if self.bounds is None else self.bounds
        for name, given in (
            ("penalty_factors", self.factors),
            ("l2_factors", self.l2_factors),
            ("bounds", lower),
            ("bounds", upper),
        ):
            size = 0 if given is None or not np.ndim(given) else np.size(given)
            if size and size != p:
                raise ValueError(f"{name} must have one number for each feature, {p}, got {size}.")

    def free(self, p: int) -> Mask:
        """Mask of the features without a penalty, shape (p,)."""
        if self.factors is None and self.l2_factors is None:
            return np.zeros(p, dtype=bool)
        return (self.l1(p) + self.l2(p) == 0) & ~self.excluded(p)

    def values(self, thetas: Array) -> Array:
        """J of several θ, shape (m,), some at a time."""
        thetas = np.asarray(thetas)
        step = max(_TOGETHER // max(thetas[0].size, 1), 1)
        parts = [self._by_row(thetas[i : i + step]) for i in range(0, len(thetas), step)]
        by_row = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return by_row.reshape(len(thetas), -1).sum(axis=1)

    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """λJ(θ)."""
        total = float(np.add.reduce(self._by_row(np.asarray(theta)), axis=None))
        return total if math.isinf(total) else alpha * total

    def _by_row(self, theta: Array) -> Array:
        """J by row, shape (…), for θ of shape (…, p)."""
        p = theta.shape[-1]
        if self.factors is None:
            total = np.asarray(self.l1_ratio * np.add.reduce(np.abs(theta), axis=-1))
        else:
            total = np.asarray(np.abs(theta) @ self.l1(p))
        if self.l2_share > 0:
            total = total + 0.5 * np.einsum("...j,...j,j->...", theta, theta, self.l2(p))
        if self._is_bounded:
            lower, upper = self.limits(p)
            total = np.where(((theta < lower) | (theta > upper)).any(axis=-1), np.inf, total)
        return total

    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """λ∇J(θ), with sign(0) = 0 at the kink."""
        theta = np.asarray(theta)
        p = theta.shape[-1]
        out = alpha * (self.l1(p) * np.sign(theta) + self.l2(p) * theta)
        return out.astype(theta.dtype, copy=False)

    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """argmin_u ½‖u − θ‖² + step·λJ(u): soft-thresholding, then shrinkage, then clipping."""
        theta = np.asarray(theta)
        p, strength = theta.shape[-1], np.multiply(step, alpha)
        kept = np.maximum(np.abs(theta) - strength * self.l1(p), 0.0)
        # Adding 0 turns the −0.0 of a negative component switched off into 0.0.
        out = np.sign(theta) * kept / (1.0 + strength * self.l2(p)) + 0.0
        if self._is_bounded:
            out = np.clip(out, *self.limits(p)) + 0.0
        return out.astype(theta.dtype, copy=False)

    def pull(self, slope: Array) -> Array:
        """max |sⱼ|/(ρfⱼ) over the targets, counting only slopes toward what bounds allow."""
        slope = np.asarray(slope)
        outward = np.abs(slope)
        if self._is_bounded:
            lower, upper = self.limits(slope.shape[-1])
            outward = np.where(np.where(slope > 0, upper > 0, lower < 0), outward, 0.0)
        if slope.ndim > 1:
            outward = outward.max(axis=0) if len(outward) > 1 else outward[0]
        if self.factors is None and self.l1_ratio == 1:
            return outward
        with np.errstate(over="ignore"):  # a slope near the largest float pulls endlessly
            if self.factors is None and self.l1_ratio > 0:
                return outward / self.l1_ratio
            weight = self.l1(slope.shape[-1])
            if weight.all():
                return outward / weight
            endless = np.where(outward > 0, np.inf, 0.0)
            return np.divide(outward, weight, out=endless, where=weight > 0)

    def alpha_max(self, gradient_at_zero: Array) -> float:
        """The largest pull of the penalized features, each of which is a block."""
        pull = self.pull(-np.asarray(gradient_at_zero))
        return float(pull[~self.free(len(pull))].max(initial=0.0))

    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """Σⱼ maxₜ t·eⱼ − ½λ(1−ρ)hⱼt² for 0 ≤ t ≤ the bound, eⱼ = |sⱼ| − λρfⱼ where positive."""
        p = np.shape(slope)[-1]
        l1 = alpha * (self.l1_ratio if self.factors is None else self.l1(p))
        beyond = np.abs(slope) > l1
        if self.l2_share == 0 and not self._is_bounded:
            return np.inf if beyond.any() else 0.0
        slope, out = np.atleast_2d(slope), np.nonzero(np.atleast_2d(beyond))
        slope, feature = slope[out], out[1]
        l1, l2 = np.broadcast_to(l1, p)[feature], alpha * self.l2(p)[feature]
        excess = np.abs(slope) - l1
        best = np.divide(excess, l2, out=np.full_like(excess, np.inf), where=l2 > 0)
        if self._is_bounded:
            lower, upper = self.limits(p)
            best = np.minimum(best, np.where(slope > 0, upper[feature], -lower[feature]))
        if np.isinf(best).any():
            return np.inf
        return float(best @ (excess - 0.5 * l2 * best))

    def curvature(self, theta: Array, alpha: float = 1.0) -> Tangent:
        """λ(1−ρ)h on the components that are neither 0 by the L1 part nor at a bound."""
        p = np.shape(theta)[-1]
        active = self.support(theta)
        if self._is_bounded:
            lower, upper = self.limits(p)
            active &= (theta > lower) & (theta < upper)
        bend = np.multiply(alpha, self.l2(p), out=np.empty(np.shape(theta)))
        return Tangent(active, bend[active])

    def support(self, theta: Array) -> Mask:
        """Mask of the components that are not 0, and of those that neither kink nor bound holds."""
        p = np.shape(theta)[-1]
        loose = self.l1(p) == 0
        if self._is_bounded:
            lower, upper = self.limits(p)
            loose &= (lower < 0) & (upper > 0)
        return np.not_equal(theta, 0) | loose


def _finite(factors, p):
    """Factors as an array of shape (p,), 0 in place of inf."""
    if factors is None:
        return np.ones(p)
    array = np.broadcast_to(np.asarray(factors, dtype=np.float64), p)
    infinite = np.isinf(array)
    return np.where(infinite, 0.0, array) if infinite.any() else array


def pull(slope, positive):
    """How strongly each component at 0 is drawn away from it, by the slope −∂R/∂θ of the risk.

    It stays at 0 where that is at most its weight of |θⱼ|.
    """
    return slope if positive else np.abs(slope)
