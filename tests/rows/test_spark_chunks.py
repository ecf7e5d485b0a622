"""Rows in data frames of Spark, in its local mode."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.model_selection import HashKFold

pyspark = pytest.importorskip("pyspark", reason="needs the extra spark")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java", allow_module_level=True)

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(300, 3)) + [0.0, 5.0, -100.0], columns=list("abc"))
FRAME["kind"] = RNG.choice(["u", "v", "w"], 300)
FRAME["site"] = RNG.integers(0, 40, 300)
FRAME["y"] = FRAME.a - 2 * FRAME.b + (FRAME.kind == "u") + RNG.normal(size=300)
X = pd.get_dummies(FRAME[["a", "b", "c", "kind"]], dtype=float)


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()
        )
        yield session
        session.stop()


def test_a_fit_is_an_ordinary_estimator(spark):
    frame = spark.createDataFrame(FRAME.drop(columns="site")).repartition(3)
    found = QuadraticApproxRidge(alpha=0.1).fit(frame, "y")
    expected = QuadraticApproxRidge(alpha=0.1).fit(X, FRAME.y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-10)


def test_a_search_with_folds_by_a_column_is_that_in_memory(spark):
    model = make_pipeline(StandardScaler(), QuadraticApproxLasso())
    frame = spark.createDataFrame(FRAME).repartition(4)
    splitter = HashKFold(4, by="site")
    found = PathSearchCV(model, [1.0, 0.1], cv=splitter).fit(Chunks(frame, "y"))
    splits = list(splitter.split(X, groups=FRAME.site))
    expected = PathSearchCV(model, [1.0, 0.1], cv=splits).fit(X, FRAME.y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-12
    )


def test_classes(spark):
    frame = spark.createDataFrame(FRAME.drop(columns="y")).repartition(3)
    model = QuadraticApproxRidgeClassifier(tol=1e-10)
    found = model.fit(Chunks(frame, "kind", exclude=["site"])).coef_.copy()
    expected = model.fit(FRAME[["a", "b", "c"]], FRAME.kind).coef_
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
    with pytest.raises(ValueError, match="goes by numbers of rows"):
        PathSearchCV(model, [0.1, 0.01], cv=3).fit(frame, "kind")
