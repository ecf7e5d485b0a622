"""The constraint form: argmin R(θ) subject to J(θ) ≤ k, by its multiplier λ."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from skreg._kernels import extrapolation
from skreg.rows.products import Array
from skreg.solvers.method import Solution

# λ is halved until J exceeds k, so many times at once: a path's warm starts serve all of them.
_CHUNK = 6
# Share of the first λ at which the search for a λ with J > k ends.
_END = 1e-45
# An excess of the ridge's J over k that users are told of; J is continuous in λ.
_TOLD = 1e-6
# Relative step of a difference of J, and the accuracy to which it is to come to k.
_STEP, _TOL = 1e-6, 1e-9
_MAX_STEPS = 100
# Steps after which two solutions may be mixed.
_PATIENCE = 10
# A share of the null risk by which a mixture of two solutions may miss the least risk.
_CHORD = 1e-14
# The share of the first λ below which one that is not solved shows that smaller ones are not.
_LOST = 1e-6
# Solutions cut off by max_iter after which a search ends.
_CUT_OFF = 3
# Points that λ is interpolated through where J is smooth in it, and how often before the Illinois
# rule, which cannot fail, takes over.
_POINTS, _INTERPOLATED = 4, 8


def solve_bounded(problem, solve, value, bound, top, *, power=1.0, tol=1e-8, max_iter=np.inf):
    """argmin R(θ) subject to J(θ) ≤ k: the solution at the λ with J(θ(λ)) = k, or at λ = 0.

    J(θ(λ)) does not increase with λ, so λ is a scalar root: a geometric descent brackets it, and
    the Illinois rule (Dowell & Jarratt, 1971) finds it in J^power, which is nearly linear in λ.
    The ridge's J is smooth, and inverse interpolation through four points takes half the steps.

    Parameters
    ----------
    problem : Problem
    solve : callable
        From an array of λ, descending, to a `Solution`; takes ``start`` as `solve` does.
    value : callable
        From the ``coefs`` of a `Solution` to J for each λ.
    bound : float
        k > 0.
    top : float
        Where to start, > 0; best a λ at which J is small.
    power : float, default=1.0
        1 for the lasso, whose J is piecewise linear in λ; −½ for the ridge, as ‖θ‖⁻¹ of one
        direction is linear in λ.
    tol : float, default=1e-8
        That of the solutions.
    max_iter : int, default=inf
        Iterations allowed for each: the search ends where several take them all.

    Returns
    -------
    Solution
        Of one λ: the multiplier. It is 0 where the constraint is slack, J(θ̂) ≤ k.
    """
    search = _Search(_from_nearest(solve), value, bound, power, max_iter, problem, _LOST * top)
    exact = problem.is_quadratic
    # Where θ̂ is cheap, or sure to exist, it is looked at first: the constraint may be slack.
    is_sure = exact or not problem.loss.no_minimum
    if is_sure and search.at(0.0) <= 0 and search.solution.has_minimizer:
        return search.solution
    # The spectrum tells far smaller λ apart than an objective does.
    smallest = 1e-30 if exact and power < 0 else 1e-10
    # A risk that `_stretched` may go on from.
    negligible = 0.1 * tol * problem.null_risk
    found = search.bracket(top, smallest * top, -np.inf if exact else negligible)
    if found.low == 0 and search.is_cut_off:
        return search.told()
    if found.low == 0 and not exact:
        # The smallest λ that a path would go to: it is time to look at θ̂, if there is one.
        near = search.solution
        if search.at(0.0) <= 0 and search.solution.has_minimizer:
            return search.solution
        endless = not search.solution.has_minimizer
        if not endless or not (near.notes or search.is_worthless(near, negligible)):
            found = search.bracket(found.high, _END * top, negligible if endless else -np.inf)
            near = search.solution
        if found.low == 0 and (endless or search.is_cut_off):
            return search.told(_stretched(problem, value, bound, near), negligible)
    if found.low == 0 and search.at(low := 1e-2 * found.high) > 0:
        found = _Bracket(low, found.high, search.excess, search.at(found.high))
    if found.low == 0:
        # θ̂ is not unique, and of the minimizers that λ = 0+ leads to a smaller J than of θ̂: slack.
        return replace(search.solution, alphas=np.zeros(1))
    return search.root(found)


def _from_nearest(solve: Callable[..., Solution]) -> Callable[[Array], Solution]:
    """``solve`` with ``start`` = θ and b at the nearest λ that it was asked for before."""
    seen: dict[float, tuple[Array, Array]] = {}

    def solve_near(alphas: Array) -> Solution:
        near = None
        if seen and alphas[0] > 0:
            near = seen[min(seen, key=lambda alpha: abs(np.log(alpha / alphas[0])))]
        found = solve(alphas, start=near)
        for alpha, coef, b in zip(alphas, found.coefs, found.intercepts, strict=True):
            if alpha > 0:  # the answer at λ = 0 may be far away
                seen[float(alpha)] = np.atleast_2d(coef), np.atleast_1d(b)
        return found

    return solve_near


def _stretched(problem, value, bound, solution):
    """The solution moved outwards until J = k, if that lowers the loss of every row.

    Where the risk has no minimizer, the direction of θ(λ) settles as λ → 0, and the risk soon
    vanishes beside any tolerance while J goes on growing: what is left to find is the length.

    ``value`` and ``bound`` are those of `solve_bounded`, ``solution`` is of one λ. That of the
    answer is the multiplier at the new point; where rows would lose it is the same solution.
    """
    coef, b = (np.asarray(x[0], dtype=np.float64) for x in (solution.coefs, solution.intercepts))

    def raw_of(factor):
        return problem.raw(np.atleast_2d(factor * coef), np.atleast_1d(factor * b))

    rows, none = problem.share > 0, raw_of(0.0)
    if not problem.loss.is_separated(problem.y[rows], (raw_of(1.0) - none)[rows]):
        return solution

    def size(factor):
        return float(value(factor * coef[None])[0])

    high = 1.0
    if not 0 < size(high) < bound:  # the way out is along features without a penalty: J stays 0
        return solution
    while size(high) < bound:
        high *= 2.0
    factor = brentq(lambda t: size(t) / bound - 1.0, 0.5 * min(high, 2.0), high, xtol=1e-300)
    raw = raw_of(factor)
    risk, residual, _ = problem.derivatives_at(raw)
    growth = (size(factor * (1 + _STEP)) - size(factor * (1 - _STEP))) / (2 * _STEP)
    alpha = max(-float(np.vdot(residual, raw - none)) / growth, 0.0)
    gaps = solution.dual_gaps
    return replace(
        solution,
        alphas=np.array([alpha]),
        coefs=(factor * coef[None]).astype(solution.coefs.dtype),
        intercepts=np.asarray(factor * b[None], dtype=solution.intercepts.dtype),
        norms=factor * solution.norms,
        risk=np.array([risk]),
        # No loss is below 0.
        dual_gaps=None if gaps is None else np.array([risk + alpha * bound]) / problem.null_risk,
    )


class _Bracket(NamedTuple):
    """λ at which J is above k and not, and J/k − 1 there."""

    low: float
    high: float
    at_low: float
    at_high: float


class _Search:
    """Evaluations of the excess of J over k; the last solution made is kept."""

    solution: Solution
    excess: float

    def __init__(self, solve, value, bound, power, max_iter, problem, tiny):
        self._solve, self._max_iter, self._n_cut_off = solve, max_iter, 0
        self._tiny = tiny
        # Solutions that may be mixed; the risk to which they are to be optimal then.
        self._mixed = problem.is_convex and power > 0
        self._negligible = _CHORD * problem.null_risk
        self.value, self.bound, self.power = value, bound, power
        self.seen: dict[float, float] = {}  # log(J/k) by λ
        # What is nearly linear in λ on the way needs fewer stops.
        self.ratio, self.chunk = (2.0, _CHUNK) if power > 0 else (8.0, _CHUNK // 2)

    def solve(self, alphas):
        """The solution for λ in descending order."""
        found = self._solve(alphas)
        self._n_cut_off += int(np.count_nonzero(found.n_iter >= self._max_iter))
        return found

    @property
    def is_cut_off(self):
        """Whether so many λ took every iteration that others would, too."""
        return self._n_cut_off >= _CUT_OFF

    def is_worthless(self, solution, negligible):
        """Whether what is left of k lowers the risk by no more than this.

        R + λJ is least, so no θ with J(θ) ≤ k has a risk below R(θ(λ)) − λ(k − J(θ(λ))), nor, as no
        loss is below 0, below 0.
        """
        alpha, J = solution.alphas[-1], self.value(solution.coefs)[-1]
        return min(solution.risk[-1], alpha * (self.bound - J)) <= negligible

    def at(self, alpha):
        """J(θ(λ))/k − 1, at most `_TOL` counting as 0."""
        self.solution = self.solve(np.array([alpha]))
        self.excess = float(self._excess(self.solution)[0])
        return self.excess

    def _excess(self, solution):
        excess = self.value(solution.coefs) / self.bound - 1.0
        for alpha, its in zip(solution.alphas, excess, strict=True):
            if alpha > 0 and its > -1:
                self.seen[float(alpha)] = float(np.log1p(its))
        return np.where(np.abs(excess) <= _TOL, 0.0, excess)

    def bracket(self, top, smallest, negligible):
        """λ between which J comes to k, a ratio apart.

        The lower is 0 if ``smallest`` was reached before, or what is left is ``negligible``.
        """
        high = top
        while (at_high := self.at(high)) > 0:
            high *= self.ratio**self.chunk
        while high > smallest:
            alphas = high * self.ratio ** -np.arange(1.0, self.chunk + 1.0)
            found = self.solve(alphas)
            excess = self._excess(found)
            if (excess > 0).any():
                first = int(np.argmax(excess > 0))
                if first:
                    high, at_high = float(alphas[first - 1]), float(excess[first - 1])
                return _Bracket(float(alphas[first]), high, float(excess[first]), at_high)
            high, at_high = float(alphas[-1]), float(excess[-1])
            # To rounding, which takes more the smaller λ is.
            is_lost = negligible >= 0 and high < self._tiny and found.notes
            if is_lost or self.is_worthless(found, negligible) or self.is_cut_off:
                break
        self.at(high)
        return _Bracket(0.0, high, np.inf, at_high)

    def root(self, between):
        """The solution where J is k, to `_TOL`; if J jumps over k, as of quantiles, a mixture."""
        low, high, at_low, at_high = between
        f_low, f_high, below, above, last = self._curve(at_low), self._curve(at_high), None, None, 0
        nearest: tuple[float, Solution | None] = np.inf, None
        for step in range(_MAX_STEPS if at_high < 0 else 0):
            middle = self._interpolated() if self.power < 0 and step < _INTERPOLATED else np.nan
            if not low < middle < high:
                middle = (low * f_high - high * f_low) / (f_high - f_low)
            if not low < middle < high:
                middle = 0.5 * (low + high)
            # A smooth J differs less between such λ than by rounding.
            if not low < middle < high or (self.power < 0 and high <= low * (1.0 + 0.1 * _TOL)):
                break
            excess = self.at(middle)
            if excess == 0:
                return self.solution
            nearest = min(nearest, (abs(excess), self.solution), key=lambda found: found[0])
            if excess > 0:
                low, f_low, above = middle, self._curve(excess), self.solution
                f_high, last = (0.5 * f_high if last > 0 else f_high), 1
            else:
                high, f_high, below = middle, self._curve(excess), self.solution
                f_low, last = (0.5 * f_low if last < 0 else f_low), -1
            late = self._mixed and step >= _PATIENCE
            if late and above and below and (mixture := self._mixture(above, below)):
                return mixture
        if self.power < 0 and nearest[1] is not None:
            return self.told(nearest[1])
        if below is None:
            self.at(high)
            return self.solution
        return below

    def _mixture(self, above, below):
        """The solution with J = k between two of nearly the same λ; None if they are not.

        The least risk as a function of k is convex, with slopes −λ, so its chord is above it by a
        quarter of the product of both differences at most: 0 where J jumps.
        """
        more, less = (float(self.value(solution.coefs)[0]) for solution in (above, below))
        if (below.alphas[0] - above.alphas[0]) * (more - less) > self._negligible:
            return None
        share = (self.bound - less) / (more - less)

        def mixed(name):
            one, other = getattr(above, name), getattr(below, name)
            return (share * one + (1.0 - share) * other).astype(one.dtype)

        names = ["alphas", "coefs", "intercepts", "norms", "risk"]
        names += ["dual_gaps"] * (above.dual_gaps is not None)
        found = replace(below, **{name: mixed(name) for name in names}, freedom=above.freedom)
        return found if abs(float(self.value(found.coefs)[0]) / self.bound - 1) <= _TOLD else None

    def told(self, solution=None, negligible=-np.inf):
        """The solution, with a note where J came no nearer to k than an excess worth telling."""
        solution = self.solution if solution is None else solution
        excess = abs(float(self.value(solution.coefs)[0]) / self.bound - 1.0)
        if excess <= _TOLD:
            return solution
        how, why = "for rounding", "y hardly differs from a constant, or alpha={:.3g} is tiny"
        if self.is_cut_off:
            how, why = f"within max_iter={self._max_iter}", "other solutions were cut off, too"
        elif self.is_worthless(solution, negligible):
            how, why = "to within tol", "the rest would not lower the risk by more, at alpha={:.3g}"
        note = (
            f"the penalty came, {how}, no nearer to norm_bound={self.bound:.6g} than a share of "
            f"{excess:.1e}: {why.format(solution.alphas[0])}. Accept this, or give alpha instead."
        )
        return replace(solution, notes=(*solution.notes, note))

    def _interpolated(self):
        """The root by inverse interpolation of log λ in log J through the nearest points."""
        nearest = sorted(self.seen.items(), key=lambda item: abs(item[1]))[:_POINTS]
        alphas, logs = np.log([a for a, _ in nearest]), [u for _, u in nearest]
        if len(set(logs)) < len(logs):
            return np.nan
        with np.errstate(over="ignore"):
            return float(np.exp(extrapolation.lagrange(logs, 0.0) @ alphas))

    def _curve(self, excess):
        """(J/k)^power − 1, finite where J is 0: as linear in λ as can be, and 0 at the root."""
        return max(1.0 + excess, 1e-300) ** self.power - 1.0
