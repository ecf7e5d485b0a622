"""celer: working sets with dual extrapolation. It brings its own dual points."""

import numpy as np

from benchmarks.contenders import ladder
from benchmarks.worker import Abstention

LIBRARY = "celer"
THREADS = (1,)  # it calls level-1 BLAS only
TOLERANCES = {
    "lasso_path": ladder(1e-5, 1e-9),
    "sparse_lasso_path": ladder(1e-5, 1e-9),
    "logistic_lasso_path": ladder(1e-6, 1e-8),
    "group_lasso_path": ladder(1e-5, 1e-9),
}


def lasso_path(data):
    return _centered(data, "lasso", return_thetas=True)


def _centered(data, problem, **options):
    """It has no intercept, so centering is part of the run."""
    from celer.homotopy import celer_path

    def run(tol):
        x_mean, y_mean = data.X.mean(axis=0), data.y.mean()
        _, coefs, _, *duals = celer_path(
            np.subtract(data.X, x_mean, order="F"),
            data.y - y_mean,
            problem,
            alphas=data.alphas,
            max_iter=100,
            tol=tol,
            **options,
        )
        return coefs.T, y_mean - coefs.T @ x_mean, *duals

    return run


def sparse_lasso_path(data):
    """Centered implicitly, as `celer.Lasso` does."""
    from celer.homotopy import celer_path

    def run(tol):
        x_mean, y_mean = np.asarray(data.X.mean(axis=0)).ravel(), data.y.mean()
        _, coefs, _, duals = celer_path(
            data.X,
            data.y - y_mean,
            "lasso",
            alphas=data.alphas,
            max_iter=100,
            tol=tol,
            return_thetas=True,
            X_offset=x_mean,
            X_scale=np.ones_like(x_mean),
        )
        return coefs.T, y_mean - coefs.T @ x_mean, duals

    return run


def logistic_lasso_path(data):
    """Its proximal Newton."""
    from celer.homotopy import celer_path

    if data.fit_intercept:
        raise Abstention("its logistic regression has no intercept")

    def run(tol):
        _, coefs, _ = celer_path(
            data.X,
            2.0 * data.y - 1.0,
            "logreg",
            alphas=len(data.y) * data.alphas,
            max_iter=100,
            tol=tol,
            use_PN=True,
        )
        return coefs.T, np.zeros(len(data.alphas))

    return run


def group_lasso_path(data):
    if data.logistic:
        raise Abstention("no groups in its logistic regression")
    weights = np.full(data.X.shape[1] // data.group_size, np.sqrt(data.group_size))
    return _centered(data, "grouplasso", groups=data.group_size, weights=weights)
