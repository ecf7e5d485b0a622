"""skglm: working sets with Anderson acceleration, or proximal Newton; compiled by numba."""

import numpy as np

from benchmarks.contenders import ladder

LIBRARY = "skglm"
THREADS = (1,)
# On the largest violation of optimality, relative to λ_max.
TOLERANCES = {
    "lasso_path": ladder(1e-3, 1e-9),
    "sparse_lasso_path": ladder(1e-3, 1e-9),
    "logistic_lasso_path": ladder(1e-3, 1e-9),
    "glm_lasso_path": ladder(1e-3, 1e-9),
    "group_lasso_path": ladder(1e-3, 1e-9),
}


def lasso_path(data):
    """Centering first is faster than its own intercept, a coordinate of its own."""
    from skglm.datafits import Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD

    datafit, penalty = Quadratic(), L1(1.0)
    solver = AndersonCD(fit_intercept=False, max_iter=100, warm_start=True)

    def run(tol):
        solver.tol = tol * data.alphas[0]
        x_mean, y_mean = data.X.mean(axis=0), data.y.mean()
        X = np.subtract(data.X, x_mean, order="F")
        _, coefs, _ = solver.path(X, data.y - y_mean, datafit, penalty, data.alphas)
        return coefs.T, y_mean - coefs.T @ x_mean

    return run


def sparse_lasso_path(data):
    from skglm.datafits import Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD

    datafit, penalty = Quadratic(), L1(1.0)
    solver = AndersonCD(fit_intercept=True, max_iter=100, warm_start=True)

    def run(tol):
        solver.tol = tol * data.alphas[0]
        _, coefs, _ = solver.path(data.X, data.y, datafit, penalty, data.alphas)
        return coefs[:-1].T, coefs[-1]

    return run


def logistic_lasso_path(data):
    from skglm.datafits import Logistic
    from skglm.penalties import L1

    return _newton(data, Logistic(), L1(1.0), 2.0 * data.y - 1.0, data.fit_intercept)


def glm_lasso_path(data):
    from skglm.datafits import Gamma, Poisson
    from skglm.penalties import L1_plus_L2

    datafit = Poisson() if data.family == "poisson" else Gamma()
    return _newton(data, datafit, L1_plus_L2(1.0, data.l1_ratio), data.y, True)


def group_lasso_path(data):
    from skglm.datafits import LogisticGroup, QuadraticGroup
    from skglm.penalties import WeightedGroupL2
    from skglm.solvers import GroupBCD, GroupProxNewton
    from skglm.utils.data import grp_converter

    indices, begins = grp_converter(data.group_size, data.X.shape[1])
    weights = np.full(len(begins) - 1, np.sqrt(data.group_size))
    penalty = WeightedGroupL2(1.0, weights, begins, indices)
    if data.logistic:
        datafit, kind, y = LogisticGroup(begins, indices), GroupProxNewton, 2.0 * data.y - 1.0
    else:
        datafit, kind, y = QuadraticGroup(begins, indices), GroupBCD, data.y
    return _along(data, kind(fit_intercept=True, max_iter=100), datafit, penalty, y, True)


def _newton(data, datafit, penalty, y, fit_intercept):
    """Its proximal Newton."""
    from skglm.solvers import ProxNewton

    solver = ProxNewton(fit_intercept=fit_intercept, max_iter=100)
    return _along(data, solver, datafit, penalty, y, fit_intercept)


def _along(data, solver, datafit, penalty, y, fit_intercept):
    """Each λ from the solution of the last."""

    def run(tol):
        solver.tol = tol * data.alphas[0]
        X = np.asfortranarray(data.X)
        w, raw = np.zeros(X.shape[1] + fit_intercept), np.zeros(len(y))
        found = []
        for alpha in data.alphas:
            penalty.alpha = alpha
            w, *_ = solver.solve(X, y, datafit, penalty, w, raw)
            found.append(w.copy())
        found = np.array(found)
        if fit_intercept:
            return found[:, :-1], found[:, -1]
        return found, np.zeros(len(found))

    return run
