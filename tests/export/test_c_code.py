"""C99, compiled without a warning, beside `predict`."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

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
from hypothesis import strategies as st
from sklearn.base import is_classifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skreg
from skreg import (
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.preprocessing import RobustClipScaler

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")


class Compiled:
    """The functions of a source, called for each row."""

    def __init__(self, source, dtype=np.float64, name="model"):
        assert source.isascii()
        self.dtype, self.name = np.dtype(dtype), name
        self.real = ctypes.c_double if dtype == np.float64 else ctypes.c_float
        with tempfile.TemporaryDirectory() as folder:
            file, library = Path(folder, "model.c"), Path(folder, "model.so")
            file.write_text(source)
            command = ["cc", *STRICT, "-fPIC", "-shared", file, "-o", library, "-lm"]
            subprocess.run(command, check=True)
            self.library = ctypes.CDLL(str(library))

    def call(self, function, row, out=None, offset=None, result=None):
        """What a function returns, or the array that it fills."""
        called = getattr(self.library, f"{self.name}_{function}")
        called.restype = result
        arrays = [row if offset is None else np.atleast_1d(offset), out]
        arrays = [row, *arrays[offset is None :]]
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in arrays if a is not None]
        returned = called(*pointers)
        return returned if out is None else out

    def each(self, function, X, width=0, offset=None, result=None, kind=None):
        """The same for every row."""
        found = []
        for i, row in enumerate(np.ascontiguousarray(X, self.dtype)):
            out = np.empty(width, kind or self.dtype) if width else None
            given = None if offset is None else np.asarray(offset[i], self.dtype)
            found.append(self.call(function, row, out, given, result))
        return np.array(found)

    def strings(self, name, n):
        """A table of strings."""
        table = (ctypes.c_char_p * n).in_dll(self.library, f"{self.name}_{name}")
        return [entry.decode("utf-8") for entry in table]


def check(model, X, dtype):
    """The code predicts what the model does."""
    compiled = Compiled(skreg.export_c(model, dtype=dtype), dtype)
    if is_classifier(model):
        index = compiled.each("predict", X, result=ctypes.c_int)
        share = compiled.each("predict_proba", X, len(model.classes_))
        agree_on_classes(model.classes_[index], share, model, X, dtype)
        return
    width = np.atleast_2d(model.predict(X).T).shape[0]
    if width == 1:
        found = compiled.each("predict", X, result=compiled.real)
    else:
        found = compiled.each("predict", X, width)
    agree(found, model.predict(X), dtype)


@given(fitted_models(), st.booleans())
def test_random_models(case, is_wide):
    model, X = case
    dtype = np.float64 if is_wide and X.dtype == np.float64 else np.float32
    if dtype == np.float32:  # which has fewer digits for narrow bins than the encoder
        X = X.astype(np.float32)
    check(model, X, dtype)


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_labels_are_those_of_the_model(labels):
    rng = np.random.default_rng(0)
    X = rows(rng)
    model = QuadraticApproxRidgeClassifier(0.01).fit(X, targets(rng, X, list(labels)))
    compiled, n = Compiled(skreg.export_c(model)), len(labels)
    if labels.dtype.kind == "U":
        found = compiled.strings("classes", n)
    else:
        kind = ctypes.c_double if labels.dtype.kind == "f" else ctypes.c_longlong
        found = list((kind * n).in_dll(compiled.library, "model_classes"))
    assert found == model.classes_.tolist()


def test_the_least_and_the_largest_labels():
    X = rows(np.random.default_rng(1))
    for labels in ([-(2**63), 2**63 - 1], np.array([0, 2**64 - 1], np.uint64)):
        y = np.asarray(labels)[(X[:, 0] > 0).astype(int)]
        compiled = Compiled(skreg.export_c(QuadraticApproxRidgeClassifier().fit(X, y)))
        kind = ctypes.c_ulonglong if y.dtype.kind == "u" else ctypes.c_longlong
        found = (kind * 2).in_dll(compiled.library, "model_classes")
        assert list(found) == np.unique(y).tolist()


def test_several_labels_a_row():
    rng = np.random.default_rng(2)
    X = rows(rng)
    model = fitted(network(RegularizedMLPClassifier), X, (X[:, :3] > 0.5).astype(int))
    compiled = Compiled(skreg.export_c(model))
    labels = compiled.each("predict", X, 3, kind=np.intc)
    assert np.array_equal(labels, model.predict(X))
    agree(compiled.each("predict_proba", X, 3), model.predict_proba(X), np.float64)


@pytest.mark.parametrize("n_classes", [0, 2, 4])
def test_offsets(n_classes):
    rng = np.random.default_rng(3)
    X = rows(rng)
    if n_classes:
        model = QuadraticApproxRidgeClassifier(0.1).fit(X, targets(rng, X, list(range(n_classes))))
    else:
        model = QuadraticApproxRidge(0.1, loss="poisson").fit(X, targets(rng, X))
    offset = rng.normal(size=(len(X), n_classes) if n_classes > 2 else len(X))
    compiled = Compiled(skreg.export_c(model, offset=True))
    if n_classes:
        found = compiled.each("predict_proba", X, n_classes, offset)
        agree(found, model.predict_proba(X, offset=offset), np.float64)
    else:
        found = compiled.each("predict", X, offset=offset, result=ctypes.c_double)
        agree(found, model.predict(X, offset=offset), np.float64)


def test_a_scaler_becomes_part_of_the_weights_in_double():
    X = rows(np.random.default_rng(4))
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge()).fit(X, X[:, 0])
    assert "model_shift" not in skreg.export_c(model)
    assert "model_shift" in skreg.export_c(model, dtype="float32")


def test_missing_values_have_indicators():
    rng = np.random.default_rng(12)
    X = rows(rng)
    y = X[:, 0] + X[:, 3]
    X[rng.random(X.shape) < 0.2] = np.nan
    for imputer in (SimpleImputer(add_indicator=True), SimpleImputer()):
        check(make_pipeline(imputer, QuadraticApproxRidge()).fit(X, y), X, np.float64)


def test_nan_has_no_class():
    X = rows(np.random.default_rng(5))
    for labels in (["a", "b"], ["a", "b", "c"]):
        y = targets(np.random.default_rng(6), X, labels)
        compiled = Compiled(skreg.export_c(QuadraticApproxRidgeClassifier().fit(X, y)))
        row = np.full(5, np.nan)
        assert compiled.call("predict", row, result=ctypes.c_int) == -1


def test_names_are_data_and_never_code():
    name = '*/ "); abort(); // \\" ??/ \n é'
    X = pd.DataFrame(rows(np.random.default_rng(7), p=2), columns=[name, "b"])
    model = QuadraticApproxRidgeClassifier().fit(X, np.where(X["b"] > 2, name, "no"))
    compiled = Compiled(skreg.export_c(model))
    assert compiled.strings("feature_names", 2) == [name, "b"]
    assert compiled.strings("classes", 2) == model.classes_.tolist()


def test_two_models_in_one_program():
    rng = np.random.default_rng(8)
    X = rows(rng)
    a = QuadraticApproxRidge().fit(X, X[:, 0])
    b = fitted(network(RegularizedMLPRegressor, "gelu"), X, X[:, 1])
    both = skreg.export_c(a, name="a") + skreg.export_c(b, name="b")
    for model, name in ((a, "a"), (b, "b")):
        found = Compiled(both, name=name).each("predict", X, result=ctypes.c_double)
        agree(found, model.predict(X), np.float64)


def test_numbers_without_squares():
    """The soft clip is bounded for all numbers of the dtype."""
    X = rows(np.random.default_rng(9), p=1)
    model = make_pipeline(RobustClipScaler(), QuadraticApproxRidge()).fit(X, X[:, 0])
    for dtype, far in ((np.float64, 1e300), (np.float32, 1e37)):
        check(model, np.array([[far], [-far], [0.0]]), dtype)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "1x"}, "name must be an identifier of C"),
        ({"name": "a;b"}, "name must be an identifier of C"),
        ({"dtype": "float16"}, "dtype must be"),
    ],
)
def test_bad_options_are_named(options, message):
    X = rows(np.random.default_rng(10))
    with pytest.raises(ValueError, match=message):
        skreg.export_c(QuadraticApproxRidge().fit(X, X[:, 0]), **options)


def test_text_that_c_would_cut_is_refused():
    X = rows(np.random.default_rng(11))
    model = QuadraticApproxRidgeClassifier().fit(X, np.where(X[:, 0] > 0, "a\0b", "a"))
    with pytest.raises(ValueError, match="ends at a NUL"):
        skreg.export_c(model)


def test_what_is_not_known_is_named():
    X = np.array([["a"], ["b"]] * 10)
    model = make_pipeline(OneHotEncoder(), QuadraticApproxRidge()).fit(X, np.arange(20.0))
    with pytest.raises(TypeError, match="transformer OneHotEncoder"):
        skreg.export_c(model)
