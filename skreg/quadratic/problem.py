"""What solvers ask of a problem, whatever its loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skreg.quadratic.hessian import Hessian, QuadraticHessian
from skreg.rows.products import Array


class Problem(ABC):
    """The risk R(θ, b) of a linear model with p features and K outputs, without its penalty.

    There are three kinds: a `Quadratic` is a risk that is its own quadratic, an `EmpiricalRisk`
    knows rows and a loss, and a `ChunkRisk` reads them. Nothing of λ is known to any.

    Attributes
    ----------
    is_quadratic : bool
        Whether it is a `Quadratic`.
    is_in_chunks : bool
        Whether it is a `ChunkRisk`, of which only passes over the rows tell.
    dtype : dtype
        Of the coefficients that users see.
    is_convex : bool
        Whether R is.
    has_curvature : bool
        Whether R can be expanded to a quadratic, or is one.
    couples_outputs : bool
        Whether the loss of a row is a function of its K outputs together, not their sum.
    is_large : bool
        Whether a quadratic's rows are too many and too wide to decompose its Hessian.
    """

    is_quadratic: ClassVar[bool]
    is_in_chunks: ClassVar[bool] = False
    dtype: np.dtype
    is_convex: bool = True
    has_curvature: bool = True
    couples_outputs: bool = False
    is_large: bool = False

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether a quadratic says little of the risk.

        The loss has no curvature, or nearly all rows that do not bend in the null model are far
        from where they would.
        """
        return False

    @property
    def has_far_targets(self) -> bool:
        """Whether targets, not just a few, lie far out on a flat part of a loss.

        Predictions that reach them are so large that float64 leaves residuals few digits.
        """
        return False

    @property
    @abstractmethod
    def n_features(self) -> int:
        """p."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """K, the number of targets or of classes."""

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Number of rows with a positive weight."""

    @property
    @abstractmethod
    def null_risk(self) -> float:
        """R(0, b) for the best b."""

    @property
    @abstractmethod
    def largest_eigenvalue(self) -> float:
        """Largest eigenvalue of the Hessian at the null model, the intercepts at their best."""

    @abstractmethod
    def value_of(self, coef: ArrayLike, intercept: ArrayLike) -> float:
        """R of coefficients and intercepts as users see them."""

    @abstractmethod
    def hessian_at(self, theta: Array, intercept: Array) -> Hessian | QuadraticHessian:
        """Second derivatives at θ (K, p) and b (K,), the intercepts at their best."""

    @abstractmethod
    def as_seen(self, thetas: Array, intercepts: Array) -> tuple[NDArray, NDArray]:
        """The coefficients and intercepts of θ (m, K, p) and b (m, K), as a `Solution` has them."""
