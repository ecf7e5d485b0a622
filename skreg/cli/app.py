"""Entry point: from the arguments to a job, from an error to one line and an exit code."""

import io
import os
import sys

from skreg.cli.arguments import parse
from skreg.cli.errors import UserError


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 2 bad input (said in one line on stderr), 130 interrupted, 141 when
        whoever read the output has gone (``| head``).

    Examples
    --------
    >>> from skreg.cli import main
    >>> main(["no_such_file.csv", "--target", "price"])
    2
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show λ shows a ?
            stream.reconfigure(errors="replace")
    try:
        job, options = parse(argv)
        if job == "table":
            from skreg.cli.tabular import run
        else:
            from skreg.cli.digits import run
        run(options)
        sys.stdout.flush()
    except UserError as error:
        print("skreg: error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        after_the_echo = "\n" if sys.stderr.isatty() else ""  # of ^C
        print(f"{after_the_echo}skreg: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The interpreter flushes stdout once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0
