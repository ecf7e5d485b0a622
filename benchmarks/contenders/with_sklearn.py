"""scikit-learn."""

import numpy as np

from benchmarks.contenders import ONE_OR_ALL, ladder

LIBRARY = "sklearn"
THREADS = ONE_OR_ALL
TOLERANCES = {
    "lasso_path": ladder(1e-5, 1e-9),
    "sparse_lasso_path": ladder(1e-5, 1e-9),
    "logistic_lasso_path": ladder(1e-4, 1e-8),
    "logistic_ridge_path": ladder(1e-2, 1e-8, 4),
    "logistic_ridge_path__lbfgs": ladder(1e-2, 1e-8, 4),
    "search_lasso": ladder(1e-4, 1e-9),
    "search_logistic_ridge": ladder(1e-2, 1e-8, 4),
    "search_logistic_ridge__lbfgs": ladder(1e-2, 1e-8, 4),
    "search_logistic_ridge__GridSearchCV": ladder(1e-2, 1e-8, 4),
    "search_logistic_tables": ladder(1e-2, 1e-8, 2),
    "search_logistic_tables__newton_cg": ladder(1e-2, 1e-8, 2),
    "search_logistic_lasso_tables": ladder(1e-5, 1e-8, 2),
}


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


def network_predict(data):
    from sklearn.neural_network import MLPClassifier

    rows = np.resize(data.X, (data.n_classes, data.X.shape[1]))
    net = MLPClassifier(data.hidden, max_iter=1).fit(rows, np.arange(data.n_classes))
    net.coefs_, net.intercepts_ = data.weights, data.biases

    def run(calls, seed):
        for _ in range(calls):
            found = net.predict(data.X)
        return found

    return run


def small_fits(data):
    from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge

    n = len(data.y)
    estimator = {
        "ridge": lambda: Ridge(alpha=n * data.alpha),
        "lasso": lambda: Lasso(alpha=data.alpha),
        "logistic ridge": lambda: LogisticRegression(C=1 / (n * data.alpha)),
        "Poisson ridge": lambda: PoissonRegressor(alpha=data.alpha),
    }[data.kind]()
    return small_calls(estimator, data)


def small_calls(estimator, data):
    """``run`` of the fits of an estimator, or, where there are rows, of their predictions.

    With one thread for everyone: idle ones of a BLAS take a hundred times as long as such a fit.
    """
    from threadpoolctl import threadpool_limits

    estimator.fit(data.X, data.y)
    if len(data.rows):
        estimator.coef_, estimator.intercept_ = data.coef, 0.0

    def run(calls, seed):
        with threadpool_limits(1):
            for _ in range(calls):
                if len(data.rows):
                    found = estimator.predict(data.rows)
                else:
                    found = estimator.fit(data.X, data.y)
        return found if len(data.rows) else (found.coef_, found.intercept_)

    return run


def lasso_path(data):
    """It has no intercept, so centering is part of the run."""
    from sklearn.linear_model import lasso_path

    def run(tol):
        x_mean, y_mean = data.X.mean(axis=0), data.y.mean()
        _, coefs, _ = lasso_path(
            np.subtract(data.X, x_mean, order="F"),
            data.y - y_mean,
            alphas=data.alphas,
            tol=tol,
            max_iter=100_000,
            copy_X=False,
        )
        return coefs.T, y_mean - coefs.T @ x_mean

    return run


def sparse_lasso_path(data):
    """Centered implicitly, as `sklearn.linear_model.Lasso` does."""
    from sklearn.linear_model import lasso_path

    def run(tol):
        x_mean, y_mean = np.asarray(data.X.mean(axis=0)).ravel(), data.y.mean()
        _, coefs, _ = lasso_path(
            data.X,
            data.y - y_mean,
            alphas=data.alphas,
            tol=tol,
            max_iter=100_000,
            X_offset=x_mean,
            X_scale=np.ones_like(x_mean),
            copy_X=False,
        )
        return coefs.T, y_mean - coefs.T @ x_mean

    return run


def logistic_lasso_path(data):
    """saga, warm-started; liblinear penalizes the intercept, and solves without one."""
    solver = "saga" if data.fit_intercept else "liblinear"
    return _logistic_path(
        data,
        l1_ratio=1.0,
        solver=solver,
        fit_intercept=data.fit_intercept,
    )


def logistic_ridge_path(data):
    return _logistic_path(data, solver="newton-cholesky")


def logistic_ridge_path__lbfgs(data):
    return _logistic_path(data, solver="lbfgs")


def _logistic_path(data, **parameters):
    """One fit a λ, each from the last one's solution."""
    from sklearn.linear_model import LogisticRegression

    def run(tol):
        model = LogisticRegression(
            tol=tol, warm_start=True, max_iter=100_000, random_state=0, **parameters
        )
        coefs, intercepts = [], []
        for alpha in data.alphas:
            model.set_params(C=1 / (len(data.y) * alpha)).fit(data.X, data.y)
            coefs.append(model.coef_[0].copy())
            intercepts.append(float(np.ravel(model.intercept_)[0]))
        return np.array(coefs), np.array(intercepts)

    return run


