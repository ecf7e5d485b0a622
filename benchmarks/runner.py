"""Runs a problem: finds who takes part, lets everyone take turns, compares."""

import importlib
import pkgutil
import time
from importlib import util

import numpy as np

import benchmarks.contenders
from benchmarks.record import PATIENCE, Record
from benchmarks.worker import Abstention, Entry, Failure, Worker

#: Seconds before a turn: the idle threads of the last contender's BLAS go on spinning for a while.
PAUSE = 0.1


def adapters():
    """Module names of the adapter files."""
    return [
        f"benchmarks.contenders.{info.name}"
        for info in pkgutil.iter_modules(benchmarks.contenders.__path__)
        if info.name.startswith("with_")
    ]


def contenders_of(problem):
    """The names of all who can take part in a problem, installed or not."""
    entries, skipped = find_entries(problem)
    return list(dict.fromkeys([*(entry.contender for entry in entries), *skipped]))


def find_entries(problem, modules=None, quick=False):
    """Who takes part in a problem, among these adapters (default: all).

    For a quick run each with one number of threads, and a third of the tolerances.

    Returns
    -------
    entries : list of Entry
        One a function and number of threads.
    skipped : dict
        Contender to reason, for libraries that are not installed.
    """
    entries, skipped = [], {}
    for name in adapters() if modules is None else modules:
        module = importlib.import_module(name)
        for function in vars(module):
            task, _, variant = function.partition("__")
            if task != problem.task:
                continue
            contender = name.rpartition(".")[2].removeprefix("with_")
            if variant:
                contender += f" ({variant.replace('_', ' ')})"
            if not _installed(module):
                skipped[contender] = f"{module.LIBRARY} is not installed"
                continue
            ladder = getattr(module, "TOLERANCES", {}).get(function, ())
            tolerances = ladder[:: 3 if quick else 1]
            entries += [
                Entry(contender, module.LIBRARY, name, function, threads, tolerances)
                for threads in module.THREADS[: 1 if quick else None]
            ]
    return entries, skipped


def _installed(module):
    if hasattr(module, "installed"):
        return module.installed()
    return util.find_spec(module.LIBRARY) is not None


def run(problem, entries, *, repeats=5, quick=False, patience=PATIENCE, say=print):
    """Time and judge every entry on every case: the list of cases that goes to JSON."""
    workers = [Worker(entry) for entry in entries]
    try:
        cases = []
        for case in problem.cases(quick):
            say(f"{problem.name}: {case.name}")
            cases.append(_run_case(problem, case, workers, repeats, patience, say))
        return cases
    finally:
        for worker in workers:
            worker.close()


def _run_case(problem, case, workers, repeats, patience, say):
    data = case.make()
    pairs = [(worker, Record(problem, case, worker.entry, patience)) for worker in workers]
    late = set()
    for worker, record in sorted(pairs, key=lambda pair: -(pair[1].entry.threads or 0)):
        if record.entry.contender in late:
            record.abstention = "took too long to find a tolerance with more threads"
        _turn(record, record.warm_up, worker, data)
        if record.is_late:
            late.add(record.entry.contender)
        say(f"  {record.state()}")
    for repeat in range(repeats):
        first = repeat % len(pairs)  # another one goes first each time
        for worker, record in pairs[first:] + pairs[:first]:
            _turn(record, record.take_turn, worker, data, repeat)
        say(f"  repeat {repeat + 1} of {repeats}")
    if problem.memory:
        for worker, record in pairs:
            _turn(record, record.measure_memory, worker)

    records = [record for _, record in pairs]
    reached = [record.objective() for record in records if record.objectives]
    best = np.fmin.reduce(reached) if reached else None  # fmin looks past NaN
    return {"case": case.name, "entries": [record.as_dict(best) for record in records]}


def _turn(record, step, *args):
    """Do one step of a contender that is still in."""
    if record.failure is None and record.abstention is None:
        time.sleep(PAUSE)
        try:
            step(*args)
        except Failure as error:
            record.failure = str(error)
        except Abstention as reason:
            record.abstention = str(reason)
