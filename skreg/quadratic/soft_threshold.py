"""The lasso in closed form where H is taken as diagonal: in the features or the eigenvectors."""

import numpy as np

from skreg._kernels import lasso_gap as kernel
from skreg.penalties.separable import Separable


def diagonal_slope(model, target):
    """diag(H)·θ̂, where a diagonal that is not positive counts as 0."""
    return np.maximum(model.form.diagonal, 0.0) * model.minimizer[target]


def diagonal_path(model, problem, alphas):
    """H replaced by its diagonal around θ̂: θⱼ = soft(Hⱼⱼθ̂ⱼ, l1ⱼ)/(Hⱼⱼ + l2ⱼ) for each λ.

    A feature without curvature gains nothing by leaving 0, and has θⱼ = 0; without a penalty it
    keeps θ̂ⱼ. Yields (θ, gap, risk, 1, dof) with the gap of the lasso itself.
    """
    curvature = np.maximum(model.form.diagonal, 0.0)
    start = diagonal_slope(model, problem.target)
    for alpha in alphas:
        theta = _closed(start, curvature, alpha, problem)
        flat = (curvature == 0) & (alpha * (problem.l1 + problem.l2) == 0)
        if flat.any():
            kept = model.minimizer[problem.target, flat]
            theta[flat] = np.maximum(kept, 0.0) if problem.positive else kept
        slope = problem.slope(theta)
        gap = problem.gap(theta, slope, alpha)
        yield theta, gap, problem.risk(theta, slope), 1, np.count_nonzero(theta)


def pca_slope(model, target):
    """ΣQᵀθ̂."""
    spectrum = model.spectrum(0.0)
    return spectrum.eigenvalues * spectrum.coordinates[:, target]


def pca_path(model, problem, alphas):
    """H is diagonal in its eigenvectors: c = soft(σĉ, λρ)/(σ + λ(1−ρ)), θ = Qc for each λ.

    Yields (θ, gap, risk, 1, dof) of the rotated problem, whose penalty is on c.
    """
    spectrum, start = model.spectrum(0.0), pca_slope(model, problem.target)
    sigma, rank = spectrum.eigenvalues, len(start)
    l1, l2 = problem.l1[:rank], problem.l2[:rank]  # without factors all are alike
    for alpha in alphas:
        prox = Separable().prox(start, alpha * l1)
        c = prox / (sigma + alpha * l2)
        slope = start - sigma * c
        gap = kernel.duality_gap(start, c, slope, alpha * l1, alpha * l2, problem.power)
        risk = max(0.5 * (problem.power - c @ (start + slope)), 0.0)
        yield spectrum.lift(c[None, :, None])[0, 0], gap, risk, 1, np.count_nonzero(c)


def _closed(start, curvature, alpha, problem):
    """argmin Σ ½Hⱼⱼθⱼ² − startⱼθⱼ + λ·penalty."""
    threshold = Separable(positive=problem.positive).prox(start, alpha * problem.l1)
    total = curvature + alpha * problem.l2
    return np.divide(threshold, total, out=np.zeros_like(total), where=curvature > 0)
