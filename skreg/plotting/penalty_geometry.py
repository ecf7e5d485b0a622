"""Two coefficients, the quadratic's contours, and the ball of the penalty that they touch."""

from typing import Any, Self

import numpy as np
from scipy.linalg import lstsq

from skreg.path.grid import one_alpha
from skreg.penalties.separable import Separable
from skreg.plotting._canvas import COLORS, QUIET, axes, check_count, numbers_of, uncut
from skreg.plotting._fitted import fitted_in
from skreg.plotting._local import Local
from skreg.quadratic import Moments, Quadratic
from skreg.solvers import solve

_NOTES = {
    "free": "the other coefficients at their best, without a penalty",
    "fixed": "the other coefficients fixed at the solution",
}


class PenaltyGeometryDisplay:
    """Contours of the quadratic around θ̂, level sets of the penalty, and where they touch.

    Two coefficients u are drawn; what becomes of the others, v, is a choice:

    - ``others="free"``: they are at their best for each u and have no penalty. The contours are
      those of minᵥ R̃(u, v), whose Hessian is the Schur complement of H, around the two components
      of θ̂. The solution and the path, from θ̂ to 0, are those of the estimator with penalty factors
      0 for the others.
    - ``others="fixed"``: they stay at the estimator's solution. The contours are those of the slice
      R̃(·, v), whose minimum is not θ̂; the solution is the estimator's own, and the path is the
      slice's.

    With two features both are the whole problem.

    Use `from_estimator`.

    Parameters
    ----------
    hessian : ndarray of shape (2, 2)
        Of the quadratic drawn.
    minimizer : ndarray of shape (2,)
        Its minimum.
    alpha : float
        λ.
    l1_ratio : float, default=0.0
        ρ: the penalty is ρ‖u‖₁ + (1−ρ)½‖u‖².
    factors : None or ndarray of shape (2,), default=None
        Penalty factors.
    positive : bool, default=False
        u ≥ 0.
    names : sequence of two str, default=("θ₀", "θ₁")
    own : None or ndarray of shape (2,), default=None
        The estimator's coefficients, where they are not the solution drawn.
    note : str, default=""
        What became of other coefficients, for the title.

    Attributes
    ----------
    solution : ndarray of shape (2,)
        argmin R̃(u) + λJ(u).
    bound : float
        k = J(solution): minimizing R̃ subject to J(u) ≤ k has the same solution.
    alphas : ndarray of shape (n_alphas,)
    path : ndarray of shape (n_alphas, 2)
        The solutions for these λ, from 0 on.
    ax_ : Axes
    figure_ : Figure
    contours_, levels_ : QuadContourSet
        Of the quadratic, of the penalty.
    ball_ : QuadContourSet
        J(u) ≤ k, filled; None where k = 0.
    path_line_, minimizer_point_, solution_point_ : Line2D
    own_point_ : Line2D or None

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticApproxLasso
    >>> from skreg.plotting import PenaltyGeometryDisplay
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> lasso = QuadraticApproxLasso(alpha=1.0).fit(X, X @ [3.0, 1.0])
    >>> display = PenaltyGeometryDisplay.from_estimator(lasso)
    >>> display.minimizer, display.solution, display.bound
    (array([3., 1.]), array([1. , 0.5]), 1.5)
    """

    def __init__(
        self,
        *,
        hessian: Any,
        minimizer: Any,
        alpha: float,
        l1_ratio: float = 0.0,
        factors: Any = None,
        positive: bool = False,
        names: Any = ("θ₀", "θ₁"),
        own: Any = None,
        note: str = "",
    ) -> None:
        self.hessian = numbers_of(hessian, "hessian", 2, 2)
        self.minimizer = numbers_of(minimizer, "minimizer", 2)
        if isinstance(names, str) or np.ndim(names) == 0 or len(names) != 2:
            raise ValueError(f"names must be those of two coefficients, got {names!r}.")
        self.alpha, self.names, self.own = one_alpha(alpha), tuple(names), own
        self.note = note
        self.penalty = Separable(l1_ratio, factors, positive)
        self.penalty.check_features(2)
        cross = self.hessian @ self.minimizer
        power = np.array([cross @ self.minimizer])
        zeros = np.zeros(2), np.zeros(1)
        moments = Moments(1.0, 3, *zeros, self.hessian.copy(), cross[:, None], power)
        problem = Quadratic.from_moments(moments, fit_intercept=False)
        self.alphas = self._grid(cross)
        alphas = np.append(self.alphas, self.alpha)
        solutions = solve(problem, self.penalty, alphas, tol=1e-12).coefs
        self.path, self.solution = solutions[:-1], solutions[-1]
        self.bound = float(self.penalty.value(self.solution))

    def _grid(self, cross):
        """λ from 0 to where the path is at 0, or as good as there."""
        weights = self.penalty.l1(2)
        if (weights > 0).any():
            top = np.max(np.abs(cross[weights > 0]) / weights[weights > 0])
        else:
            top = 1e4 * np.trace(self.hessian)
        top = max(top, self.alpha) or 1.0
        fine = np.geomspace(1e-8, 1.0, 200) * top
        return np.unique(np.concatenate([np.linspace(0.0, top, 100), fine]))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        features: Any = (0, 1),
        others: Any = "free",
        target: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the problem that a fitted linear estimator solved.

        For another loss than squared error the quadratic is the expansion at the solution, and θ̂
        its minimizer.

        Parameters
        ----------
        estimator : estimator
            Fitted linear estimator, without ``groups``; also in a Pipeline or a search.
        features : pair of int or str, default=(0, 1)
            The two coefficients, by number or name.
        others : {"free", "fixed"}, default="free"
            What becomes of the other coefficients.
        target : None, int or label, default=None
            The target or class, where there are several.
        ax : None or Axes, default=None
        **kwargs
            For `plot`.

        Returns
        -------
        PenaltyGeometryDisplay

        Raises
        ------
        ValueError
            If a feature or the target does not exist, the penalty has groups, or ``others="free"``
            is asked where there are no more rows than coefficients, so that the others alone fit
            everything.
        """
        if getattr(fitted_in(estimator)[0], "groups", None) is not None:
            raise ValueError("groups bind more than two coefficients: fit with groups=None.")
        if others not in ("free", "fixed"):
            raise ValueError(f"others={others!r} must be 'free' or 'fixed'.")
        local = Local.of(estimator, target)
        estimator = local.estimator
        if len(features) != 2 or len({local.index(f) for f in features}) != 2:
            raise ValueError(f"features={features!r} must be two different features.")
        u = [local.index(feature) for feature in features]
        columns = local.columns(u)
        block = 0.5 * (columns[u] + columns[u].T)
        if others == "free":
            hessian, minimizer = _schur(local, u, block), local.minimizer[u]
        else:
            hessian = block
            minimizer = local.coef[u] - lstsq(hessian, local.gradient(local.coef)[u])[0]
        factors = estimator.penalty_factors
        if factors is not None:
            factors = np.asarray(factors, dtype=np.float64)[np.subtract(u, local.start)]
        several = len(local.coef) > 2
        display = cls(
            hessian=hessian,
            minimizer=minimizer,
            alpha=estimator.alpha_,
            l1_ratio=getattr(estimator, "l1_ratio", 0.0),
            factors=factors,
            positive=getattr(estimator, "positive", False),
            names=[local.names[i - local.start] for i in u],
            own=local.coef[u] if others == "free" and several else None,
            note=_NOTES[others] if several else "",
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, n_grid: int = 301) -> Self:
        """Draw.

        Parameters
        ----------
        ax : None or Axes, default=None
            None for new ones.
        n_grid : int, default=301
            Points along each side on which contours are worked out.

        Returns
        -------
        PenaltyGeometryDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_count(n_grid, "n_grid")
        ax = axes(ax, type(self).__name__, figsize=(6.0, 6.4))
        self.ax_, self.figure_ = ax, ax.figure
        (left, right), (low, high) = self._limits()
        grid = np.meshgrid(np.linspace(left, right, n_grid), np.linspace(low, high, n_grid))
        points = np.stack(grid, axis=-1)
        excess = self._excess(points)
        penalty = self.penalty.values(points.reshape(-1, 2)).reshape(points.shape[:2])
        blue, orange = COLORS[:2]
        ax.axhline(0.0, color=QUIET, lw=0.6, zorder=0.5)
        ax.axvline(0.0, color=QUIET, lw=0.6, zorder=0.5)
        # A Line2D that draws nothing stands for each set of contours in the legend.
        ax.plot([], [], color=blue, label="risk R̃, contours")
        self.contours_ = ax.contour(*grid, excess, self._risk_levels(), colors=blue, linewidths=0.9)
        self.ball_ = None
        if self.bound > 0:
            self.ball_ = ax.contourf(*grid, penalty, [-1.0, self.bound], colors=orange, alpha=0.18)
        ax.plot([], [], color=orange, ls="--", label=f"penalty J, ball J ≤ {self.bound:.3g} filled")
        self.levels_ = ax.contour(
            *grid, penalty, self._penalty_levels(), colors=orange, linewidths=1, linestyles="--"
        )
        self.path_line_ = ax.plot(
            *self.path.T, color="black", lw=1.8, label="path, λ from 0 to ∞", zorder=3
        )[0]
        look = {"ls": "none", "zorder": 4, "color": "black"}
        self.minimizer_point_ = ax.plot(*self.minimizer, "o", label="θ̂, λ = 0", **look)[0]
        self.solution_point_ = ax.plot(
            *self.solution, "*", ms=14, label=f"solution, λ = {self.alpha:.3g}", **look
        )[0]
        self.own_point_ = None
        if self.own is not None:
            self.own_point_ = ax.plot(
                *self.own, "D", mfc="none", label="with all coefficients penalized", **look
            )[0]
        ax.set(xlim=(left, right), ylim=(low, high), aspect="equal")
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        ax.set_title(self.note, fontsize="medium")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False)
        uncut(self.figure_)
        return self

    def _excess(self, points):
        """R̃(u) − R̃(θ̂)."""
        gap = points - self.minimizer
        return 0.5 * np.einsum("...i,ij,...j->...", gap, self.hessian, gap)

    def _limits(self):
        """A square around 0, θ̂, the solution and the ball."""
        radius = self._radius(self.bound)
        ball = radius[:, None] * np.array([-1.0, 1.0])
        if self.penalty.positive:
            ball = np.maximum(ball, 0.0)
        marked = [self.minimizer, self.solution, *(() if self.own is None else (self.own,))]
        inside = np.column_stack([np.zeros(2), *marked, ball])
        low, high = inside.min(axis=1), inside.max(axis=1)
        half = 0.62 * (high - low).max() or 1.0
        middle = (low + high) / 2
        return np.column_stack([middle - half, middle + half])

    def _radius(self, level):
        """How far J ≤ level reaches along each axis; 0 where there is no penalty."""
        a, b = 0.5 * self.penalty.l2(2), self.penalty.l1(2)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = 2.0 * level / (b + np.sqrt(b * b + 4.0 * a * level))
        return np.where(np.isfinite(root), root, 0.0)

    def _risk_levels(self):
        """Through the solution and around it, evenly apart in radius."""
        at = self._excess(self.solution) or self._excess(np.zeros(2)) or 1.0
        return at * np.array([1 / 3, 2 / 3, 1.0, 4 / 3, 5 / 3, 7 / 3]) ** 2

    def _penalty_levels(self):
        """Through the solution and around it."""
        at = self.solution if self.bound > 0 else self.minimizer
        levels = np.unique([self.penalty.value(share * at) for share in (0.5, 1.0, 1.5)])
        return levels[np.isfinite(levels) & (levels > 0)] if np.any(levels > 0) else [1.0]


def _schur(local, u, block):
    """The Hessian of minᵥ R̃(u, v)."""
    n_coefs = len(local.coef)
    if n_coefs == 2:
        return block
    if n_coefs >= local.model.n_rows:
        raise ValueError(
            f"with {n_coefs} coefficients and {local.model.n_rows} rows the others alone fit "
            "everything, and nothing is left to draw. Choose others='fixed'."
        )
    hessian = local.model.hessian
    v = np.setdiff1d(np.arange(n_coefs), u)
    mixed = hessian[np.ix_(v, u)]
    return block - mixed.T @ lstsq(hessian[np.ix_(v, v)], mixed)[0]
