"""The experiments on networks and tables: they run, and their figures add up."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import sem

from benchmarks import experiment, network_candidates, network_defaults
from benchmarks.__main__ import main
from benchmarks.tabular import (
    elsewhere,
    fits,
    models,
    report,
    tables,
)
from skreg import RegularizedMLPClassifier

ROOT = Path(__file__).parents[1]

DEFAULTS = network_defaults.OUTPUT / f"{network_defaults.NAME}.json"
CANDIDATES = experiment.OUTPUT / f"{network_candidates.NAME}.json"
needs_data = pytest.mark.skipif(not tables.DATA.exists(), reason="tables are not part of the sdist")


def made_up():
    """Two tables, two contenders; b has no second seed on the second table, c lacks it."""
    sizes = {
        "one": {"n_samples": 100, "n_features": 2, "is_class": True},
        "two": {"n_samples": 20_000, "n_features": 3, "is_class": True},
    }
    losses = {
        ("one", "a"): [0.1, 0.3], ("one", "b"): [0.3, 0.3], ("one", "c"): [0.5, 0.5],
        ("two", "a"): [0.7, 0.4], ("two", "b"): [0.6],
    }  # fmt: skip
    found = [
        {"table": t, "contender": c, "seed": seed, "error": loss, "log loss": loss, "seconds": 2.0}
        for (t, c), values in losses.items()
        for seed, loss in enumerate(values)
    ]
    stopped = {"table": "two", "contender": "c", "seed": 0, "stopped": "stopped"}
    return sizes, [*found, stopped]


def test_contenders_meet_on_the_tables_and_seeds_that_all_have():
    sizes, found = made_up()
    both = report.measured(found, sizes, ("a", "b"), "log loss")
    assert both == {"one": {"a": [0.1, 0.3], "b": [0.3, 0.3]}, "two": {"a": [0.7], "b": [0.6]}}
    assert report.mean_ranks(both) == {"a": 1.5, "b": 1.5}
    assert list(report.measured(found, sizes, ("a", "b", "c"), "log loss")) == ["one"]
    assert list(report.measured(found, sizes, ("a", "b"), "error", "≥ 10,000 rows")) == ["two"]
    assert report.winners(found, sizes, ("a", "b")) == {"one": "a", "two": "b"}
    lacking = ["- b: 3 of 4", "- c: 2 of 4, 1 beyond the budget; none on two"]
    assert report.gaps(found, sizes, 2) == lacking


def test_the_standard_error_is_that_of_seeds():
    found = {"one": {"a": [1.0, 2.0, 6.0]}, "two": {"a": [3.0, 3.0, 9.0]}}
    mean, error = report.means(found)["a"]
    assert mean == 4.0
    np.testing.assert_allclose(error, np.hypot(sem([1.0, 2.0, 6.0]), sem([3.0, 3.0, 9.0])) / 2)


def test_the_tables_of_figures():
    sizes, found = made_up()
    lines = report.summary(found, sizes, ("a", "b"), at_least=1).splitlines()
    assert any(line.startswith("| log loss | all (2) | rank | s |") for line in lines)
    assert any(line.startswith("| a | 0.4500 ± 0.0500 | 1.50 | 2 |") for line in lines)
    assert report.summary(found, sizes, ("a", "b")) == ""
    lines = report.by_table(found, sizes, ("a", "b", "c")).splitlines()
    assert lines[-1] == "| two (20000 × 3), log loss | **0.55** | 0.6 | – |"


def test_scores_are_those_of_scikit_learn():
    from sklearn.metrics import log_loss, root_mean_squared_error, zero_one_loss

    rng = np.random.default_rng(0)
    y = rng.choice(["x", "y", "z"], size=50)
    probabilities = rng.dirichlet(np.ones(3), size=50)
    table = tables.Table("made up", None, y, True)
    found = fits.scores(table, y, probabilities)
    np.testing.assert_allclose(found["log loss"], log_loss(y, probabilities))
    named = np.array(["x", "y", "z"])[probabilities.argmax(axis=1)]
    np.testing.assert_allclose(found["error"], zero_one_loss(y, named))
    y, predicted = rng.normal(3, 2, size=(2, 50))
    found = fits.scores(tables.Table("made up", None, y, False), y, predicted)
    np.testing.assert_allclose(found["RMSE"], root_mean_squared_error(y, predicted) / np.std(y))


def test_codes_of_categories_for_another_python():
    import pandas as pd

    train = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": ["v", "u", "v"]})
    test = pd.DataFrame({"a": [4.5, 5.5], "b": ["w", "u"]})
    arrays = elsewhere._arrays(train, test)
    assert arrays["n_categories"].tolist() == [3]
    assert arrays["codes_train"].ravel().tolist() == [1, 0, 1]
    assert arrays["codes_test"].ravel().tolist() == [2, 0]
    assert arrays["numbers_test"].ravel().tolist() == [4.5, 5.5]


@needs_data
def test_the_tables_are_what_they_are_said_to_be():
    found = tables.tables()
    assert len(found) >= 20
    assert sum(not table.is_class for table in found) >= 8
    assert sum(len(table.X) >= models.LARGE for table in found) >= 5
    readme = (tables.DATA / "README.md").read_text(encoding="utf-8")
    for table in found:
        assert not table.X.isna().any(axis=None), table.name
        assert table.name in readme, table.name
        if table.is_class:
            assert table.y.value_counts().min() >= 5, table.name


@needs_data
def test_a_quick_run(tmp_path, capsys):
    assert main([network_defaults.NAME, "--quick", "--output", str(tmp_path)]) == 0
    text = (tmp_path / f"{network_defaults.NAME}.json").read_text(encoding="utf-8")
    result = json.loads(text)
    assert network_defaults.table(result) in capsys.readouterr().out
    assert len(result["tables"]) == 3
    by_fit = {fits.key(fit): fit for fit in result["fits"]}
    assert len(by_fit) == len(result["fits"]) == 3 * 7
    assert all(np.isfinite(fit.get("RMSE", fit.get("error"))) for fit in result["fits"])


@needs_data
def test_what_is_known_is_not_measured_again(tmp_path, monkeypatch):
    names = []
    kept = {"table": "iris", "contender": "linear", "seed": 0, "error": 0.5, "log loss": 1.0}

    def measure(table, name, seed):
        names.append((table.name, name, seed))
        return {"table": table.name, "contender": name, "seed": seed, "error": 0.0}

    monkeypatch.setattr(network_defaults, "tables", lambda quick: [tables.load("iris")])
    monkeypatch.setattr(network_defaults.fits, "measure", measure)
    monkeypatch.setattr(network_defaults, "available", lambda: ["skreg", "linear"])
    network_defaults._write({"libraries": {}, "fits": [kept]}, tmp_path)
    run = network_defaults.run(seeds=1, folder=tmp_path, say=lambda fit: None)
    assert names == [("iris", "skreg", 0)]
    assert kept in run["fits"]
    # Interrupted here: the journal has the fit, and it is not measured again.
    network_defaults.run(("skreg",), seeds=2, folder=tmp_path, say=lambda fit: None)
    assert names == [("iris", "skreg", 0), ("iris", "skreg", 1)]
    network_defaults._write(run, tmp_path)
    network_defaults.run(("linear",), seeds=1, folder=tmp_path, say=lambda fit: None)
    assert names[-1] == ("iris", "linear", 0)


def test_a_contender_that_is_not_there_is_named(capsys, monkeypatch):
    monkeypatch.delenv("PYTABKIT_PYTHON", raising=False)
    assert main([network_defaults.NAME, "--only", "nobody"]) == 2
    assert "--only names nobody" in capsys.readouterr().out
    assert main([network_defaults.NAME, "--only", "RealMLP"]) == 2
    assert "PYTABKIT_PYTHON" in capsys.readouterr().out


@needs_data
def test_a_quick_run_of_candidates(tmp_path, capsys):
    assert main([network_candidates.NAME, "--quick", "--output", str(tmp_path)]) == 0
    text = (tmp_path / f"{network_candidates.NAME}.json").read_text(encoding="utf-8")
    result = json.loads(text)
    assert network_candidates.table(result) in capsys.readouterr().out
    assert network_candidates.chosen(result) in network_candidates.CANDIDATES


@pytest.mark.skipif(not CANDIDATES.exists(), reason="results are not part of the sdist")
def test_the_defaults_are_what_the_inner_folds_chose():
    result = json.loads(CANDIDATES.read_text(encoding="utf-8"))
    assert not result["quick"]
    assert tuple(result["tables"]) == network_candidates.TABLES
    assert all(
        set(t["inner"]) == set(network_candidates.CANDIDATES) for t in result["tables"].values()
    )
    # What the defaults are is what the inner folds chose among candidates that spell them out.
    chosen = network_candidates.CANDIDATES[network_candidates.DEFAULT_CANDIDATE]
    usual = RegularizedMLPClassifier().get_params() | {"learning_rate_init": 0.01, "dropout": 0.1}
    assert {name: usual[name] for name in chosen} == chosen


@pytest.mark.skipif(not DEFAULTS.exists(), reason="results are not part of the sdist")
def test_the_readme_has_the_figures_of_the_committed_run():
    result = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    assert not result["quick"]
    assert len(result["tables"]) >= 20
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert network_defaults.with_table(readme, result) == readme
