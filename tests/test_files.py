"""skreg.save and skreg.load: the same predictions, no rows, no code, clear errors."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import compose, config_context
from sklearn import preprocessing as pre
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, KernelPCA, TruncatedSVD
from sklearn.ensemble import RandomForestRegressor, StackingClassifier, VotingRegressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_regression
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from stored_cases import CASES, X, Y, answers, labels, made, y

import skreg
from skreg import (
    Moments,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticModel,
)
from skreg.datasets import PlaygroundFeatures
from skreg.files import CannotBeSavedError, DamagedFileError
from skreg.losses import LOSSES, REGRESSION_LOSSES, Huber, SquaredError, register
from skreg.model_selection import HashKFold
from skreg.penalties import MCP, PENALTIES, SCAD, SLOPE, Group, Separable, SparseGroup


def through_a_file(model):
    file = io.BytesIO()
    skreg.save(model, file)
    file.seek(0)
    return skreg.load(file)


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_model_answers_to_the_bit_and_holds_no_row(name, tmp_path):
    model = made(name)
    skreg.save(model, tmp_path / "m.skreg")
    again = skreg.load(tmp_path / "m.skreg")
    for method, said in answers(name, model).items():
        np.testing.assert_array_equal(answers(name, again)[method], said, strict=True)
    data = (tmp_path / "m.skreg").read_bytes()
    assert not any(row.tobytes() in data for row in X)
    skreg.save(again, tmp_path / "again.skreg")
    assert (tmp_path / "again.skreg").read_bytes() == data


@pytest.mark.parametrize("name", ["network of classes", "network in parts", "ridge that chose"])
def test_training_goes_on_after_loading(name):
    model = made(name)
    again = through_a_file(model)
    for one in (model, again):
        if hasattr(one, "partial_fit"):
            one.partial_fit(X, labels if name == "network of classes" else one.predict(X))
        one.set_params(max_iter=2, warm_start=True).fit(X, one.predict(X))
    for method, said in answers(name, model).items():
        np.testing.assert_array_equal(answers(name, again)[method], said)


ROWS = np.abs(X) + 0.1
STEPS = {
    "standard": pre.StandardScaler(),
    "min-max": pre.MinMaxScaler(),
    "max-abs": pre.MaxAbsScaler(),
    "robust": pre.RobustScaler(),
    "quantiles": pre.QuantileTransformer(n_quantiles=20),
    "power": pre.PowerTransformer(),
    "polynomial": pre.PolynomialFeatures(2),
    "splines": pre.SplineTransformer(),
    "bins": pre.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
    "normalizer": pre.Normalizer(),
    "logarithm": pre.FunctionTransformer(np.log1p, inverse_func=np.expm1),
    "ordinal": pre.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "one-hot": pre.OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
    "targets": pre.TargetEncoder(),
    "pca": PCA(2, random_state=0),
    "svd": TruncatedSVD(2, random_state=0),
    "imputer": SimpleImputer(strategy="median", add_indicator=True),
    "indicator": FeatureUnion([("x", "passthrough"), ("m", MissingIndicator(features="all"))]),
    "best": SelectKBest(f_regression, k=2),
    "lasso's": SelectFromModel(QuadraticApproxLasso(0.1), threshold=1e-10),
    "columns": compose.make_column_transformer(
        (pre.StandardScaler(), compose.make_column_selector("a|b")),
        ("drop", ["c"]), remainder="passthrough",
    ),
    "slices": compose.make_column_transformer((pre.MinMaxScaler(), slice(0, 2)), remainder=PCA(1)),
    "named output": pre.StandardScaler().set_output(transform="pandas"),
    "playground": make_pipeline(pre.FunctionTransformer(), PCA(2), PlaygroundFeatures("all")),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_steps_of_scikit_learn(name):
    import pandas as pd

    rows = pd.DataFrame(ROWS, columns=list("abcd")) if name == "columns" else ROWS
    rows = np.round(rows, 1) if name in ("one-hot", "ordinal", "targets") else rows
    model = make_pipeline(STEPS[name], QuadraticApproxRidge(0.1)).fit(rows, y)
    again = through_a_file(model)
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows), strict=True)
    np.testing.assert_array_equal(
        again[-1].predict(again[:-1].transform(rows)), model.predict(rows), strict=True
    )


ABOVE = {
    "grid": GridSearchCV(QuadraticApproxRidge(), {"alpha": [0.1, 1.0]}, cv=KFold(3)),
    "grid of two scores": GridSearchCV(
        QuadraticApproxRidge(), {"alpha": [0.1, 1.0]}, refit="r2",
        scoring=["r2", "neg_mean_squared_error"],
    ),
    "folds by a hash": PathSearchCV(QuadraticApproxRidge(), [0.1, 1.0], cv=HashKFold(3)),
    "voting": VotingRegressor([("a", QuadraticApproxRidge(0.1)), ("b", QuadraticApproxLasso(0.1))]),
    "outputs": MultiOutputRegressor(QuadraticApproxLasso(0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", ABOVE)
def test_estimators_of_scikit_learn_around_ours(name):
    model = ABOVE[name].fit(X, Y if name == "outputs" else y)
    again = through_a_file(model)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.score(X, again.predict(X)), 1.0)


@pytest.mark.parametrize(
    "cv",
    [
        RepeatedKFold(n_splits=2, n_repeats=2, random_state=0), ShuffleSplit(2, random_state=0),
        TimeSeriesSplit(3), PredefinedSplit(np.arange(60) % 3), LeaveOneOut(), "gcv",
        [(np.arange(30), np.arange(30, 60))],
    ],
    ids=repr,
)  # fmt: skip
def test_searches_keep_their_splitters(cv):
    search = PathSearchCV(QuadraticApproxRidge(), [0.1, 1.0], cv=cv)
    search.set_params(scoring=None if cv == "gcv" else "neg_mean_squared_error").fit(X, y)
    again = through_a_file(search)
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert again.to_frame().equals(search.to_frame())
    assert again.fit(X, y).best_score_ == search.best_score_


def test_text_and_stacking():
    texts = ["good day", "bad day", "good night", "bad night"] * 5
    words = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0] * 5)
    np.testing.assert_array_equal(
        through_a_file(words).predict_proba(texts), words.predict_proba(texts)
    )
    stack = StackingClassifier([("a", skreg.QuadraticApproxRidgeClassifier(0.1))]).fit(X, labels)
    np.testing.assert_array_equal(through_a_file(stack).predict(X), stack.predict(X))


def test_requests_for_metadata_are_kept():
    with config_context(enable_metadata_routing=True):
        model = QuadraticApproxRidge(0.1, loss="poisson").set_predict_request(offset=True)
        again = through_a_file(model.fit(X, np.ones(60)))
        assert again.get_metadata_routing().predict.requests["offset"] is True


@pytest.mark.parametrize(
    "penalty",
    [
        Separable(0.5, bounds=(-1.0, np.full(4, 2.0))), MCP(2.5, np.arange(4.0)), SCAD(), SLOPE(),
        Group([[0, 2], [1, 3]], factors=[1.0, 2.0], l1_ratio=0.5, positive=True),
        SparseGroup(["b", "a", "b", "c"], factors=[1.0, np.inf, 0.0]),
    ],
    ids=repr,
)  # fmt: skip
def test_penalty_objects(penalty):
    again = through_a_file(QuadraticApproxLasso(0.1, penalty=penalty)).penalty
    rows = np.random.default_rng(0).normal(size=(20, 4))
    for theta in rows:
        np.testing.assert_array_equal(again.prox(theta, 0.3), penalty.prox(theta, 0.3))
        assert again.value(theta) == penalty.value(theta)


def test_rows_that_were_asked_for_stay_behind():
    model = QuadraticApproxRidge(0.1, loss="poisson", store_quadratic=True).fit(X, np.ones(60))
    again = through_a_file(model)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.quadratic_.hessian, model.quadratic_.hessian)
    with pytest.raises(AttributeError, match="store_quadratic=True, and fit again"):
        again.erm_coef_  # noqa: B018
    wide = QuadraticApproxRidge(0.1, store_quadratic=True).fit(X.T.copy(), np.arange(4.0))
    assert through_a_file(wide)._exact is None
    expansion = through_a_file(model.quadratic_)
    np.testing.assert_array_equal(expansion.ridge(0.1), model.quadratic_.ridge(0.1))
    with pytest.raises(AttributeError, match="hold H, and no rows: for these take a pickle"):
        through_a_file(wide).quadratic_  # noqa: B018


@pytest.mark.parametrize(
    "make",
    [
        lambda: QuadraticModel.from_data(X.T.copy(), np.arange(4.0)),
        lambda: QuadraticModel.from_data(sp.csr_array(np.eye(60, 40)), y),
        lambda: QuadraticApproxRidge(loss="poisson", store_quadratic=True)
        .fit(X.T.copy(), np.ones(4)).quadratic_,
    ],
    ids=["wide", "light", "expansion"],
)  # fmt: skip
def test_a_quadratic_of_rows_is_refused_before_the_file_is_touched(make, tmp_path):
    (tmp_path / "m.skreg").write_bytes(b"before")
    with pytest.raises(
        CannotBeSavedError, match=r"QuadraticModel that refers to rows .*Moments\.from"
    ):
        skreg.save(make(), tmp_path / "m.skreg")
    assert (tmp_path / "m.skreg").read_bytes() == b"before"
    wide = QuadraticModel(Moments.from_rows(X.T, np.arange(4.0)))  # the remedy
    np.testing.assert_array_equal(through_a_file(wide).ridge(0.1), wide.ridge(0.1))


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("loss", ["poisson", "squared_error"])
def test_models_of_rows_in_chunks(loss, store):
    places = [slice(0, 20), slice(20, 60)]
    parts = skreg.Chunks(lambda: ((X[rows], np.round(y[rows] ** 2)) for rows in places))
    model = QuadraticApproxRidge(0.1, loss=loss, store_quadratic=store).fit(parts)
    for again in (through_a_file(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        if store:
            np.testing.assert_array_equal(again.quadratic_.hessian, model.quadratic_.hessian)


# Losses and penalties from outside ---------------------------------------------------------------


class Halved(SquaredError):
    name = "halved"
    parameters = ()

    def __init__(self, by=2.0):
        self.by = by


def test_a_registered_loss_is_found_by_its_name():
    model = QuadraticApproxRidge(0.1, loss=Halved(3.0)).fit(X, y)
    with pytest.raises(CannotBeSavedError, match=r"\.loss is of type .*Halved, which no registry"):
        skreg.save(model, io.BytesIO())
    register(Halved)
    try:
        file = io.BytesIO()
        skreg.save(model, file)
        file.seek(0)
        again = skreg.load(file)
        assert type(again.loss) is Halved
        assert again.loss.by == 3.0
    finally:
        del LOSSES["halved"]
        REGRESSION_LOSSES.discard("halved")
    file.seek(0)
    with pytest.raises(DamagedFileError, match="loss: halved is not there: register it"):
        skreg.load(file)


class Steep(Separable):
    pass


def test_a_registered_penalty_is_found_by_its_name(monkeypatch):
    model = QuadraticApproxLasso(0.1, penalty=Steep()).fit(X, y)
    with pytest.raises(CannotBeSavedError, match=r"\.penalty is .*Steep.* add it to PENALTIES"):
        skreg.save(model, io.BytesIO())
    monkeypatch.setitem(PENALTIES, "steep", Steep)
    assert type(through_a_file(model).penalty) is Steep


# What has no place in a file ---------------------------------------------------------------------


class Mine(QuadraticApproxRidge):
    pass


def double(X):
    return 2 * X


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (pre.FunctionTransformer(double), r"\.func is the function double .*np\.log1p, or save w"),
        (pre.FunctionTransformer(lambda X: X), r"\.func is the function <lambda>"),
        (make_pipeline(pre.FunctionTransformer(double)), r"^Pipeline\.steps\[0\]\[1\]\.func is"),
        (Mine(), r"^Mine is of type .*Mine, which files do not hold: save with joblib"),
        (KNNImputer(), "which keeps rows that it was fitted to"),
        (KernelPCA(), "which keeps rows"),
        (RandomForestRegressor(2).fit(X, y), r"estimator is of type sklearn\.tree"),
        (CalibratedClassifierCV(), "which files do not hold"),
        (KMeans(), "which files do not hold"),
        (QuadraticApproxRidge(random := np.array([object()])), r"\.alpha\[0\] is of type builtins"),
        (PathSearchCV(QuadraticApproxRidge(), scoring=double), r"\.scoring is the function double"),
        ({"a": {1: open}}, r"dict\['a'\]\[1\] is"),
        (np.zeros(2, dtype=[("a", float)]), "ndarray is an array of"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_named_with_the_remedy(model, message, tmp_path):
    (tmp_path / "m.skreg").write_bytes(b"before")
    with pytest.raises(CannotBeSavedError, match=message):
        skreg.save(model, tmp_path / "m.skreg")
    assert (tmp_path / "m.skreg").read_bytes() == b"before"


def test_callbacks_stay_behind():
    from sklearn.callback import ProgressBar

    model = QuadraticApproxRidge(0.1).set_callbacks(ProgressBar()).fit(X, y)
    assert not getattr(through_a_file(model), "_skl_callbacks", ())


# Files that are not as they were written ---------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.skreg"
    skreg.save(made("pipeline"), path)
    return path


def rewritten(path, change, compression=zipfile.ZIP_STORED):
    """The file with a change to its JSON."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    head = json.loads(members["skreg.json"])
    members["skreg.json"] = json.dumps(change(head) or head).encode()
    with zipfile.ZipFile(path, "w", compression) as new:
        for name, data in members.items():
            new.writestr(name, data)


