"""What a solver returns."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skreg.solvers.degrees_of_freedom import Freedom


@dataclass(frozen=True, eq=False)
class Solution:
    """argmin R(θ) + λJ(θ) for several λ; every array has one row for each λ.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        λ, in the order they were asked for.
    coefs : ndarray of shape (n_alphas, p) or (n_alphas, q, p)
    intercepts : ndarray of shape (n_alphas,) or (n_alphas, q)
    freedom : Freedom
        Counts `dof` when asked to.
    norms : ndarray of shape (n_alphas,)
        ‖θ‖₂ for the ridge, ‖θ‖₁ for the lasso.
    risk : ndarray of shape (n_alphas,)
        R(θ) on the rows fitted, summed over targets.
    dual_gaps : ndarray of shape (n_alphas,) or None
        Duality gaps relative to R(0); None for a closed form that needs no certificate.
    n_iter : ndarray of shape (n_alphas,)
        Rounds of an active set, passes over groups, steps of Newton's method or of conjugate
        gradients; 1 for a closed form.
    solver : str
    gradient_norms : ndarray of shape (n_alphas,) or None
        For a smooth penalty found by iteration, norms of the objective's gradient, relative.
    n_expansions : ndarray of shape (n_alphas,) or None
        Quadratics taken; None where the risk is its own quadratic.
    notes : tuple of str
        What users are to be warned of, as a λ that is not solved to ``tol``.
    has_minimizer : bool
        False where the risk was found to have none: an answer at λ = 0 is then that at a small λ.
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    freedom: Freedom
    norms: np.ndarray
    risk: np.ndarray
    dual_gaps: np.ndarray | None
    n_iter: np.ndarray
    solver: str
    gradient_norms: np.ndarray | None = None
    n_expansions: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    has_minimizer: bool = True

    @property
    def dof(self) -> np.ndarray:
        """Effective degrees of freedom, the intercept not counted, shape (n_alphas,).

        Where they take a decomposition for each λ, they are counted when first asked for.
        """
        return self.freedom.counts()

    def warn(self, stacklevel: int = 1) -> None:
        """Warn of what `notes` say, once each, in the name of the caller ``stacklevel`` up."""
        for note in self.notes:
            warnings.warn(note, ConvergenceWarning, stacklevel=stacklevel + 1)
