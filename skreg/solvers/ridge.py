"""The ridge: a spectrum decomposed once and shifted for each λ."""

import numpy as np

from skreg.solvers.solution import Solution


def solve_ridge(model, alphas, factors=None):
    """argmin R(θ) + λ·½Σ fⱼθⱼ² for each λ: θ(λ) = Q diag(σ/(σ+λ)) Qᵀθ̂ where every fⱼ is 1.

    Parameters
    ----------
    model : QuadraticModel
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0. At λ = 0 this is θ̂, the minimiser of smallest norm, Σ fⱼθⱼ².
    factors : None or ndarray of shape (p,)
        fⱼ ≥ 0. Features with 0 have no penalty.

    Returns
    -------
    Solution
        ``dof`` is Σσ/(σ+λ) (and 1 for each independent feature without a penalty), ``norms`` are
        ‖θ‖₂ (over all targets).

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.solvers import solve_ridge
    >>> model = QuadraticModel.from_data([[-1.0], [1.0]], [-2.0, 2.0])
    >>> solution = solve_ridge(model, np.array([0.0, 1.0]))
    >>> solution.coefs, solution.dof
    (array([[2.],
           [1.]]), array([1. , 0.5]))
    """
    thetas, spectrum = model._ridge(alphas, factors)
    kept = spectrum.factors(alphas)
    power = spectrum.eigenvalues * (spectrum.coordinates**2).sum(axis=1)
    lost = 1.0 - kept[:, : spectrum.rank]
    explained = power.sum() + spectrum.free_power
    return Solution(
        alphas=alphas,
        coefs=model._out(thetas, copy=False),
        intercepts=model._out_intercepts(thetas),
        dof=kept.sum(axis=1) + spectrum.free_rank,
        norms=np.sqrt(np.einsum("ijk,ijk->i", thetas, thetas)),
        # R(θ) = R(θ̂) + ½ Σ σ (1 − σ/(σ+λ))² c², with c = Qᵀθ̂: no difference of large numbers.
        risk=max(model.null_risk - 0.5 * explained, 0.0) + 0.5 * lost**2 @ power,
        dual_gaps=None,
        n_iter=np.ones(len(alphas), dtype=int),
        solver=spectrum.solver,
    )
