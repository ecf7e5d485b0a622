"""min R̃(θ) + λ Σ_g f_g √|g| ‖θ_g‖₂ on a quadratic, by working sets of groups, λ downwards.

The working set grows by the strong rule for groups (Tibshirani et al., 2012); a compiled kernel
solves the problem on it, and the slope q = h − Hθ over all groups says which were missed. With
l_g = λ f_g √|g|, ‖r‖² = ‖b‖² − ⟨θ, h + q⟩ and s = min(1, min_g l_g/‖q_g‖) the duality gap is

    gap = ½(1−s)²‖r‖² + Σ_g l_g‖θ_g‖ − s⟨θ, q⟩.

Several targets share H. A group holds the coefficients of its features for all of them.
"""

from dataclasses import dataclass

import numpy as np

from skreg._kernels import group_descent as kernel
from skreg.quadratic.gap_warning import warn_of_gaps

EPS = np.finfo(np.float64).eps
# A relative gap that is rounding alone.
_ROUNDING = 64 * EPS
# Features that join the working set at once: this many, or as many as are active.
_BATCH = 100
# The problem on the working set is solved closer than the whole.
_INNER = 0.3


@dataclass(frozen=True, eq=False)
class GroupLassoFit:
    """θ for each λ with its certificate: arrays with one row for each λ.

    Attributes
    ----------
    thetas : ndarray of shape (n_alphas, q, p)
    gaps : ndarray of shape (n_alphas,)
        Duality gaps relative to R(0).
    risk : ndarray of shape (n_alphas,)
        R(θ), summed over targets.
    n_iter : ndarray of shape (n_alphas,)
        Passes over the groups and Newton steps.
    dof : ndarray of shape (n_alphas,)
        See `GroupProblem.dof`.
    """

    thetas: np.ndarray
    gaps: np.ndarray
    risk: np.ndarray
    n_iter: np.ndarray
    dof: np.ndarray


def solve(model, alphas, penalty, tol=1e-8, max_iter=10_000):
    """argmin R̃(θ) + λJ(θ) for each λ in ``alphas``; ``penalty`` is a `Group`."""
    problem = GroupProblem(model.form, penalty)
    thetas = np.zeros((len(alphas), model.n_outputs, model.n_features))
    gaps, risk, dof = np.zeros((3, len(alphas)))
    n_iter = np.ones(len(alphas), dtype=int)
    null_risk = model.null_risk
    if null_risk == 0:  # y is constant: θ = 0 for every λ
        return GroupLassoFit(thetas, gaps, risk, n_iter, dof)
    penalised = np.flatnonzero(alphas > 0)
    descending = penalised[np.argsort(-alphas[penalised], kind="stable")]
    state = problem.null()
    last = alphas[descending[0]] if descending.size else 0.0
    for i in descending:
        state, gaps[i], n_iter[i] = problem.solve(alphas[i], state, last, tol * null_risk, max_iter)
        last = alphas[i]
        thetas[i], risk[i], dof[i] = state[0], problem.risk(*state), problem.dof(last, state[0])
    if (free := np.flatnonzero(alphas == 0)).size:
        thetas[free] = model.minimizer
        risk[free] = model.value(model.minimizer)
        gaps[free] = np.maximum(risk[free] - model.minimum_risk, 0.0)
        dof[free] = model.n_outputs * len(model.spectrum(0.0).eigenvalues)
    gaps /= null_risk
    warn(alphas, gaps, tol, n_iter >= max_iter, max_iter, stacklevel=3)
    return GroupLassoFit(thetas, gaps, risk, n_iter, dof)


def alpha_max(model, penalty):
    """The smallest λ at which every penalised group is zero, the others being at their best."""
    problem = GroupProblem(model.form, penalty)
    return problem.alpha_max(problem.null()[1])


