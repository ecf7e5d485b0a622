"""Searches in threads leave the warning filters of the process as they are."""

import warnings

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import BaseEstimator, RegressorMixin

from skreg import PathSearchCV, QuadraticApproxLasso


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    return X, X[:, 0] + rng.standard_t(3, size=60)


def constant(is_loud=False):
    """A model without a path that sees how scikit-learn is configured; loud, it warns.

    Its class goes to other processes by value.
    """

    class Constant(RegressorMixin, BaseEstimator):
        def __init__(self, alpha=1.0):
            self.alpha = alpha

        def fit(self, X, y):
            assert sklearn.get_config()["print_changed_only"] is False
            if is_loud:
                warnings.warn("loud", FutureWarning, stacklevel=1)
            self.mean_ = y.mean() / (1 + self.alpha)
            return self

        def predict(self, X):
            return np.full(len(X), self.mean_)

    return Constant()


@pytest.mark.filterwarnings("ignore:the best λ")
@pytest.mark.parametrize("model", [QuadraticApproxLasso(loss="huber", delta=0.2), constant()])
def test_filters_are_the_same_after_searches_in_threads(model):
    X, y = rows()
    before = list(warnings.filters)
    with parallel_config("threading"), sklearn.config_context(print_changed_only=False):
        for _ in range(12):
            search = PathSearchCV(model, [1.0, 0.3, 0.1, 0.01], n_jobs=3, cv=6)
            search.fit(X, y)
    assert list(warnings.filters) == before
    alone = PathSearchCV(model, [1.0, 0.3, 0.1, 0.01], cv=6)
    with sklearn.config_context(print_changed_only=False):
        alone.fit(X, y)
    np.testing.assert_array_equal(*(s.cv_results_["mean_test_score"] for s in (search, alone)))


@pytest.mark.filterwarnings("ignore:the best λ")
def test_other_processes_have_the_caller_s_filters_and_configuration():
    X, y = rows()
    search = PathSearchCV(constant(is_loud=True), [1.0, 0.1], n_jobs=2, cv=3, error_score="raise")
    with sklearn.config_context(print_changed_only=False), warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        with pytest.raises(FutureWarning, match="loud"):
            search.fit(X, y)
        warnings.simplefilter("ignore", FutureWarning)
        assert np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all()
