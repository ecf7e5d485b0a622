"""The experiment on choosing features: it runs, and its table says what its choices say."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import experiment, feature_selection
from benchmarks.__main__ import main

ROOT = Path(__file__).parents[1]

COMMITTED = experiment.OUTPUT / f"{feature_selection.NAME}.json"


def check(result):
    """Measures that follow from the features chosen."""
    size = feature_selection.SIZES[result["quick"]]
    for entries in result["found"].values():
        for seed, entry in enumerate(entries):
            support = feature_selection._data(seed, size)[-1]
            hits = len(support & set(entry["chosen"]))
            assert entry["recall"] == hits / 10
            assert entry["precision"] == hits / max(1, len(entry["chosen"]))
            assert np.isclose(entry["f1"], 2 * hits / (10 + len(entry["chosen"])))
            assert entry["r2"] < 1
            assert entry["seconds"] > 0


def test_a_quick_run_of_ours(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(feature_selection, "CONTENDERS", feature_selection.CONTENDERS[:2])
    arguments = [feature_selection.NAME, "--quick", "--repeats", "2", "--output", str(tmp_path)]
    assert main(arguments) == 0
    result = json.loads((tmp_path / f"{feature_selection.NAME}.json").read_text(encoding="utf-8"))
    check(result)
    assert set(result["found"]) == {"skreg, group_log", "skreg, group"}
    assert "| skreg, group_log |" in capsys.readouterr().out


@pytest.mark.skipif(not COMMITTED.exists(), reason="a source tree without results")
def test_the_committed_figures_are_those_of_their_choices():
    result = json.loads(COMMITTED.read_text(encoding="utf-8"))
    check(result)
    means = feature_selection.summary(result)
    ours = means["skreg, group_log"]
    for name in ("LassoNet", "LassoNet, one standard error"):
        assert ours["f1"] >= means[name]["f1"]
        assert ours["cpu_seconds"] < means[name]["cpu_seconds"]
    assert feature_selection.table(result) in (ROOT / "benchmarks" / "README.md").read_text()
