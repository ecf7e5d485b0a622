"""SQL of linear models, run by DuckDB and SQLite, beside `predict`."""

import math
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from export_cases import (
    AFFINE,
    BENT,
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
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg
from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.preprocessing import RobustClipScaler

duckdb = pytest.importorskip("duckdb", reason="SQL is run by DuckDB")


def run(sql, **tables):
    """The result, in the order of its first column."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(f"{sql} ORDER BY 1").df()


def table_of(X, **more):
    """Rows with a key and named columns."""
    named = pd.DataFrame(X, columns=[f"x {j}" for j in range(X.shape[1])])
    return named.assign(key=range(len(X)), **more)


def by_sqlite(sql, rows):
    """The result of SQLite, a database of another kind."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("EXP", 1, lambda x: None if x is None else math.exp(x))
        rows.to_sql("rows", connection, index=False)
        return pd.read_sql(f"{sql} ORDER BY 1", connection)


def query(model, X, more=(), by=run, **options):
    """What a database makes of the model's SQL."""
    table = table_of(X, **dict(more))
    columns = list(table.columns[: X.shape[1]])
    sql = skreg.export_sql(model, "rows", columns=columns, keep=["key"], **options)
    found = by(sql, rows=table)
    assert found["key"].tolist() == list(range(len(X)))
    return found.drop(columns="key")


def check(model, X, dtype=np.float64, by=run):
    """The SQL predicts what the model does."""
    found = query(model, X, by=by)
    if not is_classifier(model):
        agree(found.to_numpy(), model.predict(X), dtype)
        return
    names = [f"probability_{label}" for label in model.classes_.tolist()]
    assert list(found.columns) == ["prediction", *names]
    agree_on_classes(found["prediction"], found[names].to_numpy(), model, X, dtype)


@given(fitted_models(before=(*AFFINE, BENT[1], BENT[2]), networks=False))
def test_random_models(case):
    model, X = case
    labels = getattr(model, "classes_", np.array([0]))
    if labels.dtype.kind == "U" and any("\\" in label for label in labels):
        with pytest.raises(ValueError, match="backslash"):
            query(model, X)
        return
    for by in (run, by_sqlite):
        check(model, X, X.dtype.type, by)


def test_several_targets():
    rng = np.random.default_rng(0)
    X = rows(rng)
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge())
    found = query(model.fit(X, targets(rng, X, n_targets=2)), X)
    assert list(found.columns) == ["prediction_0", "prediction_1"]
    agree(found.to_numpy(), model.predict(X), np.float64)


@pytest.mark.parametrize("labels", [LABELS[0], LABELS[2], LABELS[3], LABELS[4], LABELS[5]], ids=str)
def test_labels_are_those_of_the_model(labels):
    rng = np.random.default_rng(1)
    X = rows(rng)
    check(QuadraticApproxRidgeClassifier(0.01).fit(X, targets(rng, X, list(labels))), X)


@pytest.mark.parametrize("n_classes", [0, 2, 4])
def test_offsets_are_columns(n_classes):
    rng = np.random.default_rng(2)
    X = rows(rng)
    if n_classes:
        model = QuadraticApproxRidgeClassifier(0.1).fit(X, targets(rng, X, list(range(n_classes))))
    else:
        model = QuadraticApproxRidge(0.1, loss="poisson").fit(X, targets(rng, X))
    width = n_classes if n_classes > 2 else 1
    offset = rng.normal(size=(len(X), width))
    names = [f"known {k}" for k in range(width)]
    more = dict(zip(names, offset.T, strict=True))
    found = query(model, X, more.items(), offset=names if width > 1 else names[0])
    given = offset if width > 1 else offset[:, 0]
    if n_classes:
        agree(found.to_numpy()[:, 1:], model.predict_proba(X, offset=given), np.float64)
        assert np.array_equal(found["prediction"], model.predict(X, offset=given))
    else:
        agree(found.to_numpy(), model.predict(X, offset=given), np.float64)


def test_networks_without_hidden_layers_and_searches():
    rng = np.random.default_rng(3)
    X = rows(rng)
    y = targets(rng, X)
    check(fitted(network(RegularizedMLPRegressor, hidden=(), loss="poisson"), X, y), X)
    check(PathSearchCV(QuadraticApproxLasso(), cv=3).fit(X, y), X)
    logged = TransformedTargetRegressor(
        QuadraticApproxRidge(), func=np.log1p, inverse_func=np.expm1
    )
    check(logged.fit(X, y), X)
    model = fitted(network(RegularizedMLPClassifier, hidden=()), X, (X[:, :2] > 0.5).astype(int))
    found = query(model, X)
    assert np.array_equal(found[["prediction_0", "prediction_1"]], model.predict(X))
    agree(found[["probability_0", "probability_1"]], model.predict_proba(X), np.float64)


