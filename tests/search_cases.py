"""The two searches side by side, and data for them."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.model_selection import GridSearchCV

from skreg import PathSearchCV

ALPHAS = np.logspace(1, -4, 7)


def same(ours, theirs, tolerance=1e-8):
    """Whether two searches have the same results, keys and their order included."""
    a, b = ours.cv_results_, theirs.cv_results_
    assert list(a) == list(b)
    for key in b:
        if key == "params":
            assert a[key] == b[key]
        elif key.startswith("param_"):
            assert np.ma.allequal(a[key], b[key])
        elif key.startswith("rank_"):
            continue  # scores that agree to rounding may be ranked either way
        elif "time" not in key:
            np.testing.assert_allclose(a[key], b[key], rtol=tolerance, atol=tolerance, err_msg=key)
    assert ours.n_splits_ == theirs.n_splits_
    assert ours.multimetric_ == theirs.multimetric_
    return True


def both(estimator, X, y, alphas=ALPHAS, grid=None, params=None, **settings):
    """The two searches, fitted; warnings of edges are expected."""
    grid, params = grid or {}, params or {}
    name = next(name for name in estimator.get_params() if name.split("__")[-1] == "alpha")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the best λ", UserWarning)
        ours = PathSearchCV(estimator, alphas, param_grid=grid, tol=0.0, **settings)
        ours.fit(X, y, **params)
    crossed = [{**one, name: alphas} for one in (grid if isinstance(grid, list) else [grid])]
    theirs = GridSearchCV(estimator, crossed if isinstance(grid, list) else crossed[0], **settings)
    return ours, theirs.fit(X, y, **params)


def classes(n, p, n_classes, seed=0, labels=None):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    f = X[:, 0] - X[:, 1] + 0.5 * rng.logistic(size=n)
    y = np.digitize(f, np.quantile(f, np.arange(1, n_classes) / n_classes))
    return X, y if labels is None else np.asarray(labels)[y]


def one_hot(n, n_levels, rng):
    """Rare levels among them."""
    blocks = [np.eye(m)[rng.choice(m, n, p=rng.dirichlet(np.full(m, 0.5)))] for m in n_levels]
    return sparse.csr_array(np.hstack(blocks))


TABLES = {
    "tall": lambda rng: rng.standard_normal((300, 6)),
    "scaled": lambda rng: rng.standard_normal((200, 5)) * [1e-4, 1.0, 1e3, 1.0, 10.0] + 5.0,
    "one-hot": lambda rng: one_hot(250, [5, 20, 12], rng),
    "wide": lambda rng: rng.standard_normal((80, 200)),
    "wide and sparse": lambda rng: sparse.random_array((80, 150), density=0.1, rng=rng).tocsr(),
}
