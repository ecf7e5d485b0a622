"""The quadratic estimators keep scikit-learn's contract."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)

ESTIMATORS = [
    QuadraticApproxRidge(),
    QuadraticApproxRidge(alpha=0.0),
    QuadraticApproxRidge(fit_intercept=False),
    QuadraticApproxLasso(),
    QuadraticApproxLasso(alpha=0.0),
    QuadraticApproxLasso(hessian="diagonal"),
    QuadraticApproxLasso(hessian="pca"),
]
OTHERS = [
    QuadraticApproxRidge(loss="huber"),
    QuadraticApproxRidge(loss="poisson"),
    QuadraticApproxRidge(loss="gamma", max_expansions=1),
    QuadraticApproxRidge(norm_bound=0.5),
    QuadraticApproxLasso(l1_ratio=0.5, positive=True),
    QuadraticApproxLasso(loss="huber"),
    QuadraticApproxLasso(loss="poisson", l1_ratio=0.5),
    QuadraticApproxLasso(norm_bound=0.5),
    QuadraticApproxLasso(groups="targets"),
    QuadraticApproxRidgeClassifier(),
    QuadraticApproxRidgeClassifier(norm_bound=0.5),
    QuadraticApproxRidgeClassifier(class_weight="balanced"),
    QuadraticApproxLassoClassifier(),
    QuadraticApproxLassoClassifier(l1_ratio=0.5),
    QuadraticApproxLassoClassifier(groups="targets"),
]


#: Those of the array API have a process of their own: see `test_array_api.py`.
CHECKS = [
    (made, check)
    for estimator in [*ESTIMATORS, *OTHERS]
    for made, check in estimator_checks_generator(estimator)
    if "array_api" not in str(check)
]


def name_of(value):
    while hasattr(value, "func"):  # partial
        value = value.func
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=name_of)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 4)), columns=list("abcd"))
    X["kind"] = rng.choice(["u", "v", "w"], size=120)
    y = X["a"] - 2 * X["b"] + (X["kind"] == "u") + 0.1 * rng.normal(size=120)
    return X, y


@pytest.mark.parametrize("estimator", [QuadraticApproxRidge(), QuadraticApproxLasso()])
def test_lives_in_a_pipeline_and_its_searches(estimator, frame):
    X, y = frame
    preprocess = ColumnTransformer(
        [("numbers", StandardScaler(), list("abcd")), ("kind", OneHotEncoder(), ["kind"])]
    )
    name = type(estimator).__name__.lower()
    pipeline = make_pipeline(preprocess, clone(estimator))
    grid = {f"{name}__alpha": [1e-3, 1e-2, 10.0]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_[f"{name}__alpha"] < 10.0
    assert search.score(X, y) > 0.95
    halving = HalvingGridSearchCV(pipeline, grid, cv=3, min_resources=30, random_state=0)
    assert halving.fit(X, y).score(X, y) > 0.9
    scores = cross_validate(pipeline, X, y, cv=3, return_estimator=True)
    assert scores["test_score"].min() > 0.9


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3000, 40), (40, 3000)])
def test_parallel_search_hands_out_read_only_memory_maps(order, shape):
    rng = np.random.default_rng(1)
    # Above joblib's threshold of 1 MB for memory mapping in the larger of the two dimensions.
    X = np.asarray(rng.normal(size=(shape[0] * 2, shape[1])), order=order)
    y = X[:, 0] + rng.normal(size=len(X))
    for estimator in (QuadraticApproxRidge(), QuadraticApproxLasso()):
        grid = {"alpha": [0.1, 0.5]}
        parallel = GridSearchCV(estimator, grid, cv=2, n_jobs=2).fit(X, y)
        serial = GridSearchCV(estimator, grid, cv=2).fit(X, y)
        np.testing.assert_allclose(
            parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"]
        )


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [(60, 5), (12, 30)])
def test_clone_and_pickle(estimator, shape):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    fitted = clone(estimator).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    whole = clone(estimator).set_params(store_quadratic=True).fit(X, y)
    kept = pickle.loads(pickle.dumps(whole))
    np.testing.assert_allclose(kept.erm_coef_, whole.erm_coef_, rtol=1e-10)
    assert again.get_params() == estimator.get_params() == clone(fitted).get_params()


def test_a_pickle_leaves_the_rows_behind():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20_000, 3)), rng.normal(size=20_000)
    assert len(pickle.dumps(QuadraticApproxRidge().fit(X, y))) < 10_000


def test_feature_names_from_pandas(frame):
    X, y = frame
    model = QuadraticApproxRidge().fit(X[list("abcd")], y)
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[list("abdc")])
    path = model.regularization_path(X[list("abcd")], y, [1.0, 0.1])
    assert list(path.to_frame().columns)[-4:] == list("abcd")


def test_set_params_changes_the_next_fit():
    X, y = np.eye(4), np.arange(4.0)
    model = QuadraticApproxRidge().fit(X, y)
    before = model.coef_
    assert model.set_params(alpha=10.0) is model
    assert model.fit(X, y).alpha_ == 10.0
    assert np.abs(model.coef_).max() < np.abs(before).max()
