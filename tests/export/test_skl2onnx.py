"""Pipelines with scikit-learn's steps, converted by skl2onnx with converters of our own."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from export_cases import LABELS, agree, agree_on_classes, fitted, network, rows, targets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder, PolynomialFeatures, StandardScaler

import skreg
from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.export import register_with_skl2onnx
from skreg.preprocessing import PiecewiseLinearEncoder, RobustClipScaler

pytest.importorskip("onnx", reason="ONNX graphs need the package onnx")
skl2onnx = pytest.importorskip("skl2onnx", reason="scikit-learn's steps are converted by skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="graphs are run by onnxruntime")

DTYPES = [np.float32, np.float64]


def run(graph, given):
    """Outputs of a graph by their names."""
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, given), strict=True))


def table(rng, dtype):
    """A column of text and two of numbers; the inputs that skl2onnx makes of them."""
    X = pd.DataFrame(
        {
            "size of it": rng.normal(size=80).astype(dtype),
            "age": rng.normal(size=80).astype(dtype),
            "color": rng.choice(["red", "green", "blue"], 80),
        }
    )
    names = "size_of_it", "age", "color"  # skl2onnx makes identifiers of the columns' names
    kinds = dtype, dtype, object
    return X, {
        name: X[[column]].to_numpy(kind)
        for name, column, kind in zip(names, X.columns, kinds, strict=True)
    }


def encoder():
    return make_column_transformer(
        (OneHotEncoder(), ["color"]), (StandardScaler(), ["size of it", "age"])
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "last",
    [
        QuadraticApproxRidge(0.1, loss="poisson"),
        PathSearchCV(QuadraticApproxLasso(), cv=3),
        network(RegularizedMLPRegressor, "gelu"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_column_transformer_ahead_of_a_regressor(last, dtype):
    rng = np.random.default_rng(0)
    X, given = table(rng, dtype)
    y = np.exp(X["age"] * (X["color"] == "red")).to_numpy()
    model = fitted(make_pipeline(encoder(), last), X, y)
    graph = skreg.to_onnx(model, X)
    found = run(graph, given)
    assert found["prediction"].dtype == dtype
    agree(found["prediction"], model.predict(X), dtype)
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert json.loads(metadata["feature_names"]) == list(X.columns)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_a_column_transformer_ahead_of_a_classifier(labels, dtype):
    rng = np.random.default_rng(1)
    X, given = table(rng, dtype)
    y = targets(rng, X[["size of it", "age"]].to_numpy(), list(labels))
    for last in (QuadraticApproxLassoClassifier(0.01), network(RegularizedMLPClassifier)):
        model = fitted(make_pipeline(encoder(), last), X, y)
        found = run(skreg.to_onnx(model, X), given)
        label = found["label"].astype(model.classes_.dtype)  # skl2onnx knows text and int64
        agree_on_classes(label, found["probabilities"], model, X, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_our_transformers_within_pipelines_of_skl2onnx(dtype):
    rng = np.random.default_rng(2)
    X = rows(rng, dtype=dtype)
    model = make_pipeline(
        RobustClipScaler(), Normalizer(), PiecewiseLinearEncoder(n_bins=3),
        QuadraticApproxRidge(),
    ).fit(X, X[:, 0])  # fmt: skip
    agree(run(skreg.to_onnx(model, X), {"X": X})["prediction"], model.predict(X), dtype)


def test_several_labels_a_row():
    rng = np.random.default_rng(3)
    X = rows(rng)
    Y = (X @ rng.normal(size=(5, 3)) > 0).astype(int)
    model = make_pipeline(Normalizer(), network(RegularizedMLPClassifier))
    found = run(skreg.to_onnx(fitted(model, X, Y), X), {"X": X})
    agree(found["probabilities"], model.predict_proba(X), np.float64)
    assert np.array_equal(found["label"], model.predict(X))


def test_skl2onnx_itself_converts_what_holds_our_estimators():
    register_with_skl2onnx()
    rng = np.random.default_rng(4)
    X = rows(rng)
    parts = [("ridge", QuadraticApproxRidge()), ("lasso", QuadraticApproxLasso())]
    model = StackingRegressor(parts).fit(X, X[:, 0] + X[:, 1])
    graph = skl2onnx.to_onnx(model, X, target_opset=17)
    agree(run(graph, {"X": X})["variable"], model.predict(X), np.float64)


def test_maps_of_probabilities_as_skl2onnx_makes_them():
    register_with_skl2onnx()
    rng = np.random.default_rng(5)
    X = rows(rng, dtype=np.float32)
    model = QuadraticApproxLassoClassifier(0.01).fit(X, targets(rng, X, ["a", "b", "c"]))
    found = run(skl2onnx.to_onnx(model, X, target_opset=17), {"X": X})
    by_class = found["output_probability"]
    assert list(by_class[0]) == ["a", "b", "c"]
    agree([list(row.values()) for row in by_class], model.predict_proba(X), np.float32)


def test_a_search_over_a_pipeline_within_skl2onnx():
    register_with_skl2onnx()
    rng = np.random.default_rng(6)
    X = rows(rng)
    y = targets(rng, X, ["a", "b"])
    search = PathSearchCV(make_pipeline(Normalizer(), QuadraticApproxLassoClassifier()), cv=3).fit(
        X, y
    )
    options = {id(search): {"zipmap": False}}
    for graph in (
        skl2onnx.to_onnx(search, X, target_opset=17, options=options),
        skreg.to_onnx(search, X, dtype="float64"),
    ):
        found = run(graph, {"X": X})
        agree_on_classes(found["label"], found["probabilities"], search, X, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "how", [dict(transformer=StandardScaler()), dict(func=np.log1p, inverse_func=np.expm1)], ids=str
)
def test_transformed_targets(how, dtype):
    rng = np.random.default_rng(9)
    X, given = table(rng, dtype)
    y = np.exp(X["age"] * (X["color"] == "red")).to_numpy(np.float64)
    for last in (QuadraticApproxRidge(), Ridge()):
        model = TransformedTargetRegressor(make_pipeline(encoder(), last), **how).fit(X, y)
        found = run(skreg.to_onnx(model, X), given)["prediction"]
        assert found.dtype == dtype
        agree(found, model.predict(X), dtype)


def test_numbers_are_converted_to_the_dtype_asked_for():
    rng = np.random.default_rng(7)
    X, given = table(rng, np.float64)
    model = make_pipeline(encoder(), QuadraticApproxRidge()).fit(X, X["age"])
    short = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in given.items()}
    found = run(skreg.to_onnx(model, X, dtype="float32"), short)["prediction"]
    assert found.dtype == np.float32
    agree(found, model.predict(X), np.float32)


def test_what_is_missing_is_named(monkeypatch):
    rng = np.random.default_rng(8)
    X, _ = table(rng, np.float64)
    model = make_pipeline(encoder(), QuadraticApproxRidge()).fit(X, X["age"])
    with pytest.raises(TypeError, match=r"ColumnTransformer.*to_onnx\(model, X\)"):
        skreg.to_onnx(model)
    with pytest.raises(TypeError, match="ColumnTransformer"):
        skreg.to_onnx(model, X, offset=True)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"ColumnTransformer.*pip install skl2onnx"):
        skreg.to_onnx(model, X)


def test_a_graph_that_predicts_something_else_is_refused():
    rng = np.random.default_rng(10)
    X = rows(rng)
    y = targets(rng, X, ["a", "b"])
    model = CalibratedClassifierCV(
        make_pipeline(StandardScaler(), QuadraticApproxLassoClassifier(0.01)), cv=3
    )  # of which skl2onnx takes the probabilities for the decisions that were calibrated
    with pytest.raises(ValueError, match=r"CalibratedClassifierCV is not it: .* off by 0\.\d"):
        skreg.to_onnx(model.fit(X, y), X)


def test_a_graph_that_cannot_be_run_is_refused():
    X = rows(np.random.default_rng(11))
    model = make_pipeline(PolynomialFeatures(), QuadraticApproxRidge()).fit(X, X[:, 0])
    with pytest.raises(ValueError, match=r"Pipeline is not it: .*Concat.*dtype='float32'"):
        skreg.to_onnx(model, X)
    found = run(skreg.to_onnx(model, X, dtype="float32"), {"X": X.astype(np.float32)})
    agree(found["prediction"], model.predict(X), np.float32)
