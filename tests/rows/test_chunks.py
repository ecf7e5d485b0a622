"""Rows in chunks: from any source, cut in any way, they are the rows that they are in memory."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from skreg import Chunks, Moments, PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.rows import sources


def frame(n=300, seed=0):
    rng = np.random.default_rng(seed)
    out = pd.DataFrame(rng.normal(size=(n, 3)) + [0.0, 5.0, -100.0], columns=["a", "b", "c"])
    out["kind"] = rng.choice(["u", "v", "w"], n)
    out["flag"] = rng.random(n) < 0.5
    out["y"] = out.a - 2 * out.b + (out.kind == "u") + rng.normal(size=n)
    out["weight"] = rng.random(n)
    return out


FRAME = frame()
FEATURES = pd.get_dummies(FRAME[["a", "b", "c", "kind", "flag"]], dtype=float)[
    ["a", "b", "c", "kind_u", "kind_v", "kind_w", "flag"]
].astype(float)
TWICE = pa.Table.from_arrays([pa.array([1.0])] * 3, names=["a", "a", "y"])
MANY = pd.DataFrame({"id": [f"row {i}" for i in range(1001)], "y": 1.0})
SPENT = iter(())
DECLARED = {"kind": ["u", "v", "w"]}


def pieces(size=37):
    return [FRAME.iloc[i : i + size] for i in range(0, len(FRAME), size)]


@pytest.fixture
def parquet(tmp_path):
    pa.parquet.write_table(pa.Table.from_pandas(FRAME), tmp_path / "x.parquet", row_group_size=70)
    return tmp_path


SOURCES = {
    "dataset": lambda folder: pa.dataset.dataset(folder),
    "file": lambda folder: pa.parquet.ParquetFile(folder / "x.parquet"),
    "lazy frame": lambda folder: pl.scan_parquet(folder / "x.parquet"),
    "table": lambda folder: pa.parquet.read_table(folder / "x.parquet"),
    "reader": lambda folder: pa.parquet.read_table(folder / "x.parquet").to_reader(50),
    "polars": lambda folder: pl.read_parquet(folder / "x.parquet"),
    "pandas": lambda folder: FRAME,
    "function": lambda folder: pieces,
    "list": lambda folder: pieces(),
    "generator": lambda folder: (piece for piece in pieces()),
    "batches": lambda folder: lambda: pa.Table.from_pandas(FRAME).to_batches(41),
    "polars chunks": lambda folder: lambda: map(pl.from_pandas, pieces()),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_same_fit(name, parquet, monkeypatch):
    monkeypatch.setattr(sources, "ROWS", 64)
    chunks = Chunks(SOURCES[name](parquet), "y", sample_weight="weight", categories=DECLARED)
    found = QuadraticApproxRidge(alpha=0.1).fit(chunks)
    expected = QuadraticApproxRidge(alpha=0.1).fit(FEATURES, FRAME.y, FRAME.weight)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)
    np.testing.assert_allclose(found.intercept_, expected.intercept_, rtol=1e-10)
    assert list(found.feature_names_in_) == list(FEATURES.columns)


def test_sources_are_taken_in_the_place_of_x(parquet):
    source = pa.dataset.dataset(parquet)
    found = QuadraticApproxLasso(alpha=0.1).fit(source, "y", sample_weight="weight")
    expected = QuadraticApproxLasso(alpha=0.1).fit(FEATURES, FRAME.y, FRAME.weight)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    path = QuadraticApproxLasso().regularization_path(source, "y", [0.1], sample_weight="weight")
    np.testing.assert_allclose(path.coefs[0], found.coef_, rtol=1e-9, atol=1e-12)
    assert list(path.to_frame().columns[-7:]) == list(FEATURES.columns)


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(1, 2), st.booleans())
def test_any_cut_into_arrays(cuts, n_targets, is_sparse):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.normal(size=(60, n_targets))
    weights = rng.integers(0, 3, 60).astype(float)
    parts = np.split(np.arange(60), sorted(cuts))
    made = [((csr_array(X[i]) if is_sparse else X[i]), y[i], weights[i]) for i in parts]
    expected = Moments.from_rows(X, y, weights)
    found = Chunks(made).moments()
    np.testing.assert_allclose(found.xx, expected.xx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.xy, expected.xy, rtol=1e-10, atol=1e-10)
    assert found.n_rows == expected.n_rows


def test_categories_are_found_in_a_pass_of_their_own():
    chunks = Chunks(pieces, "y", exclude=["weight"])
    chunks.moments()
    assert chunks.feature_names == ["a", "b", "c", "kind_u", "kind_v", "kind_w", "flag"]


def test_chosen_features_in_their_order(parquet):
    chunks = Chunks(pa.dataset.dataset(parquet), "y", features=["c", "a"])
    np.testing.assert_allclose(
        chunks.moments().xx, Moments.from_rows(FRAME[["c", "a"]], FRAME.y).xx, rtol=1e-10
    )


def test_numbers_as_categories():
    data = pd.DataFrame({"k": [1, 2, 1, 3], "y": [1.0, 2.0, 1.0, 4.0]})
    chunks = Chunks(lambda: [data], "y", categories={"k": [1, 2, 3]})
    assert QuadraticApproxRidge(alpha=0.0).fit(chunks).predict(np.eye(3)).round(9).tolist() == [
        1.0,
        2.0,
        4.0,
    ]


def lost(column):
    return lambda: [FRAME[:100], FRAME[100:].drop(columns=column)]


def changed(column, row, value):
    data = FRAME.astype({column: object if isinstance(value, str | None) else FRAME[column].dtype})
    data.loc[row, column] = value
    return lambda: [data[:100], data[100:].infer_objects()]


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        (lost("b"), {}, "a chunk has no column 'b'"),
        (lost("y"), {}, "a chunk has no column 'y'"),
        (changed("b", 150, np.nan), {}, "'b' is missing or not finite in row 150"),
        (changed("y", 150, np.nan), {}, "'y' is missing or not finite in row 150"),
        (changed("kind", 150, None), {}, "'kind' is missing in row 150"),
        (changed("kind", 150, "x"), {"categories": DECLARED}, "'kind' is 'x' in row 150"),
        (changed("weight", 150, -1.0), {"sample_weight": "weight"}, "must not be negative"),
        (changed("weight", 150, 1e200), {"sample_weight": "weight"}, "too far from 1"),
        (lambda: [], {}, "holds no rows"),
        (lambda: [FRAME[:0]], {}, "holds no rows"),
        (SPENT.__iter__, {}, "a function returns a new one each time"),
        (lambda: [1.0], {}, "a chunk must be a table"),
        (lambda: [(np.eye(3), np.ones(2))], {"y": None}, "has shape"),
        (lambda: [(np.eye(3), np.ones(3))], {}, "names a column"),
        (pieces, {"y": None}, "name the column of the target"),
        (pieces, {"y": "kind"}, "must hold numbers"),
    ],
)
def test_what_is_wrong_is_named(source, options, words):
    options = {"y": "y"} | options
    with pytest.raises(ValueError, match=words):
        QuadraticApproxRidge().fit(Chunks(source, **options))


def test_a_generator_is_read_once():
    chunks = Chunks((piece for piece in pieces()), "y", categories=DECLARED)
    chunks.moments()
    with pytest.raises(ValueError, match="can be read once only"):
        chunks.moments()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((pieces, FRAME.y), "y must be the name of a column"),
        ((Chunks(pieces, "y"), "y"), "give y and sample_weight to Chunks"),
        ((Moments.from_rows(FEATURES, FRAME.y), FRAME.y), "y does not go with X as Moments"),
    ],
)
def test_targets_are_named_once(arguments, words):
    with pytest.raises(ValueError, match=words):
        QuadraticApproxRidge().fit(*arguments)


def test_fits_of_moments():
    moments = Moments.from_rows(FEATURES, FRAME.y)
    found = QuadraticApproxRidge(alpha="auto").fit(moments)
    assert list(found.feature_names_in_) == list(FEATURES.columns)
    again = QuadraticApproxRidge(alpha=found.alpha_).fit(FEATURES, FRAME.y)
    np.testing.assert_allclose(found.coef_, again.coef_, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"y": 3}, "y must be a list of different names"),
        ({"exclude": "kind"}, "exclude must be a list of different names of columns, got 'kind'"),
        ({"features": ["a", "a"]}, "features must be a list of different names"),
        ({"sample_weight": 3}, "sample_weight must be the name of a column, got 3"),
        ({"features": ["a", "y"]}, "features holds 'y', which is the target"),
        ({"categories": ["kind"]}, "categories must be a dict"),
        ({"categories": {"kind": "uv"}}, "must list different values, got 'uv'"),
        ({"categories": {"kind": ["u", "u"]}}, "must list different values"),
        ({"categories": {"kind": ["u", None]}}, "holds a missing value"),
    ],
)
def test_arguments_are_refused_before_a_pass(arguments, words):
    with pytest.raises(ValueError, match=words):
        Chunks(pieces, **({"y": "y"} | arguments))


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (FRAME, {"exclude": ["nowhere"]}, "no column 'nowhere'"),
        (FRAME, {"categories": {"nowhere": [1]}}, "no column 'nowhere'"),
        (iter(pieces()), {"exclude": ["nowhere"]}, "no column 'nowhere'"),
        (iter(pieces()), {"categories": {"nowhere": [1]}}, "no column 'nowhere'"),
        (FRAME, {"sample_weight": "kind"}, "the sample_weight 'kind' must hold numbers"),
        (FRAME.assign(kind_u=1.0), {}, "two features are named 'kind_u'"),
        (FRAME.set_axis([*"abcde", "y", "a"], axis=1), {}, "two columns 'a'"),
        (FRAME.assign(day=pd.Timestamp("2020-01-01")), {}, "neither numbers nor text"),
        (pa.table({"a": [[1.0]], "y": [1.0]}), {}, "neither numbers nor text"),
        (FRAME.assign(a=FRAME.a + 1j), {}, "neither numbers nor text"),
        (FRAME, {"checkpoint": "nowhere/sums.npz"}, "lies in no folder that exists"),
        (pa.Table.from_pandas(FRAME), {"features": ["q"]}, "the source has no column 'q'"),
        (pl.from_pandas(FRAME).lazy(), {"features": ["q"]}, "the source has no column 'q'"),
        (pa.dataset.dataset(TWICE), {}, "the source has two columns 'a'"),
        (MANY, {}, "'id' holds more than 1000 values.*exclude="),
        ([MANY[:700], MANY[700:]], {}, "'id' holds more than 1000 values"),
        ("x.parquet", {}, "is a str. Give a table"),
    ],
)
def test_columns_that_cannot_be_are_named(data, options, words):
    with pytest.raises(ValueError, match=words):
        Chunks(data, "y", **options).moments()


def test_many_categories_are_declared():
    chunks = Chunks(MANY, "y", categories={"id": MANY.id.tolist()})
    assert chunks.moments().xx.shape == (1001, 1001)


@pytest.mark.parametrize(
    "numbers", [[1, 2, None, 4], [Decimal("0.5"), None, Decimal(1)], [True, False] * 2]
)
def test_numbers_in_columns_of_objects_are_numbers(numbers):
    column = pd.DataFrame({"a": pd.Series(numbers, dtype=object)})
    read = next(iter(Chunks(column.assign(y=1.0), "y").read_as(may_lack=True)))
    np.testing.assert_array_equal(read.X, column.to_numpy(dtype=float))


def test_arrays_that_cannot_be_are_named():
    X = np.eye(3)
    X[1, 2] = np.nan
    with pytest.raises(ValueError, match="feature 2 of X is missing or not finite in row 4"):
        Chunks([(np.eye(3), np.ones(3)), (X, np.ones(3))]).moments()
    with pytest.raises(ValueError, match="has shape"):
        Chunks([(X[1], np.ones(3))] * 2).moments()
    late = pd.DataFrame(np.eye(3), columns=list("cba"))
    with pytest.raises(ValueError, match="begins at row 3 is a table, and one before it an array"):
        Chunks([(np.eye(3), np.ones(3)), (late, np.ones(3))]).moments()
    with pytest.raises(ValueError, match="complex"):
        Chunks([(np.eye(3) + 1j, np.ones(3))]).moments()


def test_a_name_of_y_does_not_go_with_rows_in_memory():
    for model in (QuadraticApproxRidge(), PathSearchCV(QuadraticApproxRidge())):
        with pytest.raises(ValueError, match=r"y='y' names a column.*Chunks\(X, 'y'\)"):
            model.fit(FRAME, "y")


@pytest.mark.parametrize("made", [lambda x: x, pl.from_pandas, pa.Table.from_pandas])
def test_a_list_of_tables_stands_in_the_place_of_x(made):
    data = FRAME[["a", "b", "y"]]
    found = QuadraticApproxRidge(alpha=0.1).fit([made(data[:100]), made(data[100:])], "y")
    expected = QuadraticApproxRidge(alpha=0.1).fit(data[["a", "b"]], data.y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)


class Stream:
    """Something with an Arrow stream, and nothing else."""

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.Table.from_pandas(FRAME[["a", "y"]]).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "source",
    [
        Stream(),
        pa.dataset.dataset(pa.Table.from_pandas(FRAME[["a", "y"]])).scanner(),
        lambda: [FRAME[["a", "y"]].set_axis([0, "y"], axis=1)],
    ],
    ids=["stream", "scanner", "names that are numbers"],
)
def test_less_usual_sources(source):
    found = Chunks(source, "y").moments()
    np.testing.assert_allclose(found.xx, Moments.from_rows(FRAME[["a"]], FRAME.y).xx)


def parts_of(tmp_path, **options):
    """Two files of which the second has ``a`` as whole numbers, as a dataset."""
    tables = [
        pa.Table.from_pandas(FRAME[["a", "b", "y"]][rows]) for rows in (slice(100), slice(100, 300))
    ]
    tables[1] = tables[1].set_column(0, "a", tables[1]["a"].cast("int64", safe=False))
    for k, table in enumerate(tables):
        (tmp_path / f"site={k}").mkdir()
        pa.parquet.write_table(table, tmp_path / f"site={k}" / "x.parquet", row_group_size=40)
    return pa.dataset.dataset(tmp_path, **options)


@pytest.mark.parametrize(
    "made",
    [
        lambda data: data,
        lambda data: data.filter(pa.dataset.field("b") > 5.0),
        lambda data: pa.dataset.FileSystemDataset(
            [f.subset(row_group_ids=[0, 2]) for f in data.get_fragments() if len(f.row_groups) > 2],
            data.schema, data.format,
        ),
    ],
    ids=["columns of the folders", "filter", "some row groups"],
)  # fmt: skip
def test_datasets_of_any_kind(made, tmp_path):
    data = made(parts_of(tmp_path, partitioning="hive"))
    table = data.to_table().to_pandas()
    found = Chunks(data, "y").moments()
    assert found.feature_names == ("a", "b", "site")
    assert found.n_rows == len(table) < 301
    expected = Moments.from_rows(table[["a", "b", "site"]], table.y)
    np.testing.assert_allclose(found.xx, expected.xx, rtol=1e-10, atol=1e-12)


def test_parquet_is_read_page_by_page(tmp_path):
    """What is held does not grow with the groups of rows, as what Arrow's scanner holds does."""
    table = pa.table({f"x{j}": np.random.default_rng(j).normal(size=200_000) for j in range(20)})
    pa.parquet.write_table(table, tmp_path / "x.parquet", use_dictionary=False)
    size, peak = table.nbytes, 0
    del table
    for _ in Chunks(pa.dataset.dataset(tmp_path / "x.parquet"), "x0"):
        peak = max(peak, pa.total_allocated_bytes())
    assert peak < size / 2


