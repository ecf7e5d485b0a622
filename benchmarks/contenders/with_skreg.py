"""skreg, at its defaults."""

import numpy as np

LIBRARY = "skreg"
THREADS = (None,)


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
    from skreg import QuadraticApproxLassoClassifier

    model = QuadraticApproxLassoClassifier(fit_intercept=data.fit_intercept)
    return _binary_path(model, data)


def logistic_ridge_path(data):
    from skreg import QuadraticApproxRidgeClassifier

    return _binary_path(QuadraticApproxRidgeClassifier(), data)


def _binary_path(model, data):
    def run():
        path = model.regularization_path(data.X, data.y, data.alphas)
        return path.coefs.reshape(len(data.alphas), -1), path.intercepts.reshape(-1)

    return run
