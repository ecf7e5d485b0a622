"""The experiment on files that do not fit in memory."""

import json

import pytest

from benchmarks import out_of_core
from benchmarks.__main__ import main


def test_everyone_reads_the_same_rows(tmp_path, capsys):
    only = ["skreg, ridge", "scikit-learn, SGD"]
    options = [word for name in only for word in ("--only", name)]
    assert main([out_of_core.NAME, "--quick", *options, "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "out-of-core.json").read_text())["found"]["20000"]
    assert list(found) == only
    assert found["skreg, ridge"]["r2"] > found["scikit-learn, SGD"]["r2"] - 0.01 > 0.4
    assert "| 20,000 | skreg, ridge |" in capsys.readouterr().out


def test_a_contender_that_is_not_installed_is_told(tmp_path, monkeypatch):
    def lost(folder):
        raise ModuleNotFoundError("no duckdb")

    monkeypatch.setitem(out_of_core.FITS, "DuckDB, least squares", lost)
    with pytest.raises(ModuleNotFoundError):
        out_of_core.measure("DuckDB, least squares", tmp_path)
    result = {
        "contenders": out_of_core.CONTENDERS,
        "found": {"10": {"skreg, ridge": {"failed": "x"}}},
    }
    assert "| x | – | – | – |" in out_of_core.table(result)
