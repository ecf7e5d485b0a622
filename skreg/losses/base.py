"""What every loss offers."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import losses as kernels
from skreg.losses.intercept import best_intercept

Array = NDArray[np.float64]

#: Classes without any weight get this share in the null model, so that its logarithm is finite.
RARE = 1e-9


class Loss(ABC):
    """A pointwise loss ℓ(y, f) ≥ 0 of raw predictions f, convex in f unless it says otherwise.

    Solvers ask for what they need by these members, never for the name: a loss from outside the
    package is as good as one from inside. The three abstract ones suffice; the defaults of the
    others hold for every loss.

    Attributes
    ----------
    name : str
        Its name in the registry, and what a user gives as ``loss``.
    out_activation : str
        The inverse link by its name in scikit-learn's networks; "exponential" for a log link.
    parameters : tuple of str
        Parameters of the constructor that an estimator hands on, by the name they have in both.
    parameter : float
        What the compiled kernels take beside the name: Huber's δ, the quantile's τ; else 0.
    coupled : bool
        Whether the Hessian of a row in its raw predictions is full, diag(p) − ppᵀ.
    is_compiled : bool
        Whether the compiled kernels know its formulas; see `CompiledLoss`.
    is_quadratic : bool
        Whether the curvature is 1 everywhere: the risk is its own quadratic.
    is_for_classes : bool
        Whether targets are classes: for classifiers, not for regressors.
    is_convex : bool
        Whether ℓ is convex in f. One that is not gives a positive ``curvature`` all the same, and
        goes with smooth penalties only: its stationary points have no duality gap.
    has_curvature : bool
        Whether ∂²ℓ/∂f² is anything but 0.
    linear_sides : tuple of float or None
        Slopes (above, below) of a loss that is linear far from y on either side, and between
        them quadratic, or a kink. Its conjugate is uy + ½cu² for −above ≤ u ≤ below, so that linear
        models are linear or quadratic programs. None for any other.
    conjugate_curvature : float
        This c: 0 for a kink.
    has_flat_parts : bool
        Whether the curvature vanishes on whole intervals, so that a Hessian needs a floor: such a
        loss knows its `majorizer`.
    positive_targets : bool
        Whether targets below 0 are refused.
    scored_by_r2 : bool
        Whether `explained` is R², a function of squared errors.
    has_likelihood : bool
        Whether `minus_two_log_likelihood` is known.
    no_minimum : str
        Why the risk of finite data may have no minimizer, for a warning; "" if it always has one.
    """

    name: str
    out_activation: str
    parameters: ClassVar[tuple[str, ...]] = ()
    parameter = 0.0
    coupled = False
    is_compiled = False
    is_quadratic = False
    is_for_classes = False
    is_convex = True
    has_curvature = True
    linear_sides: tuple[float, float] | None = None
    conjugate_curvature = 0.0
    has_flat_parts = False
    positive_targets = False
    scored_by_r2 = False
    has_likelihood = False
    no_minimum = ""

    @property
    def has_log_link(self) -> bool:
        """Whether predictions are exp(f): the units of y are then a scale, without a shift."""
        return self.out_activation == "exponential"

    @property
    def has_identity_link(self) -> bool:
        """Whether predictions are f itself, in the units of y."""
        return self.out_activation == "identity"

    # Formulas -------------------------------------------------------------------------------------

    @abstractmethod
    def derivatives(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """ℓ, ∂ℓ/∂f and ∂²ℓ/∂f² for every row, in float64.

        Parameters
        ----------
        y, raw : ndarray of shape (n, n_outputs)

        Returns
        -------
        loss : ndarray of shape (n,)
        gradient : ndarray of shape (n, n_outputs)
        curvature : ndarray of shape (n, n_outputs)
            Where ``coupled``, the probabilities p, the Hessian of a row being diag(p) − ppᵀ.
            The arrays are new: a caller may write to them.
        """

    @abstractmethod
    def conjugate(self, y: Array, u: Array) -> Array:
        """ℓ*(u) = sup_f (u·f − ℓ(y, f)) for every row, +inf outside its domain.

        The domain is convex and contains 0, where ℓ* = 0 − inf ℓ ≤ 0. What rounding puts outside
        by a few units in the last place counts as inside.

        Parameters
        ----------
        y, u : ndarray of shape (n, n_outputs)

        Returns
        -------
        ndarray of shape (n,)
        """

    def majorizer(self, y: Array, raw: Array) -> Array:
        """The curvature, (n, n_outputs), of parabolas that touch ℓ at ``raw`` and lie above it."""
        raise NotImplementedError(f"{self!r} has no flat parts.")

    @abstractmethod
    def inverse_link(self, raw: NDArray) -> NDArray:
        """What the raw predictions mean: numbers, or probabilities of the classes."""

    def link(self, mean: NDArray) -> NDArray:
        """The raw predictions that mean these numbers: the inverse of `inverse_link`."""
        if self.has_identity_link:
            return mean
        if self.has_log_link:
            return np.log(np.maximum(mean, np.finfo(np.float64).tiny))
        raise NotImplementedError(f"{type(self).__name__} has to say what its link is.")

    def pointwise(self, y: NDArray, raw: NDArray) -> tuple[Array, NDArray]:
        """ℓ and ∂ℓ/∂f for every row.

        Returns
        -------
        loss : ndarray of shape (n,)
        gradient : ndarray of shape (n, n_outputs)
        """
        return self.derivatives(y, raw)[:2]

    def value(self, y: NDArray, raw: NDArray, sample_weight: Array | None = None) -> float:
        """Mean loss Σᵢ wᵢℓ(yᵢ, fᵢ) / Σᵢ wᵢ.

        Parameters
        ----------
        y, raw : ndarray of shape (n, n_outputs)
        sample_weight : ndarray of shape (n,), default=None

        Returns
        -------
        float
        """
        return float(np.average(self.pointwise(y, raw)[0], weights=sample_weight))

    # Targets and the null model -------------------------------------------------------------------

    def check_targets(self, y: NDArray) -> None:  # noqa: B027  (most losses take any number)
        """Raise ValueError if the loss is not defined for these targets.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Finite numbers.
        """

    def check_infimum(self, y: NDArray) -> None:
        """Raise ValueError if the loss, one from outside, falls below 0 for some target.

        Parameters
        ----------
        y : ndarray of shape (n,)
        """
        if self.is_compiled:
            return
        targets = np.asarray(y, dtype=np.float64).reshape(-1, 1)
        least = -self.conjugate(targets, np.zeros_like(targets))
        bad = least < -1e-8 * np.maximum(1.0, np.abs(targets[:, 0]))
        if bad.any():
            value, row = first_bad(targets[:, 0], bad)
            raise ValueError(
                f"loss={self.name!r} falls to {least[row]:.3g} for y={value} in row {row}, but no "
                "loss may be below 0: duality gaps are relative to the risk of the null model. "
                "Subtract its least value, -conjugate(y, 0), from it, and add that to conjugate."
            )

    def null_intercept(self, y: Array, share: Array, offset: Array | None = None) -> Array:
        """argmin_b Σᵢ shareᵢ·ℓ(yᵢ, b + oᵢ), the model without features.

        Here by Newton's method, from the derivatives alone; a loss with a closed form overrides it.

        Parameters
        ----------
        y : ndarray of shape (n, n_outputs)
        share : ndarray of shape (n,)
            Weights of sum 1.
        offset : ndarray of shape (n,) or (n, n_outputs), default=None

        Returns
        -------
        ndarray of shape (n_outputs,)
        """
        return best_intercept(self, y, share, offset)

    def is_separated(self, y: Array, raw: Array) -> bool:
        """Whether raw predictions prove that the risk has no minimizer.

        True if the loss of every row falls to its infimum as ``raw`` is multiplied by ever larger
        numbers: for classes, if each row is strictly on its own side.
        """
        return False

    # Quality of a fit -----------------------------------------------------------------------------

    def explained(self, y: NDArray, mean: NDArray, sample_weight: Array | None = None) -> float:
        """D², the share of the deviance that predictions explain: R² for squared error.

        The deviance is twice the mean loss less its least value for these targets; that of the null
        model counts as 1.

        Parameters
        ----------
        y : array-like of shape (n,)
        mean : ndarray of shape (n,)
            Predictions, `inverse_link` applied.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
            At most 1; 0 for the best constant.
        """
        y = np.asarray(y, dtype=np.float64).reshape(-1, 1)
        raw = self.link(np.asarray(mean, dtype=np.float64).reshape(-1, 1))
        share = np.full(len(y), 1.0) if sample_weight is None else np.asarray(sample_weight, float)
        share = share / share.sum()
        null = np.broadcast_to(self.null_intercept(y, share), raw.shape)
        least = -share @ self.conjugate(y, np.zeros_like(y))
        left, whole = (share @ self.derivatives(y, f)[0] - least for f in (raw, null))
        if whole <= 0:  # constant targets, as scikit-learn has it
            return 1.0 if left <= 0 else 0.0
        return float(1.0 - left / whole)

    def minus_two_log_likelihood(self, n: int, risk: float) -> float:
        """−2 log of the likelihood of n rows at a mean loss, short of what all fits have in common.

        For `has_likelihood`; nuisance parameters are at their likeliest.
        """
        raise NotImplementedError(f"loss {self.name!r} is no likelihood.")


class CompiledLoss(Loss):
    """A loss whose formulas are in ``skreg/_kernels/losses.pxd``, under its ``name``."""

    is_compiled = True

    def derivatives(self, y: NDArray, raw: NDArray) -> tuple[Array, Array, Array]:
        """See `Loss.derivatives`."""
        y, raw = (np.ascontiguousarray(a, dtype=np.float64) for a in (y, raw))
        return kernels.derivatives(self.name, y, raw, self.parameter)

    def pointwise(self, y: NDArray, raw: NDArray) -> tuple[Array, NDArray]:
        """See `Loss.pointwise`; in the precision of ``raw``."""
        if self.name not in kernels.CODES:
            return super().pointwise(y, raw)
        gradient = np.array(raw, order="C")
        targets = np.ascontiguousarray(y, dtype=gradient.dtype)
        return kernels.pointwise(self.name, targets, gradient, self.parameter), gradient


def by_row(values):
    """Σₖ over the outputs of each row."""
    return values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)


def first_bad(y, bad):
    """The first of the targets marked bad, and its row."""
    where = tuple(np.argwhere(bad)[0])
    return y[where], where[0]


def is_constant(y: NDArray, sample_weight: Array | None) -> bool:
    """Whether all targets are alike that have a weight."""
    y = np.asarray(y)
    return bool(np.ptp(y if sample_weight is None else y[np.asarray(sample_weight) > 0]) == 0)


def check_not_negative(y, name):
    """Raise ValueError unless the targets are not negative, and not all 0."""
    bad = ~(y >= 0)
    if bad.any():
        value, row = first_bad(y, bad)
        raise ValueError(
            f"y must not be negative for loss={name!r}, got {value} in row {row}. Use "
            "loss='squared_error' or loss='huber' for such targets."
        )
    if not y.any():
        raise ValueError(
            f"y is 0 in every row, and for loss={name!r} the log of its mean is not finite. "
            "Give at least one positive target."
        )
