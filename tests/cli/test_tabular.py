"""The job on a user's table, from the file to the comparison."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skreg.cli import main
from skreg.cli.arguments import parse
from skreg.cli.errors import UserError
from skreg.cli.table import Dataset
from skreg.cli.tabular import build_models, check_size

MODELS = ("ridge", "lasso", "network", "baseline")


def lines_of(out, *names, part="Cross-validation"):
    """The rows of a printed table that begin with these names, split into words."""
    out = re.split("(?:rows held out|Cross-validation), .*:", out)[1 if part[0] == "C" else 2]
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    return [rows[name] for name in names]


def without_times(out):
    return re.sub(r"Expected: .*|\d+ s in all", "", out)


def test_regression_compares_ridge_lasso_and_network(tmp_path, mixed, small, capsys):
    path = tmp_path / "houses.csv"
    mixed.drop(columns="kind").to_csv(path, index=False)
    assert main([str(path), "--target", "price", *small]) == 0
    out, err = capsys.readouterr()
    assert f"{path}: 120 rows, columns: 2 numeric, 2 categorical, 1 date" in out
    assert re.search("note +text +left out: text that differs in nearly every row", out)
    assert re.search("empty +empty +120 +left out: every value is missing", out)
    assert "task: regression" in out
    ridge, lasso, network, mean = lines_of(out, *MODELS)
    # The target is nearly linear: three epochs leave the network behind, the mean is worse still.
    assert "<-" in ridge + lasso
    assert "<-" not in network
    # name, λ, RMSE ± standard error, MAE ± standard error, R² ± standard error
    assert float(ridge[2]) < 0.6 * float(mean[1])
    assert float(ridge[8]) > 0.6
    assert abs(float(mean[7])) < 0.3
    assert {row[1] for row in (ridge, lasso, network)} <= {"0.1", "0"}
    assert all(f"{word}: 3 of 3 fits" in err for word in ("ridge", "lasso", "network"))
    assert re.search("Expected: .* s", out)
    assert re.search("What matters, by the lasso .*: . of .. features", out)
    assert re.search(r"^  size +\+[23]\d", out, re.M)


def test_classification_compares_ridge_lasso_network_and_majority(tmp_path, mixed, small, capsys):
    path = tmp_path / "houses.parquet"
    mixed.drop(columns="price").to_parquet(path)
    argv = [str(path), "--target", "kind", *small, "--max-iter", "60", "--learning-rate", "0.02"]
    assert main([*argv, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    ridge, lasso, network, majority = lines_of(out, *MODELS)
    # name, λ, log loss ± , error ± %, ROC AUC ±, average precision ±
    for contender in (ridge, lasso, network):
        assert float(contender[2]) < 0.65
        assert float(contender[5]) < 35
        assert float(contender[9]) > 0.7
        assert float(contender[12]) > 0.7
    assert float(majority[4]) == pytest.approx(50, abs=2)
    assert "<-" in ridge + lasso + network


def test_separable_classes_without_a_penalty_are_noted(tmp_path, small, capsys):
    path = tmp_path / "parts.csv"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60)})
    frame.assign(y=np.where(frame["x"] > 0, "up", "down")).to_csv(path, index=False)
    assert main([str(path), "--target", "y", *small, "--alphas", "0", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search("Note: .* of the ridge warned, the first: .* no finite minimizer", out)


def test_same_seed_same_report(tmp_path, mixed, small, capsys):
    path = tmp_path / "houses.csv.gz"
    mixed.drop(columns="kind").to_csv(path, index=False)
    reports = []
    for seed in ("1", "1", "2"):
        assert main([str(path), "--target", "price", *small, "--quiet", "--seed", seed]) == 0
        reports.append(without_times(capsys.readouterr().out))
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]


def test_number_of_jobs_does_not_change_the_report(tmp_path, mixed, small, capsys):
    path = tmp_path / "houses.csv"
    mixed.drop(columns="kind").to_csv(path, index=False)
    reports = []
    for jobs in ("1", "2"):
        argv = [str(path), "--target", "price", *small, "--quiet", "--jobs", jobs]
        assert main(argv) == 0
        reports.append(without_times(capsys.readouterr().out))
    assert reports[0] == reports[1]


def test_noise_is_called_noise(tmp_path, small, capsys):
    rng = np.random.default_rng(1)
    path = tmp_path / "noise.csv"
    pd.DataFrame(rng.normal(size=(60, 31))).to_csv(path, index=False)
    assert main([str(path), "--target", "0", *small, "--alphas", "0", "--quiet"]) == 0
    assert re.search("No model does .*better than the baseline", capsys.readouterr().out)


def write_targets(path, target):
    pd.DataFrame({"x": np.arange(len(target)) % 7, "y": target}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (["a"] * 30 + ["b"] * 3, [], "too few rows of class b (3; of each of its 2 classes 7"),
        ([f"name {i}" for i in range(30)], [], "too few rows of class"),
        (np.linspace(0, 1, 13), [], "too few rows with a target (13; 14 are needed)"),
        ([3] * 30, [], "'y' is constant (3)"),
        ([None] * 30, [], "'y' has no values"),
        (["a", "b"] * 15, ["--task", "regression"], "'y' is not numeric"),
        (["a", "b"] * 15, ["--drop", "x"], "no column to learn from"),
    ],
)
def test_bad_targets_end_in_one_line(tmp_path, failing, target, options, message):
    path = write_targets(tmp_path / "a.csv", target)
    assert message in failing(path, "--target", "y", *options)


@pytest.mark.parametrize("folds", [2, 5])
@pytest.mark.parametrize("holdout", [0.05, 0.2, 0.9])
@pytest.mark.parametrize(
    ("task", "values"), [("classification", ["a", "b"]), ("regression", [0.5, 0.25])]
)
def test_the_least_rows_that_are_accepted_suffice(tmp_path, small, folds, holdout, task, values):
    argv = ["--target", "y", *small, "--folds", str(folds), "--holdout", str(holdout)]
    argv += ["--alphas", "0.1"]  # how many says nothing of rows
    _, options = parse(["a.csv", *argv])
    for n_each in range(1, 100):
        y = pd.Series(values * n_each, name="y")
        try:
            check_size(Dataset(None, y, task, ()), options)
            break
        except UserError:
            continue
    assert 1 < n_each < 99
    path = write_targets(tmp_path / "a.csv", y)
    assert main([str(path), *argv, "--task", task, "--quiet"]) == 0


def test_a_fit_that_fails_ends_in_one_line(tmp_path, mixed, small, failing):
    path = tmp_path / "houses.csv"
    mixed.drop(columns="kind").to_csv(path, index=False)
    argv = ["--target", "price", *small, "--learning-rate", "1e300", "--quiet"]
    assert "the network could not be fitted" in failing(path, *argv)


def test_batches_are_no_larger_than_a_fold():
    _, options = parse(["a.csv", "--batch-size", "1000", "--folds", "4"])
    models = build_models("regression", "passthrough", 40, options)
    assert models["network"].get_params()["model__batch_size"] == 30


def test_reported_errors_equal_those_of_a_ridge_by_hand(tmp_path, mixed, small, capsys):
    """Ridge, refitted by hand with the chosen λ on the rows of the search, errs as reported."""
    frame = mixed[["rooms", "price"]].assign(size=mixed["size"].fillna(50.0))
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    assert main([str(path), "--target", "price", *small, "--alphas", "0.1", "--quiet"]) == 0
    (reported,) = lines_of(capsys.readouterr().out, "ridge", part="held out")
    read = pd.read_csv(path)
    X, X_held, y, y_held = train_test_split(
        read.drop(columns="price"), read["price"], test_size=0.2, random_state=0
    )
    scaler = StandardScaler().fit(X)
    twin = Ridge(alpha=0.1 * len(X)).fit(scaler.transform(X), (y - y.mean()) / y.std(ddof=0))
    predicted = y.mean() + y.std(ddof=0) * twin.predict(scaler.transform(X_held))
    assert float(reported[2]) == pytest.approx(root_mean_squared_error(y_held, predicted), abs=0.06)


def test_ctrl_c_ends_with_one_line_and_130(tmp_path, mixed):
    path = tmp_path / "houses.csv"
    mixed.drop(columns="kind").to_csv(path, index=False)
    argv = [str(path), "--target", "price", "--max-iter", "100000", "--alphas", "1"]
    run = subprocess.Popen(
        [sys.executable, "-u", "-m", "skreg", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in run.stderr:  # the linear models are done, the network would take hours
        if line.startswith("lasso: 6 of 6 fits"):
            break
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert err.strip().splitlines() == ["skreg: interrupted"]


def test_a_reader_that_leaves_early_is_no_error(tmp_path, mixed, small):
    path = tmp_path / "houses.csv"
    mixed.drop(columns="kind").to_csv(path, index=False)
    run = subprocess.Popen(
        [sys.executable, "-m", "skreg", str(path), "--target", "price", *small, "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run.stdout.close()
    err = run.stderr.read()
    assert run.wait(timeout=60) == 141
    assert err == ""