def test_cut_files_are_refused(saved):
    data = saved.read_bytes()
    for length in (0, 1, 30, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:length])
        with pytest.raises(
            DamagedFileError, match=r"m\.skreg cannot be loaded: it is cut, changed"
        ):
            skreg.load(saved)


def test_changed_bytes_are_found_or_change_nothing(saved):
    data, model = saved.read_bytes(), skreg.load(saved)
    said, rng = answers("pipeline", model), np.random.default_rng(0)
    n_found = 0
    for place in rng.integers(0, len(data), 150):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(changed)
        try:
            again = skreg.load(saved)
        except DamagedFileError:
            n_found += 1
        else:
            np.testing.assert_array_equal(answers("pipeline", again)["predict"], said["predict"])
    assert n_found > 90


def test_files_of_others_are_named(tmp_path, saved):
    path = tmp_path / "other"
    for data, message in [
        (
            pickle.dumps(made("ridge")),
            "it is a pickle, or joblib's: load it with joblib, if",
        ),
        (b"PK\x05\x06" + bytes(18), "it is no model that skreg.save wrote"),
        (b"a,b\n1,2\n", "it is cut, changed, or no saved model"),
    ]:
        path.write_bytes(data)
        with pytest.raises(DamagedFileError, match=message):
            skreg.load(path)
    joblib.dump(made("ridge"), path)
    with pytest.raises(DamagedFileError, match="load it with joblib"):
        skreg.load(path)
    with pytest.raises(FileNotFoundError):
        skreg.load(tmp_path / "none")
    skops = pytest.importorskip("skops.io")
    skops.dump(made("ridge"), path)
    with pytest.raises(DamagedFileError, match=r"skops\.io\.load reads it"):
        skreg.load(path)


