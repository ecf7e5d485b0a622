"""The lasso itself, λ downwards, on a working set of features.

A compiled kernel, `ActiveSet`, solves the problem to rounding on the features that it knows, and
goes on from one λ to the next. Where H is an array it knows all of them. Elsewhere, p > n, it gets
to know those whose slope exceeds λ; the slope of all features says which were missed.
"""

import numpy as np

from skreg._kernels.active_set import ActiveSet

# A feature that comes as near to λ as this, by the tangent of the path, becomes known.
_NEAR = 0.98


def working_set_path(problem, alphas, max_iter):
    """Yield (θ, gap, risk, rounds, dof) for each λ, which descend."""
    search = _WholeHessian(problem) if problem.form.holds_hessian else _Growing(problem)
    for alpha in alphas:
        theta, slope, rounds = search.solve(alpha, max_iter)
        gap = problem.gap(theta, slope, alpha)
        yield theta, gap, problem.risk(theta, slope), rounds, np.count_nonzero(theta)


class _WholeHessian:
    """The active set knows all features."""

    def __init__(self, problem):
        self._active = ActiveSet(problem.positive)
        self._active.extend(
            problem.form.hessian,
            problem.cross,
            problem.slack,
            problem.l1,
            problem.l2,
            problem.cross,
        )

    def solve(self, alpha, max_iter):
        """(θ, h − Hθ, rounds) at λ = ``alpha``."""
        rounds = self._active.solve(alpha, max_iter)
        return self._active.theta.copy(), self._active.slope, rounds


class _Growing:
    """The active set gets to know features: those the path comes near, and those it has missed."""

    def __init__(self, problem):
        self._problem = problem
        self._active = ActiveSet(problem.positive)
        self._columns = problem.form.working_columns()
        self._b = problem.form.target(problem.target)
        self._unknown = problem.width > 0  # a constant feature is never wanted
        self._slope, self._drift = problem.cross, np.zeros_like(problem.cross)
        self._alpha = None
        self._add(self._unknown & (problem.l1 + problem.l2 == 0))

    def solve(self, alpha, max_iter):
        """(θ, h − Hθ, rounds) at λ = ``alpha``."""
        problem, rounds = self._problem, 0
        if self._alpha is not None:
            # Between two λ slopes are linear in λ, as long as the support stays.
            ahead = self._slope - (self._alpha - alpha) * self._drift
            self._add(self._pull(ahead) > _NEAR * alpha * problem.l1)
        self._alpha = alpha
        while True:
            rounds += self._active.solve(alpha, max(max_iter - rounds, 1))
            self._slope, self._drift = self._columns.slopes(
                self._active.theta, self._active.tangent(), self._b
            )
            missed = self._pull(self._slope) > alpha * problem.l1 + problem.slack
            if not self._add(missed) or rounds >= max_iter:
                theta = np.zeros(len(self._slope))
                theta[self._columns.known] = self._active.theta
                return theta, self._slope, rounds

    def _pull(self, slope):
        """How strongly each feature at 0 is drawn away from it."""
        return slope if self._problem.positive else np.abs(slope)

    def _add(self, wanted):
        """Get to know these features; whether any of them was not known."""
        new = np.flatnonzero(wanted & self._unknown)
        if not new.size:
            return False
        self._unknown[new] = False
        problem, hessian = self._problem, self._columns.extend(new)
        known = self._columns.known
        self._active.extend(
            hessian,
            problem.cross[known],
            problem.slack[known],
            problem.l1[known],
            problem.l2[known],
            self._slope[known],
        )
        return True
