"""What every loss offers."""

from abc import ABC, abstractmethod

import numpy as np

from skreg._kernels import losses as kernels


class Loss(ABC):
    """A pointwise loss ℓ(y, f) ≥ 0 of raw predictions f, convex in f.

    Attributes
    ----------
    name : str
        What the compiled kernels know the loss by.
    out_activation : str
        The inverse link by its name in scikit-learn's networks; "exponential" for a log link.
    coupled : bool
        Whether the Hessian of a row in its raw predictions is full, diag(p) − ppᵀ.
    parameter : float
        What the compiled kernels take beside the name: Huber's δ, the quantile's τ; else 0.
    """

    name: str
    out_activation: str
    coupled = False
    parameter = 0.0

    def value(self, y, raw, sample_weight=None):
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

    def pointwise(self, y, raw):
        """ℓ and ∂ℓ/∂f for every row.

        Returns
        -------
        loss : ndarray of shape (n,)
        gradient : ndarray of shape (n, n_outputs)
        """
        if self.name not in kernels.CODES:
            return self.derivatives(y, raw)[:2]
        gradient = np.array(raw, order="C")
        targets = np.ascontiguousarray(y, dtype=gradient.dtype)
        return kernels.pointwise(self.name, targets, gradient, self.parameter), gradient

    def derivatives(self, y, raw):
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
        """
        y, raw = (np.ascontiguousarray(a, dtype=np.float64) for a in (y, raw))
        return kernels.derivatives(self.name, y, raw, self.parameter)

    @abstractmethod
    def conjugate(self, y, u):
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

    def check_targets(self, y):  # noqa: B027  (most losses take any number)
        """Raise ValueError if the loss is not defined for these targets.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Finite numbers.
        """

    @abstractmethod
    def inverse_link(self, raw):
        """What the raw predictions mean: numbers, or probabilities of the classes."""


def entropy(v):
    """v·log v, 0 at v = 0; +inf where v is below 0 by more than rounding."""
    inside = np.maximum(v, 0.0)
    out = inside * np.log(np.where(inside > 0, inside, 1.0))
    return np.where(v < -8 * np.finfo(np.float64).eps, np.inf, out)


def first_bad(y, bad):
    """The first of the targets marked bad, and its row."""
    where = tuple(np.argwhere(bad)[0])
    return y[where], where[0]
