"""The estimators inside scikit-learn: pipelines, searches, routing, pandas, memory-mapped data."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORK = dict(hidden_layer_sizes=(6,), max_iter=30, learning_rate_init=0.02, random_state=0)
CLASSIFIER = RegularizedMLPClassifier(**NETWORK)
CLASSIFIERS = [CLASSIFIER, QuadraticApproxRidgeClassifier(), QuadraticApproxLassoClassifier()]
REGRESSORS = [RegularizedMLPRegressor(**NETWORK), QuadraticApproxRidge(), QuadraticApproxLasso()]
ALL = [*CLASSIFIERS, *REGRESSORS]

each = pytest.mark.parametrize("estimator", ALL, ids=lambda e: type(e).__name__)
each_regressor = pytest.mark.parametrize("estimator", REGRESSORS, ids=lambda e: type(e).__name__)


def data(estimator, n=90):
    """A problem for the estimator, on a scale that networks like."""
    if estimator in CLASSIFIERS:
        return make_classification(n, 6, n_informative=4, class_sep=2.0, random_state=0)
    X, y = make_regression(n, 6, n_informative=3, noise=1.0, random_state=0)
    return X, y / y.std()


def frame(estimator):
    """Numbers with gaps, and categories."""
    X, y = data(estimator)
    table = pd.DataFrame(X, columns=list("abcdef"))
    table.loc[::9, "a"] = np.nan
    table["color"] = np.where(X[:, 0] > 0, "red", "blue")
    return table, y


def preprocessing():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", numbers, list("abcdef")),
            ("categories", OneHotEncoder(sparse_output=False), ["color"]),
        ]
    )


@each
def test_a_pipeline_on_a_data_frame(estimator):
    table, y = frame(estimator)
    model = make_pipeline(preprocessing(), estimator).fit(table, y)
    assert model.score(table, y) > 0.7
    assert model[-1].n_features_in_ == 8
    shuffled = table[table.columns[::-1]]
    assert np.array_equal(model.predict(shuffled), model.predict(table))


@each
def test_pandas_output_gives_the_estimator_the_names_of_its_features(estimator):
    table, y = frame(estimator)
    model = make_pipeline(preprocessing(), estimator).set_output(transform="pandas").fit(table, y)
    expected = [f"numbers__{c}" for c in "abcdef"]
    assert list(model[-1].feature_names_in_[:6]) == expected
    with pytest.raises(ValueError, match="feature names should match"):
        model[-1].predict(model[:-1].transform(table).rename(columns={"numbers__a": "other"}))


@each
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(estimator, n_jobs):
    X, y = data(estimator)
    pipeline = make_pipeline(StandardScaler(), estimator)
    grid = {f"{type(estimator).__name__.lower()}__alpha": [1e3, 1e-3]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs, error_score="raise").fit(X, y)
    assert list(search.best_params_.values()) == [1e-3]
    assert search.best_score_ > 0.7
    assert search.score(X, y) > 0.7


@each
def test_a_search_in_processes_on_memory_mapped_data_gives_the_same_result(estimator):
    """Above 1 MB joblib hands out read-only memory maps."""
    X, y = data(estimator, n=30_000)
    assert X.nbytes > 1e6
    alone, *_ = fit_on(short(estimator), X, y)
    parallel = joblib.Parallel(n_jobs=2)
    elsewhere, writeable, mapped = parallel([joblib.delayed(fit_on)(short(estimator), X, y)] * 2)[0]
    assert mapped
    assert not writeable
    assert np.array_equal(alone, elsewhere)


def short(estimator):
    """One that takes few epochs, if it is a network."""
    few = {"max_iter": 2} if estimator in (CLASSIFIER, REGRESSORS[0]) else {}
    return clone(estimator).set_params(**few)


def fit_on(estimator, X, y):
    """(predictions, whether X may be written to, whether it is a memory map)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictions = estimator.fit(X, y).predict(X)
    return predictions, X.flags.writeable, isinstance(X, np.memmap)


