"""One process a contender, so that no library's threads or settings meet another's."""

import importlib
import multiprocessing
import os
import signal
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.memory import peak_growth

#: Seconds that anything may take a contender.
LONGEST = 600
#: Seconds that a process has to end of itself.
GRACE = 10
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Entry:
    """A contender's way of doing a task: an adapter's function at a number of threads.

    With ``tolerances``, loosest first, what is run takes one of them.
    """

    contender: str
    library: str
    adapter: str
    function: str
    threads: int | None
    tolerances: tuple[float, ...] = ()


class Failure(Exception):
    """A contender raised; the message is what it said."""


class Abstention(Exception):
    """A contender cannot do this case, and says why; not a fault."""


@dataclass(frozen=True)
class Timed:
    """What ``run()`` returns if it works in another process, which reads its own clock.

    ``memory`` is by how many bytes that process's peak grew.
    """

    seconds: float
    solution: Any
    memory: int | None = None


class Worker:
    """An `Entry` in its own process, waiting to be told what to run."""

    def __init__(self, entry):
        self.entry = entry
        self._process = None

    def prepare(self, data):
        """Hand over a case's data, untimed; raises `Failure` or `Abstention`."""
        if self._process is None:
            self._start()
        return self._ask("prepare", data)

    def run(self, *args, longest=None):
        """(seconds, solution) of the prepared case's ``run(*args)``; raises as `prepare`.

        Stopped after ``longest`` seconds, by default `LONGEST`.
        """
        return self._ask("run", *args, longest=longest)

    def peak_memory(self, *args):
        """Bytes that the prepared case's ``run(*args)`` takes at its peak; raises `Failure`."""
        return self._ask("peak_memory", *args)

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve_alone, args=(theirs, self.entry), daemon=True)
        with _threads(self.entry.threads):
            self._process.start()
        theirs.close()

    def _ask(self, *request, longest=None):
        longest = LONGEST if longest is None else min(longest, LONGEST)
        try:
            self._pipe.send(request)
            if not self._pipe.poll(longest):
                self._process.terminate()
                self._process.join(GRACE)
                self._process.kill()
                self.close()  # the next case starts another
                raise Abstention(f"stopped after {longest:.3g} s without an answer")
            failure, answer = self._pipe.recv()
        except (EOFError, OSError):
            self.close()
            raise Failure("its process died") from None
        if failure:
            raise failure
        return answer

    def close(self):
        if self._process is not None:
            self._pipe.close()
            self._process.join()
            self._process = None


def serve(pipe, entry):
    """Answer requests until the pipe closes."""
    warnings.simplefilter("ignore")  # "did not converge": the judge decides that
    run = None
    while True:
        try:
            what, *args = pipe.recv()
        except EOFError:
            return
        try:
            if what == "prepare":
                run, answer = None, None
                run = getattr(importlib.import_module(entry.adapter), entry.function)(*args)
            elif what == "peak_memory":
                answer = _memory(run, args)
            else:
                answer = _time(run, args)
            pipe.send((None, answer))
        except Abstention as reason:
            pipe.send((reason, None))
        except Exception as error:  # whatever a library raises is this contender's result
            pipe.send((Failure(f"{type(error).__name__}: {error}"), None))


def _serve_alone(pipe, entry):
    """`serve` in a process of its own: when that is stopped, so is what it has started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    serve(pipe, entry)


def _time(run, args):
    start = time.perf_counter()
    solution = run(*args)
    seconds = time.perf_counter() - start
    if isinstance(solution, Timed):
        return solution.seconds, solution.solution
    return seconds, solution


def _memory(run, args):
    growth, solution = peak_growth(lambda: run(*args))
    return solution.memory if isinstance(solution, Timed) else growth


@contextmanager
def _threads(count):
    """Environment in which a new process takes ``count`` threads (None: its libraries decide)."""
    before = {name: os.environ.pop(name, None) for name in THREAD_VARIABLES}
    try:
        if count is not None:
            os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(count)))
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
