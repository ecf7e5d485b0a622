"""The page of a report: whole by itself, and its code gives the model again."""

import html
import re

import numpy as np
import pandas as pd
import pytest

from skreg.cli import main, page


@pytest.fixture
def written(tmp_path, mixed, small, monkeypatch, capsys):
    """The page of a small job with this target, and where it was made."""
    monkeypatch.chdir(tmp_path)

    def write(target):
        other = {"price": "kind", "kind": "price"}[target]
        mixed.to_csv("a.csv", index=False)
        argv = ["a.csv", "--target", target, "--drop", other, *small, "--quiet"]
        assert main([*argv, "--report", "out.html", "--save", "model.joblib"]) == 0
        assert "Report: out.html" in capsys.readouterr().out
        return (tmp_path / "out.html").read_text(encoding="utf-8")

    return write


@pytest.mark.parametrize(("target", "picture"), [("price", "Residuals"), ("kind", "Calibration")])
def test_the_page_needs_no_other_file_and_its_code_runs(written, target, picture):
    text = written(target)
    assert not re.search(r"<(script|link)|src=\"(?!data:)|https?://", text)
    assert len(re.findall("data:image/png;base64,iVBOR", text)) == 2
    for title in ("Cross-validation", "Rows held out", "The path of the lasso", picture, "Columns"):
        assert f"<h2>{title}</h2>" in text
    assert "text that differs in nearly every row" in text
    command, code = (html.unescape(one) for one in re.findall("<pre>(.*?)</pre>", text, re.S))
    assert command.startswith("python -m skreg a.csv --target " + target)

    import joblib

    names: dict = {}
    exec(code, names)
    X = names["problem"].X
    np.testing.assert_array_equal(names["model"].predict(X), joblib.load("model.joblib").predict(X))


def test_names_are_escaped_and_pictures_can_be_missing(tmp_path, small, monkeypatch, capsys):
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"<b>x": rng.normal(size=60), "z": rng.normal(size=60)})
    frame.assign(y=frame["<b>x"] + 0.1 * frame["z"]).to_csv(tmp_path / "a.csv", index=False)
    argv = [tmp_path / "a.csv", "--target", "y", *small, "--quiet"]
    assert main([str(one) for one in (*argv, "--report", tmp_path / "out.html")]) == 0
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;x" in text
    assert "<b>" not in text
    assert "No pictures: matplotlib is missing" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.pdf", "the name must end in .html"), ("none/out.html", "there is no folder")],
)
def test_bad_paths_are_refused_before_any_work(tmp_path, failing, name, message):
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert message in failing(tmp_path / "a.csv", "--target", "a", "--report", tmp_path / name)
