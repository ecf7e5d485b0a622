"""One process a contender, so that no library's threads or settings meet another's."""

import importlib
import multiprocessing
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.problem import all_problems

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Entry:
    """A contender's way of doing a task: an adapter's function at a number of threads."""

    contender: str
    adapter: str
    function: str
    threads: int | None


class Failure(Exception):
    """A contender raised; the message is what it said."""


class Worker:
    """An `Entry` in its own process, waiting to be told what to run."""

    def __init__(self, entry, problem, quick):
        self.entry = entry
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, entry, problem, quick), daemon=True
        )
        with _threads(entry.threads):
            self._process.start()
        theirs.close()

    def run(self, case, *args):
        """(seconds, solution) of the case's ``run(*args)``; raises `Failure`."""
        try:
            self._pipe.send((case, args))
            seconds, answer = self._pipe.recv()
        except (EOFError, OSError):
            raise Failure("its process died") from None
        if seconds is None:
            raise Failure(answer)
        return seconds, answer

    def close(self):
        self._pipe.close()
        self._process.join()


def _serve(pipe, entry, problem, quick):
    """Answer requests until the pipe closes, holding one case at a time."""
    prepare = getattr(importlib.import_module(entry.adapter), entry.function)
    cases = all_problems()[problem].cases(quick)
    held, run = None, None
    while True:
        try:
            case, args = pipe.recv()
        except EOFError:
            return
        try:
            if case != held:
                held, run = None, None
                held, run = case, prepare(cases[case].make())
            start = time.perf_counter()
            solution = run(*args)
            pipe.send((time.perf_counter() - start, solution))
        except Exception as error:  # whatever a library raises is this contender's result
            pipe.send((None, f"{type(error).__name__}: {error}"))


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
