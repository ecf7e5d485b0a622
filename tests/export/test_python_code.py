"""Source that needs NumPy only, beside `predict`."""

import ast

import numpy as np
import pandas as pd
import pytest
from export_cases import (
    LABELS,
    agree,
    agree_on_classes,
    fitted,
    fitted_models,
    network,
    rows,
    targets,
)
from hypothesis import given
from scipy.sparse import csr_array
from scipy.special import ndtr
from sklearn.base import is_classifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg
from skreg import QuadraticApproxRidge, QuadraticApproxRidgeClassifier, RegularizedMLPClassifier
from skreg.export.formulas import normal_ratio


def module_of(model):
    """The functions of a model's source."""
    source = skreg.export_python(model)
    imported = [
        n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    assert [ast.unparse(node) for node in imported] == ["import numpy as np"]
    assert source.isascii()
    module = {}
    exec(compile(source, "exported", "exec"), module)
    return module


@given(fitted_models())
def test_random_models(case):
    model, X = case
    module, dtype = module_of(model), X.dtype.type
    if not is_classifier(model):
        agree(module["predict"](X), model.predict(X), dtype)
        assert module["predict"](X).shape == model.predict(X).shape
        return
    agree_on_classes(module["predict"](X), module["predict_proba"](X), model, X, dtype)


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_labels_are_those_of_the_model(labels):
    rng = np.random.default_rng(0)
    X = rows(rng)
    model = QuadraticApproxRidgeClassifier(0.01).fit(X, targets(rng, X, list(labels)))
    found = module_of(model)["predict"](X)
    assert np.array_equal(found, model.predict(X))
    assert found.dtype == model.predict(X).dtype


def test_several_labels_a_row():
    rng = np.random.default_rng(1)
    X = rows(rng)
    model = fitted(network(RegularizedMLPClassifier), X, (X[:, :2] > 0.5).astype(int))
    module = module_of(model)
    agree(module["predict_proba"](X), model.predict_proba(X), np.float64)
    assert np.array_equal(module["predict"](X), model.predict(X))


@pytest.mark.parametrize("n_classes", [0, 2, 4])
def test_offsets(n_classes):
    rng = np.random.default_rng(2)
    X = rows(rng)
    if n_classes:
        model = QuadraticApproxRidgeClassifier(0.1).fit(X, targets(rng, X, list(range(n_classes))))
    else:
        model = QuadraticApproxRidge(0.1, loss="poisson").fit(X, targets(rng, X))
    offset = rng.normal(size=(len(X), n_classes) if n_classes > 2 else len(X))
    module = module_of(model)
    expected = model.predict(X, offset=offset)
    if n_classes:
        assert np.array_equal(module["predict"](X, offset), expected)
        agree(module["predict_proba"](X, offset), model.predict_proba(X, offset=offset), np.float64)
    else:
        agree(module["predict"](X, offset), expected, np.float64)


def test_numbers_are_read_back_to_the_bit():
    X = rows(np.random.default_rng(3), dtype=np.float32)
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge()).fit(X, X[:, 0])
    module = module_of(model)
    assert np.array_equal(module["SHIFT_0"], model[0].mean_)
    assert np.array_equal(module["WEIGHTS_1"][:, 0], model[1].coef_)


def test_names_are_data_and_never_code():
    name = "'''\"\"\"); import os; os.abort() #\n\\"
    X = pd.DataFrame(rows(np.random.default_rng(4), p=2), columns=[name, "b"])
    model = QuadraticApproxRidgeClassifier().fit(X, np.where(X["b"] > 2, name, "no"))
    module = module_of(model)
    assert module["FEATURE_NAMES"] == [name, "b"]
    assert np.array_equal(module["predict"](X), model.predict(X))


def test_bad_rows_are_refused_as_the_model_refuses_them():
    X = pd.DataFrame(rows(np.random.default_rng(5), p=2), columns=["a", "b"])
    predict = module_of(QuadraticApproxRidge().fit(X, X["a"]))["predict"]
    with pytest.raises(ValueError, match="columns"):
        predict(X[["b", "a"]])
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        predict(X.to_numpy()[:, :1])
    with pytest.raises(ValueError, match="finite"):
        predict(np.array([[np.nan, 1.0]]))
    filled = make_pipeline(SimpleImputer(), QuadraticApproxRidge()).fit(X, X["a"])
    missing = np.array([[np.nan, 1.0]])
    with np.errstate(all="raise"):
        found = module_of(filled)["predict"](missing)
    agree(found, filled.predict(pd.DataFrame(missing, columns=["a", "b"])), np.float64)


def test_missing_values_have_indicators():
    rng = np.random.default_rng(8)
    X = rows(rng)
    y = X[:, 0] + X[:, 3]
    X[rng.random(X.shape) < 0.2] = np.nan
    model = make_pipeline(SimpleImputer(add_indicator=True), QuadraticApproxRidge()).fit(X, y)
    predict = module_of(model)["predict"]
    agree(predict(X), model.predict(X), np.float64)
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="finite"):
        predict(X)


def test_sparse_rows():
    X = rows(np.random.default_rng(9))
    predict = module_of(QuadraticApproxRidge().fit(X, X[:, 0]))["predict"]
    assert np.array_equal(predict(csr_array(X)), predict(X))


def test_far_features_overflow_without_a_word():
    X = rows(np.random.default_rng(6), p=1)
    model = QuadraticApproxRidge(1e-6, loss="poisson").fit(X, np.exp(X[:, 0]))
    far = np.array([[1e4], [-1e4]])
    assert module_of(model)["predict"](far).tolist() == model.predict(far).tolist() == [np.inf, 0.0]


def test_the_normal_law_is_exact():
    s = np.linspace(0, 38, 100_000)
    t = (s - 4) / (s + 4)
    tail = np.exp(-0.5 * s * s) * np.polyval(normal_ratio(), t) / (s + 4)
    assert np.abs(tail - ndtr(-s)).max() < 1e-15
    relative = np.abs(tail[s < 30] / ndtr(-s[s < 30]) - 1)
    assert relative.max() < 1e-12  # of exp(−s²/2), mostly


def test_what_is_not_known_is_named():
    X = rows(np.random.default_rng(7))
    with pytest.raises(TypeError, match="does not know the model Ridge"):
        skreg.export_python(Ridge().fit(X, X[:, 0]))
