"""pytabkit: RealMLP, CatBoost and TabM by their tuned defaults, in a Python of its own.

``PYTABKIT_PYTHON`` in the environment names that interpreter.
"""

import functools
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).with_name("pytabkit_fit.py")
MODELS = {"RealMLP": "RealMLP_TD", "CatBoost": "CatBoost_TD", "TabM": "TabM_D"}


@functools.cache
def versions():
    """Of what takes part; empty if ``PYTABKIT_PYTHON`` names no Python that has it."""
    python = os.environ.get("PYTABKIT_PYTHON")
    if python is None:
        return {}
    names = ("pytabkit", "catboost", "torch")
    ask = f"from importlib.metadata import version; print(*map(version, {names}))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, text=True)
    return {} if answer.returncode else dict(zip(names, answer.stdout.split(), strict=True))


@functools.cache
def _process():
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        [os.environ["PYTABKIT_PYTHON"], str(SCRIPT)],
        env=os.environ | threads,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def fitted(name, X_train, y_train, X_test, is_class, seed, budget):
    """(predictions, processor seconds), or (None, what stopped it).

    Predictions are probabilities in the order of sorted classes, or numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        arrays = _arrays(X_train, X_test)
        y = np.unique(y_train, return_inverse=True)[1] if is_class else np.asarray(y_train)
        settings = {"model": MODELS[name], "is_class": is_class, "seed": seed, "budget": budget}
        np.savez(Path(folder) / "data.npz", y=y, **arrays, **settings)
        process = _process()
        process.stdin.write(f"{folder}\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
        if answer != "done":
            return None, answer or "failed"
        seconds = float(np.load(Path(folder) / "seconds.npy"))
        return np.load(Path(folder) / "predictions.npy"), seconds


def _arrays(X_train, X_test):
    """Numbers, and codes of categories; what only the test has is a category of its own."""
    numbers = X_train.select_dtypes("number").columns
    others = [column for column in X_train if column not in numbers]
    codes = {"train": [], "test": []}
    sizes = []
    for column in others:
        known = {category: code for code, category in enumerate(np.unique(X_train[column]))}
        sizes.append(len(known) + 1)
        codes["train"].append(X_train[column].map(known))
        codes["test"].append(X_test[column].map(known).fillna(len(known)).astype(int))
    arrays = {"n_categories": np.array(sizes, int)}
    for part, X in (("train", X_train), ("test", X_test)):
        arrays[f"numbers_{part}"] = X[numbers].to_numpy(float)
        stacked = np.column_stack(codes[part]) if others else np.empty((len(X), 0), int)
        arrays[f"codes_{part}"] = stacked
    return arrays
