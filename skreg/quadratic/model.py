"""The quadratic itself: R̃(θ) = R(θ̂) + ½(θ − θ̂)ᵀH(θ − θ̂)."""

from functools import cached_property

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_X_y

from skreg._validation import check_alphas, check_weights, refuse_infinite
from skreg.quadratic import conjugate_gradient
from skreg.quadratic import lasso as _lasso
from skreg.quadratic.forms import GramForm, RowForm
from skreg.rows.moments import Moments
from skreg.rows.products import product


class QuadraticModel:
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
    moments : Moments
        What is known of the rows.
    fit_intercept : bool, default=True
        False for a model through the origin: x̄ = 0 and ȳ = 0 above.

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

    def __init__(self, moments, *, fit_intercept=True):
        self._set(GramForm(moments, fit_intercept), np.dtype(np.float64), moments.y_mean.size == 1)

    def _set(self, form, dtype, single_target):
        self._form = form
        self.dtype = dtype
        self._single = single_target
        self._spectra = {}
        return self

    @classmethod
    def from_data(cls, X, y, sample_weight=None, *, fit_intercept=True):
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
        X, y = check_X_y(
            X,
            y,
            accept_sparse=("csr", "csc"),
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            multi_output=True,
            y_numeric=True,
        )
        return cls._from_checked(X, y, check_weights(sample_weight, X), fit_intercept)

    @classmethod
    def _from_checked(cls, X, y, weights, fit_intercept):
        """Of checked arrays, but for NaN and infinities in X: the sums tell of these."""
        targets = y.reshape(len(y), -1)
        n, p = X.shape
        with np.errstate(invalid="ignore", over="ignore"):
            if p > n or (issparse(X) and 8 * p * p > X.data.nbytes):
                form = RowForm(X, targets, weights, fit_intercept)
            else:
                form = GramForm(Moments.from_rows(X, targets, weights), fit_intercept)
                form.attach(X, targets, weights)
            finite = form.is_finite
        if not finite:
            refuse_infinite(X)
        return cls.__new__(cls)._set(form, X.dtype, y.ndim == 1)

    # What is known -------------------------------------------------------------------------------

    @property
    def n_features(self):
        """p."""
        return len(self._form.x_mean)

    @property
    def n_targets(self):
        """q."""
        return len(self._form.y_mean)

    @property
    def weight(self):
        """W = Σwᵢ."""
        return self._form.weight

    @property
    def n_rows(self):
        """Number of rows with a positive weight."""
        return self._form.n_rows

    @property
    def x_mean(self):
        """x̄, shape (p,); zeros without an intercept."""
        return self._form.x_mean

    @property
    def y_mean(self):
        """ȳ, shape (q,); zeros without an intercept."""
        return self._form.y_mean

    @property
    def hessian(self):
        """H, shape (p, p). With p > n it is formed when asked for, and used by nothing here."""
        return self._form.hessian

    @property
    def moments(self):
        """The `Moments`, or None with p > n, where rows are kept and no p × p array is formed."""
        return self._form.moments

    @property
    def null_risk(self):
        """R(0), summed over targets."""
        return 0.5 * float(self._form.power.sum())

    @property
    def minimum_risk(self):
        """R(θ̂), summed over targets."""
        if self._form.is_large:
            return self.value(self._minimiser)
        spectrum = self._decomposed(0.0)
        explained = float(np.sum(spectrum.eigenvalues[:, None] * spectrum.coordinates**2))
        return max(self.null_risk - 0.5 * explained, 0.0)

    @property
    def spectrum(self):
        """The `Spectrum` of H and θ̂, decomposed once.

        Its ``solver`` says how: ``"eigh"``, from H (p × p); ``"eigh-dual"``, with p > n, from the
        n × n products of rows; ``"svd"`` and ``"svd-dual"``, from X itself, where H would cost
        accuracy. This property wants θ̂ itself, λ = 0; `ridge` at large λ may need less.
        """
        return self._decomposed(0.0)

    def _decomposed(self, alpha_min, factors=None):
        """A spectrum good for every λ ≥ alpha_min: kept, and made better only when it must be.

        ``factors`` are the ridge's, one a feature: see `skreg.quadratic.factored`. None are 1.
        """
        if self._form.is_large:
            n, p = self._form.rows.shape
            raise ValueError(
                f"a sparse X of {n} rows and {p} features is too large to decompose, so there is "
                "no spectrum: use ridge, or lasso with hessian='full', or fewer features."
            )
        key = "" if factors is None else factors.tobytes().hex()
        made = self._spectra.get(key)
        if made is None:
            made = self._form.decompose(factors)
        if not made.serves(alpha_min) and self._form.has_rows:
            made = self._form.decompose_rows(self.dtype, factors)
        # Beside the plain one, that of the latest factors.
        self._spectra = {"": self._spectra.get(""), key: made}
        return made

    @property
    def largest_eigenvalue(self):
        """σ₁, 0 where H = 0."""
        if self._form.is_large:
            return conjugate_gradient.largest_eigenvalue(self._form.rows)
        return float(self._decomposed(np.inf).sigma.max(initial=0.0))

    @property
    def minimiser(self):
        """θ̂, the minimiser of R of smallest norm: shape (p,) or (q, p)."""
        return self._out(self._minimiser)

    @cached_property
    def _minimiser(self):
        return self._ridge(np.zeros(1))[0][0]

    # What it says of a θ -------------------------------------------------------------------------

    def gradient(self, theta):
        """∇R(θ) = H(θ − θ̂) for θ of shape (p,) or (q, p); the same shape."""
        return self._out(self._form.gradient(self._in(theta)))

    def value(self, theta):
        """R(θ), summed over targets, for θ of shape (p,) or (q, p)."""
        theta = self._in(theta)
        slope = self._form.gradient(theta) - self._form.cross.T
        return max(self.null_risk + 0.5 * float(np.vdot(theta, slope)), 0.0)

    def intercept(self, theta):
        """The best intercept beside θ: ȳ − x̄ᵀθ; a float, or shape (q,)."""
        return self._out_intercepts(self._in(theta))

    # Minimisers of R + λJ ------------------------------------------------------------------------

    def ridge(self, alphas):
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
        return self._out(self._ridge(alphas)[0], one)

    def _ridge(self, alphas, factors=None):
        """θ for each λ, and the spectrum used, or what conjugate gradients say of it."""
        if self._form.is_large:
            found = conjugate_gradient.ridge(self._form, np.asarray(alphas), factors)
            return found.thetas, found
        spectrum = self._decomposed(alphas.min(), factors)
        return spectrum.ridge(alphas), spectrum

    def lasso(self, alphas, hessian="full", *, tol=1e-8, max_iter=10_000):
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
        fit = _lasso.solve(self, alphas, hessian, tol, max_iter)
        return self._out(fit.thetas, one)

    def alpha_max(self, hessian="full"):
        """The smallest λ at which `lasso` gives exactly 0."""
        return _lasso.alpha_max(self, hessian)

    # Adding rows ---------------------------------------------------------------------------------

    def __add__(self, other):
        return self._combined(other, 1)

    def __sub__(self, other):
        return self._combined(other, -1)

    def _combined(self, other, sign):
        if not isinstance(other, QuadraticModel):
            return NotImplemented
        if self._form.centred != other._form.centred:
            raise ValueError("models with and without an intercept do not add: make both alike.")
        mine, its = self._form.as_moments(), other._form.as_moments()
        form = GramForm(mine + its if sign > 0 else mine - its, self._form.centred)
        dtype = np.result_type(self.dtype, other.dtype)
        return type(self).__new__(type(self))._set(form, dtype, self._single and other._single)

    def without_rows(self):
        """The same model, without the reference to X where the moments say it all (n ≥ p)."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__, _form=self._form.without_rows())
        return new

    def __getstate__(self):
        return self.without_rows().__dict__

    def __repr__(self):
        return (
            f"QuadraticModel(n_features={self.n_features}, n_targets={self.n_targets}, "
            f"weight={self.weight:g})"
        )

    # Shapes --------------------------------------------------------------------------------------

    def _in(self, theta):
        theta = np.asarray(theta, dtype=np.float64)
        expected = (self.n_features,) if self._single else (self.n_targets, self.n_features)
        if theta.shape != expected and theta.shape != (self.n_targets, self.n_features):
            raise ValueError(f"theta must have shape {expected}, got {theta.shape}.")
        return theta.reshape(self.n_targets, self.n_features)

    def _out_intercepts(self, thetas):
        """ȳ − x̄ᵀθ for θ of shape (…, q, p), as the user sees it."""
        flat = np.ascontiguousarray(thetas).reshape(-1, self.n_features)
        moved = product(flat, self.x_mean[:, None]).reshape(thetas.shape[:-1])
        out = (self.y_mean - moved).astype(self.dtype)
        return out[..., 0] if self._single else out

    def _out(self, thetas, one=False, copy=True):
        """(…, q, p) as the user sees it."""
        out = thetas.astype(self.dtype, copy=copy)
        out = out[..., 0, :] if self._single else out
        return out[0] if one else out
