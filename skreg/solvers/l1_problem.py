"""One target's lasso on a quadratic: what every way of solving it needs, and the certificate.

With H = AᵀA, h = Aᵀb and r = b − Aθ the problem at λ is

    P(θ) = ½‖r‖² + Σⱼ l1ⱼ|θⱼ| + ½l2ⱼθⱼ²,   l1 = λρf, l2 = λ(1−ρ)f, θ ≥ 0 on request,

and only h, ‖b‖² and the slope q = Aᵀr = h − Hθ are needed: ‖r‖² = ‖b‖² − θᵀ(h + q).
"""

import numpy as np

from skreg._kernels import active_set
from skreg._kernels import lasso_gap as kernel
from skreg.rows.products import dot
from skreg.solvers.method import Answer

EPS = np.finfo(np.float64).eps
# To bring features without a penalty to their best: one or two do, more only with θ ≥ 0.
_FREE_ROUNDS = 10_000


class L1Problem:
    """The lasso of target ``t`` on a form, for any λ.

    Attributes
    ----------
    cross : ndarray of shape (p,)
        h.
    power : float
        ‖b‖².
    l1, l2 : ndarray of shape (p,)
        ρf and (1−ρ)f: λ multiplies them.
    free : ndarray of int
        Features without a penalty.
    slack : ndarray of shape (p,)
        What rounding leaves in a component of q.
    """

    def __init__(self, form, t, penalty):
        self.form, self.target, self.positive = form, t, penalty.positive
        self._penalty = penalty
        self.cross = np.ascontiguousarray(form.cross[:, t])
        self.power = float(form.power[t])
        p = len(self.cross)
        self.l1, self.l2 = penalty.l1(p), penalty.l2(p)
        self.free = np.flatnonzero(penalty.free(p))
        # Rounding may leave a diagonal below zero, which counts as no curvature.
        self.width = np.sqrt(np.maximum(form.diagonal, 0.0))
        self.slack = 64 * EPS * self.width * np.sqrt(self.power)

    def slope(self, theta):
        """q = h − Hθ."""
        return np.ascontiguousarray(self.form.slope(theta, self.target))

    def risk(self, theta, slope):
        """½‖r‖²."""
        return max(0.5 * (self.power - dot(theta, self.cross + slope)), 0.0)

    def null(self):
        """θ and q with every penalised feature at 0 and the others at their best."""
        theta = np.zeros(len(self.cross))
        if not self.free.size:
            return theta, self.cross
        theta[self.free] = self._to_their_best(theta, self.cross)
        return theta, self.slope(theta)

    def gap(self, theta, slope, alpha):
        """Duality gap at θ.

        A dual point must be orthogonal to features without a penalty. The residual is, once these
        are at their best beside the others: with θ′ so made, gap(θ) = P(θ) − P(θ′) + gap(θ′), and
        P(θ) − P(θ′) = ½(q + q′)ᵀ(θ′ − θ).
        """
        excess = 0.0
        if self.free.size:
            moved = theta.copy()
            moved[self.free] = self._to_their_best(theta, slope)
            moved_slope = self.slope(moved) if (moved != theta).any() else slope
            excess = max(0.5 * float((slope + moved_slope) @ (moved - theta)), 0.0)
            theta, slope = moved, moved_slope
        if self.free.size or alpha == 0:
            excess += self._left(theta, slope, alpha)
        gap = kernel.duality_gap(
            self.cross, theta, slope, alpha * self.l1, alpha * self.l2, self.power, self.positive
        )
        return excess + gap

    def _left(self, theta, slope, alpha):
        """What rounding leaves in the slopes of features without a penalty, as a gap.

        Such a feature adds |qⱼ| times the way to its best value, for which |θⱼ| + ‖b‖/√Hⱼⱼ stands.
        """
        open_ones = (alpha * (self.l1 + self.l2) == 0) & (self.width > 0)
        q = slope[open_ones]
        if self.positive:
            q = np.where(theta[open_ones] > 0, q, np.maximum(q, 0.0))
        way = np.abs(theta[open_ones]) + np.sqrt(self.power) / self.width[open_ones]
        return float(np.abs(q) @ way)

    def _to_their_best(self, theta, slope):
        """Components of features without a penalty, at their best beside the others."""
        free = self.free
        hessian, part = np.ascontiguousarray(self.form.working_grams()(free)), theta[free]
        cross = slope[free] + hessian @ part
        nothing = np.zeros(len(free))
        active = active_set.ActiveSet(self.positive)
        active.extend(hessian, cross, self.slack[free], nothing, nothing, cross)
        active.solve(0.0, _FREE_ROUNDS)
        return active.theta

    def alpha_max(self):
        """The smallest λ that leaves every penalised feature at 0; infinite without an L1 part."""
        return self._penalty.alpha_max(-self.null()[1])


def join(paths, problem, order, solver, n_alphas=None) -> Answer:
    """The `Answer` of paths of single targets, which yield (θ, gap, risk, rounds, dof) for each λ.

    Parameters
    ----------
    paths : list of iterator
        One for each target.
    problem : Quadratic
    order : ndarray of int
        The places of λ in the order of the paths.
    solver : str
    n_alphas : None or int
        How many λ the answer has; None for those of ``order``.
    """
    m = len(order) if n_alphas is None else n_alphas
    thetas = np.zeros((m, problem.n_outputs, problem.n_features))
    gaps, risk, dof = np.zeros((3, m))
    n_iter = np.ones(m, dtype=int)
    for t, path in enumerate(paths):
        if problem.form.power[t] == 0:  # y is constant: θ = 0 for every λ
            continue
        for i, (theta, gap, value, rounds, freedom) in zip(order, path, strict=True):
            thetas[i, t] = theta
            gaps[i], risk[i], dof[i] = gaps[i] + gap, risk[i] + value, dof[i] + freedom
            n_iter[i] = max(n_iter[i], rounds)
    gaps /= problem.null_risk or 1.0
    return Answer(thetas, risk, n_iter, solver, gaps=gaps, dof=dof)
