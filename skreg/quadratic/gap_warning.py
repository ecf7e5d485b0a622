"""What is said where a duality gap stays above what was asked for."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning


def warn_of_gaps(method, alphas, gaps, tol, exhausted, limit, stacklevel):
    """Name the λ furthest from ``tol`` and the remedy, if any gap is larger.

    Parameters
    ----------
    method : str
    alphas, gaps : ndarray of shape (n_alphas,)
        Gaps are relative.
    tol : float
    exhausted : ndarray of shape (n_alphas,)
        Where the method ended by its limit; elsewhere it could do no more for rounding.
    limit : str
        ``max_iter`` in the method's units.
    stacklevel : int
        Of the caller.
    """
    worst = np.argmax(gaps)
    if not gaps[worst] > tol:
        return
    if exhausted[worst]:
        why, remedy = f"stopped at max_iter={limit} with", "Raise max_iter"
    else:
        why, remedy = "came, for rounding, no nearer than", "Bring the features to one scale"
    warnings.warn(
        f"{method} {why} a relative duality gap of {gaps[worst]:.1e} at alpha={alphas[worst]:.6g}, "
        f"above tol={tol:g}. {remedy}, or accept this accuracy by raising tol.",
        ConvergenceWarning,
        stacklevel=stacklevel + 1,
    )
