"""The constraint form: argmin R(θ) subject to J(θ) ≤ k, by its multiplier λ."""

from dataclasses import replace

import numpy as np

from skreg.solvers.solution import Solution

# λ is halved until J exceeds k, so many times at once: a path's warm starts serve all of them.
_CHUNK = 6
_MAX_STEPS = 100


def solve_bounded(
    solve, value, bound, top, *, power=1.0, tol=1e-9, zero_first=True, smallest=1e-10
):
    """argmin R(θ) subject to J(θ) ≤ k: the solution at the λ with J(θ(λ)) = k, or at λ = 0.

    J(θ(λ)) does not increase with λ, so λ is a scalar root: a geometric descent brackets it, and
    the Illinois rule (Dowell & Jarratt, 1971) finds it in J^power, which is nearly linear in λ.

    Parameters
    ----------
    solve : callable
        From an array of λ, descending, to a `Solution`.
    value : callable
        From the ``coefs`` of a `Solution` to J for each λ.
    bound : float
        k > 0.
    top : float
        Where to start, > 0; best a λ at which J is small.
    power : float, default=1.0
        1 for the lasso, whose J is piecewise linear in λ; −½ for the ridge, as ‖θ‖⁻¹ of one
        direction is linear in λ.
    tol : float, default=1e-9
        Relative accuracy of J.
    zero_first : bool, default=True
        Whether λ = 0 is tried first, as it should where that is cheap.
    smallest : float, default=1e-10
        Share of ``top`` below which λ is 0 as far as the objective can tell.

    Returns
    -------
    Solution
        Of one λ: the multiplier. It is 0 where the constraint is slack, J(θ̂) ≤ k.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.penalties import Separable
    >>> from skreg.solvers import solve as solve_path
    >>> from skreg.solvers.constrained import solve_bounded
    >>> model = QuadraticModel.from_data([[-1.0], [1.0]], [-2.0, 2.0])
    >>> half_square = lambda coefs: 0.5 * (coefs**2).sum(axis=1)
    >>> solve = lambda alphas: solve_path(model.problem, Separable(0.0), alphas)
    >>> bounded = solve_bounded(solve, half_square, 0.5, top=1.0, power=-0.5)
    >>> bounded.alphas.round(9), bounded.coefs.round(9)
    (array([1.]), array([[1.]]))
    """
    search = _Search(solve, value, bound, power, tol, smallest)
    if zero_first and search.at(0.0) <= 0:
        return search.solution
    low, high = search.bracket(top)
    if low > 0:
        return search.root(low, high)
    if not zero_first and search.at(0.0) <= 0:
        return search.solution
    if search.at(low := 1e-2 * high) > 0:
        return search.root(low, high)
    # θ̂ is not unique, and of the minimisers that λ = 0+ leads to a smaller J than of θ̂: slack.
    return replace(search.solution, alphas=np.zeros(1))


class _Search:
    """Evaluations of the excess of J over k; the last solution made is kept."""

    solution: Solution

    def __init__(self, solve, value, bound, power, tol, smallest):
        self.solve, self.value = solve, value
        self.bound, self.power, self.tol, self.smallest = bound, power, tol, smallest

    def at(self, alpha):
        """J(θ(λ))/k − 1, at most ``tol`` counting as 0."""
        self.solution = self.solve(np.array([alpha]))
        return self._excess(self.solution)[0]

    def _excess(self, solution):
        excess = self.value(solution.coefs) / self.bound - 1.0
        return np.where(np.abs(excess) <= self.tol, 0.0, excess)

    def bracket(self, top):
        """(low, high): J exceeds k at low and not at high, a factor 2 apart; low may be 0."""
        high = top
        while self.at(high) > 0:
            high *= 2.0**_CHUNK
        while high > self.smallest * top:
            alphas = high * 0.5 ** np.arange(1, _CHUNK + 1)
            above = np.flatnonzero(self._excess(self.solve(alphas)) > 0)
            if above.size:
                first = above[0]
                return alphas[first], alphas[first - 1] if first else high
            high = alphas[-1]
        return 0.0, high

    def root(self, low, high):
        """The solution where J is k, to ``tol``; if J jumps over k, the one below."""
        at_low = self.at(low)
        if at_low <= 0:  # no digits are left between the two
            return self.solution
        at_high, below, last = self.at(high), self.solution, 0
        f_low, f_high = self._curve(at_low), self._curve(at_high)
        if at_high == 0:
            return below
        for _ in range(_MAX_STEPS):
            middle = (low * f_high - high * f_low) / (f_high - f_low)
            if not low < middle < high:
                middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            excess = self.at(middle)
            if excess == 0:
                return self.solution
            if excess > 0:
                low, f_low = middle, self._curve(excess)
                f_high, last = (0.5 * f_high if last > 0 else f_high), 1
            else:
                high, f_high, below = middle, self._curve(excess), self.solution
                f_low, last = (0.5 * f_low if last < 0 else f_low), -1
        return below

    def _curve(self, excess):
        """(J/k)^power − 1, finite where J is 0: as linear in λ as can be, and 0 at the root."""
        return max(1.0 + excess, 1e-300) ** self.power - 1.0
