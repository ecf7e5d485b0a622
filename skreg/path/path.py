"""The result of ``estimator.regularization_path(X, y, alphas)``."""

from dataclasses import dataclass, field, replace
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_feature_names, check_array

from skreg._arrays import as_numpy
from skreg._sparse import check_sparse
from skreg._state import Held, Stored
from skreg._validation import lies_between
from skreg.path.grid import one_alpha, place_of
from skreg.path.interpolation import between
from skreg.path.model import PathModel
from skreg.solvers import Solution
from skreg.solvers.method import Freedom

if TYPE_CHECKING:
    import pandas

    from skreg.plotting import RegularizationPathDisplay


@dataclass(frozen=True, eq=False, repr=False)
class RegularizationPath(Stored, Solution):
    """Solutions of R(θ) + λJ(θ) for many λ; every array has one row for each λ.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        λ, in the order they were asked for.
    coefs : ndarray of shape (n_alphas, p) or (n_alphas, q, p)
        q targets, or three classes or more; one row for two classes.
    intercepts : ndarray of shape (n_alphas,) or (n_alphas, q)
    dof : ndarray of shape (n_alphas,)
        Effective degrees of freedom, the intercept not counted: Σσ/(σ+λ) for the ridge, the number
        of components not switched off for the lasso, and between the two for the elastic net and
        groups, where they are counted when first asked for.
    norms : ndarray of shape (n_alphas,)
        ‖θ‖₂ for the ridge, ‖θ‖₁ for the lasso.
    penalties : ndarray of shape (n_alphas,)
        J(θ): what ``norm_bound`` bounds.
    risk : ndarray of shape (n_alphas,)
        Mean loss on the rows fitted, summed over targets.
    dual_gaps : ndarray of shape (n_alphas,) or None
        For the lasso, duality gaps relative to the risk of the intercept alone.
    gradient_norms : ndarray of shape (n_alphas,) or None
        For a ridge found by iteration, as ``gradient_norm_`` of the estimator.
    n_iter, n_expansions : ndarray of shape (n_alphas,)
        Passes of coordinate descent or steps, and quadratics taken; 1 for a closed form.
    solver : str
        How it was solved, as ``solver_`` of the estimator.
    feature_names : ndarray of shape (p,)
        Names of the columns of X; ``x0, x1, …`` where it has none.
    source : estimator
        Not fitted, with what all λ share: the loss, the classes, the quadratic.
    model : PathModel
        The same, as the path asks it.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxLasso
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> path = QuadraticApproxLasso().regularization_path(X, X @ [3.0, 1.0], [2.0, 1.0, 0.0])
    >>> path.coefs
    array([[0. , 0. ],
           [1. , 0.5],
           [3. , 1. ]])
    >>> path.predict([[1.0, 2.0]])
    array([[0.],
           [2.],
           [5.]])
    >>> path.alpha_at_norm(1.5)
    1.0
    >>> path.estimator(1.0).coef_
    array([1. , 0.5])
    >>> path.to_frame()[["dof", "n_nonzero", "x0", "x1"]]
           dof  n_nonzero   x0   x1
    alpha
    2.0    0.0          0  0.0  0.0
    1.0    2.0          2  1.0  0.5
    0.0    2.0          2  3.0  1.0
    """

    model: PathModel = field(kw_only=True)
    given_names: np.ndarray | None = None

    _held: ClassVar[dict[str, Held | None]] = {
        "freedom": Held("dof", Freedom.counts, Freedom),
        "model": Held("source", attrgetter("estimator"), methodcaller("_path_model")),
    }

    def __len__(self) -> int:
        return len(self.alphas)

    def __repr__(self) -> str:
        return (
            f"RegularizationPath({len(self)} alphas from {self.alphas[0]:.6g} to "
            f"{self.alphas[-1]:.6g}, {self.coefs.shape[-1]} features, solver={self.solver!r})"
        )

    @property
    def source(self) -> Any:
        """The estimator, not fitted, with what all λ share: the loss, the classes."""
        return self.model.estimator

    @property
    def penalties(self) -> NDArray:
        """J(θ) for each λ, what ``norm_bound`` bounds, shape (n_alphas,)."""
        return self.model.penalties(self.coefs)

    @property
    def feature_names(self) -> NDArray:
        """Names of the columns of X, shape (p,); ``x0, x1, …`` where it has none."""
        if self.given_names is not None:
            return np.asarray(self.given_names, dtype=object)
        return np.array([f"x{i}" for i in range(self.coefs.shape[-1])], dtype=object)

    @property
    def n_nonzero(self) -> NDArray:
        """Number of non-zero coefficients for each λ, shape (n_alphas,)."""
        return np.count_nonzero(self.coefs.reshape(len(self), -1), axis=1)

    @property
    def log_evidence(self) -> NDArray:
        """Logarithm of the evidence for each λ, shape (n_alphas,); for a ridge on squared error.

        See `QuadraticApproxRidge` for the model. Worked out when asked for, in O(p) for each λ.
        """
        return self.model.log_evidence(self.alphas)

    # Predictions for every λ at once -------------------------------------------------------------

    def predict(self, X: Any, *, offset: ArrayLike | None = None) -> NDArray:
        """Predictions of the estimator for every λ at once.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, p)
        offset : None or array-like, default=None
            As for the estimator.

        Returns
        -------
        ndarray of shape (n_alphas, n_samples) or (n_alphas, n_samples, q)
            Numbers, or labels of classes.

        Raises
        ------
        ValueError
            If X has not p columns or is not finite.
        """
        X, offset = as_numpy(X), as_numpy(offset)
        return self.model.predictions(self._raw(X), X, offset)

    def predict_proba(self, X: Any, *, offset: ArrayLike | None = None) -> NDArray:
        """Probabilities of the classes for every λ at once, shape (n_alphas, n_samples, K)."""
        return self.model.probabilities(self.decision_function(X, offset=offset))

    def decision_function(self, X: Any, *, offset: ArrayLike | None = None) -> NDArray:
        """Raw predictions xᵀθ + b, and the offset, for every λ at once.

        Returns
        -------
        ndarray of shape (n_alphas, n_samples), or (n_alphas, n_samples, q)
        """
        X, offset = as_numpy(X), as_numpy(offset)
        return self.model.shifted(self._raw(X), X, offset)

    def _raw(self, X):
        _check_feature_names(self.source, X, reset=False)
        if issparse(X):
            check_sparse(X)
        X = check_array(
            X,
            dtype=[np.float64, np.float32],
            accept_sparse=["csr", "csc"],
            estimator=self.source,
            input_name="X",
        )
        p = self.coefs.shape[-1]
        if X.shape[1] != p:
            raise ValueError(
                f"X has {X.shape[1]} features, but this path was fitted with {p}. "
                "Give the same columns."
            )
        flat = safe_sparse_dot(X, self.coefs.reshape(-1, p).T).T
        out = flat.reshape(*self.intercepts.shape, X.shape[0]) + self.intercepts[..., None]
        return out if out.ndim == 2 else np.swapaxes(out, 1, 2)

    # One λ of the path ---------------------------------------------------------------------------

    def estimator(self, alpha: float) -> Any:
        """A fitted estimator at ``alpha``, one of ``alphas``.

        Raises
        ------
        ValueError
            If ``alpha`` is not on the path; the message names the nearest that is.
        """
        return self.model.estimator_at(self, place_of(alpha, self.alphas))

    def at(self, alpha: float) -> Any:
        """A fitted estimator at any λ, on the path or between two of its λ.

        For squared error the quadratic is known (but to a pickle or file of a path that stands on
        rows: p > n, or a sparse X), and the estimator is solved at ``alpha`` as a fit would, with
        its certificate. For other losses it is interpolated: between two λ of the path,
        coefficients, intercepts and degrees of freedom are taken as linear in λ where J has kinks
        (the lasso, groups), in log λ where it is smooth (the ridge). Its ``solver_`` is then
        "interpolated", and no certificate is claimed: there is no ``dual_gap_``, and
        ``gradient_norm_`` is NaN. A coefficient that is 0 at both ends is 0. The error falls with
        the square of the distance of the two λ; with the distance itself where a coefficient comes
        or goes between them. Where J is not convex (MCP, SCAD) solutions may jump between them, and
        only a fit can tell.

        Parameters
        ----------
        alpha : float
            λ ≥ 0.

        Returns
        -------
        estimator
            Fitted; at a λ of the path that of `estimator`.

        Raises
        ------
        ValueError
            If ``alpha`` is not one number that is finite and not negative, or lies outside of a
            path that has to be interpolated.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.preprocessing import scale
        >>> from skreg import QuadraticApproxLassoClassifier
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> lasso = QuadraticApproxLassoClassifier(alpha=0.02)
        >>> between = lasso.regularization_path(scale(X), y).at(0.02)
        >>> between.solver_
        'interpolated'
        >>> float(abs(between.coef_ - lasso.fit(scale(X), y).coef_).max()) < 0.01
        True
        """
        wanted = one_alpha(alpha)
        i = int(np.abs(self.alphas - wanted).argmin())
        if np.isclose(self.alphas[i], wanted, rtol=1e-9, atol=0.0):
            return self.model.estimator_at(self, i)
        if (found := self.model.solved(wanted)) is not None:
            one = vars(found) | {"n_expansions": np.ones(1, dtype=int)}
        else:
            smooth = self.model.is_smooth(self.coefs.shape[-1])
            one = between(self, wanted, smooth)
        return self.model.estimator_at(replace(self, **one), 0)

    def alpha_at_norm(self, bound: float) -> float:
        """The λ whose solution has J(θ(λ)) = ``bound``: 0 where J(θ̂) is smaller.

        This is the multiplier that ``norm_bound=bound`` finds, and for squared error it is found in
        the same way, exactly. For other losses it is interpolated between the λ of this path, J
        (for the ridge J^−½) taken as linear in λ.

        Raises
        ------
        ValueError
            If ``bound`` is not positive, or beyond the path where it has to be interpolated.
        """
        if not lies_between(bound, 0, None):
            raise ValueError(f"bound={bound!r} must be a positive number, as norm_bound is.")
        exact = self.model.multiplier(bound)
        if exact is not None:
            return exact
        order = np.argsort(-self.alphas)
        alphas, values = self.alphas[order], np.maximum.accumulate(self.penalties[order])
        if alphas[-1] == 0 and bound >= values[-1]:
            return 0.0
        if not values[0] <= bound <= values[-1]:
            raise ValueError(
                f"bound={bound} lies outside of J on this path, {values[0]:.6g} to "
                f"{values[-1]:.6g}. Ask for a path over more λ, or fit with norm_bound={bound}."
            )
        power = self.model.norm_power
        curve = np.sign(power) * np.maximum(values, 1e-300) ** power
        return float(np.interp(np.sign(power) * bound**power, curve, alphas))

    def plot(self, ax: Any = None, **kwargs: Any) -> "RegularizationPathDisplay":
        """Draw coefficients along the path; needs matplotlib.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.
        **kwargs
            For `skreg.plotting.RegularizationPathDisplay.from_path`: ``target``, ``marks``, ``x``.

        Returns
        -------
        RegularizationPathDisplay

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skreg import QuadraticApproxLasso
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> display = QuadraticApproxLasso().regularization_path(X, y).plot(x="norm")
        >>> display.ax_.get_xlabel()
        '‖θ‖₁'
        """
        from skreg.plotting import RegularizationPathDisplay

        return RegularizationPathDisplay.from_path(self, ax=ax, **kwargs)

    def to_frame(self) -> "pandas.DataFrame":
        """A pandas DataFrame: one row for each λ, indexed by ``alpha``.

        Columns are ``dof, norm, risk, n_nonzero``, for the lasso ``dual_gap``, for a ridge found by
        iteration ``gradient_norm``, then ``intercept`` and the coefficients by feature name; with
        several targets or classes ``name[target]`` for each.
        """
        import pandas as pd

        columns = {
            "dof": self.dof,
            "norm": self.norms,
            "risk": self.risk,
            "n_nonzero": self.n_nonzero,
        }
        if self.dual_gaps is not None:
            columns["dual_gap"] = self.dual_gaps
        if self.gradient_norms is not None:
            columns["gradient_norm"] = self.gradient_norms
        names = ["intercept", *self.feature_names]
        values = np.concatenate([self.intercepts[..., None], self.coefs], axis=-1)
        if values.ndim == 3:
            targets = getattr(self.source, "classes_", range(values.shape[1]))
            names = [f"{name}[{target}]" for target in targets for name in names]
        coefs = pd.DataFrame(values.reshape(len(self), -1), columns=names)
        frame = pd.concat([pd.DataFrame(columns), coefs], axis=1)
        return frame.set_index(pd.Index(self.alphas, name="alpha"))
