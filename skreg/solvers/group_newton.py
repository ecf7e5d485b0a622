"""Newton steps for ½‖b − Aθ‖² + Σ l_g‖θ_g‖ on the groups that are not 0, A by its columns.

The system is AᵀA + D, with D block-diagonal of l/ν(I − uuᵀ) for ν = ‖θ_g‖ and u = θ_g/ν. It is
formed where few coefficients are active. Else conjugate gradients solve it, preconditioned by an
older D: with K = I + AD⁻¹Aᵀ (n × n) its inverse is D⁻¹ − D⁻¹AᵀK⁻¹AD⁻¹. Along a path ν changes
little, and D goes with λ, so AD⁻¹Aᵀ is scaled from one λ to another, and what new groups add to
it is all that is summed anew. A step of conjugate gradients takes 8na flops, a coefficients active.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skreg._kernels import group_rows
from skreg.rows.products import EPS, Array, Indices, Mask, add_gram, product

# Curvature given to the norm of a group, which has none of its own, as a share of that of its
# features; so D⁻¹ exists.
_RADIAL = 1e-3
# A step must gain this share of what its gradient promises (Armijo), and is halved so far.
_ARMIJO, _SHORTEST = 1e-4, 1e-3
# Conjugate gradients end at this share of the first residual, or after so many steps; from so many
# on K is summed anew.
_CLOSE, _MOST, _MANY = 1e-4, 30, 12
# Up to this share of n the system is formed; up to so many rows K is summed anew at each step.
_FEW, _SMALL = 0.5, 8 * _MANY


class GroupNewton:
    """Newton steps on the groups that a `GroupRows` kernel knows."""

    def __init__(self, kernel: group_rows.GroupRows) -> None:
        self._kernel = kernel
        self._older: _Older | None = None

    def step(self, strength: Array, alpha: float) -> None:
        """Take a step, or as much of it as gains."""
        kernel, theta, starts = self._kernel, self._kernel.theta, self._kernel.starts
        bends = _Bends(theta, strength, starts)
        if not bends.on.any():
            return
        downhill = np.where(bends.on, kernel.slope - strength[bends.group] * bends.u, 0.0)
        try:
            way = self._way(bends, downhill, alpha)
        except LinAlgError:
            return

        def objective(theta: Array, r: Array) -> float:
            norms = np.sqrt(np.add.reduceat(theta**2, starts[:-1]))
            return 0.5 * float(r @ r) + float(strength @ norms)

        value = objective(theta, kernel.residual)
        # A group that would turn about vanishes or stays; a pass says whether it should.
        along = np.add.reduceat(way * bends.u, bends.starts) * bends.active
        turns = (along <= -bends.norms)[bends.group] & bends.on
        least, best = value, theta
        for rest in (0.0, theta[turns])[: 1 + bool(turns.any())]:
            new = theta + way
            new[turns] = rest
            if (its := objective(new, kernel.b - self._image(new))) < least:
                least, best = its, new
        if value - least > max(_ARMIJO * float(downhill @ (best - theta)), 0.0):
            kernel.start(best)
            return
        image, promise, length = self._image(way), float(downhill @ way), 0.5
        while length > _SHORTEST:
            new = theta + length * way
            gained = value - objective(new, kernel.residual - length * image)
            if gained >= _ARMIJO * length * promise - 4 * EPS * value:
                kernel.start(new)
                return
            length *= 0.5

    def work(self) -> float:
        """Flops of a step, in passes of block descent."""
        n, size = len(self._kernel.b), int(np.count_nonzero(self._kernel.theta))
        if size <= _FEW * n:
            return size / 4 + size**2 / (12 * n)
        return (n / 4 if n <= _SMALL else 2.0 * _MANY) + n**2 / (12 * size)

    def _image(self, theta: Array) -> Array:
        """Aθ."""
        kernel = self._kernel
        return -group_rows.residual(kernel.columns, theta, np.zeros_like(kernel.b))

    def _way(self, bends: _Bends, downhill: Array, alpha: float) -> Array:
        """(AᵀA + D)⁻¹·downhill on the active coefficients."""
        on, kernel = np.flatnonzero(bends.on), self._kernel
        if len(on) > _FEW * len(kernel.b):
            if self._older is None or len(kernel.b) <= _SMALL:
                self._older = _Older(kernel)
            self._older.follow(bends, alpha)
            way, steps = self._gradients(self._older, bends, downhill)
            self._older = None if steps >= _MANY else self._older
            return way
        columns, way = kernel.columns[on], np.zeros_like(downhill)
        system = bends.added_to(product(columns, columns.T), on)
        system[np.diag_indices_from(system)] *= 1.0 + EPS
        factor = cho_factor(system, overwrite_a=True, check_finite=False)
        way[on] = cho_solve(factor, downhill[on], check_finite=False)
        return way

    def _gradients(self, older: _Older, bends: _Bends, downhill: Array) -> tuple[Array, int]:
        """The same by preconditioned conjugate gradients, and their steps."""
        kernel, steps = self._kernel, 0
        x, rest = np.zeros_like(downhill), downhill.copy()
        z = older.solve(rest) * bends.on
        p, along = z, float(rest @ z)
        enough = _CLOSE**2 * along
        while along > enough and steps < _MOST:
            image = group_rows.slopes(kernel.columns, len(p), self._image(p)) * bends.on
            image += bends.times(p)
            curvature = float(p @ image)
            # D is 0 along θ, and for groups of one; AᵀA is, too, with more coefficients than rows.
            if not curvature > 16 * EPS * np.linalg.norm(p) * np.linalg.norm(image):
                break
            length = along / curvature
            x += length * p
            rest -= length * image
            steps += 1
            z = older.solve(rest) * bends.on
            before, along = along, float(rest @ z)
            p = z + (along / before) * p
        return x, steps


class _Bends:
    """D = l/ν(I − uuᵀ) on the groups that are not 0, 0 on the others."""

    def __init__(self, theta: Array, strength: Array, starts: Indices) -> None:
        self.starts = starts[:-1]
        self.group = np.repeat(np.arange(len(strength)), np.diff(starts))
        self.norms = norms = np.sqrt(np.add.reduceat(theta**2, self.starts))
        self.active = norms > 0
        self.on: Mask = self.active[self.group]
        safe = np.where(self.active, norms, 1.0)
        self.u, self.bend = theta / safe[self.group], np.where(self.active, strength / safe, 0.0)

    def times(self, x: Array) -> Array:
        """Dx."""
        along = np.add.reduceat(x * self.u, self.starts)
        return self.bend[self.group] * (x - along[self.group] * self.u)

    def added_to(self, system: Array, on: Indices) -> Array:
        """system + D on the active coefficients."""
        group, u = self.group[on], self.u[on]
        bend = self.bend[group]
        system -= (group[:, None] == group) * np.outer(bend * u, u)
        system[np.diag_indices_from(system)] += bend
        return system


class _Older:
    """AᵀA + D with a D from when each group was first active, scaled as λ."""

    def __init__(self, kernel: group_rows.GroupRows) -> None:
        self._kernel, self._alpha = kernel, 1.0
        self._outer = np.zeros((len(kernel.b),) * 2)
        self._u, self._tangential, self._radial = np.zeros((3, 0))

    def follow(self, bends: _Bends, alpha: float) -> None:
        """Scale D to λ, and take in the groups that have become active."""
        scale, self._alpha = self._alpha / alpha, alpha
        room = np.zeros((3, len(bends.u) - len(self._u)))
        parts = np.hstack([[self._u, scale * self._tangential, scale * self._radial], room])
        self._u, self._tangential, self._radial = parts
        self._group, self._starts = bends.group, bends.starts
        new = bends.on & (self._tangential == 0)
        curvature = np.add.reduceat(self._kernel.values, bends.starts)[bends.group[new]]
        self._u[new] = bends.u[new]
        self._tangential[new] = 1.0 / bends.bend[bends.group[new]]
        self._radial[new] = np.maximum(1.0 / (_RADIAL * curvature), self._tangential[new])
        self._outer *= scale
        if new.any():
            self._add(np.flatnonzero(new))
        system = self._outer.copy()
        system[np.diag_indices_from(system)] += 1.0
        self._factor = cho_factor(system, overwrite_a=True, check_finite=False)

    def _add(self, new: Indices) -> None:
        """outer ← outer + AD⁻¹Aᵀ for new coefficients, the upper triangle."""
        group = self._group[new]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        rows = np.empty((len(new) + len(starts), len(self._outer)))
        along = rows[len(new) :]
        np.take(self._kernel.columns, new, axis=0, out=rows[: len(new)])
        np.add.reduceat(rows[: len(new)] * self._u[new, None], starts, axis=0, out=along)
        along *= np.sqrt((self._radial - self._tangential)[new[starts]])[:, None]
        rows[: len(new)] *= np.sqrt(self._tangential[new])[:, None]
        self._outer = add_gram(rows, self._outer)

    def _divided(self, x: Array) -> Array:
        """D⁻¹x."""
        along = np.add.reduceat(x * self._u, self._starts)
        along = (self._radial - self._tangential) * along[self._group]
        return self._tangential * x + along * self._u

    def solve(self, x: Array) -> Array:
        """(AᵀA + D)⁻¹x."""
        kernel, first = self._kernel, self._divided(x)
        image = -group_rows.residual(kernel.columns, first, np.zeros_like(kernel.b))
        rest = cho_solve(self._factor, image, check_finite=False)
        return first - self._divided(group_rows.slopes(kernel.columns, len(x), rest))
