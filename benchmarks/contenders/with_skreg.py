"""skreg, at its defaults but for the tolerance."""

from functools import partial

import numpy as np

from benchmarks.contenders import ladder

LIBRARY = "skreg"
THREADS = (None,)
TOLERANCES = {
    "lasso_path": ladder(1e-6, 1e-10),
    "sparse_lasso_path": ladder(1e-6, 1e-10),
    "logistic_lasso_path": ladder(1e-6, 1e-10, 4),
    "glm_lasso_path": ladder(1e-3, 1e-9),
    "group_lasso_path": ladder(1e-3, 1e-9, 4),
    "logistic_ridge_path": ladder(1e-2, 1e-8, 4),
    "search_lasso": ladder(1e-6, 1e-10),
    "search_logistic_ridge": ladder(1e-1, 1e-8, 4),
    "search_logistic_ridge__GridSearchCV": ladder(1e-1, 1e-8, 4),
    "search_logistic_tables": ladder(1.0, 1e-6),
    "search_logistic_lasso_tables": ladder(1.0, 1e-8),
}


def network_epochs(data):
    from skreg import RegularizedMLPClassifier

    def run(epochs, seed):
        net = RegularizedMLPClassifier(
            data.hidden,
            alpha=data.alpha,
            batch_size=data.batch,
            learning_rate="constant",
            learning_rate_init=data.learning_rate,
            beta_2=0.999,  # that of the others
            dropout=0.0,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=np.inf,
            random_state=seed,
        ).fit(data.X, data.y)
        return net.coefs_, net.intercepts_

    return run


def network_predict(data, compressed=False):
    from skreg import RegularizedMLPClassifier

    rows = np.resize(data.X, (data.n_classes, data.X.shape[1]))
    net = RegularizedMLPClassifier(data.hidden, alpha=0.0, max_iter=1, dropout=0.0, random_state=0)
    net.fit(rows, np.arange(data.n_classes))
    for mine, given in zip(net.coefs_ + net.intercepts_, data.weights + data.biases, strict=True):
        mine[...] = given
    if compressed:
        net = net.compress()

    def run(calls, seed):
        for _ in range(calls):
            found = net.predict(data.X)
        return found

    return run


def network_predict__compressed(data):
    return network_predict(data, compressed=True)


def small_fits(data):
    from benchmarks.contenders.with_sklearn import small_calls
    from skreg import QuadraticApproxLasso, QuadraticApproxRidge, QuadraticApproxRidgeClassifier

    alpha = data.alpha
    estimator = {
        "ridge": lambda: QuadraticApproxRidge(alpha),
        "lasso": lambda: QuadraticApproxLasso(alpha),
        "logistic ridge": lambda: QuadraticApproxRidgeClassifier(alpha),
        "Poisson ridge": lambda: QuadraticApproxRidge(alpha, loss="poisson"),
    }[data.kind]()
    return small_calls(estimator, data)


def ridge_path(data):
    from skreg import QuadraticApproxRidge

    def run():
        path = QuadraticApproxRidge().regularization_path(data.X, data.y, data.alphas)
        return path.coefs, path.intercepts

    return run


def lasso_path(data):
    from skreg import QuadraticApproxLasso

    def run(tol):
        path = QuadraticApproxLasso(tol=tol).regularization_path(data.X, data.y, data.alphas)
        return path.coefs, path.intercepts

    return run


sparse_lasso_path = lasso_path


def logistic_lasso_path(data):
    from skreg import QuadraticApproxLassoClassifier

    kind = partial(QuadraticApproxLassoClassifier, fit_intercept=data.fit_intercept)
    return lambda tol: _parts(kind(tol=tol), data)


def glm_lasso_path(data):
    from skreg import QuadraticApproxLasso

    return lambda tol: _parts(
        QuadraticApproxLasso(loss=data.family, l1_ratio=data.l1_ratio, tol=tol), data
    )


def group_lasso_path(data):
    from skreg import QuadraticApproxLasso, QuadraticApproxLassoClassifier

    groups = np.arange(data.X.shape[1]) // data.group_size
    kind = QuadraticApproxLassoClassifier if data.logistic else QuadraticApproxLasso
    return lambda tol: _parts(kind(groups=groups, tol=tol), data)


def logistic_ridge_path(data):
    from skreg import QuadraticApproxRidgeClassifier

    def run(tol):
        return _parts(QuadraticApproxRidgeClassifier(tol=tol), data)

    return run


