"""min R̃(θ) + λJ(θ) with an L1 part in J: closed forms where H is diagonal, else a working set."""

from dataclasses import dataclass

import numpy as np

from skreg.penalties.separable import Separable
from skreg.quadratic.gap_warning import warn_of_gaps
from skreg.quadratic.l1_problem import L1Problem
from skreg.quadratic.soft_threshold import diagonal_path, diagonal_slope, pca_path, pca_slope
from skreg.quadratic.working_set import working_set_path

HESSIANS = ("diagonal", "full", "pca")


@dataclass(frozen=True, eq=False)
class LassoFit:
    """θ for each λ with its certificate: arrays with one row for each λ.

    Attributes
    ----------
    thetas : ndarray of shape (n_alphas, q, p)
        Each target is a problem by itself; the other arrays are sums over them.
    gaps : ndarray of shape (n_alphas,)
        Duality gaps relative to R(0).
    risk : ndarray of shape (n_alphas,)
        R(θ).
    n_iter : ndarray of shape (n_alphas,)
        Rounds of the active set; 1 for a closed form.
    dof : ndarray of shape (n_alphas,)
        Components not switched off: the lasso's degrees of freedom (Zou, Hastie & Tibshirani,
        2007).
    """

    thetas: np.ndarray
    gaps: np.ndarray
    risk: np.ndarray
    n_iter: np.ndarray
    dof: np.ndarray


def solve(model, alphas, hessian="full", tol=1e-8, max_iter=10_000, penalty=None):
    """argmin R̃(θ) + λJ(θ) for each λ in ``alphas``, each target by itself.

    ``hessian`` names the form of H; ``penalty`` is a `Separable`, None for ‖θ‖₁.
    """
    penalty = _checked(model, hessian, penalty)
    shape = (len(alphas), model.n_outputs)
    thetas = np.zeros((*shape, model.n_features))
    gaps, risk, dof = np.zeros((3, *shape))
    n_iter = np.ones(shape, dtype=int)
    # θ̂ is there already; with θ ≥ 0 it has to be found.
    closed = (alphas == 0) if not penalty.positive else np.zeros(len(alphas), dtype=bool)
    if hessian == "full" and penalty.l1_ratio == 0 and not penalty.positive:
        return _ridge(model, alphas, penalty)
    others = np.flatnonzero(~closed)
    descending = others[np.argsort(-alphas[others], kind="stable")]
    for t in range(model.n_outputs):
        problem = L1Problem(model.form, t, penalty)
        if problem.power == 0:  # y is constant: θ = 0 for every λ
            continue
        if descending.size:
            path = _path(model, problem, alphas[descending], hessian, tol, max_iter)
            for i, solution in zip(descending, path, strict=True):
                thetas[i, t], gaps[i, t], risk[i, t], n_iter[i, t], dof[i, t] = solution
    if closed.any() and model.null_risk > 0:
        thetas[closed] = model.minimizer
        risk[closed, 0] = model.value(model.minimizer)
        gaps[closed, 0] = np.maximum(risk[closed, 0] - model.minimum_risk, 0.0)
        dof[closed] = len(model.spectrum(0.0).eigenvalues)
    gaps = gaps.sum(axis=1) / (model.null_risk or 1.0)
    n_iter = n_iter.max(axis=1)
    if hessian == "full":
        exhausted = n_iter >= max_iter
        warn_of_gaps("the lasso", alphas, gaps, tol, exhausted, f"{max_iter} rounds", stacklevel=4)
    return LassoFit(thetas, gaps, risk.sum(axis=1), n_iter, dof.sum(axis=1))


def _ridge(model, alphas, penalty):
    """Without an L1 part every λ is a shift of the spectrum."""
    thetas, spectrum = model.ridge(alphas, penalty.factors)
    gaps, risk = np.zeros((2, len(alphas)))
    for t in range(model.n_outputs):
        problem = L1Problem(model.form, t, penalty)
        for i, alpha in enumerate(alphas):
            theta = np.ascontiguousarray(thetas[i, t])
            slope = problem.slope(theta)
            gaps[i] += problem.gap(theta, slope, alpha)
            risk[i] += problem.risk(theta, slope)
    dof = model.n_outputs * spectrum.factors(alphas).sum(axis=1)
    n_iter = np.ones(len(alphas), dtype=int)
    return LassoFit(thetas, gaps / (model.null_risk or 1.0), risk, n_iter, dof)


def alpha_max(model, hessian="full", penalty=None):
    """The smallest λ that gives θ = 0 for all penalised features; infinite without an L1 part."""
    penalty = _checked(model, hessian, penalty)
    largest = 0.0
    for t in range(model.n_outputs):
        problem = L1Problem(model.form, t, penalty)
        if hessian == "full":
            largest = max(largest, problem.alpha_max())
        else:
            slope = (pca_slope if hessian == "pca" else diagonal_slope)(model, t)
            largest = max(largest, penalty.alpha_max(-slope))
    return largest


def _path(model, problem, alphas, hessian, tol, max_iter):
    if hessian == "pca":
        return pca_path(model, problem, alphas)
    if hessian == "diagonal":
        return diagonal_path(model, problem, alphas)
    return working_set_path(problem, alphas, tol * 0.5 * problem.power, max_iter)


def _checked(model, hessian, penalty):
    if hessian not in HESSIANS:
        raise ValueError(f"hessian must be one of {list(HESSIANS)}, got {hessian!r}.")
    penalty = Separable() if penalty is None else penalty
    if hessian == "pca":
        for name, given in (
            ("penalty_factors", penalty.factors is not None),
            ("positive=True", penalty.positive),
        ):
            if given:
                raise ValueError(
                    f"{name} speaks of features, and hessian='pca' penalises their principal "
                    "components. Use hessian='full'."
                )
    if penalty.factors is not None and len(penalty.factors) != model.n_features:
        raise ValueError(
            f"penalty_factors must have one factor for each feature, {model.n_features}, got "
            f"{len(penalty.factors)}."
        )
    return penalty
