"""skreg, at its defaults."""

import numpy as np

from benchmarks.contenders import ladder

LIBRARY = "skreg"
THREADS = (None,)
TOLERANCES = {"logistic_lasso_path": ladder(1e-6, 1e-8)}


def network_epochs(data):
    from skreg import RegularizedMLPClassifier

    def run(epochs, seed):
        net = RegularizedMLPClassifier(
            data.hidden,
            alpha=data.alpha,
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
    from skreg import QuadraticApproxRidge

    def run():
        path = QuadraticApproxRidge().regularization_path(data.X, data.y, data.alphas)
        return path.coefs, path.intercepts

    return run


def lasso_path(data):
    from skreg import QuadraticApproxLasso

    def run():
        path = QuadraticApproxLasso().regularization_path(data.X, data.y, data.alphas)
        return path.coefs, path.intercepts

    return run


sparse_lasso_path = lasso_path


def logistic_lasso_path(data):
    """With the dual points of its certificates, by the solver beneath the estimator.

    Its gaps are of second order in the error by its own dual points, of first order by residuals.
    """
    from skreg.losses import BinaryLogLoss
    from skreg.penalties.separable import Separable
    from skreg.quadratic.risk import LinearRisk
    from skreg.solvers.proximal_path import ProximalPath

    def run(tol):
        y = data.y.astype(np.float64)[:, None]
        risk = LinearRisk(data.X, y, BinaryLogLoss(), fit_intercept=data.fit_intercept)
        path, coefs, intercepts, duals = ProximalPath(risk, Separable(), tol, 10_000), [], [], []
        for alpha in data.alphas:
            stop = path.solve(alpha)
            coefs.append(stop.theta)
            intercepts.append(stop.intercept[0] - stop.theta @ risk.design.centre)
            duals.append(path.certificate.dual_point()[:, 0])
        return np.array(coefs), np.array(intercepts), np.array(duals)

    return run


def logistic_ridge_path(data):
    from skreg import QuadraticApproxRidgeClassifier

    return _binary_path(QuadraticApproxRidgeClassifier(), data)


def _binary_path(model, data):
    def run():
        path = model.regularization_path(data.X, data.y, data.alphas)
        return path.coefs.reshape(len(data.alphas), -1), path.intercepts.reshape(-1)

    return run
