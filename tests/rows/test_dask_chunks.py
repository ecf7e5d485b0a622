"""Rows in collections of Dask, on workers in processes of their own: as in memory, however cut."""

import os
import signal
import time
from itertools import pairwise
from threading import Timer

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.model_selection import HashKFold

dask = pytest.importorskip("dask", reason="needs the extra dask")
distributed = pytest.importorskip("distributed", reason="needs the extra dask")
da = pytest.importorskip("dask.array", reason="needs the extra dask")
dd = pytest.importorskip("dask.dataframe", reason="needs the extra dask")

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(300, 4)) + [0.0, 5.0, -100.0, 1e4], columns=list("abcd"))
FRAME["kind"] = RNG.choice(["u", "v", "w"], 300)
FRAME["y"] = FRAME.a - 2 * FRAME.b + (FRAME.kind == "u") + RNG.normal(size=300)
FRAME["weight"] = RNG.random(300)
X = pd.get_dummies(FRAME[["a", "b", "c", "d", "kind"]], dtype=float)
ALPHAS = [1.0, 0.1, 0.01]
MODEL = make_pipeline(StandardScaler(), QuadraticApproxLasso())


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


def collection(sizes):
    """The frame in partitions of these sizes, of which some may be empty."""
    ends = np.cumsum([0, *sizes])
    parts = [dask.delayed(FRAME.iloc[a:b]) for a, b in pairwise(ends)]
    return dd.from_delayed(parts, meta=FRAME.iloc[:0])


@pytest.mark.parametrize("sizes", [[300], [100, 0, 150, 50], [30] * 10], ids=len)
def test_a_search_on_workers_is_that_in_memory(sizes, client):
    found = PathSearchCV(MODEL, ALPHAS, cv=4).fit(
        Chunks(collection(sizes), "y", exclude=["weight"])
    )
    expected = PathSearchCV(MODEL, ALPHAS, cv=HashKFold(4)).fit(X, FRAME.y)
    for key in ("split0_test_score", "mean_test_score", "std_test_score"):
        np.testing.assert_allclose(
            found.cv_results_[key], expected.cv_results_[key], rtol=1e-12, atol=1e-12
        )
    one, other = (s.best_estimator_[-1].coef_ for s in (found, expected))
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_arrays(client):
    rows, y = X.to_numpy(), FRAME.y.to_numpy()
    expected = QuadraticApproxRidge(alpha=0.1).fit(rows, y, FRAME.weight)
    cut = (50, 100, 150)
    found = QuadraticApproxRidge(alpha=0.1).fit(
        da.from_array(rows, chunks=(cut, -1)),
        da.from_array(y, chunks=(cut,)),
        da.from_array(FRAME.weight.to_numpy(), chunks=(cut,)),
    )
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)


def test_delayed_chunks_and_missing_values(client):
    holes = np.where(RNG.random((300, 4)) < 0.1, np.nan, FRAME[list("abcd")])
    parts = [dask.delayed((holes[i : i + 60], FRAME.y[i : i + 60])) for i in range(0, 300, 60)]
    model = make_pipeline(SimpleImputer(), QuadraticApproxRidge())
    found = PathSearchCV(model, ALPHAS, cv=3).fit(parts)
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3)).fit(holes, FRAME.y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-10
    )


@pytest.mark.filterwarnings(
    "ignore:The objective was still falling", "ignore:X has a column on a scale"
)
def test_weights_targets_sparse_blocks_and_scores(client):
    rows, weights = X.to_numpy(), FRAME.weight.to_numpy()
    targets = np.column_stack([FRAME.y, FRAME.a])
    cuts = [slice(0, 100), slice(100, 100), slice(100, 300)]  # of which one is empty
    parts = [dask.delayed((csr_array(rows[i]), targets[i], weights[i])) for i in cuts]
    found = QuadraticApproxRidge(alpha=0.1).fit(parts)
    expected = QuadraticApproxRidge(alpha=0.1).fit(rows, targets, weights)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8)
    frame = Chunks(collection([100, 0, 200]), ["y", "a"], sample_weight="weight")
    search = PathSearchCV(QuadraticApproxRidge(), ALPHAS, cv=3).fit(frame)
    predicted = search.predict(X.drop(columns="a"))
    assert search.score(frame) == pytest.approx(
        r2_score(targets, predicted, sample_weight=weights), rel=1e-10
    )


def test_networks_read_one_partition_after_the_other(client):
    def network(source):
        chunks = Chunks(source, "y", exclude=["weight"], shuffle_buffer=90)
        network = RegularizedMLPRegressor((5,), max_iter=2, alpha=0.01, random_state=0)
        return network.fit(chunks).coefs_[0]

    np.testing.assert_array_equal(network(collection([100, 0, 50, 150])), network(FRAME))
    rows, y = X.to_numpy(), FRAME.y.to_numpy()
    arrays = da.from_array(rows, chunks=((50, 250), -1)), da.from_array(y, chunks=((50, 250),))
    one, other = (RegularizedMLPRegressor((5,), max_iter=2, random_state=0) for _ in "ab")
    expected = other.fit(rows, y).predict(rows)
    np.testing.assert_array_equal(one.fit(*arrays).predict(rows), expected)
    lazy = one.predict(arrays[0])
    assert lazy.chunks == ((50, 250),)
    np.testing.assert_array_equal(lazy.compute(), expected)


def test_results_do_not_depend_on_who_worked(client):
    one, other = (
        QuadraticApproxRidge(alpha=0.1).fit(Chunks(collection([25] * 12), "y")) for _ in "ab"
    )
    np.testing.assert_array_equal(one.coef_, other.coef_)


