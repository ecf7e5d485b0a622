"""The public face of the quadratic: R̃(θ) = R(θ̂) + ½(θ − θ̂)ᵀH(θ − θ̂)."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import assert_all_finite, check_X_y

from skreg._labels import as_numbers
from skreg._sparse import check_sparse
from skreg._state import Held, Stored
from skreg._validation import as_floats, check_alphas, check_weights
from skreg.penalties import Separable
from skreg.quadratic.quadratic import GramQuadratic, Quadratic
from skreg.quadratic.spectrum import Spectrum
from skreg.quadratic.stored import plain_problem, problem_from_plain
from skreg.rows.moments import Moments
from skreg.solvers import alpha_max, solve
from skreg.solvers.solve import HESSIANS

_HESSIAN = [StrOptions(set(HESSIANS))]


class QuadraticModel(Stored):
    """The empirical risk of squared error as a quadratic in θ.

    With weights wᵢ, W = Σwᵢ and the intercept at its best value,

        R(θ) = ½ Σᵢ wᵢ (yᵢ − ȳ − (xᵢ − x̄)ᵀθ)² / W = R(θ̂) + ½ (θ − θ̂)ᵀ H (θ − θ̂),

    H = Σᵢ wᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ / W. Once H is decomposed every λ is cheap: nothing here depends on
    λ, and nothing is changed by solving for one.

    A model made from `Moments` holds H (p × p). One made by `from_data` with n ≥ p does too, and
    refers to X for the cases where H is not accurate enough. With p > n, or a sparse X that is
    smaller than H, it refers to X alone, and works on the n × n side if p > n. Do not change X in
    place while such a model is in use; ``without_rows()`` and pickling leave X behind where H is
    held.

    Parameters
    ----------
    source : Moments or Quadratic
        What is known of the rows, or the quadratic itself, as solvers see it.
    fit_intercept : bool, default=True
        False for a model through the origin: x̄ = 0 and ȳ = 0 above. For `Moments` only.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> model = QuadraticModel.from_data(X, X @ [3.0, 1.0])
    >>> model.hessian
    array([[0.5, 0. ],
           [0. , 2. ]])
    >>> model.ridge([0.0, 0.5])
    array([[3. , 1. ],
           [1.5, 0.8]])
    >>> model.lasso(1.0)
    array([1. , 0.5])
    """

    _held: ClassVar[dict[str, Held | None]] = {
        "problem": Held(
            "quadratic", lambda one: plain_problem(one.without_rows()), problem_from_plain
        )
    }

    @validate_params({"fit_intercept": ["boolean"]}, prefer_skip_nested_validation=True)
    def __init__(self, source: Moments | Quadratic, *, fit_intercept: bool = True):
        if isinstance(source, Moments):
            source = Quadratic.from_moments(source, fit_intercept)
        if not isinstance(source, Quadratic):
            raise ValueError(
                f"source must be Moments or a Quadratic, got {type(source).__name__}. For rows use "
                "QuadraticModel.from_data(X, y)."
            )
        if not fit_intercept and source.centered:
            raise ValueError(
                "fit_intercept=False is for Moments, and this Quadratic has an intercept: make it "
                "without one."
            )
        self.problem = source

    @classmethod
    @validate_params({"fit_intercept": ["boolean"]}, prefer_skip_nested_validation=True)
    def from_data(
        cls, X: Any, y: Any, sample_weight: Any = None, *, fit_intercept: bool = True
    ) -> QuadraticModel:
        """The model of these rows.

        Parameters
        ----------
        X : {array-like, CSR or CSC matrix} of shape (n, p)
        y : array-like of shape (n,) or (n, q)
        sample_weight : None, float or array-like of shape (n,)
        fit_intercept : bool, default=True

        Returns
        -------
        QuadraticModel

        Raises
        ------
        ValueError
            If X, y or the weights are not finite, do not match, or the weights are negative or all
            zero.
        """
        if issparse(X):
            check_sparse(X)
        X, y = check_X_y(
            X,
            as_numbers(y),
            accept_sparse=("csr", "csc"),
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            multi_output=True,
            y_numeric=True,
            estimator=cls.__name__,
        )
        weights = check_weights(sample_weight, X)
        return cls(Quadratic.from_rows(X, y, weights, fit_intercept, cls.__name__))

    # What is known -------------------------------------------------------------------------------

    @property
    def n_features(self) -> int:
        """p."""
        return len(self.problem.x_mean)

    @property
    def n_targets(self) -> int:
        """q."""
        return len(self.problem.y_mean)

    @property
    def weight(self) -> float:
        """W = Σwᵢ."""
        return self.problem.weight

    @property
    def n_rows(self) -> int:
        """Number of rows with a positive weight."""
        return self.problem.n_rows

    @property
    def x_mean(self) -> NDArray:
        """x̄, shape (p,); zeros without an intercept."""
        return self.problem.x_mean

    @property
    def y_mean(self) -> Any:
        """ȳ, shape (q,); zeros without an intercept."""
        return self.problem.y_mean

    @property
    def hessian(self) -> NDArray:
        """H, shape (p, p). With p > n it is formed when asked for, and used by nothing here."""
        return self.problem.hessian

    @property
    def moments(self) -> Moments | None:
        """The `Moments`, or None with p > n, where rows are kept and no p × p array is formed."""
        return self.problem.moments

    @property
    def dtype(self) -> DTypeLike:
        """Of the coefficients."""
        return self.problem.dtype

    @property
    def null_risk(self) -> float:
        """R(0), summed over targets."""
        return self.problem.null_risk

    @property
    def minimum_risk(self) -> float:
        """R(θ̂), summed over targets."""
        return self.problem.minimum_risk

    @property
    def spectrum(self) -> Spectrum:
        """The `Spectrum` of H and θ̂, decomposed once.

        Its ``solver`` says how: ``"eigh"``, from H (p × p); ``"eigh-dual"``, with p > n, from the
        n × n products of rows; ``"svd"`` and ``"svd-dual"``, from X itself, where H would cost
        accuracy. This property wants θ̂ itself, λ = 0; `ridge` at large λ may need less.
        """
        return self.problem.spectrum(0.0)

    @property
    def largest_eigenvalue(self) -> float:
        """σ₁, 0 where H = 0."""
        return self.problem.largest_eigenvalue

    @property
    def minimizer(self) -> NDArray:
        """θ̂, the minimizer of R of smallest norm: shape (p,) or (q, p)."""
        return self._as_seen(self.problem.minimizer)

    # What it says of a θ -------------------------------------------------------------------------

    def gradient(self, theta: ArrayLike) -> NDArray:
        """∇R(θ) = H(θ − θ̂) for θ of shape (p,) or (q, p); the same shape."""
        return self._as_seen(self.problem.gradient(self._in(theta)))

    def value(self, theta: ArrayLike) -> float:
        """R(θ), summed over targets, for θ of shape (p,) or (q, p)."""
        return self.problem.value(self._in(theta))

    def intercept(self, theta: ArrayLike) -> Any:
        """The best intercept beside θ: ȳ − x̄ᵀθ; a float, or shape (q,)."""
        out = self.problem.intercepts(self._in(theta)).astype(self.dtype)
        return out[..., 0] if self.problem.single_target else out

    # Minimizers of R + λJ ------------------------------------------------------------------------

    def ridge(self, alphas: ArrayLike) -> NDArray:
        """argmin R(θ) + λ·½‖θ‖² = Q diag(σ/(σ+λ)) Qᵀθ̂ for each λ.

        Parameters
        ----------
        alphas : float or array-like of shape (n_alphas,)
            Values of λ, not negative. λ = 0 gives θ̂.

        Returns
        -------
        ndarray of shape (n_alphas, p) or (n_alphas, q, p), without the first axis for one λ.
        """
        alphas, one = check_alphas(alphas)
        return self._as_seen(self.problem.ridge(alphas), one)

    @validate_params(
        {
            "hessian": _HESSIAN,
            "tol": [Interval(Real, 0, None, closed="neither")],
            "max_iter": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def lasso(
        self,
        alphas: ArrayLike,
        hessian: str = "full",
        *,
        tol: float = 1e-8,
        max_iter: int = 10_000,
    ) -> NDArray:
        """argmin R(θ) + λ‖θ‖₁ for each λ; see `QuadraticApproxLasso` for ``hessian``.

        Parameters
        ----------
        alphas : float or array-like of shape (n_alphas,)
        hessian : {"full", "diagonal", "pca"}, default="full"
        tol : float, default=1e-8
            Relative duality gap at which a λ counts as solved.
        max_iter : int, default=10000
            Rounds (evaluations of the gradient) allowed for each λ.

        Returns
        -------
        ndarray of shape (n_alphas, p) or (n_alphas, q, p), without the first axis for one λ.

        Warns
        -----
        ConvergenceWarning
            If ``tol`` is not reached.
        """
        alphas, one = check_alphas(alphas)
        solution = solve(
            self.problem, Separable(), alphas, tol=tol, max_iter=max_iter, hessian=hessian
        )
        solution.warn()
        return solution.coefs[0] if one else solution.coefs

    @validate_params({"hessian": _HESSIAN}, prefer_skip_nested_validation=True)
    def alpha_max(self, hessian: str = "full") -> float:
        """The smallest λ at which `lasso` gives exactly 0."""
        return alpha_max(self.problem, Separable(), hessian)

    # Adding rows ---------------------------------------------------------------------------------

    def __add__(self, other: QuadraticModel) -> QuadraticModel:
        return self._combined(other, 1)

    def __sub__(self, other: QuadraticModel) -> QuadraticModel:
        return self._combined(other, -1)

    def _combined(self, other: QuadraticModel, sign: int) -> QuadraticModel:
        if not isinstance(other, QuadraticModel):
            return NotImplemented
        mine, its = self.problem, other.problem
        if mine.centered != its.centered:
            raise ValueError("models with and without an intercept do not add: make both alike.")
        parts = mine.as_moments(), its.as_moments()
        moments = parts[0] + parts[1] if sign > 0 else parts[0] - parts[1]
        dtype = np.result_type(mine.dtype, its.dtype)
        single = mine.single_target and its.single_target
        return QuadraticModel(GramQuadratic(moments, mine.centered, None, dtype, single))

    def without_rows(self) -> QuadraticModel:
        """The same model, without the reference to X where the moments say it all (n ≥ p)."""
        return QuadraticModel(self.problem.without_rows())

    def __repr__(self) -> str:
        return (
            f"QuadraticModel(n_features={self.n_features}, n_targets={self.n_targets}, "
            f"weight={self.weight:g})"
        )

    # Shapes --------------------------------------------------------------------------------------

    def _in(self, theta: ArrayLike) -> NDArray:
        theta = as_floats(theta, "theta")
        assert_all_finite(theta, input_name="theta")
        whole = self.n_targets, self.n_features
        expected = whole[1:] if self.problem.single_target else whole
        if theta.shape not in (expected, whole):
            raise ValueError(f"theta must have shape {expected}, got {theta.shape}.")
        return theta.reshape(whole)

    def _as_seen(self, thetas: NDArray, one: bool = False) -> NDArray:
        """(…, q, p) as the user sees it."""
        out = thetas.astype(self.dtype)
        out = out[..., 0, :] if self.problem.single_target else out
        return out[0] if one else out
