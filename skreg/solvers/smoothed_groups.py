"""Newton steps for a quadratic beside group norms, where descent by blocks makes no headway.

√(‖θ_g‖² + ε²) stands for ‖θ_g‖, with ε falling toward 0. Its condition
l·θ_g = w_g√(‖θ_g‖² + ε²) is made linear in θ and the dual w together (Chan, Golub and Mulet, 1999),
so that a step is not held up by a small group that it takes through zero. Some 20 steps suffice,
whatever the scale of the features.
"""

from __future__ import annotations

import numpy as np

from skreg._kernels import rows as row_kernels
from skreg.rows.products import EPS, Array, Indices
from skreg.solvers.interior_step import Cholesky

# ε falls by this factor after a whole step, by less after a part of one, and not after less than
# this part.
_FALL, _LONG = 0.1, 0.2
_ARMIJO, _SHORTEST = 1e-4, 1e-6
# So many steps shorter than this, and rounding in H is all that is left.
_STALLS, _STALLED = 3, 1e-2


def newton(
    hessian: Array,
    cross: Array,
    starts: Indices,
    strength: Array,
    theta: Array,
    power: float,
    tol: float,
    max_steps: int,
) -> tuple[Array, int]:
    """argmin ½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g‖θ_g‖ from ``theta``, and the steps made.

    Groups that should vanish are left with a norm about ε. (p·q)³/3 flops a step.

    Parameters
    ----------
    hessian : ndarray of shape (p, p)
    cross : ndarray of shape (q, p)
        h.
    starts : ndarray of int, shape (n_groups + 1,)
    strength : ndarray of shape (n_groups,)
        l.
    theta : ndarray of shape (q, p)
    power : float
        ‖b‖², where H = AᵀA and h = Aᵀb.
    tol : float
        Duality gap to end with.
    max_steps : int

    Returns
    -------
    theta : ndarray of shape (q, p)
    steps : int
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a step that is no number is none
        return _steps(_Smoothed(hessian, cross, starts, strength, power), theta, tol, max_steps)


def _steps(problem: _Smoothed, theta: Array, tol: float, max_steps: int) -> tuple[Array, int]:
    theta, dual = theta.copy(), np.zeros_like(theta)
    best, least, steps = theta, problem.gap(theta), 0
    epsilon = first = problem.norms(theta).max()
    patience = _STALLS
    while steps < max_steps and least > tol and epsilon > EPS**2 * first and patience:
        theta, dual, length = problem.step(theta, dual, epsilon)
        steps, patience = steps + 1, patience - (length < _STALLED)
        gap = problem.gap(theta)
        if gap < least:
            best, least = theta, gap
        epsilon *= _FALL**length if length >= _LONG else 1.0
    return best, steps


class _Smoothed:
    """½⟨θ, Hθ⟩ − ⟨h, θ⟩ + Σ l_g√(‖θ_g‖² + ε²)."""

    def __init__(
        self, hessian: Array, cross: Array, starts: Indices, strength: Array, power: float
    ) -> None:
        self.hessian, self.cross, self.power = hessian, cross, power
        self.strength, self._starts, self._ends = strength, starts[:-1], starts
        self._order = np.arange(len(hessian))
        self._group = np.repeat(np.arange(len(strength)), np.diff(starts))
        q = len(cross)
        own = self._group[:, None] == self._group
        # Every target with every other, in the same group.
        self._together = np.tile(own, (q, q))
        self._fixed = np.kron(np.eye(q), hessian)

    def norms(self, theta: Array) -> Array:
        """‖θ_g‖ over all targets."""
        return row_kernels.group_norms(theta, self._order, self._ends)

    def value(self, theta: Array, epsilon: float) -> float:
        smooth = 0.5 * np.vdot(theta, theta @ self.hessian) - np.vdot(theta, self.cross)
        return float(smooth + self.strength @ np.hypot(self.norms(theta), epsilon))

    def gap(self, theta: Array) -> float:
        """The duality gap at ε = 0, features without a penalty taken as at their best."""
        slope = self.cross - theta @ self.hessian
        held, pull = self.strength > 0, self.norms(slope)
        scale = min(1.0, float((self.strength[held] / np.maximum(pull[held], 1e-300)).min()))
        risk = 0.5 * max(self.power - float(np.vdot(theta, self.cross + slope)), 0.0)
        gap = (1 - scale) ** 2 * risk + float(self.strength @ self.norms(theta))
        return gap - scale * float(np.vdot(theta, slope * held[self._group]))

    def step(self, theta: Array, dual: Array, epsilon: float) -> tuple[Array, Array, float]:
        """θ and w after a step whose length in θ is the last answer."""
        group, weight = self._group, self.strength[self._group]
        eta = np.hypot(self.norms(theta), epsilon)[group]
        slope = theta @ self.hessian - self.cross + weight * theta / eta
        # (l/η)(I − wθᵀ/(lη)), made symmetric.
        bend = np.outer((dual / eta).ravel(), (theta / eta).ravel())
        system = self._fixed - self._together * (0.5 * (bend + bend.T))
        system[np.diag_indices_from(system)] += np.tile(weight / eta, len(theta))
        way = -Cholesky(system).solve(slope.ravel()).reshape(theta.shape)
        along = np.add.reduceat((theta * way).sum(axis=0), self._starts)[group] / eta
        dual = (weight * (theta + way) - dual * along) / eta
        dual = dual * np.minimum(1.0, self.strength / np.maximum(self.norms(dual), 1e-300))[group]
        before, tilt, length = self.value(theta, epsilon), float(np.vdot(slope, way)), 1.0
        while length > _SHORTEST:
            new = theta + length * way
            if self.value(new, epsilon) <= before + _ARMIJO * length * tilt + EPS * abs(before):
                return new, dual, length
            length *= 0.5
        return theta, dual, 0.0
