"""glum: iteratively reweighted coordinate descent, each λ from the solution of the last."""

import numpy as np

from benchmarks.contenders import ladder

LIBRARY = "glum"
THREADS = (1,)
# On the largest violation of optimality.
TOLERANCES = {"glm_lasso_path": ladder(1e-2, 1e-8)}


def glm_lasso_path(data):
    from glum import GeneralizedLinearRegressor

    def run(tol):
        model = GeneralizedLinearRegressor(
            family=data.family,
            link="log",
            l1_ratio=data.l1_ratio,
            alpha=list(data.alphas),
            alpha_search=True,
            gradient_tol=tol,
            max_iter=1000,
        ).fit(data.X, data.y)
        return np.array(model.coef_path_), np.ravel(model.intercept_path_)

    return run