def test_a_later_layout_names_the_version_that_wrote_it(saved):
    rewritten(saved, lambda head: head | {"layout": 2, "versions": {"skreg": "9.1"}})
    with pytest.raises(DamagedFileError, match=r"written by skreg 9\.1 in layout 2.*upgrade skreg"):
        skreg.load(saved)


def test_another_version_of_scikit_learn_is_told_once(saved):
    rewritten(saved, lambda head: head["versions"].update({"scikit-learn": "1.2"}))
    with pytest.warns(InconsistentVersionWarning) as told:
        skreg.load(saved)
    assert len(told) == 1
    assert "OneHotEncoder" in str(told[0].message)
    assert "1.2" in str(told[0].message)
    skreg.save(made("ridge"), saved)
    rewritten(saved, lambda head: head["versions"].update({"scikit-learn": "1.2", "skreg": "0.0"}))
    skreg.load(saved)  # nothing of scikit-learn's in it, and later versions load every file


def evil(tag):
    return lambda head: head.update(object=tag)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"object": "os.system", "state": {}}, "os.system is no public name"),
        ({"object": "sklearn.utils.os", "state": {}}, "is no public name"),
        ({"object": "sklearn.pipeline._name_estimators", "state": {}}, "is no public name"),
        ({"object": "sklearn.pipeline.np", "state": {}}, "is none of the types"),
        ({"object": "sklearn.preprocessing.scale", "state": {}}, "is none of the types"),
        ({"object": "sklearn.impute.KNNImputer", "state": {}}, "is none of the types"),
        ({"object": "skreg.save", "state": {}}, "is no public name"),
        ({"object": "skreg.cli.main", "state": {}}, "is no public name"),
        ({"object": "builtins.eval", "state": {"x": 1}}, "is no public name"),
        ({"object": ["os"], "state": {}}, "TypeError|unhashable"),
        ({"function": "os.system"}, "is no public name"),
        ({"function": "numpy.load"}, "is no public name"),
        ({"function": "numpy.testing.rundocs"}, "is no public name"),
        ({"function": "sklearn.preprocessing.StandardScaler"}, "is no function"),
        ({"function": "skreg.cli.main"}, "is no public name"),
        ({"object": "registered loss: mine", "state": {}}, "register it before the file"),
        ({"code": "print(1)"}, "a value of an unknown kind, 'code'"),
        ({}, "unknown kind, None"),
        ({"array": 99}, r"arrays/99\.npy is missing"),
        ({"array": "../../etc/passwd"}, "is missing"),
        ({"array": [1]}, "unhashable"),
        ({"float": "1e400"}, "KeyError"),
        ({"sparse": "csr_array", "shape": [1, 1], "parts": {
            "data": [1.0], "indices": [7], "indptr": [0, 1]}}, "ValueError"),
        ({"object": "skreg.QuadraticApproxRidge", "state": {"fitted_loss": {"dict": {
            "name": "evil"}}}}, "loss must be one of"),
        ({"object": "skreg.QuadraticApproxRidge", "state": []}, "AttributeError"),
        ({"object": "skreg.RegularizationPath", "state": {"source": 3}}, "AttributeError"),
    ],
)  # fmt: skip
def test_crafted_files_run_nothing(saved, value, message):
    rewritten(saved, evil(value))
    with pytest.raises(DamagedFileError, match=message):
        skreg.load(saved)


