"""What a path asks of the estimator that it is a path of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skreg.solvers import Solution

if TYPE_CHECKING:
    from skreg.path.path import RegularizationPath


class PathModel(ABC):
    """What a path asks of the estimator that it is a path of.

    Attributes
    ----------
    estimator : estimator
        Not fitted, with what all λ share: the loss, the classes, the quadratic.
    """

    estimator: Any

    @property
    @abstractmethod
    def norm_power(self) -> float:
        """A power of J that is nearly linear in λ; negative where J^power grows with λ."""

    @abstractmethod
    def estimator_at(self, path: RegularizationPath, i: int) -> Any:
        """The estimator, fitted, at the i-th λ of the path."""

    @abstractmethod
    def predictions(self, raw: NDArray, X: Any, offset: ArrayLike | None = None) -> NDArray:
        """Predictions from raw ones of shape (m, n) or (m, n, K), for m values of λ."""

    @abstractmethod
    def shifted(self, raw: NDArray, X: Any, offset: ArrayLike | None) -> NDArray:
        """Raw predictions of shape (m, n) or (m, n, K) with the offset."""

    @abstractmethod
    def probabilities(self, raw: NDArray) -> NDArray:
        """Probabilities of the classes from raw predictions."""

    @abstractmethod
    def penalties(self, coefs: NDArray) -> NDArray[np.float64]:
        """J(θ) for each λ, summed over targets."""

    @abstractmethod
    def log_evidence(self, alphas: NDArray[np.float64]) -> NDArray[np.float64]:
        """log P(y | λ); AttributeError where there is no such model."""

    @abstractmethod
    def multiplier(self, bound: float) -> float | None:
        """The λ with J(θ(λ)) = ``bound``; None where only a fit can tell."""

    @abstractmethod
    def solved(self, alpha: float) -> Solution | None:
        """The solution at any λ; None where only a fit can tell."""

    @abstractmethod
    def is_smooth(self, n_features: int) -> bool:
        """Whether J on so many features has no kinks."""
