"""Runs a problem: every contender in turn within each repeat, then the judge, then the figures."""

import importlib
import os
import pkgutil
import platform
from importlib import metadata, util
from pathlib import Path
from statistics import median

import numpy as np

import benchmarks.contenders
from benchmarks.worker import Entry, Failure, Worker


def adapters():
    """Module names of the adapter files, by library."""
    return [
        f"benchmarks.contenders.{info.name}"
        for info in pkgutil.iter_modules(benchmarks.contenders.__path__)
    ]


def find_entries(problem, modules=None):
    """Who takes part in a problem.

    Returns
    -------
    entries : list of Entry
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
            if util.find_spec(module.LIBRARY) is None:
                skipped[contender] = f"{module.LIBRARY} is not installed"
                continue
            entries += [Entry(contender, name, function, threads) for threads in module.THREADS]
    return entries, skipped


def run(problem, entries, *, repeats=5, quick=False, say=print):
    """Time and judge every entry on every case; the list of case records that goes to JSON."""
    workers = [Worker(entry, problem.name, quick) for entry in entries]
    try:
        cases = []
        for index, case in enumerate(problem.cases(quick)):
            say(f"{problem.name}: {case.name}")
            cases.append(_run_case(problem, case, index, workers, repeats, say))
        return cases
    finally:
        for worker in workers:
            worker.close()


def _run_case(problem, case, index, workers, repeats, say):
    data = case.make()
    lengths = case.epochs or (None,)
    records = {worker: _Record(worker.entry, lengths) for worker in workers}

    for repeat in range(-1, repeats):  # −1 warms up
        # Everyone within each repeat, and a different one first each time: noise is shared out.
        for worker in np.roll(np.array(workers, object), -repeat):
            record = records[worker]
            if record.failure:
                continue
            try:
                for length in lengths[:1] if repeat < 0 else lengths:
                    args = () if length is None else (length, repeat + 1)
                    seconds, solution = worker.run(index, *args)
                    if repeat >= 0:
                        record.seconds[length].append(seconds)
            except Failure as error:
                record.failure = str(error)
                continue
            # Only training is random; a path is the same in every repeat.
            if solution is not None and (case.epochs or repeat == 0) and repeat >= 0:
                record.judge(problem, data, solution)
        if repeat >= 0:
            say(f"  repeat {repeat + 1} of {repeats}")

    judged = [record.objective() for record in records.values() if record.objectives]
    best = np.min(judged, axis=0) if judged else None
    return {
        "case": case.name,
        "entries": [record.as_dict(problem, best) for record in records.values()],
    }


class _Record:
    """What one entry did on one case."""

    def __init__(self, entry, lengths):
        self.entry = entry
        self.seconds = {length: [] for length in lengths}
        self.objectives, self.certificates = [], []
        self.failure = None

    def judge(self, problem, data, solution):
        self.objectives.append(np.atleast_1d(problem.objective(data, solution)))
        if problem.certificate:
            self.certificates.append(float(problem.certificate(data, solution)))

    def objective(self):
        """One value a λ; over seeds the median, since one seed may be lucky."""
        return np.median(self.objectives, axis=0)

    def as_dict(self, problem, best):
        """The JSON of this entry, with the verdict on its objective against the ``best``."""
        record = {
            "contender": self.entry.contender,
            "threads": self.entry.threads,
            "status": "ok",
            "note": "",
        }
        if self.failure:
            return record | {"status": "failed", "note": self.failure}
        record |= {
            "best": _per_unit(self.seconds, min),
            "median": _per_unit(self.seconds, median),
            "seconds": {str(length): times for length, times in self.seconds.items()},
        }
        if not self.objectives:
            return record | {"status": "floor", "note": "returns no solution"}
        return record | self._verdict(problem, best)

    def _verdict(self, problem, best):
        objective = self.objective()
        verdict = {
            "objective": float(objective.mean()),
            "excess": float(np.max((objective - best) / np.abs(best))),
        }
        faults = []
        # Written so that NaN is a fault.
        if not np.all(objective <= best + problem.relative * np.abs(best) + problem.absolute):
            faults.append(f"its objective is {verdict['excess']:.2g} (relative) above the best")
        if self.certificates:
            verdict["certificate"] = max(self.certificates)
            if not verdict["certificate"] <= problem.limit:
                faults.append(
                    f"its certificate is {verdict['certificate']:.2g}, over {problem.limit:g}"
                )
        if faults:
            verdict |= {"status": "refused", "note": "; ".join(faults)}
        return verdict


def _per_unit(seconds, summary):
    """Seconds a run, or seconds an epoch from the difference of two run lengths."""
    if None in seconds:
        return summary(seconds[None])
    (short, first), (long, second) = seconds.items()
    return (summary(second) - summary(first)) / (long - short)


def machine():
    """What the figures depend on, and nothing that names the machine or its owner."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else ())
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions(entries):
    """Versions of the libraries that took part, and of numpy and scipy underneath."""
    modules = {importlib.import_module(entry.adapter).LIBRARY for entry in entries}
    distributions = metadata.packages_distributions()
    names = {distributions.get(module, [module])[0] for module in modules | {"numpy", "scipy"}}
    return {name: _version(name) for name in sorted(names)}


def _version(distribution):
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "source tree"