def test_nothing_of_a_file_is_imported_or_called(saved, monkeypatch):
    called = []
    monkeypatch.setattr(os, "system", lambda command: called.append(command))
    state = {"func": {"function": "os.system"}, "kw_args": None}
    for name in ("sklearn.preprocessing.FunctionTransformer", "os.system", "posix.system"):
        rewritten(saved, evil({"object": name, "state": state}))
        with pytest.raises(DamagedFileError):
            skreg.load(saved)
    assert called == []


def test_deep_nesting_and_wrong_heads(saved):
    for head in ([], {"format": "other"}, {"format": "skreg", "layout": "1", "versions": {}},
                 {"format": "skreg", "layout": 1, "versions": {}}):  # fmt: skip
        rewritten(saved, lambda _, head=head: head or [0])
        with pytest.raises(DamagedFileError, match=r"cannot be loaded: "):
            skreg.load(saved)
    deep = b'{"format": "skreg", "layout": 1, "versions": {}, "object": ' + b"[" * 100_000
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("skreg.json", deep + b"]" * 100_000 + b"}")
    with pytest.raises(DamagedFileError, match="cannot be"):
        skreg.load(saved)


def test_compressed_and_hollow_members_are_refused(saved):
    rewritten(saved, lambda head: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(DamagedFileError, match=r"compressed|larger than the file"):
        skreg.load(saved)
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("skreg.json", b" " * 10_000_000)
    with pytest.raises(DamagedFileError, match="larger than the file"):
        skreg.load(saved)


@pytest.mark.parametrize("header", [
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }",
    "__import__('os').system('true')",
])  # fmt: skip
def test_arrays_that_are_none(saved, header):
    text = header.ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(8)
    if "-1" in header:
        data += b"x"
    head = {"format": "skreg", "layout": 1, "versions": {}, "object": {"array": 0}}
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("skreg.json", json.dumps(head))
        archive.writestr("arrays/0.npy", data)
    with pytest.raises(DamagedFileError, match=r"arrays/0\.npy in it"):
        skreg.load(saved)


