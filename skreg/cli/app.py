"""Entry point: from the arguments to a job, from an error to one line and an exit code."""

import io
import os
import sys
from contextlib import suppress
from importlib import import_module

from skreg.cli.arguments import parse
from skreg.cli.errors import UserError

#: Imported when they run: the one takes what another does not need.
_JOBS = {
    "digits": "skreg.cli.digits",
    "table": "skreg.cli.tabular",
    "predict": "skreg.cli.prediction",
    "explain": "skreg.cli.explanation",
}


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 1 the output cannot be written, 2 bad input (either is said in one line
        on stderr), 130 interrupted, 141 when whoever read the output has gone (``| head``).

    Examples
    --------
    >>> from skreg.cli import main
    >>> main(["no_such_file.csv", "--target", "price"])
    2
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show λ shows a ?
            stream.reconfigure(errors="replace")
    try:
        _run(argv)
    except UserError as error:
        _complain(f"skreg: error: {' '.join(str(error).split())}")
        return 2
    except KeyboardInterrupt:
        after_the_echo = "\n" if sys.stderr.isatty() else ""  # of ^C
        _complain(f"{after_the_echo}skreg: interrupted")
        return 130
    except BrokenPipeError:
        _give_up(sys.stdout)
        return 141
    except OSError as error:
        if error.filename is not None:  # not of the streams
            raise
        _give_up(sys.stdout)
        _complain(f"skreg: error: the output cannot be written: {error.strerror or error}")
        return 1
    return 0


def _run(argv):
    try:
        job, options = parse(argv)
        import_module(_JOBS[job]).run(options)
    finally:  # after --help too, which ends in a SystemExit
        sys.stdout.flush()


def _complain(text):
    try:
        print(text, file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # there is no one left to tell
        _give_up(sys.stderr)


def _open_closed_streams():
    """Streams that were closed before the start (``>&-``) take what is written, and drop it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, open until the end


def _give_up(stream):
    """Let what is still to be flushed, by the interpreter at its exit too, go nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