def test_null_is_null_unless_it_is_filled():
    rng = np.random.default_rng(4)
    X = rows(rng)
    holes = X.copy()
    holes[:10, 0] = np.nan
    for model in (
        QuadraticApproxRidge(),
        QuadraticApproxRidgeClassifier(),
        QuadraticApproxRidge(loss="poisson"),
    ):
        y = targets(rng, X, ["a", "b", "c"] if is_classifier(model) else None)
        table = table_of(holes).replace({np.nan: None}).astype(object)
        sql = skreg.export_sql(model.fit(X, y), "rows", columns=table.columns[:5], keep=["key"])
        with duckdb.connect() as connection:
            connection.register("given", table_of(holes))
            names = [f'NULLIF("x {j}", \'nan\'::DOUBLE) AS "x {j}"' for j in range(5)]
            connection.sql(f"CREATE TABLE rows AS SELECT {', '.join(names)}, key FROM given")
            found = connection.sql(f"{sql} ORDER BY 1").df().drop(columns="key")
            filled = make_pipeline(SimpleImputer(add_indicator=True), model).fit(holes, y)
            sql = skreg.export_sql(filled, "rows", columns=table.columns[:5], keep="key")
            other = connection.sql(f"{sql} ORDER BY 1").df()["prediction"]
        assert found.iloc[:10].isna().all(axis=None)
        assert found.iloc[10:].notna().all(axis=None)
        if is_classifier(model):
            assert np.array_equal(other, filled.predict(holes))
        else:
            agree(other, filled.predict(holes), np.float64)


def test_a_null_that_one_class_alone_uses_leaves_no_class():
    X = np.eye(3)
    model = QuadraticApproxRidgeClassifier().fit(X, ["a", "b", "c"])
    model.coef_ = np.eye(3)
    with duckdb.connect() as connection:
        connection.sql("CREATE TABLE rows AS SELECT NULL::DOUBLE AS x, 2.0 AS y, 1.0 AS z")
        for columns in (["x", "y", "z"], ["y", "x", "z"], ["y", "z", "x"]):
            found = connection.sql(skreg.export_sql(model, "rows", columns=columns)).df()
            assert found.isna().all(axis=None)


def test_far_raw_predictions_neither_overflow_nor_vanish():
    X = np.array([[-1.0], [1.0], [0.5], [-0.5]])
    far = np.array([[1e6], [-1e6], [0.0]])
    two = QuadraticApproxRidgeClassifier(1e-3).fit(X, X[:, 0] > 0)
    check(two, far)
    three = QuadraticApproxRidgeClassifier(1e-3).fit(X, ["a", "b", "c", "a"])
    check(three, far)


def test_names_are_data_and_never_code():
    name = 'x"; DROP TABLE "rows"; --'
    label = '\'; DROP TABLE "rows"; --'
    X = pd.DataFrame(rows(np.random.default_rng(5), p=2), columns=[name, "b"])
    model = QuadraticApproxRidgeClassifier().fit(X, np.where(X["b"] > 2, label, "no"))
    table = X.assign(**{'k"ey': range(len(X))})
    sql = skreg.export_sql(model, 'ro"ws', keep=['k"ey'])
    found = run(sql, **{'ro"ws': table})
    assert np.array_equal(found["prediction"], model.predict(X))
    agree(found[f"probability_{label}"], model.predict_proba(X)[:, 0], np.float64)


def test_the_query_stands_in_a_view_of_a_schema():
    X = rows(np.random.default_rng(6))
    model = QuadraticApproxRidge().fit(X, X[:, 0])
    table = table_of(X, raw_0=7)
    sql = skreg.export_sql(model, ("s", "t"), columns=table.columns[:5], keep=["key", "raw_0"])
    with duckdb.connect() as connection:
        connection.sql("CREATE SCHEMA s")
        connection.register("given", table)
        connection.sql("CREATE TABLE s.t AS SELECT * FROM given")
        connection.sql(f"CREATE VIEW predicted AS {sql}")
        found = connection.sql("SELECT * FROM predicted ORDER BY key").df()
    assert list(found.columns) == ["key", "raw_0", "prediction"]
    assert (found["raw_0"] == 7).all()
    agree(found["prediction"], model.predict(X), np.float64)


@pytest.mark.parametrize(
    ("last", "options", "message"),
    [
        (network(RegularizedMLPRegressor), {}, "hidden units.*export_c"),
        (network(RegularizedMLPRegressor, n_members=3), {}, "hidden units"),
        (make_pipeline(RobustClipScaler(), QuadraticApproxRidge()), {}, "RobustScaler"),
        (QuadraticApproxRidge(), {"columns": None}, "columns is needed"),
        (QuadraticApproxRidge(), {"columns": ["a"]}, "names of 5 features"),
        (QuadraticApproxRidge(), {"columns": "abcde"}, "names of 5 features"),
        (QuadraticApproxRidge(), {"keep": ["prediction"]}, "keep names"),
        (QuadraticApproxRidge(), {"offset": ["a", "b"]}, "offset must be"),
        (QuadraticApproxRidge(), {"table": ""}, "cannot be the name"),
        (network(RegularizedMLPRegressor, hidden=()), {"offset": "a"}, "takes no offset"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_named(last, options, message):
    X = rows(np.random.default_rng(7))
    model = fitted(last, X, X[:, 0])
    with pytest.raises(ValueError, match=message):
        skreg.export_sql(model, **({"table": "t", "columns": list("abcde")} | options))
