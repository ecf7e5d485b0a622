"""The two ways a quadratic is held: H itself (p × p), or the rows whose AᵀA it is.

Rows are kept for p > n, and for sparse X where H would be larger than X.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from skreg._kernels import lasso_gap as kernel
from skreg.quadratic import factored
from skreg.rows import WeightedRows
from skreg.rows.moments import Moments
from skreg.rows.products import product

# Beyond this many rows and features a sparse X is not decomposed.
_LARGE = 5000


class Form(ABC):
    """What solvers ask of a quadratic ½θᵀHθ − hᵀθ + ½‖b‖², whatever holds it.

    Attributes
    ----------
    weight : float
        W = Σwᵢ.
    x_mean, y_mean : ndarray of shape (p,) and (q,)
        The best intercept beside θ is ȳ − x̄ᵀθ.
    cross : ndarray of shape (p, q)
        h.
    power : ndarray of shape (q,)
        ‖b‖².
    diagonal : ndarray of shape (p,)
        Of H.
    hessian : ndarray of shape (p, p)
        H; formed on request where ``holds_hessian`` is False.
    holds_hessian : bool
    centred : bool
        Whether an intercept has been taken out of H and h.
    n_rows : int
        Rows with a positive weight.
    rows : WeightedRows
        A and b with H = AᵀA; None where ``holds_hessian``.
    data : None or (X, y, weights)
        The rows as they were given, where they are referred to.
    moments : Moments or None
        None where rows are kept.
    is_large : bool
        Whether it is never decomposed: see `skreg.quadratic.conjugate_gradient`.
    """

    holds_hessian: ClassVar[bool]
    weight: float
    n_rows: int
    centred: bool
    x_mean: np.ndarray
    y_mean: np.ndarray
    cross: np.ndarray
    power: np.ndarray
    diagonal: np.ndarray
    hessian: np.ndarray
    rows: Any = None
    data: Any = None
    moments: Moments | None = None
    is_large = False

    @property
    def has_rows(self) -> bool:
        """Whether `decompose_rows` can be asked, where H is not accurate enough."""
        return self.data is not None

    @property
    @abstractmethod
    def is_finite(self) -> bool:
        """False where X holds a NaN or an infinity (or overflows)."""

    @abstractmethod
    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Hθ − h for θ of shape (q, p)."""

    @abstractmethod
    def slope(self, theta: np.ndarray, target: int = 0) -> np.ndarray:
        """h − Hθ of one target, for θ of shape (p,) with few non-zeros."""

    @abstractmethod
    def decompose(self, factors: np.ndarray | None = None) -> Any:
        """A `Spectrum`; with the ridge's factors a `FactoredSpectrum`."""

    @abstractmethod
    def decompose_rows(self, dtype: DTypeLike, factors: np.ndarray | None = None) -> Any:
        """The same from the rows: slower, and the condition number is not squared."""

    @abstractmethod
    def working_columns(self, targets: np.ndarray) -> Any:
        """H on a set of features that grows, as a `GrowingGram`, and some of the targets."""

    def without_rows(self) -> Form:
        """The same, without the reference to X where H is held."""
        return self

    def as_moments(self) -> Moments:
        """The sums that H and h come from."""
        if self.moments is None:
            raise TypeError(
                "only quadratics of squared error add: the others hold at their anchor."
            )
        return self.moments


