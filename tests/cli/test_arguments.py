import subprocess
import sys

import pytest

from skreg.cli import main
from skreg.cli.arguments import DEFAULTS, parse
from skreg.cli.errors import UserError


def test_no_argument_means_the_digits():
    job, options = parse([])
    assert job == "digits"
    assert len(options.hidden) == 3
    assert min(options.hidden) >= 256
    assert options.alphas is None


def test_data_means_a_table():
    job, options = parse(["a.csv", "--target", "y", "--alphas", "1", "0", "--drop", "id"])
    assert job == "table"
    assert options.target == "y"
    assert options.alphas == (1.0, 0.0)
    assert options.drop == ("id",)
    assert options.hidden == DEFAULTS["table"]["hidden"]


def test_columns_to_drop_leave_the_file_alone():
    _, options = parse(["--drop", "id", "--drop", "date", "a.csv"])
    assert str(options.data) == "a.csv"
    assert options.drop == ("id", "date")


def test_options_override_the_defaults_of_the_job():
    for argv in ([], ["a.csv"]):
        _, options = parse([*argv, "--hidden", "5", "6", "--folds", "4", "--max-iter", "2"])
        assert (options.hidden, options.folds, options.max_iter) == ((5, 6), 4, 2)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--alphas", "-1"], "--alphas: '-1' is not a number of at least 0"),
        (["--alphas", "nan"], "--alphas: 'nan'"),
        (["--alphas", "inf"], "--alphas: 'inf'"),
        (["--alphas", "many"], "--alphas: 'many'"),
        (["--folds", "1"], "--folds: '1' is not a whole number of at least 2"),
        (["--folds", "2.5"], "--folds: '2.5' is not a whole number"),
        (["--hidden", "0"], "--hidden: '0'"),
        (["--max-iter", "0"], "--max-iter: '0'"),
        (["--batch-size", "0"], "--batch-size: '0'"),
        (["--learning-rate", "0"], "--learning-rate: '0' is not a number above 0"),
        (["--seed", "-3"], "--seed: '-3'"),
        (["--jobs", "0"], "--jobs: '0'"),
        (["a.csv", "--holdout", "1"], "--holdout: '1' is not a number above 0 and below 1"),
        (["a.csv", "--separator", "::"], "--separator: '::' is not a single character"),
        (["a.csv", "--task", "ranking"], "--task: invalid choice: 'ranking'"),
        (["a.csv", "--output-dir", "x"], "--output-dir applies to the digits only"),
        (["--target", "y"], "--target needs DATA"),
        (["--holdout", "0.5"], "--holdout needs DATA"),
        (["--color"], "unrecognized arguments: --color"),
    ],
)
def test_bad_arguments_are_named(argv, message, failing):
    assert message in failing(*argv)
    with pytest.raises(UserError):
        parse(argv)


def test_help_names_every_option_and_exits_with_0(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for word in ["--target", "--task", "--save", "--alphas", "--folds", "examples:", "exit codes:"]:
        assert word in text
    for default in ["0.01 0.001 0.0001 1e-05 0", "256 256 256", "(default: 0.2)"]:
        assert " ".join(default.split()) in " ".join(text.split())


def test_module_runs_from_the_shell(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "skreg", str(tmp_path / "none.csv"), "--target", "y"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == f"skreg: error: {tmp_path / 'none.csv'}: no such file\n"
