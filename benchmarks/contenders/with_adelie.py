"""adelie: block coordinate descent in C++, in a Python of its own, as it asks for NumPy < 2.

``ADELIE_PYTHON`` in the environment names that interpreter.
"""

import functools
import os
import subprocess
from pathlib import Path

from benchmarks.contenders import ladder
from benchmarks.contenders.elsewhere import start

LIBRARY = "adelie"
THREADS = (1,)
SCRIPT = Path(__file__).with_name("adelie_path.py")
# On the largest change of the objective, relative to the null deviance.
TOLERANCES = {
    "group_lasso_path": ladder(1e-6, 1e-14, 4),
    "logistic_lasso_path": ladder(1e-6, 1e-14, 4),
}


def installed():
    return bool(versions())


@functools.cache
def versions():
    """{"adelie": …}; empty if ``ADELIE_PYTHON`` names no Python that has it."""
    python = os.environ.get("ADELIE_PYTHON")
    if python is None:
        return {}
    ask = "from importlib.metadata import version; print(version('adelie'))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, text=True)
    return {} if answer.returncode else {"adelie": answer.stdout.strip()}


def group_lasso_path(data):
    return _path(data, size=data.group_size, logistic=data.logistic)


def logistic_lasso_path(data):
    return _path(data, size=1, logistic=True, intercept=data.fit_intercept)


def _path(data, size, logistic, intercept=True):
    arrays = {"X": data.X.T, "y": data.y, "lambda": data.alphas}
    settings = {"n": len(data.y), "size": size, "logistic": int(logistic)}
    settings["intercept"] = int(intercept)
    return start([os.environ["ADELIE_PYTHON"], str(SCRIPT)], arrays, settings, len(data.alphas))