@pytest.mark.parametrize("name", ["network of classes", "moments", "ridge with its quadratic"])
def test_arrays_of_other_shapes_are_refused(name, tmp_path):
    path = tmp_path / "m.skreg"
    skreg.save(made(name), path)
    with zipfile.ZipFile(path) as old:
        members = {info: old.read(info) for info in old.namelist()}
    for victim in [one for one in members if one.endswith(".npy")]:
        small = io.BytesIO()
        np.save(small, np.zeros((1, 1)))
        with zipfile.ZipFile(path, "w") as new:
            for info, data in members.items():
                new.writestr(info, small.getvalue() if info == victim else data)
        with suppress(ValueError, AttributeError, TypeError, IndexError):
            skreg.load(path).predict(X)
    cut = made(name)
    if name == "network of classes":
        cut._state.theta = cut._state.theta[:-1]
    elif name == "moments":
        object.__setattr__(cut, "xy", cut.xy[:, :0])
    else:
        object.__setattr__(cut._exact.moments, "xx", cut._exact.moments.xx[:2])
    with pytest.raises(DamagedFileError, match="shapes that do not go together"):
        through_a_file(cut)


def test_values_of_every_kind():
    values = [
        None, True, 2**70, -0.0, float("inf"), 1e-320, "λ", (1, [2.5]), {1: "a", 2: None}, {"b"},
        slice(1, None), np.float32(0.1), np.int8(3), np.str_("x"), np.bool_(True), np.dtype("<f4"),
        np.float32, np.arange(6).reshape(2, 3).T, np.array(["a", None, 2.5, np.nan], dtype=object),
        np.array("2020-01-01", dtype="M8[D]"), sp.csr_array(np.eye(3)), sp.csc_matrix(np.eye(2)),
        np.ma.MaskedArray([1.0, 2.0], [True, False]), np.log1p, np.zeros((0, 3)), np.array(["x"]),
    ]  # fmt: skip
    again = through_a_file(values)
    for before, after in zip(values, again, strict=True):
        if isinstance(before, np.ndarray) or sp.issparse(before):
            assert type(after) is type(before)
            assert after.dtype == before.dtype
            dense = [one.toarray() if sp.issparse(one) else one for one in (before, after)]
            assert repr(dense[0]) == repr(dense[1])
        else:
            assert after == before
            assert type(after) is type(before)
    assert again[17].flags.f_contiguous
    rng = through_a_file(np.random.RandomState(3))
    assert rng.randint(1000) == np.random.RandomState(3).randint(1000)
    assert np.isnan(through_a_file(float("nan")))
    assert Huber(2.0).delta == through_a_file(Huber(2.0)).delta


