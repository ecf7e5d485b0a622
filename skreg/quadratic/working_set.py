"""The lasso itself, λ downwards, on a working set of features.

A compiled kernel, `ActiveSet`, solves the problem to rounding on the features that it knows, and
goes on from one λ to the next. Where H is an array it knows all of them. Elsewhere, p > n, it gets to
know those whose slope exceeds λ; the slope of all features says which were missed.
"""

import numpy as np

from skreg._kernels.active_set import ActiveSet


def working_set_path(problem, alphas, max_iter):
    """Yield (θ, gap, risk, rounds, dof) for each λ, which descend."""
    search = _Search(problem)
    for alpha in alphas:
        theta, slope, rounds = search.solve(alpha, max_iter)
        gap = problem.gap(theta, slope, alpha)
        yield theta, gap, problem.risk(theta, slope), max(rounds, 1), np.count_nonzero(theta)


class _Search:
    """The active set on features that become known, and the slope of all of them."""

    def __init__(self, problem):
        self._problem = problem
        self._p = p = len(problem.cross)
        self._active = ActiveSet(problem.positive)
        self._known = np.zeros(0, dtype=np.intp)
        self._is_known = problem.width == 0  # a constant feature is never wanted
        self._slope, self._alpha = problem.cross, 0.0
        if problem.form.holds_hessian:
            self._is_known[:] = True
            self._extend(np.arange(p), problem.form.hessian)
        elif problem.free.size:
            self._add(problem.free)

    def solve(self, alpha, max_iter):
        """(θ, h − Hθ, rounds) at λ = ``alpha``."""
        problem, rounds = self._problem, 0
        while True:
            rounds += self._active.solve(alpha, max(max_iter - rounds, 1))
            if problem.form.holds_hessian:
                # Arrays of the kernel's own: it goes on with them.
                return self._active.theta.copy(), self._active.slope, rounds
            theta = np.zeros(self._p)
            theta[self._known] = self._active.theta
            self._slope = problem.slope(theta)
            pull = self._slope if problem.positive else np.abs(self._slope)
            missed = pull > alpha * problem.l1 + problem.slack
            missed[self._is_known] = False
            if not missed.any() or rounds >= max_iter:
                return theta, self._slope, rounds
            self._add(np.flatnonzero(missed))

    def _add(self, new):
        """Get to know these features."""
        new = new[~self._is_known[new]]
        self._is_known[new] = True
        known = np.concatenate([self._known, new])
        self._extend(known, self._problem.gram(known))

    def _extend(self, known, hessian):
        problem = self._problem
        self._known = known
        self._active.extend(
            hessian,
            problem.cross[known],
            problem.slack[known],
            problem.l1[known],
            problem.l2[known],
            self._slope[known],
        )
