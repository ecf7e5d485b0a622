"""The ridge by conjugate gradients, where neither side of X is small enough to decompose.

The normal equations (H + λF)θ = h are solved through A itself, so that no product of X with itself
is formed: two passes over X a step. λ runs downwards and each solution starts the next.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

#: ‖Aᵀ(Aθ − b) + λFθ‖ / ‖Aᵀb‖ at which a λ counts as solved.
TOL = 1e-10
MAX_ITER = 10_000


@dataclass(frozen=True, eq=False)
class Iterates:
    """θ of shape (n_alphas, q, p); the other arrays have one number for each λ."""

    thetas: np.ndarray
    risk: np.ndarray
    gradient_norms: np.ndarray
    n_iter: np.ndarray


def ridge(form, alphas, factors=None, tol=TOL, max_iter=MAX_ITER):
    """argmin R(θ) + λ·½Σ fⱼθⱼ² for each λ, on the rows that ``form`` keeps.

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` steps do not bring the gradient's norm, relative to that at θ = 0, to
        ``tol``.
    """
    rows, (p, q), m = form.rows, form.cross.shape, len(alphas)
    thetas = np.zeros((m, q, p))
    risk, norms, n_iter = np.zeros(m), np.zeros(m), np.zeros(m, dtype=int)
    for t in range(q):
        theta, b, scale = np.zeros(p), rows.b[:, [t]], np.linalg.norm(form.cross[:, t])
        if scale == 0:  # θ = 0 for every λ
            risk += 0.5 * np.vdot(b, b)
            continue
        for i in np.argsort(-alphas, kind="stable"):
            penalty = np.full(p, alphas[i]) if factors is None else alphas[i] * factors
            theta, loss, norm, steps = _solve(rows, b, penalty, theta, tol * scale, max_iter)
            thetas[i, t] = theta
            risk[i] += loss
            norms[i] = max(norms[i], norm / scale)
            n_iter[i] = max(n_iter[i], steps)
    if (norms > tol).any():
        worst = norms.argmax()
        warnings.warn(
            f"conjugate gradients stopped at {max_iter} steps with a relative gradient norm of "
            f"{norms[worst]:.1e} at alpha={alphas[worst]:.6g}, above {tol:g}. Raise alpha, or "
            "bring the features to one scale.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return Iterates(thetas, risk, norms, n_iter)


def largest_eigenvalue(rows, steps=100):
    """σ₁ of AᵀA by the power method: a lower bound, to a few per cent where it matters."""
    v = np.random.default_rng(0).normal(size=(rows.shape[1], 1))
    size = 0.0
    for _ in range(steps):
        norm = np.linalg.norm(v)
        if norm == 0:
            return 0.0
        before, v = size, rows.transposed_dot(rows.dot(v / norm))
        size = float(np.linalg.norm(v))
        if abs(size - before) <= 1e-3 * size:
            break
    return size


def _solve(rows, b, penalty, theta, goal, max_iter):
    """(θ, ½‖b − Aθ‖², ‖gradient‖, steps) for one λ and one target, from ``theta``."""
    scale = _preconditioner(rows, penalty)
    theta, steps = theta.copy(), 0
    while True:
        # The residual that is carried along drifts from the true one: what ends it is the latter.
        residual = b - rows.dot(theta[:, None])
        slope = rows.transposed_dot(residual)[:, 0] - penalty * theta
        if np.linalg.norm(slope) <= goal or steps >= max_iter:
            loss = 0.5 * float(np.vdot(residual, residual))
            return theta, loss, float(np.linalg.norm(slope)), steps
        made = _descend(rows, residual, slope, penalty, scale, theta, goal, max_iter - steps)
        steps += made


def _descend(rows, residual, slope, penalty, scale, theta, goal, max_iter):
    """Steps of conjugate gradients, in place, until the carried gradient is below the goal."""
    step = scale * slope
    direction, power, made = step, slope @ step, 0
    while made < max_iter and np.linalg.norm(slope) > 0.5 * goal:
        made += 1
        image = rows.dot(direction[:, None])
        bend = float(np.vdot(image, image)) + direction @ (penalty * direction)
        if bend <= 0:
            break
        length = power / bend
        theta += length * direction
        residual -= length * image
        slope = rows.transposed_dot(residual)[:, 0] - penalty * theta
        step = scale * slope
        before, power = power, slope @ step
        direction = step + (power / before) * direction
    return made


def _preconditioner(rows, penalty):
    """1/(Hⱼⱼ + λfⱼ); 1 without any penalty, where the solution of smallest norm is wanted."""
    if not penalty.any():
        return np.ones(len(penalty))
    diagonal = rows.column_norms + penalty
    return np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
