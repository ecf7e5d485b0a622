"""The ridge by conjugate gradients, where neither side of X is small enough to decompose.

The normal equations (H + λF)θ = h are solved through A itself, so that no product of X with itself
is formed: two passes over X a step. The Krylov space of H + λI and h is the same for every λ, and
the steps for the smallest λ serve all of them (Frommer & Maass, 1999); each is then checked, and
brought to its goal by steps of its own if rounding has left it short of that. With a preconditioner
the spaces would differ, as they do where features have no penalty: there λ runs downwards and each
solution starts the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skreg.rows import WeightedRows
from skreg.rows.products import Array, Indices, length_of, product

#: ‖Aᵀ(Aθ − b) + λFθ‖ / ‖Aᵀb‖ at which a λ counts as solved.
TOL = 1e-10
MAX_ITER = 10_000
# A diagonal of H whose largest entry exceeds the median by more wants a preconditioner.
_UNEVEN = 300.0
# Steps after which θ of every λ follows what the scalars of these steps say.
_BLOCK = 32


@dataclass(frozen=True, eq=False)
class Iterates:
    """θ of shape (n_alphas, q, p); the other arrays have one number for each λ.

    ``notes`` are what users are to be warned of.
    """

    thetas: Array
    risk: Array
    gradient_norms: Array
    n_iter: Indices
    notes: list[str]


def ridge(
    quadratic: Any,
    alphas: Array,
    factors: Array | None = None,
    tol: float = TOL,
    max_iter: int = MAX_ITER,
) -> Iterates:
    """argmin R(θ) + λ·½Σ fⱼθⱼ² for each λ, on the rows that ``quadratic`` keeps.

    A λ is solved where ``tol`` bounds the norm of the gradient relative to that at θ = 0.
    """
    rows, (p, q), m = quadratic.rows, quadratic.cross.shape, len(alphas)
    thetas = np.zeros((m, q, p))
    risk, norms, n_iter = np.zeros(m), np.zeros(m), np.zeros(m, dtype=int)
    factors = np.ones(p) if factors is None else factors
    shared = _may_share(rows.column_norms, factors, m, rows.shape[0])
    for t in range(q):
        theta, b, cross = np.zeros(p), rows.b[:, [t]], quadratic.cross[:, t]
        scale, steps = float(np.linalg.norm(cross)), np.zeros(m, dtype=int)
        if scale == 0:  # θ = 0 for every λ
            risk += 0.5 * np.vdot(b, b)
            continue
        if shared:
            unit = 1.0 / np.sqrt(factors)
            goal = 0.5 * tol * scale / np.sqrt(factors.max())
            steps = _share(rows, unit, cross, alphas, thetas[:, t], goal, max_iter)
        for i in np.argsort(-alphas, kind="stable"):
            theta = thetas[i, t] if shared else theta
            left = max_iter - steps[i]
            theta, loss, norm, more = _solve(rows, b, alphas[i] * factors, theta, tol * scale, left)
            thetas[i, t] = theta
            risk[i] += loss
            norms[i] = max(norms[i], norm / scale)
            n_iter[i] = max(n_iter[i], steps[i] + more)
    notes = []
    if (norms > tol).any():
        worst = norms.argmax()
        notes.append(
            f"conjugate gradients stopped at {max_iter} steps with a relative gradient norm of "
            f"{norms[worst]:.1e} at alpha={alphas[worst]:.6g}, above {tol:g}. Raise alpha, or "
            "bring the features to one scale."
        )
    return Iterates(thetas, risk, norms, n_iter, notes)


def largest_eigenvalue(rows: WeightedRows) -> float:
    """σ₁ of AᵀA: a lower bound, to a few percent where it matters."""

    def times(v: Array) -> Array:
        return rows.transposed_dot(rows.dot(v))

    start = np.random.default_rng(0).normal(size=(rows.shape[1], 1))
    return power_method(times, start, 100, 1e-3)


def power_method(
    times: Callable[[Array], Array], start: Array, steps: int, tol: float = 0.0
) -> float:
    """The largest eigenvalue of a symmetric map without a negative one, from below.

    At most so many steps are taken, fewer where one changes it by no more than ``tol``, relative.
    """
    v, size = start, 0.0
    for _ in range(steps):
        norm = length_of(v)
        if not norm:
            return 0.0
        before, v = size, times(v / norm)
        size = length_of(v)
        if abs(size - before) <= tol * size:
            break
    return size


def _may_share(diagonal: Array, factors: Array, n_alphas: int, n: int) -> bool:
    """Whether steps that all λ share do better than a preconditioner for each.

    With p > n they do even for one: they stay among the rows, where H is not singular.
    """
    if not factors.all() or (n_alphas == 1 and len(factors) <= n):
        return False
    diagonal = diagonal / factors
    used = diagonal[diagonal > 0]
    return used.size > 0 and bool(used.max() <= _UNEVEN * np.median(used))


def _share(
    rows: WeightedRows,
    unit: Array,
    cross: Array,
    alphas: Array,
    thetas: Array,
    goal: float,
    max_iter: int,
) -> Indices:
    """θ of every λ by the same steps, into ``thetas`` (m, p), until each gradient is at the goal.

    With φ = θ/unit the systems are (H′ + λI)φ = h′, H′ = diag(unit)·H·diag(unit). Conjugate
    gradients for the smallest λ make residuals r; that of another one is ζr, and its steps follow
    from ζ alone: φ ← φ + γd, d ← ζr + βd. These are caught up with a block of residuals at a time.
    Returns the steps that each λ took.
    """
    m, order = len(alphas), np.argsort(alphas)  # the smallest is the last to reach its goal
    least, steps = alphas[order[0]], np.zeros(m, dtype=int)
    shift = alphas[order] - least
    residual = direction = unit * cross
    power, length, slant = residual @ residual, 1.0, 0.0
    phi, zeta, before = _Followers(residual, m), np.ones(m), np.ones(m)
    on, made = m, 0
    while on and made < max_iter:
        made += 1
        image = rows.transposed_dot(rows.dot((unit * direction)[:, None]))[:, 0]
        image = unit * image + least * direction
        bend = direction @ image
        if bend <= 0:
            break
        last, length = length, power / bend
        # ζ of the step before, now, and next.
        ahead = last * before * (1.0 + shift[:on] * length) + length * slant * (before - zeta)
        ahead = last * zeta * before / ahead
        residual = residual - length * image
        old, power = power, residual @ residual
        slant = power / old
        phi.step(length * ahead / zeta, slant * (ahead / zeta) ** 2, ahead, residual)
        direction = residual + slant * direction
        steps[order[:on]] = made
        on = int(np.count_nonzero(np.abs(ahead) * np.sqrt(power) > goal))
        before, zeta = zeta[:on], ahead[:on]
    thetas[order] = phi.positions() * unit
    return steps


class _Followers:
    """Positions x and directions d, (m, p) each, that follow x ← x + γd, d ← ζr + βd.

    d begins at the first residual. The λ that take part are always the first ones.
    """

    def __init__(self, residual: Array, m: int) -> None:
        self._x, self._d = np.zeros((m, len(residual))), np.tile(residual, (m, 1))
        self._residuals = np.empty((_BLOCK, len(residual)))
        self._clear()

    def _clear(self) -> None:
        # x and d in terms of d at the beginning of the block (column 0) and its residuals.
        self._of_x, self._of_d = np.zeros((2, len(self._x), _BLOCK + 1))
        self._of_d[:, 0], self._made = 1.0, 0

    def step(self, gamma: Array, beta: Array, zeta: Array, residual: Array) -> None:
        """One step of the first len(gamma) of them."""
        on, made = len(gamma), self._made
        self._residuals[made] = residual
        self._of_x[:on] += gamma[:, None] * self._of_d[:on]
        self._of_d[:on] *= beta[:, None]
        self._of_d[:on, made + 1] += zeta
        self._made += 1
        if self._made == _BLOCK:
            self._catch_up()

    def _catch_up(self) -> None:
        residuals, last = self._residuals[: self._made], self._made + 1
        self._x += self._of_x[:, :1] * self._d
        self._x += product(self._of_x[:, 1:last], residuals)
        self._d *= self._of_d[:, :1]
        self._d += product(self._of_d[:, 1:last], residuals)
        self._clear()

    def positions(self) -> Array:
        """x."""
        self._catch_up()
        return self._x


def _solve(
    rows: WeightedRows, b: Array, penalty: Array, theta: Array, goal: float, max_iter: int
) -> tuple[Array, float, float, int]:
    """(θ, ½‖b − Aθ‖², ‖gradient‖, steps) for one λ and one target, from ``theta``."""
    scale = _preconditioner(rows, penalty)[:, None]
    theta, penalty, steps = theta[:, None].copy(), penalty[:, None], 0

    def times(v: Array) -> Array:
        return rows.transposed_dot(rows.dot(v)) + penalty * v

    def is_near(rest: Array, _: Array) -> bool:
        return bool(np.linalg.norm(rest) <= 0.5 * goal)

    while True:
        # The residual that is carried along drifts from the true one: what ends it is the latter.
        residual = b - rows.dot(theta)
        slope = rows.transposed_dot(residual) - penalty * theta
        norm = float(np.linalg.norm(slope))
        if not norm > goal or steps >= max_iter:
            return theta[:, 0], 0.5 * float(np.vdot(residual, residual)), norm, steps
        step, more = _iterate(times, slope, scale, is_near, max_iter - steps)
        theta += step
        steps += more


def solve(
    times: Callable[[Array], Array], right: Array, scale: Array, tol: float, max_iter: int = 1000
) -> Array:
    """Columns of M⁻¹·right for a symmetric positive M, all at once.

    ``times(v)`` gives Mv for v of the shape of ``right``, (p, m). ``scale`` (p,) is the
    preconditioner, about the inverse of M's diagonal, and ``tol`` the residual that may be left, in
    the norm of the preconditioner and relative to ``right``.
    """
    goal = tol**2 * np.sum(right * scale[:, None] * right, axis=0)

    def is_near(_: Array, power: Array) -> bool:
        return bool((power <= goal).all())

    return _iterate(times, right, scale[:, None], is_near, max_iter)[0]


def _iterate(
    times: Callable[[Array], Array],
    right: Array,
    scale: Array,
    is_near: Callable[[Array, Array], bool],
    max_iter: int,
) -> tuple[Array, int]:
    """Conjugate gradients from 0 until ``is_near(residual, its squared norms)``; and the steps."""
    x, rest = np.zeros_like(right), right
    z = scale * rest
    direction, power = z, np.sum(rest * z, axis=0)
    for made in range(1, max_iter + 1):
        image = times(direction)
        bend = np.sum(direction * image, axis=0)
        length = np.divide(power, bend, out=np.zeros_like(power), where=bend > 0)
        if not length.any():
            return x, made
        x += length * direction
        rest = rest - length * image
        z = scale * rest
        before, power = power, np.sum(rest * z, axis=0)
        if is_near(rest, power):
            return x, made
        ratio = np.divide(power, before, out=np.zeros_like(power), where=before > 0)
        direction = z + ratio * direction
    return x, max_iter


def _preconditioner(rows: WeightedRows, penalty: Array) -> Array:
    """1/(Hⱼⱼ + λfⱼ); 1 without any penalty, where the solution of smallest norm is wanted."""
    if not penalty.any():
        return np.ones(len(penalty))
    diagonal = rows.column_norms + penalty
    return np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
