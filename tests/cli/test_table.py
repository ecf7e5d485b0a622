"""The target and the task of a user's table."""

import numpy as np
import pandas as pd
import pytest

from skreg.cli.errors import UserError
from skreg.cli.reading import read_table
from skreg.cli.table import MAX_CLASSES, make_problem


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
    path = tmp_path / "a.csv"
    path.write_text(",id,x,y,\n0,7,1,0.5,\n1,8,2,1.5,\n")
    problem = make_problem(read_table(path).frame, "y", drop=["id"])
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


def test_money_is_a_quantity():
    problem = make_problem(frame_with(["$1,200.50", "$7", None, "-$3"] * 10), "target")
    assert problem.task == "regression"
    assert problem.y.tolist()[:3] == [1200.5, 7.0, -3.0]
    assert problem.notes[0] == "read the text of 'target' ($1,200.50, …) as numbers"


def test_numbers_that_are_too_large_are_missing_and_said():
    frame = pd.DataFrame({"x": [1.0, 1e300, 2.0, 3.0], "y": [0.5, 1.5, -1e200, 2.5]})
    problem = make_problem(frame, "y")
    assert problem.y.tolist() == [0.5, 1.5, 2.5]
    assert "'x' holds numbers beyond 1e+150 (1), which count as missing" in problem.notes
