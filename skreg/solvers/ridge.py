"""The ridge: a spectrum decomposed once and shifted for each λ."""

import numpy as np

from skreg.quadratic.conjugate_gradient import Iterates
from skreg.solvers.solution import Solution


def solve_ridge(model, alphas, factors=None):
    """argmin R(θ) + λ·½Σ fⱼθⱼ² for each λ: θ(λ) = Q diag(σ/(σ+λ)) Qᵀθ̂ where every fⱼ is 1.

    Parameters
    ----------
    model : Quadratic
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0. At λ = 0 this is θ̂, the minimiser of smallest norm, Σ fⱼθⱼ².
    factors : None or ndarray of shape (p,)
        fⱼ ≥ 0. Features with 0 have no penalty.

    Returns
    -------
    Solution
        ``dof`` is Σσ/(σ+λ) (and 1 for each independent feature without a penalty), ``norms`` are
        ‖θ‖₂ (over all targets). A sparse X with more than 5000 rows and features is not
        decomposed: there ``solver`` is ``"cg"``, conjugate gradients, ``dof`` is NaN, and
        ``gradient_norms`` say how closely each λ was solved.

    Warns
    -----
    ConvergenceWarning
        If conjugate gradients do not reach a relative gradient norm of 1e-10.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.solvers import solve_ridge
    >>> model = QuadraticModel.from_data([[-1.0], [1.0]], [-2.0, 2.0])
    >>> solution = solve_ridge(model.problem, np.array([0.0, 1.0]))
    >>> solution.coefs, solution.dof
    (array([[2.],
           [1.]]), array([1. , 0.5]))
    """
    thetas, spectrum = model.ridge(alphas, factors)
    if isinstance(spectrum, Iterates):
        return _iterated(model, alphas, spectrum)
    kept = spectrum.factors(alphas)
    power = spectrum.eigenvalues * (spectrum.coordinates**2).sum(axis=1)
    lost = 1.0 - kept[:, : spectrum.rank]
    explained = power.sum() + spectrum.free_power
    return Solution(
        alphas=alphas,
        **model.as_seen(thetas),
        dof=kept.sum(axis=1) + spectrum.free_rank,
        norms=np.sqrt(np.einsum("ijk,ijk->i", thetas, thetas)),
        # R(θ) = R(θ̂) + ½ Σ σ (1 − σ/(σ+λ))² c², with c = Qᵀθ̂: no difference of large numbers.
        risk=max(model.null_risk - 0.5 * explained, 0.0) + 0.5 * lost**2 @ power,
        dual_gaps=None,
        n_iter=np.ones(len(alphas), dtype=int),
        solver=spectrum.solver,
    )


def _iterated(model, alphas, found):
    thetas = found.thetas
    return Solution(
        alphas=alphas,
        **model.as_seen(thetas),
        dof=np.full(len(alphas), np.nan),
        norms=np.sqrt(np.einsum("ijk,ijk->i", thetas, thetas)),
        risk=found.risk,
        dual_gaps=None,
        n_iter=found.n_iter,
        solver="cg",
        gradient_norms=found.gradient_norms,
    )
