"""ONNX graphs, run by onnxruntime, beside `predict`."""

import itertools
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from export_cases import (
    ACTIVATIONS,
    LABELS,
    LINEAR_CLASSIFIERS,
    LINEAR_REGRESSORS,
    LOSSES,
    agree,
    agree_on_classes,
    fitted,
    fitted_models,
    network,
    rows,
    targets,
)
from hypothesis import given
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import skreg
from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)

onnx = pytest.importorskip("onnx", reason="ONNX graphs need the package onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="graphs are run by onnxruntime")

DTYPES = [np.float32, np.float64]


def run(graph, X, offset=None):
    """Outputs of a graph by their names."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = {"X": X} if offset is None else {"X": X, "offset": offset}
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, given), strict=True))


def check(model, X, dtype):
    """The graph in this dtype predicts what the model does."""
    X = X.astype(dtype)
    found = run(skreg.to_onnx(model, dtype=dtype), X)
    if not is_classifier(model):
        assert found["prediction"].dtype == dtype
        agree(found["prediction"], model.predict(X), dtype)
        return
    assert found["probabilities"].dtype == dtype
    agree_on_classes(found["label"], found["probabilities"], model, X, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", LINEAR_REGRESSORS)
def test_linear_regressors_of_every_loss(kind, loss, dtype):
    rng = np.random.default_rng(0)
    X = rows(rng, dtype=dtype)
    check(fitted(kind(0.01, loss=loss), X, targets(rng, X)), X, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS, ids=str)
@pytest.mark.parametrize("kind", [*LINEAR_CLASSIFIERS, RegularizedMLPClassifier])
def test_classes_of_every_kind(kind, labels, dtype):
    rng = np.random.default_rng(1)
    X = rows(rng, dtype=dtype)
    model = network(kind) if kind is RegularizedMLPClassifier else kind(0.01)
    check(fitted(model, X, targets(rng, X, list(labels))), X, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile", "poisson"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks_of_every_activation_and_loss(activation, loss, dtype):
    rng = np.random.default_rng(2)
    X = rows(rng, dtype=dtype)
    model = network(RegularizedMLPRegressor, activation, loss=loss)
    check(fitted(model, X, targets(rng, X, n_targets=2)), X, dtype)


@given(fitted_models())
def test_random_models(case):
    model, X = case
    dtype = X.dtype.type
    check(model, X, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_labels_a_row(dtype):
    rng = np.random.default_rng(3)
    X = rows(rng, dtype=dtype)
    Y = (X @ rng.normal(size=(5, 2)) > 0).astype(int)
    model = fitted(network(RegularizedMLPClassifier), X, Y)
    found = run(skreg.to_onnx(model), X)
    agree(found["probabilities"], model.predict_proba(X), dtype)
    assert np.array_equal(found["label"], model.predict(X))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_ensembles_predict_the_mean_of_their_members(activation, dtype):
    rng = np.random.default_rng(23)
    X = rows(rng, dtype=dtype)
    sizes = dict(n_members=5, hidden=(6, 4), activation=activation)
    for labels in (["a", "b"], ["a", "b", "c"]):
        model = network(RegularizedMLPClassifier, **sizes)
        check(fitted(model, X, targets(rng, X, labels)), X, dtype)
    for loss in ("squared_error", "poisson"):
        model = network(RegularizedMLPRegressor, loss=loss, **sizes)
        check(fitted(model, X, targets(rng, X, n_targets=2)), X, dtype)
    Y = (X[:, :2] > 0.5).astype(int)
    model = fitted(network(RegularizedMLPClassifier, **sizes), X, Y)
    found = run(skreg.to_onnx(model), X)
    agree(found["probabilities"], model.predict_proba(X), dtype)
    assert np.array_equal(found["label"], model.predict(X))


@pytest.mark.parametrize("dtype", DTYPES)
def test_networks_that_see_bins_of_their_features(dtype):
    rng = np.random.default_rng(24)
    X = rows(rng, n=200, dtype=dtype)
    how = dict(numerical_embedding="piecewise_linear", penalty="l1", alpha=0.02, max_iter=20)
    model = fitted(network(RegularizedMLPRegressor, n_members=3, **how), X, np.abs(X[:, 0]))
    check(model, X, dtype)
    assert list(model.bin_edges_) == [0, 1, 2, 3, 4]
    n_columns = 5 + sum(len(edges) - 1 for edges in model.bin_edges_.values())
    assert model.columns_.tolist() == list(range(n_columns))
    kept = model.compress().columns_
    assert np.array_equal(kept, np.flatnonzero(model.coefs_[0].any(axis=1)))
    assert len(kept) < n_columns


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_members", [1, 3])
def test_networks_that_see_waves_of_their_features(dtype, n_members):
    rng = np.random.default_rng(25)
    X = (rows(rng, n=200, dtype=dtype) + 50).astype(dtype)
    how = dict(numerical_embedding="periodic", penalty="l1", alpha=0.02, max_iter=20)
    model = fitted(network(RegularizedMLPRegressor, n_members=n_members, **how), X, X[:, 0])
    check(model, X, dtype)
    assert len(model.compress().waves_["feature"]) < len(model.waves_["feature"]) == 40


@pytest.mark.parametrize("n_classes", [0, 2, 4])
def test_an_offset_is_a_second_input(n_classes):
    rng = np.random.default_rng(4)
    X = rows(rng)
    if n_classes:
        labels = list(range(n_classes))
        model = QuadraticApproxRidgeClassifier(0.1).fit(X, targets(rng, X, labels))
    else:
        model = QuadraticApproxRidge(0.1, loss="poisson").fit(X, targets(rng, X))
    width = n_classes if n_classes > 2 else 1
    offset = rng.normal(size=(len(X), width))
    given = offset if width > 1 else offset[:, 0]
    found = run(skreg.to_onnx(model, offset=True), X, offset)
    if n_classes:
        agree(found["probabilities"], model.predict_proba(X, offset=given), np.float64)
        assert np.array_equal(found["label"], model.predict(X, offset=given))
    else:
        agree(found["prediction"], model.predict(X, offset=given), np.float64)


def test_networks_take_no_offset():
    X = rows(np.random.default_rng(5))
    model = fitted(network(RegularizedMLPRegressor), X, X[:, 0])
    with pytest.raises(ValueError, match="RegularizedMLPRegressor takes no offset"):
        skreg.to_onnx(model, offset=True)


def test_a_search_exports_its_best_estimator():
    rng = np.random.default_rng(6)
    X = rows(rng)
    search = PathSearchCV(make_pipeline(StandardScaler(), QuadraticApproxLasso()), cv=3)
    check(search.fit(X, targets(rng, X)), X, np.float64)
    search.set_params(refit=False)
    with pytest.raises(ValueError, match="refit=True"):
        skreg.to_onnx(search.fit(X, targets(rng, X)))


@pytest.mark.parametrize(
    "how",
    [
        dict(transformer=StandardScaler()),
        dict(func=np.log1p, inverse_func=np.expm1),
        dict(func=np.log, inverse_func=np.exp),
        {},
    ],
)
def test_transformed_targets(how):
    rng = np.random.default_rng(7)
    X = rows(rng)
    for last in (QuadraticApproxRidge(0.1), network(RegularizedMLPRegressor)):
        model = TransformedTargetRegressor(make_pipeline(PCA(3), last), **how)
        check(fitted(model, X, targets(rng, X, n_targets=2)), X, np.float64)


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_missing_values_are_filled_by_an_imputer():
    from sklearn.impute import SimpleImputer

    rng = np.random.default_rng(8)
    X = rows(rng)
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 1] = np.nan
    for keep, add in itertools.product((False, True), repeat=2):
        imputer = SimpleImputer(keep_empty_features=keep, add_indicator=add)
        model = fitted(make_pipeline(imputer, QuadraticApproxRidge(0.1)), X, np.nan_to_num(X[:, 0]))
        check(model, X, np.float64)


def test_metadata():
    import pandas as pd

    rng = np.random.default_rng(9)
    X = pd.DataFrame(rows(rng), columns=["a", "b", "ç", "d", 'e"'])
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge()).fit(X, targets(rng, X.values))
    graph = skreg.to_onnx(model)
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert json.loads(metadata["feature_names"]) == list(X.columns)
    assert metadata["model"] == "StandardScaler and QuadraticApproxRidge"
    assert graph.producer_name == "skreg"
    assert graph.producer_version == metadata["skreg_version"]
    assert [opset.version for opset in graph.opset_import] == [17]


def test_inputs_and_units_that_do_nothing_are_left_out():
    rng = np.random.default_rng(10)
    X = rng.normal(size=(200, 100)).astype(np.float32)
    kind = RegularizedMLPRegressor
    dense = fitted(network(kind, hidden=(50,), max_iter=40), X, X[:, 0] ** 2 + X[:, 1])
    sparse = network(kind, hidden=(50,), penalty="group", groups="inputs", alpha=0.2, max_iter=40)
    fitted(sparse, X, X[:, 0] ** 2 + X[:, 1])
    assert len(sparse.selected_features_) < 20
    sizes = [len(skreg.to_onnx(model).SerializeToString()) for model in (dense, sparse)]
    assert sizes[1] < sizes[0] / 4
    check(sparse, X, np.float32)
    nothing = network(kind, penalty="group", groups="inputs", alpha=100.0, max_iter=40)
    check(fitted(nothing, X, X[:, 0]), X, np.float32)


def test_the_activation_and_the_link_are_those_fitted():
    rng = np.random.default_rng(11)
    X = rows(rng)
    y = targets(rng, X)
    check(fitted(network(RegularizedMLPRegressor), X, y).set_params(activation="tanh"), X, float)
    model = QuadraticApproxRidge(0.1, loss="poisson").fit(X, y)
    check(model.set_params(loss="squared_error"), X, np.float64)


@pytest.mark.parametrize("target_opset", [13, 18, 21])
def test_opsets(target_opset):
    rng = np.random.default_rng(12)
    X = rows(rng)
    model = network(RegularizedMLPClassifier, "gelu")
    model = fitted(make_pipeline(StandardScaler(), model), X, targets(rng, X, ["a", "b", "c"]))
    graph = skreg.to_onnx(model, target_opset=target_opset)
    found = run(graph, X)
    agree(found["probabilities"], model.predict_proba(X), np.float64)


def test_the_dtype_is_that_of_the_rows_or_of_the_model():
    X = rows(np.random.default_rng(13), dtype=np.float32)
    model = QuadraticApproxRidge().fit(X, X[:, 0])
    assert run(skreg.to_onnx(model), X)["prediction"].dtype == np.float32
    wide = skreg.to_onnx(model, X.astype(np.float64))
    assert run(wide, X.astype(np.float64))["prediction"].dtype == np.float64


def far(scale):
    X = scale * rows(np.random.default_rng(14))
    return make_pipeline(StandardScaler(), QuadraticApproxRidge()).fit(X, X[:, 0] / scale)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (QuadraticApproxRidge, {}, "Give a fitted instance"),
        (QuadraticApproxRidge(), {"dtype": "float16"}, "dtype must be 'float32' or 'float64'"),
        (QuadraticApproxRidge(), {"target_opset": 9}, "target_opset must be from 13"),
        (Ridge(), {}, "does not know the model Ridge"),
        (make_pipeline(PolynomialFeatures(), QuadraticApproxRidge()), {}, "PolynomialFeatures"),
        (make_pipeline(StandardScaler()), {}, "without a predictor"),
        (make_pipeline(PCA(2, whiten=True), QuadraticApproxRidge()), {}, "whiten=False"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_named(model, options, message):
    X = rows(np.random.default_rng(15))
    if not isinstance(model, type):
        model.fit(X, X[:, 0])
    with pytest.raises((TypeError, ValueError), match=message):
        skreg.to_onnx(model, **options)


def test_labels_beyond_int64_are_refused():
    X = rows(np.random.default_rng(19))
    y = np.where(X[:, 0] > 0, np.uint64(2**63), np.uint64(1))
    with pytest.raises(ValueError, match="beyond int64"):
        skreg.to_onnx(QuadraticApproxRidgeClassifier().fit(X, y))


def test_a_path_says_how_to_take_one_model():
    X = rows(np.random.default_rng(16))
    path = QuadraticApproxRidge().regularization_path(X, X[:, 0], [1.0, 0.1])
    with pytest.raises(TypeError, match=r"path\.estimator\(alpha\)"):
        skreg.to_onnx(path)
    check(path.estimator(0.1), X, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        networks = network(RegularizedMLPRegressor).regularization_path(X, X[:, 0], [1.0, 0.1])
    with pytest.raises(TypeError, match=r"path\.estimator\(alpha\)"):
        skreg.to_onnx(networks)


def test_models_that_are_not_fitted():
    for model in (QuadraticApproxRidge(), make_pipeline(StandardScaler(), QuadraticApproxRidge())):
        with pytest.raises(NotFittedError):
            skreg.to_onnx(model)


def test_numbers_beyond_float32_are_refused():
    X = rows(np.random.default_rng(17))
    model = QuadraticApproxRidge(0.0).fit(X * 1e-45, X[:, 0])
    with pytest.raises(ValueError, match="float64"):
        skreg.to_onnx(model, dtype="float32")
    check(model, X * 1e-45, np.float64)


def test_importing_skreg_imports_no_onnx():
    code = "import sys, skreg; skreg.QuadraticApproxRidge(); print('onnx' in sys.modules, "
    code += "'skreg.export' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_onnx_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    X = rows(np.random.default_rng(18))
    with pytest.raises(ImportError, match="pip install onnx"):
        skreg.to_onnx(QuadraticApproxRidge().fit(X, X[:, 0]))
