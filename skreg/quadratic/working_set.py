"""The lasso itself, λ downwards, on a working set of features.

A compiled kernel, `ActiveSet`, solves the problem to rounding on the features that it knows, and
goes on from one λ to the next. Where H is an array it knows all of them. Elsewhere, p > n, it gets
to know those whose slope exceeds λ; the slope of all features says which were missed.
"""

import numpy as np

from skreg._kernels import active_set as kernel
from skreg.penalties.separable import pull
from skreg.quadratic.residual_descent import ResidualDescent

# A feature that comes as near to λ as this, by the tangent of the path, becomes known.
_NEAR = 0.98
# Features that become known at once: this many, or as many as are known.
_BATCH = 100
# Known features of sparse rows from which on H on them is given up for coordinate descent.
_MANY = 500
# A path comes down to a λ far below by steps of this ratio, which is faster than a leap ...
_STEP = 0.7
# ... from λ_max down to this share of it.
_LOWEST = 1e-4


def working_set_path(problem, alphas, tol, max_iter):
    """Yield (θ, gap, risk, rounds, dof) for each λ, which descend; ``tol`` is a gap."""
    search = _WholeHessian(problem) if problem.form.holds_hessian else _Growing(problem)
    top = problem.alpha_max()
    last = top if top < np.inf else 0.0
    for alpha in alphas:
        rounds = 0
        while _STEP * last > max(alpha, _LOWEST * top) and rounds < max_iter:
            last *= _STEP
            rounds += search.solve(last, max_iter - rounds)
            search = search.successor(tol)
        rounds += search.solve(alpha, max(max_iter - rounds, 1))
        last = alpha
        search = search.successor(tol)
        theta, slope = search.theta, search.slope
        gap = problem.gap(theta, slope, alpha)
        yield theta, gap, problem.risk(theta, slope), rounds, np.count_nonzero(theta)


class _WholeHessian:
    """The active set knows all features."""

    def __init__(self, problem):
        self._active = kernel.ActiveSet(problem.positive)
        self._active.extend(
            problem.form.hessian,
            problem.cross,
            problem.slack,
            problem.l1,
            problem.l2,
            problem.cross,
        )

    def successor(self, tol):
        """What goes on from here."""
        return self

    @property
    def theta(self):
        return self._active.theta.copy()

    @property
    def slope(self):
        return self._active.slope

    def solve(self, alpha, max_iter):
        """θ and h − Hθ at λ = ``alpha``; the rounds it took."""
        return self._active.solve(alpha, max_iter)


class _Growing:
    """The active set gets to know features: those the path comes near, and those it has missed."""

    def __init__(self, problem):
        self._problem = problem
        self._active = kernel.ActiveSet(problem.positive)
        self._columns = problem.form.working_columns()
        self._b = problem.form.target(problem.target)
        self._unknown = problem.width > 0  # a constant feature is never wanted
        self.slope, self._drift = problem.cross, np.zeros_like(problem.cross)
        self._alpha = None
        free = np.zeros(len(self.slope))
        free[problem.free] = 1.0
        self._add(free, limit=len(free))

    @property
    def theta(self):
        theta = np.zeros(len(self.slope))
        theta[self._columns.known] = self._active.theta
        return theta

    def successor(self, tol):
        """What goes on from here: this, unless H on what is known has outgrown sparse rows."""
        rows = self._problem.form.rows
        if len(self._columns.known) < _MANY or not rows.rows.is_all_sparse:
            return self
        return ResidualDescent(self._problem, self.theta, self.slope, self._alpha, tol)

    def solve(self, alpha, max_iter):
        """θ and h − Hθ at λ = ``alpha``; the rounds it took."""
        problem, rounds = self._problem, 0
        if self._alpha is not None:
            # Between two λ slopes are linear in λ, as long as the support stays.
            ahead = self.slope - (self._alpha - alpha) * self._drift
            self._add(pull(ahead, problem.positive) - _NEAR * alpha * problem.l1)
        self._alpha = alpha
        while True:
            rounds += self._active.solve(alpha, max(max_iter - rounds, 1))
            self.slope, self._drift = self._columns.slopes(
                self._active.theta, self._active.tangent(), self._b
            )
            excess = pull(self.slope, problem.positive) - alpha * problem.l1 - problem.slack
            if not self._add(excess) or rounds >= max_iter:
                return rounds

    def _add(self, excess, limit=None):
        """Get to know the features where ``excess`` > 0, or the best; whether there was any."""
        problem = self._problem
        new = np.flatnonzero((excess > 0) & self._unknown)
        if not new.size:
            return False
        limit = max(_BATCH, len(self._columns.known)) if limit is None else limit
        if len(new) > limit:
            score = excess[new] / problem.width[new]
            new = np.sort(new[np.argpartition(-score, limit)[:limit]])
        self._unknown[new] = False
        hessian, known = self._columns.extend(new), self._columns.known
        self._active.extend(
            hessian,
            problem.cross[known],
            problem.slack[known],
            problem.l1[known],
            problem.l2[known],
            self.slope[known],
        )
        return True