def test_a_killed_save_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "m.skreg"
    skreg.save(made("ridge"), path)
    before = path.read_bytes()

    def fail(file, *_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skreg.files.write", fail)
    with pytest.raises(OSError, match="No space"):
        skreg.save(made("lasso"), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["m.skreg"]


def test_threads_may_save_at_the_same_place_and_time(tmp_path):
    models = [made("ridge"), made("lasso")] * 20
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda model: skreg.save(model, tmp_path / "m.skreg"), models))
    assert type(skreg.load(tmp_path / "m.skreg")) in (QuadraticApproxRidge, QuadraticApproxLasso)
    assert [one.name for one in tmp_path.iterdir()] == ["m.skreg"]


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_process_killed_while_it_saves_leaves_the_file_before(tmp_path):
    path = tmp_path / "m.skreg"
    skreg.save(made("ridge"), path)
    before = path.read_bytes()
    code = (
        "import sys\n"
        "from skreg._atomic import replacing\n"
        "with replacing(__import__('pathlib').Path(sys.argv[1])) as file:\n"
        "    file.write(bytes(10_000)); file.flush(); print('half', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(skreg.__file__).parents[1])},
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"half\n"
        process.kill()
    assert path.read_bytes() == before
    (left,) = set(tmp_path.iterdir()) - {path}
    os.utime(left, (0, 0))
    skreg.save(made("ridge"), path)
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_are_none_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder: name the file in it"):
        skreg.save(made("ridge"), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*none: make it first"):
        skreg.save(made("ridge"), tmp_path / "none" / "m.skreg")
    assert list(tmp_path.iterdir()) == []
