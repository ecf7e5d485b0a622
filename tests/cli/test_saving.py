"""Saved models load as the printed code says, and predict the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skreg
from skreg.cli import files, main, saving
from skreg.cli.errors import UserError
from skreg.cli.saving import check_save_path

PUBLIC = {*skreg.__all__, "cli.as_numbers", "cli.as_text", "cli.date_features", "cli.date_names",
          "cli.level_name"}  # fmt: skip


@pytest.mark.parametrize("target", ["price", "kind"])
def test_the_printed_code_loads_the_model_and_predicts(
    tmp_path, mixed, small, monkeypatch, capsys, target
):
    monkeypatch.chdir(tmp_path)
    mixed.to_csv("data.csv", index=False)
    mixed.drop(columns=["price", "kind"]).to_csv("new_rows.csv", index=False)
    other = {"price": "kind", "kind": "price"}[target]
    predictions = []
    for name in ("model.skreg", "model.joblib", "model.skops"):
        argv = ["data.csv", "--target", target, "--drop", other, *small, "--quiet"]
        assert main([*argv, "--save", name]) == 0
        code = capsys.readouterr().out.split("To use it:\n\n")[1].split("\n\n")[0]
        *load, predict = code.splitlines()
        ours = set(re.findall(r"'(skreg\.[^']*)'", code)) - {name}
        assert ours <= {f"skreg.{public}" for public in PUBLIC}, ours
        names: dict = {}
        exec("\n".join(load), names)
        predictions.append(eval(predict, names))
        unseen = mixed.assign(color="violet", garden=None, sold="unknown")
        assert len(names["model"].predict(unseen)) == 120
    np.testing.assert_array_equal(*predictions[:2])
    np.testing.assert_array_equal(*predictions[1:])
    if target == "kind":
        assert set(predictions[0]) <= {"cheap", "dear"}
    else:
        assert np.corrcoef(predictions[0], mixed["price"])[0, 1] > 0.7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.pickle", "must end in .skreg, .joblib or .skops"),
        ("model", "must end in .skreg, .joblib or .skops"),
        ("none/model.joblib", "there is no folder"),
        ("folder.joblib", "is a directory"),
    ],
)
def test_bad_paths_are_refused_before_any_work(tmp_path, failing, name, message):
    (tmp_path / "folder.joblib").mkdir()
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert message in failing(tmp_path / "a.csv", "--target", "a", "--save", tmp_path / name)
    assert message in failing("--save", tmp_path / name)


def test_skops_missing(monkeypatch):
    monkeypatch.setattr(saving, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs skops: pip install skops"):
        check_save_path(Path("model.skops"))
    check_save_path(Path("model.joblib"))


def test_folder_that_is_not_writable(monkeypatch, tmp_path):
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="is not writable"):
        check_save_path(tmp_path / "model.joblib")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_the_old_model(monkeypatch, tmp_path, error):
    path = tmp_path / "model.joblib"
    path.write_bytes(b"the old model")
    link = tmp_path / "latest.joblib"
    link.symlink_to(path)

    def fail_half_way(model, file):
        file.write(b"half of the new")
        file.flush()
        assert path.read_bytes() == b"the old model"  # what a kill would leave
        raise error

    monkeypatch.setattr(saving.joblib, "dump", fail_half_way)
    for name in (path, link):
        with pytest.raises((UserError, KeyboardInterrupt)) as caught:
            saving.save_model(object(), name, "X")
        assert isinstance(error, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert path.read_bytes() == b"the old model"
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_save_through_a_link_replaces_what_it_points_to(tmp_path):
    path, link = tmp_path / "model.joblib", tmp_path / "latest.joblib"
    path.write_bytes(b"the old model")
    link.symlink_to(path)
    saving.save_model({"new": 1}, link, "X")
    assert link.is_symlink()
    assert saving.joblib.load(path) == {"new": 1}


def test_a_save_removes_what_a_killed_one_left(tmp_path):
    path = tmp_path / "model[1].joblib"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, before, fresh, running, other = (
        tmp_path / f".{name}.tmp"
        for name in (
            f"model[1].joblib.{gone.pid}",
            f"model[1].joblib.0a0b.{os.getpid()}",  # of a container's process of this number
            "model[1].joblib.999999999999",
            f"model[1].joblib.{os.getppid()}",
            f"model1.joblib.{gone.pid}",
        )
    )
    for file in (left, before, fresh, running, other):
        file.write_bytes(b"half a model")
        if file is not fresh:
            os.utime(file, (0, 0))
    saving.save_model({"a": 1}, path, "rows")
    assert {file.name for file in tmp_path.iterdir()} == {
        file.name for file in (path, fresh, running, other)
    }
