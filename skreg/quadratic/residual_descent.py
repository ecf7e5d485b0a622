"""The lasso on sparse rows with a large support, where H on it would outgrow X itself."""

import numpy as np

from skreg._kernels import residual_descent as kernel
from skreg.penalties.separable import pull

# The objective may fall by this share of the gap asked for in a pass that counts as the last; a gap
# that is not reached then makes it smaller, and the next λ starts above what was needed here.
_FIRST, _SMALLER, _LARGER = 1e-1, 1e-1, 100.0
# Less than this share of ‖b‖² is rounding.
_LAST = 1e-30


class ResidualDescent:
    """Goes on along a path by coordinate descent on the residual; attributes as `WorkingSet`'s.

    Parameters
    ----------
    problem : L1Problem
        On sparse rows.
    theta, slope, alpha
        The solution at a larger λ.
    tol : float
        The gap at which a λ counts as solved.
    """

    def __init__(self, problem, theta, slope, alpha, tol):
        self._problem, self._rows = problem, problem.form.rows
        self.theta, self.slope, self._alpha, self._tol = theta, slope, alpha, tol
        self._before = None  # θ and λ before the last
        self._b = problem.form.target(problem.target)
        self._inner = _FIRST * tol

    def successor(self, tol):
        return self

    def solve(self, alpha, max_iter):
        """θ and h − Hθ at λ = ``alpha``; the passes it took."""
        problem, passes, inner = self._problem, 0, self._inner
        l1, l2 = alpha * problem.l1, alpha * problem.l2
        threshold = min(alpha, 2 * alpha - self._alpha) * problem.l1
        wanted = self.theta != 0
        wanted[problem.free] = True
        self.theta = self._predicted(alpha)
        rows, root = self._rows, self._rows.root[:, 0]
        on = np.flatnonzero(self.theta)
        rho = root * (self._b - rows.some_dot(on, self.theta[on, None])[:, 0])
        while True:
            wanted |= pull(self.slope, problem.positive) > threshold
            passes += self._descend(np.flatnonzero(wanted), l1, l2, rho, inner, max_iter - passes)
            residual = np.divide(rho, root, out=np.zeros_like(rho), where=root > 0)
            self.slope = rows.transposed_dot(residual[:, None])[:, 0]
            gap = problem.gap(self.theta, self.slope, alpha)
            if gap <= self._tol or passes >= max_iter:
                self._inner = min(_LARGER * inner, _FIRST * self._tol)
                return passes
            missed = pull(self.slope, problem.positive) > l1 + problem.slack
            if not missed[~wanted].any():
                if inner <= _LAST * problem.power:
                    return passes
                inner *= _SMALLER
            threshold = l1

    def _predicted(self, alpha):
        """θ on the line through the last two; the path is one as long as the support stays."""
        theta, before, last = self.theta.copy(), self._before, self._alpha
        self._before, self._alpha = (self.theta, last), alpha
        if before is not None and before[1] > last:
            on = (theta != 0) & (before[0] != 0)
            moved = theta[on] + (last - alpha) / (before[1] - last) * (theta - before[0])[on]
            theta[on] = np.where(moved * theta[on] > 0, moved, theta[on])
        return theta

    def _descend(self, which, l1, l2, rho, inner, max_passes):
        rows, problem = self._rows, self._problem
        return kernel.descend(
            rows.X.indptr,
            rows.X.indices,
            rows.X.data,
            np.ascontiguousarray(rows.root[:, 0] ** 2),
            rows.x_mean,
            problem.form.diagonal,
            which,
            l1,
            l2,
            problem.positive,
            self.theta,
            rho,
            inner,
            max(max_passes, 1),
        )