class GramForm(Form):
    """H and h = Hθ̂ as arrays, from `Moments`; refers to X, if it has it, for ill-conditioned H."""

    holds_hessian = True

    def __init__(self, moments, centred, data=None):
        self.moments, self.centred, self.data = moments, centred, data
        self.weight, self.n_rows = moments.weight, moments.n_rows
        weight = self.weight
        if not weight > 0:
            raise ValueError("the moments hold no row of positive weight. Add rows first.")
        self.hessian = np.ascontiguousarray(moments.xx / weight)
        self.cross = moments.xy / weight
        self.power = moments.yy / weight
        self.x_mean, self.y_mean = moments.x_mean, moments.y_mean
        if not centred:
            self.hessian += np.outer(self.x_mean, self.x_mean)
            self.cross = self.cross + np.outer(self.x_mean, self.y_mean)
            self.power = self.power + self.y_mean**2
            self.x_mean, self.y_mean = np.zeros_like(self.x_mean), np.zeros_like(self.y_mean)
        self.hessian.flags.writeable = False
        self.diagonal = np.diag(self.hessian)

    @property
    def is_finite(self):
        return bool(np.isfinite(self.diagonal).all() and np.isfinite(self.x_mean).all())

    def without_rows(self):
        return GramForm(self.moments, self.centred) if self.has_rows else self

    def gradient(self, theta):
        return product(theta, self.hessian) - self.cross.T

    def slope(self, theta, target=0):
        return kernel.slope_at(self.hessian, np.ascontiguousarray(self.cross[:, target]), theta)

    def decompose(self, factors=None):
        return factored.from_hessian(self.hessian, self.cross, factors)

    def decompose_rows(self, dtype, factors=None):
        X, y, weights = self.data
        rows = WeightedRows(X, y, weights, self.centred, means=(self.x_mean, self.y_mean))
        return factored.from_tall_rows(rows, np.finfo(dtype).eps, factors)

    def working_columns(self, targets):
        return _HeldGram(self, targets)


class RowForm(Form):
    """H = AᵀA by reference to its rows: no p × p array.

    ``is_tall`` says that n ≥ p, where a decomposition is of H.
    """

    holds_hessian = False

    def __init__(self, X, y, weights, centred):
        self.data, self.centred = (X, y, weights), centred
        self.rows = WeightedRows(X, y, weights, centred)
        self.weight, self.n_rows = self.rows.weight, self.rows.n_rows
        self.x_mean, self.y_mean = self.rows.x_mean, self.rows.y_mean
        self.power = np.einsum("ij,ij->j", self.rows.b, self.rows.b)
        self.is_tall = self.rows.shape[0] >= self.rows.shape[1]
        self.is_large = issparse(self.rows.X) and min(self.rows.shape) > _LARGE

    @cached_property
    def cross(self):  # type: ignore[override]  # read-only here
        return self.rows.transposed_dot(self.rows.b)

    @cached_property
    def diagonal(self):  # type: ignore[override]
        return self.rows.column_norms

    @property
    def hessian(self):  # type: ignore[override]
        return self.rows.gram()

    @property
    def is_finite(self):
        return self.rows.is_finite

    def as_moments(self):
        """Moments of these rows: p × p."""
        return Moments.from_rows(*self.data)

    def gradient(self, theta):
        return self.rows.transposed_dot(self.rows.dot(theta.T) - self.rows.b).T

    def slope(self, theta, target=0):
        residual = self.rows.b[:, [target]]
        support = np.flatnonzero(theta)
        if 2 * support.size > theta.size:
            residual = residual - self.rows.dot(theta[:, None])
        elif support.size:
            residual = residual - self.rows.some_dot(support, theta[support, None])
        return self.rows.transposed_dot(residual)[:, 0]

    def decompose(self, factors=None):
        if self.is_tall:
            return factored.from_hessian(self.hessian, self.cross, factors)
        return factored.from_wide_rows(self.rows, factors, accurate=False)

    def decompose_rows(self, dtype, factors=None):
        if self.is_tall:
            return factored.from_tall_rows(self.rows, np.finfo(dtype).eps, factors)
        return factored.from_wide_rows(self.rows, factors, accurate=True)

    def working_columns(self, targets):
        return self.rows.working_columns(self.rows.b[:, targets])


class _HeldGram:
    """The parts of an H that is held, as `GrowingGram` has them."""

    def __init__(self, form, targets):
        self._form, self._targets = form, targets
        self.known = np.zeros(0, dtype=np.intp)

    def extend(self, new):
        self.known = np.concatenate([self.known, new])
        hessian = self._form.hessian
        if np.array_equal(self.known, np.arange(len(hessian))):
            return hessian
        return self.among(self.known)

    def among(self, which):
        return kernel.submatrix(self._form.hessian, which)

    def slopes(self, thetas, direction=None):
        whole = np.zeros((len(thetas), len(self._form.hessian)))
        whole[:, self.known] = thetas
        pairs = zip(whole, self._targets, strict=True)
        return np.stack([self._form.slope(theta, t) for theta, t in pairs]), 0.0
