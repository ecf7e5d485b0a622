"""The risk of squared error, or the quadratic of any risk, as solvers see it."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import assert_all_finite

from skreg._validation import refuse_out_of_range
from skreg.quadratic import conjugate_gradient
from skreg.quadratic.forms import Form, GramForm, RowForm
from skreg.quadratic.hessian import QuadraticHessian
from skreg.quadratic.problem import Problem
from skreg.rows.moments import Moments
from skreg.rows.products import product

# Mean squares below which digits are lost.
_TINY = 1e-300
# Rows that tell of most columns that they are far from that, where H is not at hand.
_FEW_ROWS = 8


def _is_tiny_in_a_column(form: Form, X: Any) -> bool:
    if form.holds_hessian or issparse(X) or len(X) <= _FEW_ROWS:
        return bool((form.diagonal < _TINY).any())
    few = np.abs(X[:: len(X) // _FEW_ROWS]).max(axis=0)
    return bool((few < np.sqrt(_TINY)).any() and (form.diagonal < _TINY).any())


class Quadratic(Problem):
    """R(θ) = R(θ̂) + ½(θ − θ̂)ᵀH(θ − θ̂) for q targets, the intercepts at their best.

    Nothing here depends on λ. Spectra are kept, so that H is decomposed once.

    Parameters
    ----------
    form : Form
        What holds H: an array, or rows.
    dtype : dtype
        Of the coefficients that users see.
    single_target : bool
        Whether users see coefficients of shape (p,), rather than (q, p).
    """

    is_quadratic: ClassVar[bool] = True

    def __init__(self, form: Form, dtype: DTypeLike = np.float64, single_target: bool = True):
        self.form = form
        self.dtype = np.dtype(dtype)
        self.single_target = single_target
        self.is_large = form.is_large
        self._spectra: dict[str, Any] = {}

    @classmethod
    def from_moments(cls, moments: Moments, fit_intercept: bool = True) -> "Quadratic":
        """The quadratic of the rows that these moments sum up."""
        return cls(GramForm(moments, fit_intercept), np.float64, moments.y_mean.size == 1)

    @classmethod
    def from_rows(
        cls, X: Any, y: NDArray, weights: NDArray | None, fit_intercept: bool
    ) -> "Quadratic":
        """Of checked arrays, but for NaN and infinities in X: the sums tell of these.

        With p > n, or a sparse X that is smaller than H, the rows stand for H.
        """
        targets = y.reshape(len(y), -1)
        n, p = X.shape
        form: Form
        with np.errstate(invalid="ignore", over="ignore"):
            if p > n or (issparse(X) and 8 * p * p > X.data.nbytes):
                form = RowForm(X, targets, weights, fit_intercept)
            else:
                moments = Moments.from_rows(X, targets, weights)
                form = GramForm(moments, fit_intercept, (X, targets, weights))
            finite = form.is_finite
        if not finite:
            assert_all_finite(X, input_name="X")
        if not finite or _is_tiny_in_a_column(form, X):  # constant columns are, too
            refuse_out_of_range(X, "X")
        return cls(form, X.dtype, y.ndim == 1)

    @property
    def n_features(self) -> int:
        return len(self.form.x_mean)

    @property
    def n_outputs(self) -> int:
        return len(self.form.y_mean)

    @property
    def n_rows(self) -> int:
        return self.form.n_rows

    @property
    def weight(self) -> float:
        """W = Σwᵢ."""
        return self.form.weight

    @property
    def null_risk(self) -> float:
        """R(0), summed over targets."""
        return 0.5 * float(self.form.power.sum())

    @property
    def minimum_risk(self) -> float:
        """R(θ̂), summed over targets."""
        if self.form.is_large:
            return self.value(self.minimizer)
        spectrum = self.spectrum(0.0)
        explained = float(np.sum(spectrum.eigenvalues[:, None] * spectrum.coordinates**2))
        return max(self.null_risk - 0.5 * explained, 0.0)

    def spectrum(self, alpha_min: float, factors: NDArray | None = None) -> Any:
        """A spectrum good for every λ ≥ alpha_min: kept, and made better only when it must be.

        ``factors`` are the ridge's, one a feature: see `skreg.quadratic.factored`. None are 1.
        """
        if self.form.is_large:
            n, p = self.form.rows.shape
            raise ValueError(
                f"a sparse X of {n} rows and {p} features is too large to decompose, so there is "
                "no spectrum: use ridge, or lasso with hessian='full', or fewer features."
            )
        key = "" if factors is None else factors.tobytes().hex()
        spectrum = self._spectra.get(key)
        if spectrum is None:
            spectrum = self.form.decompose(factors)
        if not spectrum.serves(alpha_min) and self.form.has_rows:
            spectrum = self.form.decompose_rows(self.dtype, factors)
        # Beside the plain one, that of the latest factors.
        self._spectra = {"": self._spectra.get(""), key: spectrum}
        return spectrum

    @property
    def largest_eigenvalue(self) -> float:
        """σ₁, 0 where H = 0."""
        if self.form.is_large:
            return conjugate_gradient.largest_eigenvalue(self.form.rows)
        return float(self.spectrum(np.inf).sigma.max(initial=0.0))

    def ridge(self, alphas: NDArray, factors: NDArray | None = None) -> tuple[NDArray, Any]:
        """θ (n_alphas, q, p), and the spectrum used, or what conjugate gradients say of it."""
        if self.form.is_large:
            iterates = conjugate_gradient.ridge(self.form, np.asarray(alphas), factors)
            return iterates.thetas, iterates
        spectrum = self.spectrum(alphas.min(), factors)
        return spectrum.ridge(alphas), spectrum

    @cached_property
    def minimizer(self) -> NDArray:
        """θ̂ of smallest norm, shape (q, p)."""
        return self.ridge(np.zeros(1))[0][0]

    def gradient(self, theta: NDArray) -> NDArray:
        """∇R = H(θ − θ̂) for θ of shape (q, p)."""
        return self.form.gradient(theta)

    def gradient_norm(self, theta: NDArray, of_penalty: NDArray) -> float:
        """maxⱼ |∂ⱼR + ∂ⱼP| / √(Hⱼⱼ·R₀), R₀ the risk at θ = 0, over features with a curvature."""
        width = np.sqrt(np.maximum(self.form.diagonal, 0.0) * self.null_risk)
        used = width > 0
        total = self.gradient(theta) + of_penalty
        return float(np.abs(total[:, used] / width[used]).max(initial=0.0))

    def value(self, theta: NDArray) -> float:
        """R(θ), summed over targets, for θ of shape (q, p)."""
        slope = self.form.gradient(theta) - self.form.cross.T
        return max(self.null_risk + 0.5 * float(np.vdot(theta, slope)), 0.0)

    def value_of(self, coef: ArrayLike, intercept: ArrayLike) -> float:
        theta = np.asarray(coef, dtype=np.float64).reshape(self.n_outputs, self.n_features)
        off = np.ravel(intercept) - self.intercepts(theta)
        return self.value(theta) + 0.5 * float(off @ off)

    def intercepts(self, thetas: NDArray) -> NDArray:
        """The best intercepts ȳ − x̄ᵀθ, shape (…, q), beside θ of shape (…, q, p)."""
        flat = np.ascontiguousarray(thetas).reshape(-1, self.n_features)
        moved = product(flat, self.form.x_mean[:, None]).reshape(thetas.shape[:-1])
        return self.form.y_mean - moved

    def hessian_at(self, theta: NDArray, intercept: NDArray) -> QuadraticHessian:
        """H, which is the same everywhere."""
        gram = self.form.working_columns(np.arange(self.n_outputs)).among
        return QuadraticHessian(gram, self.n_features, self.n_outputs, self.form.rows)

    def as_seen(self, thetas: NDArray, intercepts: NDArray) -> tuple[NDArray, NDArray]:
        coefs = thetas.astype(self.dtype, copy=False)
        intercepts = intercepts.astype(self.dtype)
        if self.single_target:
            coefs, intercepts = coefs[..., 0, :], intercepts[..., 0]
        return coefs, intercepts

    def combined(self, other: "Quadratic", sign: int) -> "Quadratic":
        """The quadratic with the rows of another, or without them."""
        if self.form.centred != other.form.centred:
            raise ValueError("models with and without an intercept do not add: make both alike.")
        mine, its = self.form.as_moments(), other.form.as_moments()
        form = GramForm(mine + its if sign > 0 else mine - its, self.form.centred)
        dtype = np.result_type(self.dtype, other.dtype)
        return Quadratic(form, dtype, self.single_target and other.single_target)

    def of_moments(self, most: float = np.inf) -> "Quadratic | None":
        """The same by its moments alone, if it has them and they take at most so many bytes."""
        moments = self.form.moments
        if moments is None or moments.xx.nbytes + moments.xy.nbytes > most:
            return None
        twin = Quadratic.from_moments(moments, self.form.centred)
        twin.dtype, twin.single_target = self.dtype, self.single_target
        return twin

    def without_rows(self) -> "Quadratic":
        """The same, without the reference to X where the moments say it all (n ≥ p)."""
        twin = Quadratic(self.form.without_rows(), self.dtype, self.single_target)
        twin._spectra = self._spectra
        if "minimizer" in self.__dict__:
            twin.__dict__["minimizer"] = self.minimizer
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return self.without_rows().__dict__