def _parts(model, data):
    path = model.regularization_path(data.X, data.y, data.alphas)
    return path.coefs.reshape(len(data.alphas), -1), path.intercepts.reshape(-1)


def search_ridge(data):
    from skreg import QuadraticApproxRidge

    return lambda: _search(QuadraticApproxRidge(), data)


def search_ridge_loo(data):
    from skreg import PathSearchCV, QuadraticApproxRidge

    def run():
        search = PathSearchCV(
            QuadraticApproxRidge(), data.alphas, cv="loo", scoring="neg_mean_squared_error"
        ).fit(data.X, data.y)
        path = search.path_
        return -search.cv_results_["mean_test_score"], path.alphas, path.coefs, path.intercepts

    return run


def search_lasso(data):
    from skreg import QuadraticApproxLasso

    return lambda tol: _search(QuadraticApproxLasso(tol=tol), data)


def _search(estimator, data, scoring="neg_mean_squared_error", **options):
    """The errors, and the path of all rows."""
    from sklearn.model_selection import PredefinedSplit

    from skreg import PathSearchCV

    search = PathSearchCV(
        estimator, data.alphas, cv=PredefinedSplit(data.folds), scoring=scoring, **options
    ).fit(data.X, data.y)
    path = search.path_
    return -search.cv_results_["mean_test_score"], path.alphas, path.coefs, path.intercepts


def search_logistic_ridge(data):
    from skreg import QuadraticApproxRidgeClassifier

    def run(tol):
        model = QuadraticApproxRidgeClassifier(tol=tol)
        errors, alphas, coefs, intercepts = _search(model, data, "neg_log_loss")
        best = [errors.argmin()]  # what the others return
        return (
            errors,
            alphas[best],
            coefs.reshape(len(alphas), -1)[best],
            intercepts.reshape(-1)[best],
        )

    return run


def search_logistic_ridge__GridSearchCV(data):
    """The same estimator, fitted for every λ and fold."""
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    from skreg import QuadraticApproxRidgeClassifier

    def run(tol):
        search = GridSearchCV(
            QuadraticApproxRidgeClassifier(tol=tol), {"alpha": data.alphas},
            cv=PredefinedSplit(data.folds), scoring="neg_log_loss", n_jobs=2,
        ).fit(data.X, data.y)  # fmt: skip
        best = search.best_estimator_
        alphas = np.array([best.alpha_])
        return -search.cv_results_["mean_test_score"], alphas, best.coef_, best.intercept_

    return run


def search_logistic_tables(data):
    """One tolerance for the models and for the scores."""
    from skreg import QuadraticApproxRidgeClassifier

    return partial(_table_search, QuadraticApproxRidgeClassifier(), data)


def search_logistic_lasso_tables(data):
    """As `search_logistic_tables`."""
    from skreg import QuadraticApproxLassoClassifier

    return partial(_table_search, QuadraticApproxLassoClassifier(), data)


def _table_search(model, data, tol):
    """The errors, and the model of all rows at the best λ."""
    model.set_params(tol=tol)
    errors, alphas, coefs, intercepts = _search(model, data, "neg_log_loss", tol=tol)
    best = [errors.argmin()]  # what the others return
    return errors, alphas[best], coefs[best], intercepts[best]


def search_network(data):
    from skreg import PathSearchCV

    return lambda: _network_search(data, PathSearchCV)


def search_network__halving(data):
    """Hopeless λ are stopped early."""
    from skreg import PathSearchCV

    return lambda: _network_search(data, partial(PathSearchCV, resource="epochs"))


def search_network__GridSearchCV(data):
    """The same network, in two processes."""
    from sklearn.model_selection import GridSearchCV

    def search(network, alphas, cv):
        return GridSearchCV(network, {"alpha": alphas}, cv=cv, n_jobs=2)

    return lambda: _network_search(data, search)


def _network_search(data, search):
    """The error of the best λ, and the network fitted to all rows."""
    from sklearn.model_selection import PredefinedSplit

    from skreg import RegularizedMLPClassifier

    network = RegularizedMLPClassifier(
        data.hidden, batch_size=data.batch, max_iter=data.max_iter, n_iter_no_change=np.inf,
        learning_rate="constant", learning_rate_init=0.001, beta_2=0.999, dropout=0.0,
        random_state=0,
    )  # fmt: skip
    found = search(network, data.alphas, cv=PredefinedSplit(data.folds)).fit(data.X, data.y)
    best = found.best_estimator_
    return 1.0 - found.best_score_, best.coefs_, best.intercepts_
