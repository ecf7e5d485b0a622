"""The progress of a search on stderr, through scikit-learn's callback protocol."""

import sys
import threading
import time
from importlib.util import find_spec


class TextProgress:
    """A callback that counts the fits of a search in plain text.

    It follows scikit-learn's ``FitCallback`` and ``AutoPropagatedCallback`` protocols and needs no
    library. On a terminal one line is rewritten; elsewhere (a log file) a line is written at each
    quarter of the way.

    Parameters
    ----------
    label : str
        What is going on, at the head of each line.
    stream : text file, default=None
        Where to write; None takes stderr.

    Examples
    --------
    >>> import sys
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skreg.cli.progress import TextProgress
    >>> search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=5)
    >>> search = search.set_callbacks(TextProgress("ridge", stream=sys.stdout))
    >>> search.fit([[0.0], [1.0], [2.0], [3.0], [4.0]] * 2, [0.0, 1.0, 2.0, 3.0, 4.0] * 2)
    ridge: 4 of 16 fits, ... s
    ridge: 8 of 16 fits, ... s
    ridge: 12 of 16 fits, ... s
    ridge: 16 of 16 fits, ... s
    GridSearchCV(...)
    """

    # Only the search itself: its fits are the unit of progress, whatever is being fitted.
    max_propagation_depth = 0

    def __init__(self, label, stream=None):
        self.label = label
        self.stream = stream

    def setup(self, estimator, context):
        """Start counting."""
        self._stream = sys.stderr if self.stream is None else self.stream
        self._lock = threading.Lock()  # fits that run at the same time end in their own threads
        self._started = time.monotonic()
        self._done, self._total, self._quarters = 0, 1, 0

    def on_fit_task_begin(self, estimator, context):
        """Learn that one task consists of several."""
        if context.max_subtasks:
            self._total += context.max_subtasks - 1

    def on_fit_task_end(self, estimator, context):
        """Count a task that has no parts."""
        if context.max_subtasks:
            return
        with self._lock:
            self._done += 1
            self._show()

    def teardown(self, estimator, context):
        """Leave the cursor on a fresh line."""
        if self._stream.isatty():
            self._stream.write("\n")
            self._stream.flush()

    def _show(self):
        line = (
            f"{self.label}: {self._done} of {self._total} fits, "
            f"{time.monotonic() - self._started:.0f} s"
        )
        if self._stream.isatty():
            self._stream.write(f"\r{line}")
        elif 4 * self._done // self._total > self._quarters:
            self._quarters = 4 * self._done // self._total
            self._stream.write(f"{line}\n")
        self._stream.flush()


def progress_callbacks(label, *, quiet=False):
    """Choose the callbacks that show the progress of a search.

    Parameters
    ----------
    label : str
        What is going on.
    quiet : bool, default=False
        Show nothing.

    Returns
    -------
    list of callbacks
        scikit-learn's ProgressBar on a terminal when rich is installed, plain text otherwise, an
        empty list when quiet.
    """
    if quiet:
        return []
    if sys.stderr.isatty() and find_spec("rich") is not None:
        import rich
        from sklearn.callback import ProgressBar

        rich.reconfigure(stderr=True)  # results go to stdout, which may be a file
        print(f"{label}:", file=sys.stderr)  # the bars name the class of the search only
        return [ProgressBar(max_propagation_depth=0)]
    return [TextProgress(label)]
