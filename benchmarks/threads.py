"""How many threads want to run at once: python -m benchmarks.threads

Linux says of each thread whether it runs or waits for a core; all of them in this process and its
children are asked every two milliseconds. More of them than cores would slow each other down.
"""

import os
import threading
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.model_selection import GridSearchCV

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge, RegularizedMLPRegressor


class Runnable:
    """Counts the threads that run or want to, of this process and what it started, save its own."""

    def __enter__(self):
        self.counts: list[int] = []
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._count)
        self._watch.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._watch.join()

    def _count(self):
        own = threading.get_native_id()
        while not self._over.wait(0.002):
            self.counts.append(sum(self._runs(task) for task in _tasks() if task.name != str(own)))

    @staticmethod
    def _runs(task):
        try:
            return (task / "stat").read_text().rpartition(")")[2].split()[0] == "R"
        except OSError:  # it has just ended
            return False

    @property
    def usual(self) -> int:
        """The most at once, but for one moment in a hundred: one thread ends as another begins."""
        return int(np.percentile(self.counts, 99, method="higher")) if self.counts else 0


def _tasks():
    processes, left = [], [os.getpid()]
    while left:
        process = left.pop()
        processes.append(process)
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                left += map(int, children.read_text().split())
            except OSError:
                continue
    return [task for process in processes for task in Path(f"/proc/{process}/task").glob("*")]


def _in_threads(model, X, y, n):
    threads = [threading.Thread(target=clone(model).fit, args=(X, y)) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def works():
    """What is done, by its name."""
    X, y = make_regression(20_000, 300, noise=10.0, random_state=0)
    y /= y.std()
    net = RegularizedMLPRegressor((128, 128), alpha=1e-3, max_iter=3, tol=0, random_state=0)
    lasso, ridge = QuadraticApproxLasso(), QuadraticApproxRidge()
    few = {"alpha": [1e-3, 1e-2, 1e-1]}
    return {
        "`QuadraticApproxRidge().fit`": lambda: clone(ridge).fit(X, y),
        "a network's `fit`": lambda: clone(net).fit(X, y),
        "`PathSearchCV` of a lasso": lambda: PathSearchCV(lasso, cv=5).fit(X, y),
        "`PathSearchCV` of a network": lambda: PathSearchCV(net, alphas=4, cv=2).fit(X, y),
        "`PathSearchCV(n_jobs=2)` of a lasso": lambda: PathSearchCV(lasso, n_jobs=2).fit(X, y),
        "`GridSearchCV(n_jobs=2)` of a ridge": lambda: GridSearchCV(ridge, few, n_jobs=2).fit(X, y),
        "`GridSearchCV(n_jobs=2)` of a network": lambda: GridSearchCV(net, few, cv=2, n_jobs=2).fit(
            X, y
        ),
        "4 networks in 4 threads": lambda: _in_threads(net, X, y, 4),
    }


if __name__ == "__main__":
    cores = len(os.sched_getaffinity(0))
    print(f"| on {cores} cores | threads at once |\n|---|---:|")
    for name, work in works().items():
        work()  # processes of joblib, and pools, have been started
        end = time.perf_counter() + 3
        with Runnable() as runnable:
            while time.perf_counter() < end:
                work()
        print(f"| {name} | {runnable.usual} |", flush=True)
