"""The lasso itself by working sets of features, λ downwards.

Features are screened by the strong rule (Tibshirani et al., 2012). The problem on the working set
is solved to rounding by a compiled kernel: coordinate descent, then a direct solve on the support
that it finds. The gradient over all features says which were missed. Each solution starts the next.
"""

import numpy as np

from skreg._kernels import coordinate_descent as kernel

# Features that join the working set at once: this many, or as many as it has non-zeros.
_BATCH = 100
# The problem on the working set is solved closer than the whole.
_INNER = 1e-3


def working_set_path(problem, alphas, tol, max_iter):
    """Yield (θ, gap, risk, passes, dof) for each λ, which descend; ``tol`` is an absolute gap."""
    theta, slope = problem.null()
    last_alpha = alphas[0]
    for alpha in alphas:
        theta, slope, gap, passes = _solve(problem, alpha, theta, slope, last_alpha, tol, max_iter)
        last_alpha = alpha
        yield theta, gap, problem.risk(theta, slope), passes, np.count_nonzero(theta)


def _solve(problem, alpha, theta, slope, last_alpha, tol, max_iter):
    """(θ, h − Hθ, gap, passes) at λ = ``alpha`` from the solution for a larger one."""
    theta, passes = theta.copy(), 0
    l1, l2 = alpha * problem.l1, alpha * problem.l2
    threshold = min(alpha, 2 * alpha - last_alpha) * problem.l1
    while True:
        chosen = _choose(problem, theta, slope, threshold, l1)
        part, hessian = theta[chosen], problem.gram(chosen)
        hessian[np.diag_indices_from(hessian)] += l2[chosen]
        inside = slope[chosen] - l2[chosen] * part
        made, _ = kernel.descend(
            hessian,
            problem.cross[chosen],
            problem.slack[chosen],
            l1[chosen],
            part,
            inside,
            problem.power,
            _INNER * tol,
            max_iter - passes,
            problem.positive,
        )
        passes += made
        theta[chosen] = part
        slope = problem.slope(theta)
        missed = _pull(problem, slope) > l1 + problem.slack
        missed[chosen] = False
        if passes >= max_iter or not missed.any():
            return theta, slope, problem.gap(theta, slope, alpha), max(passes, 1)
        threshold = l1


def _pull(problem, slope):
    """How strongly each feature at 0 is drawn away from it."""
    return slope if problem.positive else np.abs(slope)


def _choose(problem, theta, slope, threshold, l1):
    """The support, features without a penalty, and the most promising of those that may enter."""
    pull = _pull(problem, slope)
    inside = theta != 0
    inside[problem.free] = True
    new = np.flatnonzero((pull > threshold) & ~inside & (problem.width > 0))
    support = np.flatnonzero(inside)
    batch = max(_BATCH, len(support))
    if len(new) > batch:
        score = (pull[new] - l1[new]) / problem.width[new]
        new = new[np.argpartition(-score, batch)[:batch]]
    return np.sort(np.concatenate([support, new]))
