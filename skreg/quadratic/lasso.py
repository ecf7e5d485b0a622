"""min R̃(θ) + λ‖θ‖₁: soft-thresholding where H is diagonal, coordinate descent where it is not.

Full H: a working set of features is screened by the strong rule (Tibshirani et al., 2012), the
problem on it is solved to rounding by a compiled kernel (coordinate descent, then a direct solve on
the identified support), and the gradient over all features says which were missed. λ runs downwards
and each solution starts the next. The duality gap comes from the moments: with q = h − Hθ,
‖r‖² = bᵀb − θᵀ(h + q) and s = min(1, λ/‖q‖∞),

    gap = ½(1−s)²‖r‖² + λ‖θ‖₁ − s·θᵀq.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skreg._kernels import coordinate_descent as kernel
from skreg.penalties import L1

EPS = np.finfo(np.float64).eps
# Features that join the working set at once: this many, or as many as it has non-zeros.
_BATCH = 100
# The problem on the working set is solved closer than the whole.
_INNER = 1e-3


@dataclass(frozen=True, eq=False)
class LassoFit:
    """θ for each λ with its certificate: arrays with one row for each λ.

    Attributes
    ----------
    thetas : ndarray of shape (n_alphas, p)
    gaps : ndarray of shape (n_alphas,)
        Duality gaps relative to R(0).
    risk : ndarray of shape (n_alphas,)
        R(θ).
    n_iter : ndarray of shape (n_alphas,)
        Passes of coordinate descent; 1 for a closed form.
    dof : ndarray of shape (n_alphas,)
        Components not switched off: the lasso's degrees of freedom (Zou, Hastie & Tibshirani,
        2007).
    """

    thetas: np.ndarray
    gaps: np.ndarray
    risk: np.ndarray
    n_iter: np.ndarray
    dof: np.ndarray


def solve(model, alphas, hessian, tol, max_iter):
    """The lasso on ``model`` for each λ in ``alphas``; ``hessian`` names the form of H."""
    method = _method(model, hessian)
    thetas = np.zeros((len(alphas), model.n_features))
    gaps, risk, dof = np.zeros((3, len(alphas)))
    n_iter = np.ones(len(alphas), dtype=int)
    null_risk = model.null_risk
    if null_risk == 0:  # y is constant: θ = 0 for every λ
        return LassoFit(thetas, gaps, risk, n_iter, dof)
    penalised = np.flatnonzero(alphas > 0)
    descending = penalised[np.argsort(-alphas[penalised], kind="stable")]
    path = method.path(model, alphas[descending], tol, max_iter) if descending.size else ()
    for i, solution in zip(descending, path, strict=True):
        thetas[i], gaps[i], risk[i], n_iter[i], dof[i] = solution
    free = np.flatnonzero(alphas == 0)
    if free.size:  # no penalty: θ̂, whatever the form of H
        thetas[free] = model._minimiser
        risk[free] = model.value(model._minimiser)
        gaps[free] = np.maximum(risk[free] - model.minimum_risk, 0.0)
        dof[free] = len(model.spectrum.eigenvalues)
    gaps /= null_risk
    if (gaps > tol).any() and method is _Full:
        worst = gaps.argmax()
        warnings.warn(
            f"the lasso stopped at max_iter={max_iter} passes with a relative duality gap of "
            f"{gaps[worst]:.1e} at alpha={alphas[worst]:.6g}, above tol={tol:g}. Raise max_iter, "
            "or accept this accuracy by raising tol.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return LassoFit(thetas, gaps, risk, n_iter, dof)


def _risk(power, cross, theta, slope):
    """R(θ) = ½(bᵀb − θᵀ(h + q))."""
    return max(0.5 * (power - theta @ (cross + slope)), 0.0)


def alpha_max(model, hessian):
    """The smallest λ that gives θ = 0."""
    return float(np.abs(_method(model, hessian).slope_at_zero(model)).max(initial=0.0))


def _method(model, hessian):
    if hessian not in _METHODS:
        raise ValueError(f"hessian must be one of {sorted(_METHODS)}, got {hessian!r}.")
    if model.n_targets != 1:
        raise ValueError(
            f"the lasso takes one target, got {model.n_targets}. Make one model for each target."
        )
    return _METHODS[hessian]


class _Full:
    """The lasso itself."""

    @staticmethod
    def slope_at_zero(model):
        return model._form.cross[:, 0]

    @staticmethod
    def path(model, alphas, tol, max_iter):
        """Yield (θ, gap, passes, dof) for each λ, which descend."""
        form = model._form
        search = _WorkingSets(form, tol * model.null_risk, max_iter)
        state = np.zeros(model.n_features), search.cross, alphas[0]
        for alpha in alphas:
            theta, slope, gap, passes = search.solve(alpha, *state)
            state = theta, slope, alpha
            risk = _risk(search.power, search.cross, theta, slope)
            yield theta, gap, risk, passes, np.count_nonzero(theta)


class _WorkingSets:
    """Solves for one λ from the solution for a larger one."""

    def __init__(self, form, tol, max_iter):
        self.form, self.tol, self.max_iter = form, tol, max_iter
        self.gram = form.working_grams()
        self.cross = np.ascontiguousarray(form.cross[:, 0])
        self.power = float(form.power[0])
        self.width = np.sqrt(form.diagonal)
        # What rounding leaves in a component of h − Hθ.
        self.slack = 64 * EPS * self.width * np.sqrt(self.power)

    def solve(self, alpha, theta, slope, last_alpha):
        """(θ, h − Hθ, gap, passes) at λ = ``alpha``."""
        theta, passes = theta.copy(), 0
        threshold = min(alpha, 2 * alpha - last_alpha)
        while True:
            chosen = self._choose(theta, slope, threshold, alpha)
            part, inside = theta[chosen], slope[chosen]
            made, _ = kernel.descend(
                self.gram(chosen),
                self.cross[chosen],
                self.slack[chosen],
                alpha,
                part,
                inside,
                self.power,
                _INNER * self.tol,
                self.max_iter - passes,
            )
            passes += made
            theta[chosen] = part
            slope = self.form.slope(theta)
            gap = kernel.duality_gap(self.cross, theta, slope, alpha, self.power)
            missed = np.abs(slope) > alpha + self.slack
            missed[chosen] = False
            if passes >= self.max_iter or not missed.any():
                return theta, slope, gap, max(passes, 1)
            threshold = alpha

    def _choose(self, theta, slope, threshold, alpha):
        """The support, and the most promising of the features whose slope exceeds the threshold."""
        size = np.abs(slope)
        new = np.flatnonzero((size > threshold) & (theta == 0) & (self.width > 0))
        support = np.flatnonzero(theta)
        batch = max(_BATCH, len(support))
        if len(new) > batch:
            score = (size[new] - alpha) / self.width[new]
            new = new[np.argpartition(-score, batch)[:batch]]
        return np.sort(np.concatenate([support, new]))


class _Diagonal:
    """H replaced by its diagonal around θ̂: θᵢ = soft(Hᵢᵢθ̂ᵢ, λ)/Hᵢᵢ."""

    @staticmethod
    def slope_at_zero(model):
        return model._form.diagonal * model._minimiser[0]

    @classmethod
    def path(cls, model, alphas, tol, max_iter):
        form, start = model._form, cls.slope_at_zero(model)
        cross, power = np.ascontiguousarray(form.cross[:, 0]), float(form.power[0])
        # A feature with Hᵢᵢ = 0 is constant: its θ̂ᵢ is 0 and stays so.
        curvature = np.where(form.diagonal > 0, form.diagonal, 1.0)
        for alpha in alphas:
            theta = L1().prox(start, alpha) / curvature
            slope = -form.gradient(theta[None])[0]
            gap = kernel.duality_gap(cross, theta, slope, alpha, power)
            yield theta, gap, _risk(power, cross, theta, slope), 1, np.count_nonzero(theta)


class _Pca:
    """H diagonal in its eigenvectors: cᵢ = soft(σᵢĉᵢ, λ)/σᵢ, θ = Qc."""

    @staticmethod
    def slope_at_zero(model):
        spectrum = model._decomposed(0.0)
        return spectrum.eigenvalues * spectrum.coordinates[:, 0]

    @classmethod
    def path(cls, model, alphas, tol, max_iter):
        spectrum, start = model._decomposed(0.0), cls.slope_at_zero(model)
        kept = L1().prox(start, alphas[:, None]) / spectrum.eigenvalues
        thetas = spectrum.lift(kept[:, :, None])[:, 0]
        power = float(model._form.power[0])
        for alpha, c, theta in zip(alphas, kept, thetas, strict=True):
            slope = start - spectrum.eigenvalues * c
            gap = kernel.duality_gap(start, c, slope, alpha, power)
            yield theta, gap, _risk(power, start, c, slope), 1, np.count_nonzero(c)


_METHODS = {"full": _Full, "diagonal": _Diagonal, "pca": _Pca}