def test_values_that_no_row_has_are_no_categories():
    kinds = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["u", "v", "none"]))
    chunks = Chunks(pa.table({"kind": kinds, "y": [1.0, 2.0, 3.0]}), "y")
    chunks.moments()
    assert chunks.feature_names == ["kind_u", "kind_v"]


def test_sparse_chunks_of_whole_numbers():
    found = Chunks([(csr_array(np.eye(3, dtype=int)), np.arange(3))]).moments()
    np.testing.assert_allclose(found.xx, np.eye(3) - 1 / 3)


LABELS = {
    "int": [3, 1, 2],
    "text": ["u", "v", "w"],
    "truth": [True, False],
    "float": [0.5, 1.5],
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "arrays"])
def test_labels_are_as_they_come(name, library):
    y = np.random.default_rng(0).choice(LABELS[name], 60)
    table = pd.DataFrame({"a": np.arange(60.0), "y": y})
    make = {"pandas": lambda t: t, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}
    arrays = [(table[["a"]][i : i + 20], y[i : i + 20]) for i in (0, 20, 40)]
    chunks = Chunks(arrays) if library == "arrays" else Chunks(make[library](table), "y")
    found = np.concatenate([chunk.y[:, 0] for chunk in chunks.read_as(has_labels=True)])
    np.testing.assert_array_equal(found, y)
    assert np.unique(found).dtype == np.unique(y).dtype


def test_a_missing_label_is_named():
    table = pd.DataFrame({"a": np.arange(5.0), "y": ["u", "v", None, "u", "v"]})
    chunks = Chunks([table[:1], table[1:]], "y").read_as(has_labels=True)
    with pytest.raises(ValueError, match="'y' is missing in row 2"):
        list(chunks)


@pytest.mark.parametrize("size", [0, 1, 2.5, "many"])
def test_a_shuffle_buffer_is_a_number_of_rows(size):
    with pytest.raises(ValueError, match="shuffle_buffer must be a number of rows, at least 2"):
        Chunks(pieces, "y", shuffle_buffer=size)


def test_rows_of_spark_are_not_read_one_after_the_other():
    kind = type("DataFrame", (), {"mapInArrow": None})
    kind.__module__ = "pyspark.sql.dataframe"
    with pytest.raises(ValueError, match="Write them to Parquet"):
        list(Chunks(kind(), "y"))
