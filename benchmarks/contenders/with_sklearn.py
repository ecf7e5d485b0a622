"""scikit-learn."""

import numpy as np

from benchmarks.contenders import ONE_OR_ALL

LIBRARY = "sklearn"
THREADS = ONE_OR_ALL


def network_epochs(data):
    from sklearn.neural_network import MLPClassifier

    def run(epochs, seed):
        net = MLPClassifier(
            data.hidden,
            alpha=data.alpha * data.batch,  # it divides the penalty by the batch's rows
            batch_size=data.batch,
            learning_rate_init=data.learning_rate,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=np.inf,
            random_state=seed,
        ).fit(data.X, data.y)
        return net.coefs_, net.intercepts_

    return run


def ridge_path(data):
    """One fit a λ: what a user writes."""
    from sklearn.linear_model import Ridge

    def run():
        fits = [
            Ridge(alpha=len(data.y) * alpha, solver="cholesky").fit(data.X, data.y)
            for alpha in data.alphas
        ]
        return np.array([fit.coef_ for fit in fits]), np.array([fit.intercept_ for fit in fits])

    return run


def ridge_path__one_fit(data):
    """One target a λ: XᵀX is formed once, then one Cholesky solve a λ."""
    from sklearn.linear_model import Ridge

    def run():
        targets = np.tile(data.y[:, None], len(data.alphas))
        fit = Ridge(alpha=len(data.y) * data.alphas, solver="cholesky").fit(data.X, targets)
        return fit.coef_, fit.intercept_

    return run


def lasso_path(data):
    """It has no intercept, so centring is part of the run."""
    from sklearn.linear_model import lasso_path

    def run():
        x_mean, y_mean = data.X.mean(axis=0), data.y.mean()
        # tol is relative to ‖y‖²; looser than 4e-7 leaves a relative duality gap above 1e-6.
        _, coefs, _ = lasso_path(
            data.X - x_mean, data.y - y_mean, alphas=data.alphas, tol=4e-7, copy_X=False
        )
        return coefs.T, y_mean - coefs.T @ x_mean

    return run
