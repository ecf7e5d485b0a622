"""What every loss offers."""

from abc import ABC, abstractmethod

import numpy as np

from skreg._kernels import losses as kernels


class Loss(ABC):
    """A pointwise loss ℓ(y, f) of raw predictions f.

    Attributes
    ----------
    name : str
        What the compiled kernels know the loss by.
    out_activation : str
        The inverse link by its name in scikit-learn's networks.
    """

    name: str
    out_activation: str

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
        gradient = np.array(raw, order="C")
        targets = np.ascontiguousarray(y, dtype=gradient.dtype)
        return kernels.pointwise(self.name, targets, gradient), gradient

    @abstractmethod
    def inverse_link(self, raw):
        """What the raw predictions mean: numbers, or probabilities of the classes."""
