"""Reading a user's file, the target and the task."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skreg.cli.errors import UserError
from skreg.cli.table import MAX_CLASSES, make_problem, read_table, reading_code


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_gz_and_parquet_hold_the_same(tmp_path, mixed):
    frame = mixed.drop(columns="empty")
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    plain = read_table(tmp_path / "a.csv")
    assert plain.shape == frame.shape
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv.gz"), plain)
    stored = read_table(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(stored, plain, check_dtype=False)


def test_question_marks_are_missing_values(tmp_path):
    frame = read_table(write(tmp_path / "a.csv", "a,b\n1,x\n?,?\n3,z\n"))
    assert frame.isna().sum().tolist() == [1, 1]
    assert frame["a"].dtype == np.float64


def test_other_separators(tmp_path):
    path = write(tmp_path / "a.csv", "a;b\n1;2\n")
    assert read_table(path, separator=";").columns.tolist() == ["a", "b"]
    with pytest.raises(UserError, match="single column: try --separator ';'"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "is empty"),
        ("blank.csv", "\n\n", "is empty"),
        ("header.csv", "a,b\n", "a header but no rows"),
        ("ragged.csv", "a,b\n1,2\n1,2,3\n", "cannot be read: Error tokenizing data"),
        ("latin.csv", "a,b\nz\xfcrich,1\n".encode("latin-1"), "not UTF-8 text"),
        ("binary.csv", bytes(range(256)) * 4, "binary.csv"),
        ("fake.csv.gz", "a,b\n1,2\n", "cannot be read: Not a gzipped file"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KLJ", "cannot be read"),
        ("fake.parquet", "a,b\n1,2\n", "cannot be read"),
        ("empty.parquet", "", "cannot be read"),
        ("book.xlsx", "a", "unknown kind of file; use .csv, .csv.gz or .parquet"),
    ],
)
def test_unreadable_files(tmp_path, name, content, message, failing):
    path = write(tmp_path / name, content)
    line = failing(path, "--target", "a")
    assert message in line
    assert str(path) in line


def test_missing_file_and_directory(tmp_path, failing):
    assert "no such file" in failing(tmp_path / "no.csv", "--target", "a")
    assert "is a directory" in failing(tmp_path, "--target", "a")


def test_file_without_permission(tmp_path, failing, monkeypatch):
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")

    def refuse(*args, **kwargs):  # root may read anything, so the refusal is made here
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pd, "read_csv", refuse)
    assert "cannot be read: Permission denied" in failing(path, "--target", "a")


def test_parquet_without_an_engine(tmp_path, failing, monkeypatch):
    def refuse(*args, **kwargs):
        raise ImportError("Unable to find a usable engine;\ntried using: 'pyarrow'")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    path = write(tmp_path / "a.parquet", "")
    assert "needs pyarrow (pip install pyarrow)" in failing(path, "--target", "a")


def frame_with(target):
    return pd.DataFrame({"x": np.arange(len(target)), "target": target})


@pytest.mark.parametrize(
    ("target", "task", "dtype"),
    [
        (["a", "b"] * 10, "classification", object),
        ([True, False] * 10, "classification", bool),
        ([0, 1] * 10, "classification", np.int64),
        ([1.0, 2.0, None] * 10, "classification", np.int64),
        (pd.Categorical(["u", "v"] * 10), "classification", object),
        (pd.array([1, 2, None] * 10, dtype="Int64"), "classification", np.int64),
        (pd.array([True, None, False] * 5, dtype="boolean"), "classification", bool),
        (range(MAX_CLASSES), "classification", np.int64),
        (range(MAX_CLASSES + 1), "regression", np.float64),
        ([0.5, 1.0] * 10, "regression", np.float64),
        ([1e20, 2e20] * 10, "regression", np.float64),
        (pd.array([0.5, None, 2.5] * 5, dtype="Float64"), "regression", np.float64),
    ],
)
def test_task_is_told_from_the_target(target, task, dtype):
    problem = make_problem(frame_with(target), "target")
    assert problem.task == task
    assert problem.y.dtype == dtype
    assert list(problem.X.columns) == ["x"]
    assert any(note.startswith(f"task: {task}") for note in problem.notes)


def test_task_can_be_said():
    ratings = frame_with([1, 2, 3] * 10)
    problem = make_problem(ratings, "target", task="regression")
    assert problem.y.dtype == np.float64
    assert problem.notes == ()
    halves = make_problem(frame_with([0.5, 1.5] * 10), "target", task="classification")
    assert set(halves.y) == {"0.5", "1.5"}


def test_rows_without_target_are_left_out_and_said():
    problem = make_problem(frame_with([1.5, None, np.inf, 2.5, 3.5]), "target")
    assert problem.X["x"].tolist() == [0, 3, 4]
    assert problem.y.tolist() == [1.5, 2.5, 3.5]
    assert problem.notes[0] == "left out 2 of 5 rows: no value in 'target'"


def test_columns_can_be_dropped(tmp_path):
    path = write(tmp_path / "a.csv", ",id,x,y,\n0,7,1,0.5,\n1,8,2,1.5,\n")
    problem = make_problem(read_table(path), "y", drop=["id"])
    assert list(problem.X.columns) == ["x"]
    assert problem.notes[0] == "left out 2 of the columns: no name in the header"


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ([1, 2], {"target": "Targett"}, "'Targett' is not a column; did you mean 'target'?"),
        ([1, 2], {"target": "zzz"}, "'zzz' is not a column; the columns are 'x', 'target'"),
        ([1, 2], {"target": None}, "--target is missing: name one of the columns 'x', 'target'"),
        ([1, 2], {"drop": ["y"]}, "--drop 'y' is not a column"),
        ([1, 2], {"drop": ["target"]}, "--drop names the target"),
        ([7, 7, None], {}, "'target' is constant \\(7.0\\)"),
        (["a", "a"], {}, "'target' is constant \\(a\\)"),
        ([None, None], {}, "'target' has no values"),
        (["a", "b"], {"task": "regression"}, "'target' is not numeric \\(a, …\\)"),
    ],
)
def test_bad_targets(target, options, message):
    with pytest.raises(UserError, match=message):
        make_problem(frame_with(target), **{"target": "target", **options})


def test_long_lists_of_columns_are_cut():
    frame = pd.DataFrame([[0] * 30], columns=[f"c{i}" for i in range(30)])
    with pytest.raises(UserError, match=r"'c19' and 10 more$"):
        make_problem(frame, "target")


def test_reading_code_reads_as_read_table_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "new_rows.csv", "a;b\n1;?\n2;u\n")
    read = eval(reading_code(path, ";"), {"pd": pd})
    pd.testing.assert_frame_equal(read, read_table(path, separator=";"))
    assert reading_code(Path("a.parquet")) == 'pd.read_parquet("new_rows.parquet")'
