"""The risk of squared error, or the quadratic of any risk, as solvers see it."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import assert_all_finite

from skreg._kernels import lasso_gap as kernel
from skreg._validation import refuse_out_of_range
from skreg.quadratic import conjugate_gradient, factored
from skreg.quadratic.hessian import QuadraticHessian
from skreg.quadratic.problem import Problem
from skreg.quadratic.spectrum import Spectrum
from skreg.rows import WeightedRows
from skreg.rows.moments import Moments
from skreg.rows.products import product
from skreg.rows.weighted import GrowingGram

# Mean squares below which digits are lost.
_TINY = 1e-300
# Rows that tell of most columns that they are far from that, where H is not at hand.
_FEW_ROWS = 8
# Beyond this many rows and features a sparse X is not decomposed.
_LARGE = 5000


class Quadratic(Problem):
    """R(θ) = R(θ̂) + ½(θ − θ̂)ᵀH(θ − θ̂) = ½θᵀHθ − hᵀθ + ½‖b‖² for q targets.

    The intercepts are at their best. Nothing here depends on λ. Spectra are kept, so that H is
    decomposed once. A `GramQuadratic` holds H; a `RowQuadratic` refers to the rows whose AᵀA it is:
    for p > n, and for sparse X where H would be larger than X.

    Parameters
    ----------
    dtype, single_target : dtype, bool
        Of the coefficients that users see, and whether they have shape (p,), rather than (q, p).

    Attributes
    ----------
    weight, n_rows : float, int
        W = Σwᵢ, and the number of rows with a positive weight.
    centered : bool
        Whether an intercept has been taken out of H and h.
    x_mean, y_mean : ndarray of shape (p,) and (q,)
        The best intercept beside θ is ȳ − x̄ᵀθ.
    cross, power : ndarray of shape (p, q) and (q,)
        h and ‖b‖².
    hessian, diagonal : ndarray of shape (p, p) and (p,)
        H, formed on request where it is not held, and its diagonal.
    holds_hessian : bool
    rows : WeightedRows
        A and b with H = AᵀA; None where ``holds_hessian``.
    data : None, (X, y, weights) or a callable that gives them
        The rows as they were given, where they are referred to.
    moments : Moments or None
        None where rows are kept.
    """

    is_quadratic: ClassVar[bool] = True
    holds_hessian: ClassVar[bool]
    weight: float
    n_rows: int = 0
    centered: bool
    x_mean: NDArray
    y_mean: NDArray
    cross: NDArray
    power: NDArray
    hessian: NDArray
    diagonal: NDArray
    rows: Any = None
    data: Any = None
    moments: Moments | None = None

    def __init__(self, dtype: DTypeLike = np.float64, single_target: bool = True):
        self.dtype, self.single_target = np.dtype(dtype), single_target
        self._spectra: dict[str, Any] = {}

    @classmethod
    def from_moments(cls, moments: Moments, fit_intercept: bool = True) -> GramQuadratic:
        """The quadratic of the rows that these moments sum up."""
        return GramQuadratic(moments, fit_intercept, single_target=moments.y_mean.size == 1)

    @classmethod
    def from_rows(
        cls, X: Any, y: NDArray, weights: NDArray | None, fit_intercept: bool, owner: str = ""
    ) -> Quadratic:
        """Of checked arrays, but for NaN and infinities in X: the sums tell of these.

        With p > n, or a sparse X that is smaller than H, the rows stand for H. ``owner`` is the
        estimator that errors name.
        """
        targets, single, (n, p) = y.reshape(len(y), -1), y.ndim == 1, X.shape
        made: Quadratic
        with np.errstate(invalid="ignore", over="ignore"):
            if p > n or (issparse(X) and 8 * p * p > X.data.nbytes):
                made = RowQuadratic(X, targets, weights, fit_intercept, X.dtype, single)
            else:
                moments, data = Moments.of(X, targets, weights), (X, targets, weights)
                made = GramQuadratic(moments, fit_intercept, data, X.dtype, single)
            finite = made.is_finite
        if not finite:
            assert_all_finite(X, estimator_name=owner, input_name="X")
        if not finite or made._is_tiny_in_a_column(X):  # constant columns are, too
            refuse_out_of_range(X, "X")
        return made

    def _is_tiny_in_a_column(self, X: Any) -> bool:
        if self.holds_hessian or issparse(X) or len(X) <= _FEW_ROWS:
            return bool((self.diagonal < _TINY).any())
        few = np.abs(X[:: len(X) // _FEW_ROWS]).max(axis=0)
        return bool((few < np.sqrt(_TINY)).any() and (self.diagonal < _TINY).any())

    @property
    def n_features(self) -> int:
        return len(self.x_mean)

    @property
    def n_outputs(self) -> int:
        return len(self.y_mean)

    @property
    @abstractmethod
    def is_finite(self) -> bool:
        """False where X holds a NaN or an infinity (or overflows)."""

    @abstractmethod
    def gradient(self, theta: NDArray) -> NDArray:
        """∇R = H(θ − θ̂) for θ of shape (q, p)."""

    @abstractmethod
    def slope(self, theta: NDArray, target: int = 0) -> NDArray:
        """h − Hθ of one target, for θ of shape (p,) with few non-zeros."""

    @abstractmethod
    def decompose(self, factors: NDArray | None = None, accurate: bool = False) -> Spectrum:
        """A `Spectrum`; with the ridge's factors a `FactoredSpectrum`.

        If ``accurate`` from the rows: slower, and the condition number is not squared.
        """

    @abstractmethod
    def working_columns(self, targets: NDArray) -> Any:
        """H on a set of features that grows, as a `GrowingGram`, and some of the targets."""

    def as_moments(self) -> Moments:
        """The sums that H and h come from."""
        if self.moments is None:
            raise TypeError(
                "only quadratics of squared error add: the others hold at their anchor."
            )
        return self.moments

    @abstractmethod
    def without_rows(self) -> Quadratic:
        """The same, without the reference to X where the moments say it all (n ≥ p)."""

    @property
    def null_risk(self) -> float:
        """R(0), summed over targets."""
        return 0.5 * float(self.power.sum())

    @property
    def minimum_risk(self) -> float:
        """R(θ̂), summed over targets."""
        if self.is_large:
            return self.value(self.minimizer)
        spectrum = self.spectrum(0.0)
        explained = float(np.sum(spectrum.eigenvalues[:, None] * spectrum.coordinates**2))
        return max(self.null_risk - 0.5 * explained, 0.0)

    def spectrum(self, alpha_min: float, factors: NDArray | None = None) -> Spectrum:
        """A spectrum good for every λ ≥ alpha_min: kept, and made better only when it must be.

        ``factors`` are the ridge's, one a feature: see `skreg.quadratic.factored`. None are 1.
        """
        if self.is_large:
            n, p = self.rows.shape
            raise ValueError(
                f"a sparse X of {n} rows and {p} features is too large to decompose, so there is "
                "no spectrum: use ridge, or lasso with hessian='full', or fewer features."
            )
        key = "" if factors is None else factors.tobytes().hex()
        spectrum = self._spectra.get(key) or self.decompose(factors)
        if not spectrum.serves(alpha_min) and self.data is not None:
            spectrum = self.decompose(factors, accurate=True)
        # Beside the plain one, that of the latest factors.
        self._spectra = {"": self._spectra.get(""), key: spectrum}
        return spectrum

    @property
    def largest_eigenvalue(self) -> float:
        """σ₁, 0 where H = 0."""
        if self.is_large:
            return conjugate_gradient.largest_eigenvalue(self.rows)
        return float(self.spectrum(np.inf).sigma.max(initial=0.0))

    def ridge(self, alphas: NDArray, factors: NDArray | None = None) -> NDArray:
        """θ of the ridge for each λ, (n_alphas, q, p)."""
        if self.is_large:
            return conjugate_gradient.ridge(self, np.asarray(alphas), factors).thetas
        return self.spectrum(alphas.min(), factors).ridge(alphas)

    @cached_property
    def minimizer(self) -> NDArray:
        """θ̂ of smallest norm, shape (q, p)."""
        return self.ridge(np.zeros(1))[0]

    def value(self, theta: NDArray) -> float:
        """R(θ), summed over targets, for θ of shape (q, p)."""
        slope = self.gradient(theta) - self.cross.T
        return max(self.null_risk + 0.5 * float(np.vdot(theta, slope)), 0.0)

    def value_of(self, coef: ArrayLike, intercept: ArrayLike) -> float:
        theta = np.asarray(coef, dtype=np.float64).reshape(self.n_outputs, self.n_features)
        off = np.ravel(intercept) - self.intercepts(theta)
        return self.value(theta) + 0.5 * float(off @ off)

    def intercepts(self, thetas: NDArray) -> NDArray:
        """The best intercepts ȳ − x̄ᵀθ, shape (…, q), beside θ of shape (…, q, p)."""
        flat = product(thetas.reshape(-1, thetas.shape[-1]), self.x_mean[:, None])
        return self.y_mean - flat.reshape(thetas.shape[:-1])

    def hessian_at(self, theta: NDArray, intercept: NDArray) -> QuadraticHessian:
        """H, which is the same everywhere."""
        gram = self.working_columns(np.arange(self.n_outputs)).among
        return QuadraticHessian(gram, self.n_features, self.n_outputs, self.rows)

    def as_seen(self, thetas: NDArray, intercepts: NDArray) -> tuple[NDArray, NDArray]:
        coefs, intercepts = thetas.astype(self.dtype, copy=False), intercepts.astype(self.dtype)
        return (coefs[..., 0, :], intercepts[..., 0]) if self.single_target else (coefs, intercepts)

    def of_moments(self, most: float = np.inf) -> GramQuadratic | None:
        """The same by its moments alone, if it has them and they take at most so many bytes."""
        moments = self.moments
        if moments is None or moments.xx.nbytes + moments.xy.nbytes > most:
            return None
        return GramQuadratic(moments, self.centered, None, self.dtype, self.single_target)

    def __getstate__(self) -> dict[str, Any]:
        return self.without_rows().__dict__


class GramQuadratic(Quadratic):
    """H and h = Hθ̂ as arrays, from `Moments`; refers to X, if it has it, for ill-conditioned H."""

    holds_hessian = True

    def __init__(
        self,
        moments: Moments,
        centered: bool,
        data: Any = None,
        dtype: DTypeLike = np.float64,
        single_target: bool = True,
    ) -> None:
        super().__init__(dtype, single_target)
        self.moments, self.centered, self.data = moments, centered, data
        self.n_rows = moments.n_rows
        self.weight = weight = moments.weight
        if not weight > 0:
            raise ValueError("the moments hold no row of positive weight. Add rows first.")
        self.hessian = np.ascontiguousarray(moments.xx / weight)
        self.cross, self.power = moments.xy / weight, moments.yy / weight
        self.x_mean, self.y_mean = moments.x_mean, moments.y_mean
        if not centered:
            self.hessian += np.outer(self.x_mean, self.x_mean)
            self.cross = self.cross + np.outer(self.x_mean, self.y_mean)
            self.power = self.power + self.y_mean**2
            self.x_mean, self.y_mean = np.zeros_like(self.x_mean), np.zeros_like(self.y_mean)
        self.hessian.flags.writeable = False
        self.diagonal = np.diag(self.hessian)

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.diagonal).all() and np.isfinite(self.x_mean).all())

    def without_rows(self) -> GramQuadratic:
        if self.data is None:
            return self
        twin = GramQuadratic.__new__(GramQuadratic)
        twin.__dict__.update(vars(self) | {"data": None})
        return twin

    def gradient(self, theta: NDArray) -> NDArray:
        return product(theta, self.hessian) - self.cross.T

    def slope(self, theta: NDArray, target: int = 0) -> NDArray:
        return kernel.slope_at(self.hessian, np.ascontiguousarray(self.cross[:, target]), theta)

    def decompose(self, factors: NDArray | None = None, accurate: bool = False) -> Spectrum:
        if not accurate:
            return factored.from_hessian(self.hessian, self.cross, factors)
        X, y, weights = self.data() if callable(self.data) else self.data
        rows = WeightedRows(X, y, weights, self.centered, means=(self.x_mean, self.y_mean))
        return factored.from_tall_rows(rows, np.finfo(self.dtype).eps, factors)

    def working_columns(self, targets: NDArray) -> _HeldGram:
        return _HeldGram(self.hessian)


class RowQuadratic(Quadratic):
    """H = AᵀA by reference to its rows: no p × p array.

    ``is_tall`` says that n ≥ p, where a decomposition is of H.
    """

    holds_hessian = False

    def __init__(
        self,
        X: Any,
        y: NDArray,
        weights: NDArray | None,
        centered: bool,
        dtype: DTypeLike = np.float64,
        single_target: bool = True,
    ) -> None:
        super().__init__(dtype, single_target)
        self.data, self.centered = (X, y, weights), centered
        self.rows = WeightedRows(X, y, weights, centered)
        self.weight, self.n_rows = self.rows.weight, self.rows.n_rows
        self.x_mean, self.y_mean = self.rows.x_mean, self.rows.y_mean
        self.power = np.einsum("ij,ij->j", self.rows.b, self.rows.b)
        self.is_tall = self.rows.shape[0] >= self.rows.shape[1]
        self.is_large = issparse(self.rows.X) and min(self.rows.shape) > _LARGE

    @cached_property
    def cross(self) -> NDArray:  # type: ignore[override]  # read-only here
        return self.rows.transposed_dot(self.rows.b)

    @cached_property
    def diagonal(self) -> NDArray:  # type: ignore[override]
        return self.rows.column_norms

    @property
    def hessian(self) -> NDArray:  # type: ignore[override]
        return self.rows.gram()

    @property
    def is_finite(self) -> bool:
        return self.rows.is_finite

    def as_moments(self) -> Moments:
        """Moments of these rows: p × p."""
        return Moments.of(*self.data)

    def gradient(self, theta: NDArray) -> NDArray:
        return self.rows.transposed_dot(self.rows.dot(theta.T) - self.rows.b).T

    def slope(self, theta: NDArray, target: int = 0) -> NDArray:
        residual = self.rows.b[:, [target]]
        support = np.flatnonzero(theta)
        if 2 * support.size > theta.size:
            residual = residual - self.rows.dot(theta[:, None])
        elif support.size:
            residual = residual - self.rows.some_dot(support, theta[support, None])
        return self.rows.transposed_dot(residual)[:, 0]

    def decompose(self, factors: NDArray | None = None, accurate: bool = False) -> Spectrum:
        if not self.is_tall:
            return factored.from_wide_rows(self.rows, factors, accurate)
        if accurate:
            return factored.from_tall_rows(self.rows, np.finfo(self.dtype).eps, factors)
        return factored.from_hessian(self.hessian, self.cross, factors)

    def restricted(self, features: NDArray) -> Quadratic:
        """The quadratic of these features alone."""
        X, y, weights = self.data
        return Quadratic.from_rows(X[:, features], y, weights, self.centered)

    def without_rows(self) -> RowQuadratic:
        return self

    def working_columns(self, targets: NDArray) -> GrowingGram:
        return self.rows.working_columns(self.rows.b[:, targets])


class _HeldGram:
    """The parts of an H that is held, as `GrowingGram` gives them."""

    def __init__(self, hessian: NDArray) -> None:
        self._hessian, self.known = hessian, np.zeros(0, dtype=np.intp)

    def extend(self, new: NDArray) -> NDArray:
        self.known = np.concatenate([self.known, new])
        if self.known.size == len(self._hessian) and (self.known[1:] > self.known[:-1]).all():
            return self._hessian
        return self.among(self.known)

    def among(self, which: NDArray) -> NDArray:
        return kernel.submatrix(self._hessian, which)
