"""Models in many threads, in forked children, and after them: the same bits, and nothing left."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)

N_THREADS = 32
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 40))
Y = X[:, 0] - X[:, 1] + 0.5 * RNG.normal(size=300)
LABELS = np.digitize(Y, [-1, 1])
MODELS = [
    (QuadraticApproxRidge(), Y),
    (QuadraticApproxRidge(loss="huber"), Y),
    (QuadraticApproxLasso(alpha=0.05), Y),
    (QuadraticApproxLassoClassifier(alpha=0.01), LABELS),
    (RegularizedMLPRegressor((64, 64), alpha=1e-3, max_iter=4, random_state=0), Y),
    (RegularizedMLPClassifier((64,), alpha=1e-3, max_iter=4, random_state=0), LABELS),
    (PathSearchCV(QuadraticApproxLasso(), alphas=10, cv=3), Y),
]
every_model = pytest.mark.parametrize(
    ("model", "y"),
    MODELS,
    ids=[f"{type(model).__name__}-{i}" for i, (model, _) in enumerate(MODELS)],
)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of fits that are cut short


def at_once(work):
    """What work() returns in each of many threads that begin together."""
    begin = threading.Barrier(N_THREADS)

    def worker():
        begin.wait(60)
        return work()

    with ThreadPoolExecutor(N_THREADS) as pool:
        return [f.result() for f in [pool.submit(worker) for _ in range(N_THREADS)]]


@every_model
def test_a_fitted_model_predicts_the_same_bits_in_many_threads(model, y):
    rows = np.tile(X, (10, 1))
    fitted = model.fit(X, y)
    alone = fitted.predict(rows).tobytes()
    assert set(at_once(lambda: fitted.predict(rows).tobytes())) == {alone}


@every_model
def test_fits_in_many_threads_find_the_same_bits(model, y):
    alone = model.fit(X, y).predict(X).tobytes()
    assert set(at_once(lambda: clone(model).fit(X, y).predict(X).tobytes())) == {alone}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@every_model
def test_a_child_forked_after_a_fit_predicts_and_fits(model, y):
    alone = model.fit(X, y).predict(X)
    child = os.fork()
    if child == 0:
        try:
            same = model.predict(X).tobytes() == alone.tobytes()
            again = model.fit(X, y).predict(X).tobytes() == alone.tobytes()
            os._exit(0 if same and again else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@every_model
def test_no_thread_is_left_behind(model, y):
    """But those of one pool, which is no larger than the machine, however many fits there are."""
    tasks = Path("/proc/self/task")
    model.fit(X, y)
    before = threading.active_count(), len(list(tasks.glob("*")))
    for _ in range(5):
        model.fit(X, y).predict(X)
    assert (threading.active_count(), len(list(tasks.glob("*")))) <= before
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("skreg")]
    assert len(ours) <= max(1, (os.cpu_count() or 1) - 1)
