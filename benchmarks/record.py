"""What one contender did on one case: its times, its objective, the verdict."""

from statistics import median

import numpy as np

from benchmarks.worker import Abstention, Failure

#: Seconds of runs that a contender has in a case to find the tolerance that certifies it, unless
#: told otherwise.
PATIENCE = 60.0


class Record:
    """Times and objectives of an `Entry` on a `Case`, collected turn by turn."""

    def __init__(self, problem, case, entry, patience=PATIENCE):
        self.problem, self.case, self.entry, self.patience = problem, case, entry, patience
        self.seconds = {length: [] for length in case.epochs or (None,)}
        self.objectives, self.gaps = [], []
        self.tolerance = self.memory = None
        self.failure = self.abstention = None
        self.is_late = False

    def warm_up(self, worker, data):
        """Hand the data over and run once, at the loosest tolerance that will do.

        Raises `Failure` or `Abstention`.
        """
        worker.prepare(data)
        if not self.entry.tolerances:
            worker.run(*self._arguments(next(iter(self.seconds)), seed=0))
            return
        left, last = self.patience, ""
        for tolerance in self.entry.tolerances:
            self.tolerance = tolerance
            try:
                seconds, solution = worker.run(tolerance, longest=left)
            except Abstention as reason:
                self.is_late = True
                raise Abstention(f"{last}{reason} at tol={tolerance:.1e}") from None
            gap = self._gap(data, solution)
            if gap <= self.problem.largest_gap:
                return
            left -= seconds
            last = (
                f"{seconds:.3g} s at tol={tolerance:.1e} left a duality gap of {gap:.1e}, over "
                f"{self.problem.largest_gap:g}; "
            )
            self.is_late = left <= 0
            if self.is_late:
                break
        raise Abstention(last.removesuffix("; "))

    def state(self):
        """A line about how it got ready."""
        threads = f", {self.entry.threads} threads" if self.entry.threads else ""
        tolerance = "" if self.tolerance is None else f" at tol={self.tolerance:.1e}"
        trouble = self.failure or self.abstention
        return (
            f"{self.entry.contender}{threads}: {trouble or 'ready'}{'' if trouble else tolerance}"
        )

    def take_turn(self, worker, data, repeat):
        """Run and time every length, and judge what comes out; raises `Failure`."""
        for length, times in self.seconds.items():
            seconds, solution = worker.run(*self._arguments(length, seed=repeat + 1))
            times.append(seconds)
        # Only training is random; a path is the same in every repeat.
        if solution is not None and (self.case.epochs or repeat == 0):
            self.judge(data, solution)

    def measure_memory(self, worker):
        """Run once more, untimed, for the peak of its memory; raises `Failure`."""
        self.memory = worker.peak_memory(*self._arguments(next(iter(self.seconds)), seed=0))

    def _arguments(self, length, seed):
        """What ``run`` is given."""
        if self.tolerance is not None:
            return (self.tolerance,)
        return () if length is None else (length, seed)

    def _gap(self, data, solution):
        try:
            return float(self.problem.duality_gap(data, solution))
        except (TypeError, ValueError) as error:
            raise Failure(f"its solution cannot be judged: {error}") from error

    def judge(self, data, solution):
        """Evaluate a solution; raises `Failure` if it has the wrong form."""
        try:
            self.objectives.append(np.atleast_1d(self.problem.objective(data, solution)))
            if self.problem.duality_gap:
                self.gaps.append(float(self.problem.duality_gap(data, solution)))
        except (TypeError, ValueError) as error:
            raise Failure(f"its solution cannot be judged: {error}") from error

    def objective(self):
        """One value a λ, or None; over seeds the median, since one seed may be lucky."""
        return np.median(self.objectives, axis=0) if self.objectives else None

    def as_dict(self, best):
        """The JSON of this entry, with the verdict on its objective against the ``best``."""
        record = {
            "contender": self.entry.contender,
            "threads": self.entry.threads,
            "status": "ok",
            "note": "",
        }
        if self.abstention:
            return record | {"status": "abstains", "note": self.abstention}
        if self.failure:
            return record | {"status": "failed", "note": self.failure}
        record |= {
            "best": self._per_unit(min),
            "median": self._per_unit(median),
            "seconds": {str(length): times for length, times in self.seconds.items()},
        }
        if self.tolerance is not None:
            record["tolerance"] = self.tolerance
        if self.memory is not None:
            record["memory"] = self.memory
        if not self.objectives:
            return record | {"status": "floor", "note": "returns no solution"}
        return record | self._verdict(best)

    def _verdict(self, best):
        objective, problem = self.objective(), self.problem
        if not np.isfinite(objective).all():
            return {"status": "refused", "note": "its objective is not finite"}
        verdict = {
            "objective": float(objective.mean()),
            "excess": float(np.max((objective - best) / np.abs(best))),
        }
        faults = []
        if np.any(objective > best + problem.relative * np.abs(best) + problem.absolute):
            faults.append(f"its objective is {verdict['excess']:.2g} (relative) above the best")
        if self.gaps:
            verdict["gap"] = max(self.gaps)
            if not verdict["gap"] <= problem.largest_gap:  # NaN is a fault too
                faults.append(
                    f"its duality gap is {verdict['gap']:.2g}, over {problem.largest_gap:g}"
                )
        return verdict | ({"status": "refused", "note": "; ".join(faults)} if faults else {})

    def _per_unit(self, summary):
        """Seconds a run, or seconds an epoch from the difference of two run lengths."""
        if self.case.epochs is None:
            return summary(self.seconds[None])
        short, long = self.case.epochs
        return (summary(self.seconds[long]) - summary(self.seconds[short])) / (long - short)
