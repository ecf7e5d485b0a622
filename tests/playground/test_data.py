"""The rows of a run: generated ones, and a visitor's CSV."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from playground_cases import table_text

from skreg.datasets import make_playground
from skreg.playground.data import CsvTable, DataError, grid, make_data
from skreg.playground.state import State


def test_generated_rows_are_those_of_the_datasets():
    data = make_data(State(data="xor", noise=20, train=30, seed=5, features=("x1", "x1x2")))
    plane, y = make_playground("xor", noise=20, random_state=5)
    assert_array_equal(data.plane, plane)
    assert data.n_train == 150
    X = np.column_stack([plane[:, 0], plane[:, 0] * plane[:, 1]])
    assert_array_equal(data.train[0], X[:150])
    assert_array_equal(data.test[0], X[150:])
    assert_array_equal(data.test[1], y[150:])
    assert not data.is_regression
    assert make_data(State(data="plane")).is_regression


def test_grid_runs_from_the_top_left():
    assert_allclose(grid(2), [[-3, 3], [3, 3], [-3, -3], [3, -3]])
    assert abs(grid(100)).max() == pytest.approx(5.94)


def state_of(**columns):
    return State(data="csv", train=50, **columns)


def test_table_of_two_classes():
    table = CsvTable("my.csv", table_text())
    assert table.numeric == ["width", "height", "age"]
    columns = table.default_columns()
    assert columns == dict(x1_column="width", x2_column="height", y_column="kept")
    data = make_data(state_of(**columns), table)
    assert len(data.y) == 59  # a row has a gap
    assert data.labels == ("no", "yes")
    assert set(data.y) == {-1, 1}
    assert_allclose([data.plane.min(axis=0), data.plane.max(axis=0)], [[-5, -5], [5, 5]])
    # An axis says what its ends stand for: undone, the columns come back.
    (name, low, high), _ = data.axes
    assert name == "width"
    widths = np.sort(low + (data.plane[:, 0] + 6) / 12 * (high - low))
    assert_allclose(widths, np.sort(table.frame["width"].dropna()))


def test_table_of_three_classes():
    table = CsvTable("my.csv", table_text())
    data = make_data(state_of(x1_column="width", x2_column="height", y_column="size"), table)
    assert data.labels == ("medium", "small", "tall")
    assert not data.is_regression
    assert set(data.y) == {0, 1, 2}
    # Whole numbers of a few values are classes too, and their own names.
    text = "a,b,c\n" + "\n".join(f"{i},{i * i % 17},{i % 3 + 4}" for i in range(30))
    data = make_data(state_of(x1_column="a", x2_column="b", y_column="c"), CsvTable("t.csv", text))
    assert data.labels == ("4", "5", "6")


def test_table_of_numbers():
    table = CsvTable("my.csv", table_text())
    data = make_data(state_of(x1_column="width", x2_column="height", y_column="age"), table)
    assert data.is_regression
    assert (data.y.min(), data.y.max()) == (-1, 1)


def test_target_among_the_first_columns():
    table = CsvTable("a.csv", "label,a,b\n" + "\n".join(f"{i % 2},{i},{i * i}" for i in range(30)))
    assert table.default_columns() == dict(x1_column="label", x2_column="a", y_column="b")
    table = CsvTable("a.csv", "label,a,b\n" + "\n".join(f"x{i % 2},{i},{i * i}" for i in range(30)))
    assert table.default_columns() == dict(x1_column="a", x2_column="b", y_column="label")


def test_default_target_is_one_that_serves():
    rows = "\n".join(f"{i},{i * i},{i % 5},{i % 2},class {i % 6}" for i in range(30))
    table = CsvTable("a.csv", "a,b,c,d,many\n" + rows)
    assert table.default_columns() == dict(x1_column="a", x2_column="b", y_column="d")


def test_a_wide_table_is_refused_at_once():
    """One 40 kB header of commas took seconds, 2 MB minutes."""
    begun = time.perf_counter()
    for text in ("," * 1_999_000, "a,b,c\n" + "1," * 900_000, "a\n" * 999_000):
        with pytest.raises(DataError, match="at most"):
            CsvTable("my.csv", text)
    assert time.perf_counter() - begun < 2


def test_rows_may_end_in_a_comma():
    rows = "".join(f"{i},{i % 7},{i % 2},\n" for i in range(30))
    table = CsvTable("my.csv", "a,b,c\n" + rows)
    assert table.frame["a"].tolist() == list(range(30))
    assert table.default_columns()["y_column"] == "c"
    named = "".join(f"row {i},{i},{i % 7},{i % 2}\n" for i in range(30))
    assert CsvTable("my.csv", "a,b,c\n" + named).frame["a"].tolist() == list(range(30))


def test_names_in_a_message_are_cut_short():
    with pytest.raises(DataError) as error:
        CsvTable("a.csv", "x" * 5000 + "\n1\n2")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read as CSV"),
        ('a,b\n"1', "cannot be read as CSV"),
        ("a,b\n1,2\n2,3", "a third column"),
        ("a,b,c\nx,y,1\nz,w,2", "two columns of numbers"),
        ("x" * 2_000_001, "larger than 2 MB"),
        ("a,b,c\n" + "1,2,3\n" * 5_001, "more than 5000 rows"),
        ("," * 40_000 + "\n1,2,3", "40001 columns; at most 5000 rows and 200 columns"),
        ("a,b,c\n" + "," * 1_900_000, "1900001 columns"),
        ("a,b,c\n" + "1," * 60_000 + "\n", "60001 columns"),
        ('a,b,c\n"' + "x" * 200_000 + '",1,2', "cannot be read as CSV"),
    ],
)
def test_table_that_does_not_serve(text, says):
    with pytest.raises(DataError, match=says):
        CsvTable("my.csv", text)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (("width", "nothing", "kept"), "no column 'nothing'"),
        (("width", "width", "kept"), "two different columns"),
        (("width", "color", "kept"), "two different columns of numbers"),
        (("width", "height", "color"), "two values or more"),
    ],
)
def test_columns_that_do_not_serve(columns, says):
    names = dict(zip(("x1_column", "x2_column", "y_column"), columns, strict=True))
    with pytest.raises(DataError, match=says):
        make_data(state_of(**names), CsvTable("my.csv", table_text()))


def test_many_classes_are_too_many():
    text = "a,b,c\n" + "\n".join(f"{i},{i * i},class {i % 6}" for i in range(30))
    with pytest.raises(DataError, match="6 classes"):
        make_data(state_of(x1_column="a", x2_column="b", y_column="c"), CsvTable("t.csv", text))


def test_table_is_missing():
    with pytest.raises(DataError, match="open it here again"):
        make_data(state_of(x1_column="a", x2_column="b", y_column="c"))


def test_training_rows_of_one_class():
    text = "a,b,c\n" + "\n".join(f"{i},{i % 7},{int(i == 0)}" for i in range(40))
    state = State(data="csv", train=10, x1_column="a", x2_column="b", y_column="c")
    with pytest.raises(DataError, match="lack a class"):
        make_data(state, CsvTable("t.csv", text))