@each
def test_cross_validation_does_not_depend_on_the_number_of_processes(estimator):
    X, y = data(estimator)
    scores = [cross_validate(estimator, X, y, cv=3, n_jobs=n)["test_score"] for n in (1, 2)]
    assert np.array_equal(*scores)
    assert scores[0].mean() > 0.7
    assert cross_val_predict(estimator, X, y, cv=3).shape == y.shape


@each
def test_halving_search(estimator):
    X, y = data(estimator)
    search = HalvingGridSearchCV(
        estimator, {"alpha": [1e3, 1e2, 1e-3]}, cv=3, factor=3, random_state=0
    ).fit(X, y)
    assert search.best_params_ == {"alpha": 1e-3}


def test_halving_search_over_epochs():
    X, y = data(CLASSIFIER)
    search = HalvingGridSearchCV(
        RegularizedMLPClassifier((6,), learning_rate_init=0.02, random_state=0),
        {"alpha": [1e3, 1e2, 1e-3]},
        resource="max_iter",
        max_resources=30,
        min_resources=10,
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"alpha": 1e-3, "max_iter": 30}


@each
def test_randomized_search_and_learning_curve(estimator):
    X, y = data(estimator)
    search = RandomizedSearchCV(estimator, {"alpha": [1e3, 1e-3]}, n_iter=2, cv=3, random_state=0)
    assert search.fit(X, y).best_params_ == {"alpha": 1e-3}
    _, train, test = learning_curve(estimator, X, y, cv=3, train_sizes=[0.5, 1.0])
    assert train.shape == test.shape == (2, 3)
    assert test[-1].mean() > 0.6


@each_regressor
def test_a_transformed_target(estimator):
    X, y = data(estimator)
    model = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    assert model.fit(X, 1000 * y + 5000).score(X, 1000 * y + 5000) > 0.7
    model = TransformedTargetRegressor(estimator, func=np.log, inverse_func=np.exp)
    assert model.fit(X, np.exp(y)).predict(X).min() > 0


@each
def test_sample_weights_are_routed_through_pipeline_and_search(estimator):
    X, y = data(estimator)
    # Two thirds of the rows carry a wrong target and no weight.
    good = np.arange(90) % 3 == 0
    y = np.where(good, y, -y if estimator not in CLASSIFIERS else 1 - y)
    with config_context(enable_metadata_routing=True):
        routed = clone(estimator)
        routed.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        name = type(estimator).__name__.lower()
        search = GridSearchCV(make_pipeline(scaler, routed), {f"{name}__alpha": [1e3, 1e-3]}, cv=3)
        search.fit(X, y, sample_weight=good.astype(float))
    assert search.best_score_ > 0.6
    assert search.best_estimator_.score(X[good], y[good]) > 0.7
    assert search.best_estimator_.score(X[~good], y[~good]) < 0.5


def test_metadata_routing_of_partial_fit():
    with config_context(enable_metadata_routing=True):
        network = RegularizedMLPClassifier(**NETWORK)
        network.set_partial_fit_request(sample_weight=True, classes=True)
        requests = network.get_metadata_routing().partial_fit.requests
    routed = {"sample_weight": True, "classes": True}
    assert requests == routed | {"X_val": None, "y_val": None}


def test_one_versus_rest():
    X, y = make_classification(120, 6, n_informative=4, n_classes=3, class_sep=2.0, random_state=0)
    model = OneVsRestClassifier(CLASSIFIER).fit(X, y)
    assert len(model.estimators_) == 3
    assert model.score(X, y) > 0.8


def test_the_lasso_selects_features():
    X, y = data(REGRESSORS[-1])
    selector = SelectFromModel(QuadraticApproxLasso(alpha=0.1), threshold=1e-10).fit(X, y)
    assert selector.transform(X).shape[1] == 3


@each
def test_permutation_importance(estimator):
    X, y = data(estimator)
    result = permutation_importance(estimator.fit(X, y), X, y, n_repeats=3, random_state=0)
    assert result.importances_mean.max() > 0.1