def search_ridge(data):
    """GridSearchCV: its refit takes the λ·n of the folds."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    n_train = len(data.y) - np.count_nonzero(data.folds == 0)
    grid = {"alpha": n_train * data.alphas}

    def run():
        search = GridSearchCV(
            Ridge(), grid, cv=PredefinedSplit(data.folds), scoring="neg_mean_squared_error"
        ).fit(data.X, data.y)
        best = search.best_estimator_
        errors = -search.cv_results_["mean_test_score"]
        alphas = np.array([best.alpha / len(data.y)])
        return errors, alphas, best.coef_[None], np.array([best.intercept_])

    return run


def search_ridge__RidgeCV(data):
    """It tells the best error alone."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import PredefinedSplit

    n_train = len(data.y) - np.count_nonzero(data.folds == 0)

    def run():
        search = RidgeCV(
            n_train * data.alphas,
            cv=PredefinedSplit(data.folds),
            scoring="neg_mean_squared_error",
        ).fit(data.X, data.y)
        errors = np.where(n_train * data.alphas == search.alpha_, -search.best_score_, np.nan)
        alphas = np.array([search.alpha_ / len(data.y)])
        return errors, alphas, search.coef_[None], np.array([search.intercept_])

    return run


def search_ridge_loo(data):
    """RidgeCV, which leaves one out by itself."""
    from sklearn.linear_model import RidgeCV

    n = len(data.y)

    def run():
        search = RidgeCV((n - 1) * data.alphas, store_cv_results=True).fit(data.X, data.y)
        alphas = np.array([search.alpha_ / n])
        errors = search.cv_results_.mean(axis=0)
        return errors, alphas, search.coef_[None], np.array([search.intercept_])

    return run


def search_lasso(data):
    """LassoCV."""
    from sklearn.linear_model import LassoCV
    from sklearn.model_selection import PredefinedSplit

    def run(tol):
        search = LassoCV(
            alphas=data.alphas, cv=PredefinedSplit(data.folds), tol=tol, max_iter=100_000
        ).fit(data.X, data.y)
        errors = search.mse_path_.mean(axis=1)  # by descending λ, as data.alphas are
        alphas = np.array([search.alpha_])
        return errors, alphas, search.coef_[None], np.array([search.intercept_])

    return run


def search_logistic_ridge(data):
    """LogisticRegressionCV by Newton's method, two folds at a time."""
    return _logistic_search(data, solver="newton-cholesky", n_jobs=2)


def search_logistic_ridge__lbfgs(data):
    """LogisticRegressionCV as it comes."""
    return _logistic_search(data, solver="lbfgs")


def search_logistic_tables(data):
    """LogisticRegressionCV as it comes, by L-BFGS."""
    return _table_search(data, "lbfgs")


def search_logistic_tables__newton_cg(data):
    return _table_search(data, "newton-cg")


def search_logistic_lasso_tables(data):
    """LogisticRegressionCV by saga, its only solver for the lasso of several classes."""
    return _table_search(data, "saga", l1_ratios=(1.0,), random_state=0)


def _table_search(data, solver, **options):
    run_search = _logistic_search(data, solver=solver, **options)

    def run(tol):
        errors, alphas, coef, intercept = run_search(tol)
        return errors, alphas, coef[None], intercept[None]

    return run


def _logistic_search(data, l1_ratios=(0.0,), **options):
    """Its refit takes the λ·n of the folds."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import PredefinedSplit

    n_train = len(data.y) - np.count_nonzero(data.folds == 0)

    def run(tol):
        search = LogisticRegressionCV(
            Cs=1 / (n_train * data.alphas), cv=PredefinedSplit(data.folds), tol=tol,
            max_iter=100_000, scoring="neg_log_loss", l1_ratios=l1_ratios,
            use_legacy_attributes=False, **options,
        ).fit(data.X, data.y)  # fmt: skip
        errors = -search.scores_.reshape(-1, len(data.alphas)).mean(axis=0)
        alphas = np.array([1 / (len(data.y) * float(search.C_))])
        return errors, alphas, search.coef_, search.intercept_

    return run


def search_logistic_ridge__GridSearchCV(data):
    """LogisticRegression in two processes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, PredefinedSplit

    n_train = len(data.y) - np.count_nonzero(data.folds == 0)

    def run(tol):
        search = GridSearchCV(
            LogisticRegression(tol=tol, max_iter=100_000), {"C": 1 / (n_train * data.alphas)},
            cv=PredefinedSplit(data.folds), scoring="neg_log_loss", n_jobs=2,
        ).fit(data.X, data.y)  # fmt: skip
        best = search.best_estimator_
        alphas = np.array([1 / (len(data.y) * best.C)])
        return -search.cv_results_["mean_test_score"], alphas, best.coef_, best.intercept_

    return run


def search_network(data):
    """GridSearchCV in two processes."""
    from sklearn.model_selection import GridSearchCV, PredefinedSplit
    from sklearn.neural_network import MLPClassifier

    # It divides the penalty by the batch's rows.
    grid = {"alpha": data.alphas * data.batch}

    def run():
        network = MLPClassifier(
            data.hidden, batch_size=data.batch, max_iter=data.max_iter, n_iter_no_change=10**6,
            random_state=0,
        )  # fmt: skip
        search = GridSearchCV(network, grid, cv=PredefinedSplit(data.folds), n_jobs=2)
        best = search.fit(data.X, data.y).best_estimator_
        return 1.0 - search.best_score_, best.coefs_, best.intercepts_

    return run
