"""The experiment on the networks' defaults: it runs, and its figures add up."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from benchmarks import network_defaults  # noqa: E402
from benchmarks.__main__ import main  # noqa: E402
from skreg import RegularizedMLPClassifier  # noqa: E402

COMMITTED = network_defaults.OUTPUT / f"{network_defaults.NAME}.json"
needs_data = pytest.mark.skipif(
    not network_defaults.DATA.exists(), reason="tables are not part of the sdist"
)


def made_up():
    """Two tables, two contenders, two folds."""
    return {
        "tables": {
            "one": {
                "n_samples": 10, "n_features": 2, "loss": "log loss",
                "outer": {"a": [0.1, 0.3], "b": [0.3, 0.3]},
                "inner": {"x": [1.0, 1.0], "y": [0.5, 0.7]},
                "seconds": {"a": [1.0, 2.0], "b": [4.0, 4.0]},
            },
            "two": {
                "n_samples": 20, "n_features": 3, "loss": "RMSE",
                "outer": {"a": [5.0, 7.0], "b": [6.0, 6.0]},
                "inner": {"x": [3.0, 3.0], "y": [1.0, 1.0]},
                "seconds": {"a": [1.0, 1.0], "b": [1.0, 1.0]},
            },
        }
    }  # fmt: skip


def test_ranks_and_the_choice():
    result = made_up()
    assert network_defaults.mean_ranks(result, "outer") == {"a": 1.25, "b": 1.75}
    assert network_defaults.chosen(result) == "y"
    lines = network_defaults.table(result).splitlines()
    assert "| one (10 × 2), log loss | **0.2** | 0.3 |" in lines
    assert "| **mean rank** | 1.25 | 1.75 |" in lines
    assert "| mean RMSE | 6 | 6 |" in lines
    assert "| seconds of processor to fit | 5 | 10 |" in lines


@needs_data
def test_a_quick_run(tmp_path, capsys):
    assert main([network_defaults.NAME, "--quick", "--output", str(tmp_path)]) == 0
    text = (tmp_path / f"{network_defaults.NAME}.json").read_text(encoding="utf-8")
    result = json.loads(text)
    assert network_defaults.table(result) in capsys.readouterr().out
    assert len(result["tables"]) == 3
    for table in result["tables"].values():
        assert set(table["outer"]) == set(table["seconds"]) == set(network_defaults.contenders())
        assert all(np.isfinite(folds).all() for folds in table["outer"].values())


@pytest.mark.skipif(not COMMITTED.exists(), reason="results are not part of the sdist")
def test_the_committed_run():
    result = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert not result["quick"]
    assert len(result["tables"]) == 12
    assert all(
        set(t["inner"]) == set(network_defaults.CANDIDATES) for t in result["tables"].values()
    )
    # What the defaults are is what the inner folds chose among candidates that spell them out.
    chosen = network_defaults.CANDIDATES[network_defaults.DEFAULT_CANDIDATE]
    usual = RegularizedMLPClassifier().get_params() | {"learning_rate_init": 0.01, "dropout": 0.1}
    assert {name: usual[name] for name in chosen} == chosen
    # On the outer folds: ahead of the tuned network of scikit-learn, in less time.
    ours, tuned = network_defaults.DEFAULTS, network_defaults.TUNED
    ranks = network_defaults.mean_ranks(result, "outer")
    assert ranks[ours] < ranks[tuned]
    seconds = {
        name: sum(np.sum(table["seconds"][name]) for table in result["tables"].values())
        for name in (ours, tuned)
    }
    assert seconds[ours] < seconds[tuned]
