"""The result of ``estimator.regularization_path(X, y, alphas)``."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_array

from skreg.solvers import Solution


@dataclass(frozen=True, eq=False)
class RegularizationPath(Solution):
    """Solutions of R(θ) + λJ(θ) for many λ; every array has one row for each λ.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        λ, in the order they were asked for.
    coefs : ndarray of shape (n_alphas, p) or (n_alphas, q, p)
    intercepts : ndarray of shape (n_alphas,) or (n_alphas, q)
    dof : ndarray of shape (n_alphas,)
        Effective degrees of freedom, the intercept not counted: Σσ/(σ+λ) for the ridge, the number
        of components not switched off for the lasso.
    norms : ndarray of shape (n_alphas,)
        ‖θ‖₂ for the ridge, ‖θ‖₁ for the lasso.
    risk : ndarray of shape (n_alphas,)
        ½ mean squared error on the rows fitted, summed over targets.
    dual_gaps : ndarray of shape (n_alphas,) or None
        For the lasso, duality gaps relative to R(0).
    n_iter : ndarray of shape (n_alphas,)
        Passes of coordinate descent; 1 for a closed form.
    solver : str
        How it was solved, as ``solver_`` of the estimator.
    feature_names : ndarray of shape (p,)
        Names of the columns of X; ``x0, x1, …`` where it has none.

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
    >>> path.to_frame()[["dof", "n_nonzero", "x0", "x1"]]
           dof  n_nonzero   x0   x1
    alpha
    2.0    0.0          0  0.0  0.0
    1.0    2.0          2  1.0  0.5
    0.0    2.0          2  3.0  1.0
    """

    feature_names: np.ndarray | None = None

    @classmethod
    def from_solution(cls, solution, feature_names=None):
        """The path of a solver's solution, its features named."""
        if feature_names is None:
            feature_names = [f"x{i}" for i in range(solution.coefs.shape[-1])]
        return cls(**vars(solution), feature_names=np.asarray(feature_names, dtype=object))

    def __len__(self):
        return len(self.alphas)

    @property
    def n_nonzero(self):
        """Number of non-zero coefficients for each λ, shape (n_alphas,)."""
        return np.count_nonzero(self.coefs.reshape(len(self), -1), axis=1)

    def predict(self, X):
        """Predictions for every λ at once.

        Parameters
        ----------
        X : array-like of shape (n_samples, p)

        Returns
        -------
        ndarray of shape (n_alphas, n_samples) or (n_alphas, n_samples, q)

        Raises
        ------
        ValueError
            If X has not p columns or is not finite.
        """
        X = check_array(X, dtype=[np.float64, np.float32])
        if X.shape[1] != self.coefs.shape[-1]:
            raise ValueError(
                f"X has {X.shape[1]} features, but this path was fitted with "
                f"{self.coefs.shape[-1]}. Give the same columns."
            )
        flat = self.coefs.reshape(-1, self.coefs.shape[-1])
        out = (flat @ X.T).reshape(*self.intercepts.shape, len(X)) + self.intercepts[..., None]
        return out if out.ndim == 2 else np.swapaxes(out, 1, 2)

    def to_frame(self):
        """A pandas DataFrame: one row for each λ, indexed by ``alpha``.

        Columns are ``dof, norm, risk, n_nonzero``, for the lasso ``dual_gap``, then ``intercept``
        and the coefficients by feature name; with several targets ``name[target]`` for each.
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
        names = ["intercept", *self.feature_names]
        values = np.concatenate([self.intercepts[..., None], self.coefs], axis=-1)
        if values.ndim == 3:
            names = [f"{name}[{k}]" for k in range(values.shape[1]) for name in names]
        coefs = pd.DataFrame(values.reshape(len(self), -1), columns=names)
        frame = pd.concat([pd.DataFrame(columns), coefs], axis=1)
        return frame.set_index(pd.Index(self.alphas, name="alpha"))
