"""The ends of the command line: its streams, and what it says when it cannot write."""

import io
import sys

import pytest

from skreg.cli import main, tabular


class Full(io.StringIO):
    """A device without space."""

    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.fixture
def prints(monkeypatch):
    """The job prints a line."""
    monkeypatch.setattr(tabular, "run", lambda options: print("done"))


def test_a_full_device_is_one_line(prints, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["a.csv", "--target", "y"]) == 1
    assert capsys.readouterr().err == (
        "skreg: error: the output cannot be written: No space left on device\n"
    )


def test_closed_streams_take_everything(prints, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["a.csv", "--target", "y"]) == 0
    assert main(["a.csv", "--target"]) == 2


def test_errors_that_cannot_be_said_end_the_command(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Full())
    assert main(["none.csv", "--target", "y"]) == 2


def test_errors_of_files_are_not_hidden(monkeypatch):
    def run(options):
        raise FileNotFoundError(2, "No such file or directory", "theirs")

    monkeypatch.setattr(tabular, "run", run)
    with pytest.raises(FileNotFoundError):
        main(["a.csv", "--target", "y"])