def warn(alphas, gaps, tol, exhausted, max_iter, stacklevel):
    """Say which λ was not solved to ``tol``."""
    tol, limit = max(tol, _ROUNDING), f"{max_iter} passes"
    warn_of_gaps("the group lasso", alphas, gaps, tol, exhausted, limit, stacklevel + 1)


class GroupProblem:
    """The group lasso on a form, for any λ; it remembers its working set from one λ to the next.

    Groups without a penalty are one free block, always in the working set. A state is (θ, q), both
    of shape (q, p).

    Parameters
    ----------
    form : GramForm or RowForm
    penalty : Group
    """

    def __init__(self, form, penalty):
        check_features(penalty, form.cross.shape[0])
        self.form = form
        self.cross = np.ascontiguousarray(form.cross.T)
        self.power = float(form.power.sum())
        self.blocks, self.weights = working_blocks(penalty)
        self.free = bool(self.weights[0] == 0)
        self._order = np.concatenate(self.blocks)
        self._sizes = np.array([len(block) for block in self.blocks])
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])
        # Rounding may leave a diagonal below zero, which counts as no curvature.
        self.width = np.sqrt(self._sums(np.maximum(form.diagonal, 0.0)[None]))
        # What rounding leaves in ‖q_g‖.
        self.slack = 64 * EPS * self.width * np.sqrt(self.power)
        self._gram = form.working_grams()
        self._clear()

    def null(self):
        """The state with every penalised group at zero."""
        theta = np.zeros(self.cross.shape)
        if not self.free:
            return theta, self.cross
        self._clear()
        self._descend(0.0, theta, self.cross, 0.0, 1)
        return theta, self.slope(theta)

    def alpha_max(self, slope):
        """The smallest λ for which zero is optimal, from the slope there."""
        on = self.weights > 0
        return float((self.norms(slope)[on] / self.weights[on]).max(initial=0.0))

    def solve(self, alpha, state, last_alpha, tol, max_iter):
        """(state, gap, passes) at λ = ``alpha`` from the state at a larger one; gaps absolute."""
        theta, slope = state[0].copy(), state[1]
        strength, passes = alpha * self.weights, 0
        threshold = min(alpha, 2 * alpha - last_alpha) * self.weights
        self._shrink(theta)
        while True:
            self._grow(self.norms(slope), threshold, strength)
            passes += self._descend(alpha, theta, slope, _INNER * tol, max_iter - passes)
            slope = self.slope(theta)
            gap = self.gap(theta, slope, alpha)
            missed = self.norms(slope) > strength + self.slack
            missed[self.members] = False
            if gap <= tol or passes >= max_iter or not missed.any():
                return (theta, slope), gap, max(passes, 1)
            threshold = strength

    def slope(self, theta):
        """q = h − Hθ."""
        return np.stack([self.form.slope(one, t) for t, one in enumerate(theta)])

    def risk(self, theta, slope):
        """½‖r‖²."""
        return max(0.5 * (self.power - np.vdot(theta, self.cross + slope)), 0.0)

    def gap(self, theta, slope, alpha):
        """The duality gap. Free features are at their best, where their slope is zero."""
        strength, steepest = alpha * self.weights, self.norms(slope)
        on = steepest > strength
        on[: self.free] = False
        scale = (strength[on] / steepest[on]).min(initial=1.0)
        penalised = self._order[len(self.blocks[0]) * self.free :]
        fitted = np.vdot(theta[:, penalised], slope[:, penalised])
        gap = (1 - scale) ** 2 * self.risk(theta, slope) - scale * fitted
        return max(gap + strength @ self.norms(theta), 0.0)

    def dof(self, alpha, theta):
        """Degrees of freedom tr H_AA(H_AA + P)⁻¹ on the active features A (Vaiter et al., 2012).

        P is the penalty's Hessian, (l_g/‖θ_g‖)(I − uuᵀ) with u = θ_g/‖θ_g‖ for each group. That is
        the divergence of the fit; the formula of Yuan & Lin (2006) where H = I; and the number of
        active features where each is a group. NaN above 4000 active coefficients.
        """
        strength = alpha * self.weights[self.members]
        part = np.ascontiguousarray(theta[:, self.features])
        return kernel.degrees_of_freedom(self.gram, self.starts, strength, part)

    def norms(self, x):
        """‖x_g‖ for each group, over all targets."""
        return np.sqrt(self._sums(x * x))

    def _sums(self, squares):
        return np.add.reduceat(squares.sum(axis=0)[self._order], self._starts)

    # The working set -----------------------------------------------------------------------------

    def _clear(self):
        """Only the free block."""
        self.members = np.empty(0, dtype=np.intp)
        self.features = np.empty(0, dtype=np.intp)
        self.starts = np.zeros(1, dtype=np.intp)
        self.vectors, self.values = np.empty(0), np.empty(0)
        self.gram = np.empty((0, 0))
        if self.free:
            self._add(np.zeros(1, dtype=np.intp))

    def _add(self, groups):
        known, last = len(self.features), len(self.members)
        self.members = np.concatenate([self.members, groups])
        self.features = np.concatenate([self.features, *(self.blocks[g] for g in groups)])
        ends = known + np.cumsum(self._sizes[groups])
        self.starts = np.concatenate([self.starts, ends]).astype(np.intp)
        self.gram = self._gram(self.features)
        vectors, values = kernel.block_eigen(self.gram, self.starts[last:])
        self.vectors = np.concatenate([self.vectors, vectors])
        self.values = np.concatenate([self.values, values])

    def _shrink(self, theta):
        """Start anew from the active groups where they are few beside the working set."""
        active = np.flatnonzero(self.norms(theta) > 0)
        active = active[active >= self.free]
        if 3 * self._sizes[active].sum() + _BATCH < len(self.features):
            self._clear()
            self._add(active)

    def _grow(self, pull, threshold, strength):
        """Add the groups whose slope exceeds the threshold, the most promising ones if many."""
        new = (pull > threshold) & (self.width > 0)
        new[self.members] = False
        new = np.flatnonzero(new)
        score = (pull[new] - strength[new]) / self.width[new]
        new = new[np.argsort(-score, kind="stable")]
        room = max(_BATCH, len(self.features))
        new = new[: max(1, np.searchsorted(np.cumsum(self._sizes[new]), room, "right"))]
        if new.size:
            self._add(np.sort(new))

    def _descend(self, alpha, theta, slope, tol, max_passes):
        """Solve on the working set; changes ``theta``."""
        if not self.features.size:
            return 0
        weights = self.weights[self.members]
        part = np.ascontiguousarray(theta[:, self.features])
        passes, _ = kernel.descend(
            self.gram,
            np.ascontiguousarray(self.cross[:, self.features]),
            self.starts,
            alpha * weights,
            self.slack[self.members],
            self.vectors,
            self.values,
            part,
            np.ascontiguousarray(slope[:, self.features]),
            self.power,
            tol,
            max_passes,
        )
        theta[:, self.features] = part
        return passes


def working_blocks(penalty):
    """Features and weights f_g√|g| of the groups; those of weight 0 are one block, the first."""
    blocks = np.split(penalty.order, penalty.starts[1:-1])
    penalised = [(block, w) for block, w in zip(blocks, penalty.weights, strict=True) if w > 0]
    free = [block for block, w in zip(blocks, penalty.weights, strict=True) if w == 0]
    if free:
        penalised.insert(0, (np.concatenate(free), 0.0))
    return [block for block, _ in penalised], np.array([w for _, w in penalised])


def check_features(penalty, n_features):
    """Whether the groups are groups of these features."""
    if penalty.n_features != n_features:
        raise ValueError(
            f"groups must cover the {n_features} features, they cover {penalty.n_features}. Give "
            "each feature a label."
        )
