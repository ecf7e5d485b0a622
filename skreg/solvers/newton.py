"""The ridge under any loss: Newton's method along a path of λ, or one quadratic for every λ."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skreg._threads import one_blas_thread
from skreg.quadratic.hessian import DenseHessian, Hessian
from skreg.quadratic.reduction import RowSpace
from skreg.solvers.anchor import find_anchor, has_no_minimum, stand_in
from skreg.solvers.descent import Descent
from skreg.solvers.solution import Solution, as_seen

#: Coefficients (features × outputs) beyond which no Hessian is formed.
LARGEST_DENSE = 3000
# Multiplications of a Hessian below which a second BLAS thread is not worth waiting for.
_SMALL_GRAM = 2e9
# A Hessian serves λ down to this part of the one it was taken at.
_DECADE = 10.0
# Rows beyond which wide problems are not reduced to n × n.
_LARGEST_DUAL = 4000


def solve_newton(
    risk, alphas, factors=None, *, max_expansions=None, tol=1e-8, max_iter=1000, start=None
):
    """argmin R(θ, b) + λ·½Σⱼfⱼθⱼ² for each λ.

    The quadratic about the current point is minimised, and taken again at its minimiser, until the
    gradient is 0 to ``tol``. With ``max_expansions=1`` it is taken once, at the anchor (θ₀, b₀),
    for all λ:

        θ(λ) = θ₀ − (H₀ + λF)⁻¹(g₀ + λFθ₀).

    The anchor is the unpenalised minimiser, where g₀ = 0. Classes that can be separated (and
    counts in a like position) have none; then it is the minimiser at λ₀ = maxⱼ Hⱼⱼ/fⱼ / 100, H
    being that of the null model, and a warning says so.

    The Hessian is an array where K·p is small; with p > n features that are all but a few
    penalised, the problem is first reduced to the rows' span (`RowSpace`); otherwise products with
    the Hessian serve (conjugate gradients).

    Parameters
    ----------
    risk : LinearRisk
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    factors : ndarray of shape (p,), default=None
        f ≥ 0; None stands for ones.
    max_expansions : int, default=None
        Quadratics taken for each λ; None stands for as many as ``tol`` asks for.
    tol : float, default=1e-8
        Gradient norm at which a λ counts as solved: maxⱼ |∂ⱼ| / √(Hⱼⱼ·R₀) over coefficients and
        intercepts, with H and the risk R₀ those of the null model. Half its square is about the
        decrease of the objective, relative to R₀, that a coefficient alone could still bring.
    max_iter : int, default=1000
        Steps allowed for each λ.
    start : (ndarray of shape (K, p), ndarray of shape (K,)), default=None
        θ and b to start from; None for the null model. A problem that is reduced to the rows'
        span starts from the null model in any case.

    Returns
    -------
    Solution
        ``dof`` is tr(H(H + λF)⁻¹), exact at the first λ and the last, within a few per cent between
        the Hessians taken on the way (one a decade at least), and from random probes where the
        Hessian is not formed; ``norms`` are ‖θ‖₂; ``n_iter`` and ``n_expansions`` count steps.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached, or λ = 0 has no finite answer.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Poisson
    >>> from skreg.quadratic.risk import LinearRisk
    >>> from skreg.solvers.newton import solve_newton
    >>> risk = LinearRisk(np.array([[-1.0], [1.0]]), np.array([[1.0], [4.0]]), Poisson())
    >>> solve_newton(risk, np.array([1.0, 0.0])).coefs.round(4)
    array([[0.4484],
           [0.6931]])
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    with one_blas_thread() if _is_small(risk) else nullcontext():
        space, descent, name = _prepare(risk, factors)
        if start is not None and space is None:
            descent.start_at(*start)
        if max_expansions == 1:
            record = _one_shot(descent, alphas, tol, max_iter)
        else:
            record = _path(descent, alphas, tol, max_iter, max_expansions)
        return _solution(risk, space, alphas, record, name)


@dataclass(frozen=True, eq=False)
class Anchor:
    """Where the quadratic for every λ is taken.

    Attributes
    ----------
    coef : ndarray of shape (K, p)
    intercept : ndarray of shape (K,)
    alpha : float
        λ₀: 0 for θ̂, the unpenalised minimiser (of least norm).
    """

    coef: np.ndarray
    intercept: np.ndarray
    alpha: float


def anchor_of(risk, factors=None, *, tol=1e-8, max_iter=1000):
    """The anchor of ``max_expansions=1``: see `solve_newton`, also for the parameters.

    Warns
    -----
    ConvergenceWarning
        If the risk has no finite minimiser, so that λ₀ > 0.
    """
    space, descent, _ = _prepare(risk, factors)
    alpha, _ = find_anchor(descent, tol, max_iter)
    record = _Record(descent, np.zeros(1))
    record.put(0, descent, 0.0)
    coefs, intercepts = record.coefs, record.intercepts
    if space is not None:
        coefs, intercepts = space.lift(coefs, intercepts)
    return Anchor(coefs[0], intercepts[0], alpha)


