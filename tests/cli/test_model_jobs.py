"""``python -m skreg predict`` and ``explain``, on files that --save and skreg.save wrote."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import skreg
from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPRegressor,
)
from skreg.cli import main
from skreg.cli.explanation import explained


@pytest.fixture
def table(mixed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return mixed


@pytest.fixture
def saved(saved_models, tmp_path, monkeypatch):
    """Rows to predict, in a folder with the models of price and kind that --save wrote."""
    shutil.copytree(saved_models, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return pd.read_csv("all.csv").drop(columns=["price", "kind"])


def predictions(capsys, *words):
    assert main(["predict", *map(str, words)]) == 0
    out, err = capsys.readouterr()
    return pd.read_csv(io.StringIO(out)), err


def test_predictions_are_those_of_the_model(saved, capsys):
    saved.to_csv("new.csv", index=False)
    rows = pd.read_csv("new.csv")
    found, err = predictions(capsys, "price.skreg", "new.csv")
    assert list(found) == ["prediction"]
    np.testing.assert_array_equal(found["prediction"], skreg.load("price.skreg").predict(rows))
    assert err == ""
    model = skreg.load("kind.skreg")
    found, _ = predictions(capsys, "kind.skreg", "new.csv", "--proba")
    assert list(found) == ["prediction", "P(cheap)", "P(dear)"]
    assert found["prediction"].tolist() == model.predict(rows).tolist()
    np.testing.assert_array_equal(found[["P(cheap)", "P(dear)"]], model.predict_proba(rows))


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_predictions_go_to_a_file_that_is_whole(saved, capsys, name):
    pytest.importorskip("pyarrow")
    saved.to_parquet("new.parquet")
    assert main(["predict", "price.skreg", "new.parquet", "--output", name]) == 0
    assert capsys.readouterr().out == ""
    reader = {"csv": pd.read_csv, "tsv": pd.read_table, "parquet": pd.read_parquet}
    found = reader[name.partition(".")[2]](name)
    np.testing.assert_array_equal(
        found["prediction"], skreg.load("price.skreg").predict(pd.read_parquet("new.parquet"))
    )


def test_columns_in_any_order_and_others_beside_them(saved, capsys):
    saved.to_csv("new.csv", index=False)
    expected, _ = predictions(capsys, "price.skreg", "new.csv")
    mixed_up = saved[saved.columns[::-1]].assign(extra=1).drop(columns=["note", "empty"])
    mixed_up.to_csv("other.csv", index=False, sep=";", decimal=",")
    found, err = predictions(capsys, "price.skreg", "other.csv")
    pd.testing.assert_frame_equal(found, expected)
    assert err == "Note: the model does not read 'extra'\n"
    assert predictions(capsys, "price.skreg", "other.csv", "--quiet")[1] == ""


def test_whole_numbers_are_the_categories_that_they_were(saved, capsys):
    filled = saved.assign(zone=saved["zone"].fillna(0.0).astype(int))  # "10", where it was "10.0"
    filled.to_csv("new.csv", index=False)
    _, err = predictions(capsys, "price.skreg", "new.csv")
    assert "zone" not in err


def test_missing_columns_are_named(saved, failing):
    saved.rename(columns={"size": "Size"}).drop(columns="sold").to_csv("new.csv", index=False)
    assert failing("predict", "price.skreg", "new.csv") == (
        "skreg: error: new.csv lacks columns that the model reads: 'size' (is it 'Size'?), 'sold'\n"
    )


def test_what_the_model_has_not_seen_is_named(saved, capsys):
    new = saved.astype(object)
    new.loc[0, "color"] = "violet"
    new.loc[[1, 2], "size"] = "large"
    new.loc[3, "sold"] = "soon"
    new.to_csv("new.csv", index=False)
    found, err = predictions(capsys, "price.skreg", "new.csv")
    assert found["prediction"].notna().all()
    assert "'color' holds values that the model has not seen ('violet') in 1 row: taken as" in err
    assert "'size' holds what are no numbers ('large') in 2 rows, which counts as missing" in err
    assert "'sold' holds what are no dates ('soon') in 1 row, which counts as missing" in err


def test_an_encoder_that_refuses_is_told_by_name(table, failing):
    table[["color", "rooms"]].assign(color="violet").to_csv("new.csv", index=False)
    encoder = make_column_transformer((OneHotEncoder(), ["color"]), remainder="passthrough")
    rows = table[["color", "rooms"]].fillna("none")
    skreg.save(
        make_pipeline(encoder, QuadraticApproxRidge(0.1)).fit(rows, table["price"]), "m.skreg"
    )
    assert failing("predict", "m.skreg", "new.csv") == (
        "skreg: error: 'color' holds values that the model does not know: 'violet'; it knows "
        "'blue', 'green', 'none', 'red'\n"
    )


def test_models_without_names_and_models_that_refuse(table, failing, capsys):
    X = table[["rooms", "price"]].to_numpy()
    skreg.save(QuadraticApproxRidge(0.1).fit(X, X), "m.skreg")
    table[["rooms", "price"]].to_csv("new.csv", index=False)
    found, _ = predictions(capsys, "m.skreg", "new.csv")
    np.testing.assert_allclose(found, QuadraticApproxRidge(0.1).fit(X, X).predict(X), rtol=1e-12)
    assert list(found) == ["prediction_0", "prediction_1"]
    table[["rooms"]].to_csv("new.csv", index=False)
    assert "has 1 columns, and the model was fitted to 2 without" in failing(
        "predict", "m.skreg", "new.csv"
    )
    table[["rooms", "kind"]].to_csv("new.csv", index=False)
    assert "'kind' holds text, and the model takes" in failing("predict", "m.skreg", "new.csv")
    named = QuadraticApproxRidge(0.1).fit(table[["rooms", "price"]], X[:, 0])
    skreg.save(named, "m.skreg")
    table[["price", "rooms"]].assign(rooms=np.nan).to_csv("new.csv", index=False)
    assert "the model refuses these rows: Input X contains NaN" in failing(
        "predict", "m.skreg", "new.csv"
    )
    table[["price", "rooms", "size"]].to_csv("new.csv", index=False)
    found, err = predictions(capsys, "m.skreg", "new.csv")
    np.testing.assert_array_equal(found["prediction"], named.predict(table[["rooms", "price"]]))
    assert err == "Note: the model does not read 'size'\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict"], "the following arguments are required: MODEL, FILE (python -m skreg predict"),
        (["predict", "none.skreg", "all.csv"], "none.skreg: no such file"),
        (["predict", "all.csv", "all.csv"], "all.csv cannot be loaded: it is cut, changed"),
        (["predict", ".", "all.csv"], ". is a directory"),
        (["predict", "price.skreg", "none.csv"], "none.csv: no such file"),
        (["predict", "price.skreg", "all.csv", "--proba"], "--proba: price.skreg predicts numbers"),
        (["predict", "price.skreg", "all.csv", "--output", "a.xyz"], "must end in .csv, .tsv"),
        (["predict", "price.skreg", "all.csv", "--output", "no/a.csv"], "there is no folder no"),
        (["explain", "price.skreg", "all.csv"], "FILE and --target go together"),
        (["explain", "price.skreg", "--target", "price"], "FILE and --target go together"),
        (["explain", "price.skreg", "all.csv", "--target", "prize"], "did you mean 'price'"),
        (["explain", "price.skreg", "--plot", "a.doc"], "must end in .png, .svg or .pdf"),
        (["explain", "path.skreg"], "holds a RegularizationPath, which is no fitted model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(saved, failing, words, message):
    X = np.arange(12.0).reshape(6, 2)
    skreg.save(QuadraticApproxLasso().regularization_path(X, X[:, 0], [1.0, 0.1]), "path.skreg")
    assert message in failing(*words)


def test_explain_a_lasso(saved, capsys):
    for name, unit in (("price", "the target"), ("kind", "log odds of dear")):
        assert main(["explain", f"{name}.skreg"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{name}.skreg: Quadratic")
        assert f"as the earlier steps make them, for {unit}; " in out
    assert "size " in out


def test_coefficients_are_in_the_unit_of_the_target(table):
    rows = table[["rooms"]].astype(float)
    y = 1000 * rows["rooms"] + 5
    model = TransformedTargetRegressor(QuadraticApproxRidge(1e-9), transformer=StandardScaler())
    found = explained(model.fit(rows, y))
    np.testing.assert_allclose(found.values, [[1000.0]], rtol=1e-6)
    model = TransformedTargetRegressor(QuadraticApproxRidge(1e-9), func=np.log, inverse_func=np.exp)
    assert "for the target as it was transformed" in explained(model.fit(rows, y)).what


def test_a_network_is_told_by_columns(table):
    columns = make_column_transformer(
        (StandardScaler(), ["rooms", "price"]), (OneHotEncoder(), ["kind"])
    )
    network = RegularizedMLPRegressor((4,), max_iter=3, alpha=0.01, random_state=0)
    y = table["rooms"].astype(float)
    search = PathSearchCV(make_pipeline(columns, network), alphas=[0.1, 0.01], cv=2)
    found = explained(search.fit(table[["rooms", "price", "kind"]], y))
    assert sorted(found.names) == ["kind", "price", "rooms"]
    np.testing.assert_allclose(found.values.sum(), 1.0)
    weights = search.best_estimator_[-1].coefs_[0]
    norms = np.linalg.norm([weights[0], weights[1], np.linalg.norm(weights[2:], axis=0)], axis=1)
    by_name = dict(zip(found.names, found.values[:, 0], strict=True))
    np.testing.assert_allclose(
        [by_name[name] for name in ("rooms", "price", "kind")], norms / norms.sum(), rtol=1e-6
    )


def test_importances_are_measured_on_rows(saved, table, capsys):
    assert main(["explain", "price.skreg", "all.csv", "--target", "price"]) == 0
    out = capsys.readouterr().out
    assert "Fall of the score (R²) where a column of the 120 rows is shuffled" in out
    first = out.split("fall\n")[1].split()[0]
    assert first == "size"
    assert main(["explain", "kind.skreg", "all.csv", "--target", "kind", "--seed", "1"]) == 0
    assert "(accuracy)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_the_picture(saved, table, capsys, name):
    pytest.importorskip("matplotlib")
    assert main(["explain", "kind.skreg", "--plot", name]) == 0
    assert capsys.readouterr().out.endswith(f"Picture: {name}\n")
    three = QuadraticApproxRidgeClassifier(0.1).fit(table[["rooms", "price"]], table["rooms"])
    skreg.save(three, "three.skreg")
    before = Path(name).read_bytes()
    assert main(["explain", "three.skreg", "--plot", name]) == 0
    assert "classes 1, 2, 3, 4, 5" in capsys.readouterr().out
    assert Path(name).read_bytes() != before


def test_without_matplotlib_the_hint_works(saved, failing, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install matplotlib" in failing("explain", "price.skreg", "--plot", "a.png")


def test_models_that_have_nothing_to_be_explained_by(table, failing):
    from sklearn.dummy import DummyRegressor

    skreg.save(make_pipeline(FunctionTransformer(), DummyRegressor()).fit(
        table[["rooms"]], table["price"]), "m.skreg")  # fmt: skip
    assert "has neither coefficients nor weights: give FILE" in failing("explain", "m.skreg")


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"skreg {skreg.__version__}\n"


def test_help_says_what_each_job_takes(capsys):
    for job in ("predict", "explain"):
        with pytest.raises(SystemExit):
            main([job, "--help"])
        assert f"python -m skreg {job}" in capsys.readouterr().out


def test_from_the_shell(saved, tmp_path):
    saved.to_csv("new.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-m", "skreg", "predict", "price.skreg", "-"],
        input=(tmp_path / "new.csv").read_bytes(), capture_output=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(skreg.__file__).parents[1])},
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 121
