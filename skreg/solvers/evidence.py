"""The ridge as a Bayesian model: evidence, noise and posterior variance from one spectrum.

The model is y ~ N(xᵀθ + b, σ²/w) with the prior θ ~ N(0, σ²/(nλ)·I), the weights scaled to mean 1
over the n rows with a positive one, and b at its best value. Its posterior mean is the ridge, and

    cov θ = (σ²/n)·(H + λI)⁻¹,
    −2 log P(y|λ) = Σ_targets [n·log(2πσ²) + n] + q·Σⱼ log(1 + σⱼ/λ),   σ² = 2R(θ) + λ‖θ‖²,

σⱼ the eigenvalues of H and σ² the noise that maximizes the evidence at this λ (MacKay, 1992;
`sklearn.linear_model.BayesianRidge`, whose α is 1/σ² and whose λ is nλ/σ²). With weights the term
½Σ log wᵢ, the same for every λ, is left out.
"""

import numpy as np
from scipy import sparse

from skreg.rows.products import EPS, slices


def noise_variance(model, alphas):
    """σ² = 2R(θ(λ)) + λ‖θ(λ)‖² for each λ, shape (n_alphas, q): O(p) each once H is decomposed."""
    spectrum = model.spectrum(alphas.min())
    sigma = spectrum.eigenvalues
    power = sigma[:, None] * spectrum.coordinates**2
    lost = alphas[:, None] / (sigma + alphas[:, None])
    return np.maximum(model.power - power.sum(axis=0), 0.0) + lost @ power


def log_evidence(model, alphas):
    """log P(y | λ) for each λ, summed over targets, at the noise that maximizes it; −inf at λ = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.solvers.evidence import log_evidence
    >>> model = QuadraticModel.from_data([[-1.0], [1.0], [0.0]], [-2.0, 2.1, 0.1])
    >>> log_evidence(model.problem, np.array([10.0, 0.001, 0.0])).round(2)
    array([-5.74,  0.52,  -inf])
    """
    noise = noise_variance(model, alphas)
    sigma = model.spectrum(alphas.min()).eigenvalues
    n, q = model.n_rows, noise.shape[1]
    # Constant targets, or rows interpolated at λ = 0, leave no noise: what rounding would leave.
    size = model.power + model.y_mean**2
    noise = np.maximum(noise, np.where(size > 0, (EPS**2) * size, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):  # λ = 0
        volume = np.log1p(sigma / alphas[:, None]).sum(axis=1)
        fit = n * (np.log(2.0 * np.pi * noise) + 1.0).sum(axis=1)
        return np.where(alphas > 0, -0.5 * (fit + q * volume), -np.inf)


def posterior_variance(model, alpha, X):
    """(x − x̄)ᵀ(H + λI)⁻¹(x − x̄)/n for each row x of X: times σ², the variance of xᵀθ + b.

    At λ = 0 directions in which the rows do not vary have no variance here.
    """
    spectrum = model.spectrum(alpha)
    inverse = 1.0 / (spectrum.eigenvalues + alpha)
    out = np.empty(X.shape[0])
    for rows in slices(*X.shape):
        block = X[rows].toarray() if sparse.issparse(X) else X[rows]
        block = np.subtract(block, model.x_mean, dtype=np.float64)
        squares = spectrum.coordinates_of(block) ** 2
        out[rows] = squares @ inverse
        if alpha > 0 and spectrum.rank < X.shape[1]:
            outside = np.einsum("ij,ij->i", block, block) - squares.sum(axis=1)
            out[rows] += np.maximum(outside, 0.0) / alpha
    return out / model.n_rows