def one_shot_gap(risk, alphas, factors=None, *, tol=1e-8, max_iter=1000):
    """What one quadratic for every λ loses: its objective minus the exact minimum, for each λ.

    Parameters
    ----------
    risk, alphas, factors, tol, max_iter
        See `solve_newton`.

    Returns
    -------
    ndarray of shape (n_alphas,)
        Not negative but for rounding and ``tol``.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    weights = np.ones(risk.n_features) if factors is None else factors
    objectives = []
    for limit in (1, None):
        fit = solve_newton(risk, alphas, factors, max_expansions=limit, tol=tol, max_iter=max_iter)
        thetas = fit.coefs.reshape(len(alphas), -1, risk.n_features).astype(np.float64)
        penalty = 0.5 * np.einsum("mkj,j,mkj->m", thetas, weights, thetas)
        objectives.append(fit.risk + alphas * penalty)
    return objectives[0] - objectives[1]


def _prepare(risk, factors):
    """The reduction (or None), the walk over λ, and what the method is called."""
    factors = np.ones(risk.n_features) if factors is None else np.asarray(factors, dtype=float)
    space = RowSpace(risk, factors) if is_wide(risk, factors) else None
    if space is not None and not space.risk.n_features:  # rows that do not differ
        space = None
    if space is not None:
        risk, factors = space.risk, space.factors
    if risk.n_features * risk.n_outputs > LARGEST_DENSE:
        descent = Descent(risk, factors, Hessian, patience=0.0, always_fresh=True)
        return space, descent, "newton-cg"
    # Gradients that a Hessian costs: n·p²·K(K+1)/2 flops beside passes that wait for memory.
    patience = risk.n_features * (risk.n_outputs + 1) / 24
    descent = Descent(risk, factors, DenseHessian, patience)
    return space, descent, "newton-cholesky" if space is None else "newton-dual"


def _is_small(risk):
    """Whether passes over X take most of the time, rather than Hessians."""
    return min(risk.X.shape) ** 2 * max(risk.X.shape) < _SMALL_GRAM


def is_wide(risk, factors):
    """Whether a ridge is first reduced to the rows' span."""
    n, p = risk.X.shape
    return n < p and n <= _LARGEST_DUAL and np.count_nonzero(factors == 0) <= max(n // 4, 1)


class _Record:
    """What is kept of the solutions, by the place of λ."""

    def __init__(self, descent, alphas):
        m, K, p = len(alphas), descent.risk.n_outputs, descent.risk.n_features
        self.coefs, self.intercepts = np.empty((m, K, p)), np.empty((m, K))
        self.risk, self.dof, self.gradient_norms = np.empty(m), np.empty(m), np.empty(m)
        self.n_iter, self.n_expansions = np.ones(m, dtype=int), np.ones(m, dtype=int)

    def put(self, i, descent, norm):
        point = descent.point
        self.coefs[i] = point.theta.reshape(self.coefs.shape[1:])
        self.intercepts[i] = point.intercept - self.coefs[i] @ descent.risk.design.centre
        self.risk[i], self.gradient_norms[i] = point.value, norm


def _path(descent, alphas, tol, max_iter, max_expansions):
    """Downwards in λ, each solution the start of the next."""
    record = _Record(descent, alphas)
    order = np.argsort(-alphas, kind="stable")
    limit = max_iter if max_expansions is None else min(max_iter, max_expansions)
    descent.always_fresh |= max_expansions is not None
    freedom = _Freedom(descent, record.dof)
    for i in order:
        alpha = alphas[i]
        if alpha == 0 and has_no_minimum(descent, tol, limit):
            alpha = stand_in(descent, alphas)
        steps, norm = descent.run(alpha, tol, limit)
        if norm > tol and limit == max_iter:
            warnings.warn(
                f"the gradient norm at alpha={alpha:.3g} is {norm:.2g} after {steps} steps, above "
                f"tol={tol:g}. Raise max_iter or tol, or scale the features.",
                ConvergenceWarning,
                stacklevel=5,
            )
        record.put(i, descent, norm)
        record.n_iter[i] = record.n_expansions[i] = max(steps, 1)
        if descent.taken_at > _DECADE * alpha or i in (order[0], order[-1]):
            descent.renew(alpha)
        freedom.put(i, alpha)
    return record


class _Freedom:
    """Degrees of freedom along a path with fewer Hessians than λ.

    A Hessian says them at the λ where it was taken. It serves the λ below as well, and what it has
    missed by the λ where the next one is taken is spread over those between, in log λ.
    """

    def __init__(self, descent, out):
        self._descent, self._out = descent, out
        self._hessian, self._taken_at, self._since = None, None, []

    def put(self, i, alpha):
        """Note the solution for the i-th λ, the point where ``descent`` is."""
        current = self._descent.factor(alpha).dof()
        if self._descent.hessian is not self._hessian:
            if self._since and 0 < alpha < self._taken_at:
                before = self._hessian.factor(alpha * self._descent.weights).dof()
                self._correct(alpha, current / before)
            self._hessian, self._taken_at = self._descent.hessian, alpha
            self._since = []
        else:
            self._since.append((i, alpha))
        self._out[i] = current

    def _correct(self, alpha, missed):
        for i, between in self._since:
            share = np.log(self._taken_at / between) / np.log(self._taken_at / alpha)
            self._out[i] *= missed**share


def _one_shot(descent, alphas, tol, max_iter):
    """One quadratic for every λ: a single Newton step from the anchor."""
    record = _Record(descent, alphas)
    _, record.n_iter[:] = find_anchor(descent, tol, max_iter)
    for i, alpha in enumerate(alphas):
        anchor = descent.point
        record.dof[i] = descent.factor(alpha).dof()
        descent.point = descent.quadratic_minimum(alpha)
        record.put(i, descent, descent.gradient_norm(alpha))
        descent.point = anchor
    return record


def _solution(risk, space, alphas, record, name):
    coefs, intercepts = record.coefs, record.intercepts
    if space is not None:
        coefs, intercepts = space.lift(coefs, intercepts)
    return Solution(
        alphas=alphas,
        **as_seen(risk, coefs, intercepts),
        dof=record.dof,
        norms=np.linalg.norm(coefs, axis=(1, 2)),
        risk=record.risk,
        dual_gaps=None,
        n_iter=record.n_iter,
        solver=name,
        gradient_norms=record.gradient_norms,
        n_expansions=record.n_expansions,
    )
