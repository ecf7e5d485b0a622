import io
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.callback import AutoPropagatedCallback, FitCallback
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from skreg.cli import progress
from skreg.cli.progress import TextProgress, progress_callbacks


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run_search(callback, n_jobs=1):
    X, y = np.arange(20.0).reshape(-1, 1), np.arange(20.0)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0, 100.0]}, cv=5, n_jobs=n_jobs)
    with parallel_config("threading"):
        return search.set_callbacks(callback).fit(X, y)


def test_follows_the_protocols():
    callback = TextProgress("ridge")
    assert isinstance(callback, FitCallback)
    assert isinstance(callback, AutoPropagatedCallback)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_terminal_line_is_rewritten_for_each_fit(n_jobs):
    stream = Terminal()
    run_search(TextProgress("ridge", stream), n_jobs)
    text = stream.getvalue()
    assert text.count("\n") == 1
    lines = text.rstrip("\n").split("\r")[1:]
    assert [line.split(",")[0] for line in lines] == [
        f"ridge: {k} of 21 fits" for k in range(1, 22)
    ]


def test_log_file_gets_a_line_a_quarter():
    stream = io.StringIO()
    callback = TextProgress("ridge", stream)
    run_search(callback)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[-1].startswith("ridge: 21 of 21 fits, ")
    run_search(callback)  # a callback may serve several searches
    assert len(stream.getvalue().splitlines()) == 8


def test_quiet_means_no_callback():
    assert progress_callbacks("ridge", quiet=True) == []


def test_plain_text_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(progress_callbacks("ridge")[0], TextProgress)


def test_plain_text_without_rich(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert isinstance(progress_callbacks("ridge")[0], TextProgress)


def test_progress_bar_on_a_terminal_with_rich():
    pytest.importorskip("rich", reason="the progress bar needs rich")
    # In a process of its own: rich keeps one console for all.
    code = """
        import io, sys
        class Terminal(io.StringIO):
            def isatty(self):
                return True
        sys.stderr = Terminal()
        from sklearn.callback import ProgressBar
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import GridSearchCV
        from skreg.cli.progress import progress_callbacks
        callbacks = progress_callbacks("network")
        assert isinstance(callbacks[0], ProgressBar)
        search = GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2).set_callbacks(*callbacks)
        search.fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0])
        assert "network:" in sys.stderr.getvalue()
        assert "GridSearchCV" in sys.stderr.getvalue()
        assert "100%" in sys.stderr.getvalue()
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