def slow(part, seconds=0.2):
    time.sleep(seconds)
    return part


def test_a_worker_that_is_killed_costs_time_and_not_the_result(client):
    victim = next(iter(client.run(os.getpid).values()))
    parts = [dask.delayed(slow)(FRAME.iloc[i : i + 30]) for i in range(0, 300, 30)]
    source = Chunks(parts, "y", features=["a", "b"])
    Timer(0.5, os.kill, (victim, signal.SIGKILL)).start()
    found = QuadraticApproxRidge(alpha=0.1).fit(source)
    expected = QuadraticApproxRidge(alpha=0.1).fit(FRAME[["a", "b"]], FRAME.y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda: (da.zeros((4, 4), chunks=(2, 2)), da.zeros(4, chunks=2)), "blocks of columns"),
        (lambda: (da.zeros((4, 2), chunks=(2, 2)), da.zeros(4, chunks=3)), "other blocks of rows"),
        (lambda: (da.zeros((4, 2)),), "y must be an array of Dask"),
        (lambda: (collection([100, 200]).drop(columns="y"), "y"), "no column 'y'"),
        (lambda: (Chunks(collection([300]), "y", checkpoint="sums"),), "not for clusters"),
        (lambda: (collection([0]), "y"), "hold no rows"),
    ],
)
def test_what_is_wrong_is_named(arguments, words, client):
    with pytest.raises(ValueError, match=words):
        QuadraticApproxRidge().fit(*arguments())


def test_a_column_missing_in_one_partition_is_named(client):
    parts = [dask.delayed(FRAME[:100]), dask.delayed(FRAME[100:].drop(columns="b"))]
    with pytest.raises(ValueError, match="a chunk has no column 'b'"):
        QuadraticApproxRidge().fit(Chunks(parts, "y", exclude=["kind"]))


# Other losses ------------------------------------------------------------------------------------

COUNTS = RNG.poisson(np.exp(0.3 * FRAME.a - 0.2)).astype(float)
SOURCE = FRAME.assign(count=COUNTS).drop(columns=["y", "d"])
ROWS = X.drop(columns="d")


def counted(sizes, **options):
    ends = np.cumsum([0, *sizes])
    parts = [dask.delayed(SOURCE.iloc[a:b]) for a, b in pairwise(ends)]
    return Chunks(dd.from_delayed(parts, meta=SOURCE.iloc[:0]), **options)


@pytest.mark.parametrize("sizes", [[300], [100, 0, 150, 50]], ids=len)
def test_a_search_of_counts_on_workers_is_that_in_memory(sizes, client):
    model = make_pipeline(StandardScaler(), QuadraticApproxLasso(loss="poisson", tol=1e-10))
    options = {"scoring": "neg_mean_poisson_deviance", "tol": 0.0}
    found = PathSearchCV(model, ALPHAS, cv=3, **options).fit(
        counted(sizes, y="count", exclude=["weight"])
    )
    expected = PathSearchCV(model, ALPHAS, cv=HashKFold(3), **options).fit(ROWS, COUNTS)
    for key in ("split0_test_score", "mean_test_score"):
        np.testing.assert_allclose(found.cv_results_[key], expected.cv_results_[key], rtol=1e-10)
    one, other = (s.best_estimator_[-1].coef_ for s in (found, expected))
    np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)


def test_classes_on_workers_and_lazy_predictions(client):
    source = counted([120, 180], y="kind", sample_weight="weight", exclude=["count"])
    rows = FRAME[["a", "b", "c"]]
    found = QuadraticApproxRidgeClassifier(alpha=0.01, tol=1e-10).fit(source)
    expected = QuadraticApproxRidgeClassifier(alpha=0.01, tol=1e-10)
    expected.fit(rows, FRAME.kind, FRAME.weight)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8, atol=1e-10)
    frame = dd.from_pandas(rows, npartitions=3)
    for name in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
        lazy = getattr(found, name)(frame)
        assert hasattr(lazy, "__dask_graph__")
        np.testing.assert_array_equal(lazy.compute(), getattr(found, name)(rows))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_lazy_predictions_of_arrays(client):
    rows, y = X.to_numpy(), FRAME.y.to_numpy()
    lazy_rows = da.from_array(rows, chunks=(100, -1))
    for target in (y, np.column_stack([y, -y])):
        model = QuadraticApproxRidge().fit(rows, target)
        lazy = model.predict(lazy_rows)
        assert lazy.shape == target.shape
        np.testing.assert_allclose(lazy.compute(), model.predict(rows), rtol=1e-10)
    with pytest.raises(ValueError, match="return_std does not go with"):
        model.predict(lazy_rows, return_std=True)
    with pytest.raises(ValueError, match="blocks of columns"):
        model.predict(lazy_rows.rechunk({1: 2}))


def test_a_worker_that_is_killed_between_two_steps_costs_time_only(client):
    victim = next(iter(client.run(os.getpid).values()))
    parts = [dask.delayed(slow)(SOURCE[i : i + 100], 0.05) for i in range(0, 300, 100)]
    source = Chunks(parts, "count", features=["a", "b"])
    Timer(0.6, os.kill, (victim, signal.SIGKILL)).start()
    found = QuadraticApproxRidge(loss="poisson", alpha=0.1).fit(source)
    expected = QuadraticApproxRidge(loss="poisson", alpha=0.1).fit(FRAME[["a", "b"]], COUNTS)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8)
