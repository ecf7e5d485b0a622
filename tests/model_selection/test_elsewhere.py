"""Searches on the workers of a cluster: those at home, to the bit."""

import os

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import PathSearchCV, QuadraticApproxRidgeClassifier, RegularizedMLPClassifier

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

X, Y = make_classification(200, 5, random_state=0)
NETWORK = make_pipeline(
    StandardScaler(), RegularizedMLPClassifier((5,), max_iter=3, random_state=0)
)
ALPHAS = [0.1, 0.001]


@pytest.fixture(scope="module")
def client():
    """Two worker processes on loopback."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def where(estimator, X, y):
    """A score that tells in which process it was worked out."""
    return os.getpid()


def search(model, **options):
    return PathSearchCV(model, ALPHAS, cv=3, **options)


def grid(model, **options):
    name = f"{model.steps[-1][0]}__alpha"
    return GridSearchCV(model, {name: ALPHAS}, cv=3, **options)


LINEAR = make_pipeline(StandardScaler(), QuadraticApproxRidgeClassifier())


@pytest.mark.filterwarnings("ignore:the best λ, alpha=:UserWarning")
@pytest.mark.parametrize("model", [NETWORK, LINEAR], ids=["network", "linear"])
@pytest.mark.parametrize("make", [search, grid])
def test_scores_are_those_at_home(make, model, client):
    with joblib.parallel_config(backend="dask"):
        found = make(model).fit(X, Y)
    expected = make(model).fit(X, Y)
    exact = {} if model is NETWORK else dict(rtol=1e-3, atol=1e-3)
    compare = np.testing.assert_allclose if exact else np.testing.assert_array_equal
    for key in ("split0_test_score", "mean_test_score"):
        compare(found.cv_results_[key], expected.cv_results_[key], **exact)
    assert found.best_params_ == expected.best_params_


@pytest.mark.filterwarnings("ignore:the best λ, alpha=:UserWarning")
@pytest.mark.parametrize("make", [search, grid])
def test_networks_are_trained_by_the_workers(make, client):
    with joblib.parallel_config(backend="dask"):
        found = make(NETWORK, scoring=where, refit=False).fit(X, Y)
    scores = {int(found.cv_results_[f"split{k}_test_score"][i]) for k in range(3) for i in (0, 1)}
    assert scores <= set(client.run(os.getpid).values())


@pytest.mark.filterwarnings("ignore:the best λ, alpha=:UserWarning")
def test_at_home_networks_are_trained_in_threads():
    with joblib.parallel_config(backend="threading"):
        found = search(NETWORK, scoring=where, refit=False).fit(X, Y)
    assert found.cv_results_["mean_test_score"].tolist() == [os.getpid()] * 2
