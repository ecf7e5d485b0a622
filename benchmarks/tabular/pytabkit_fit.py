"""Fits of pytabkit, in a Python of their own: a line names a folder, and an answer goes back.

The folder has ``data.npz``; ``predictions.npy`` and ``seconds.npy`` of processor are put there.
Each fit is a process of its own by fork, so that a budget of processor seconds can end it.
"""

import os
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytabkit
import torch


def frame(data, part):
    """Numbers, and categories by their codes."""
    numbers, codes = data[f"numbers_{part}"], data[f"codes_{part}"]
    columns = {f"n{j}": numbers[:, j] for j in range(numbers.shape[1])}
    for j in range(codes.shape[1]):
        n_categories = int(data["n_categories"][j])
        names = [str(code) for code in range(n_categories)]
        columns[f"c{j}"] = pd.Categorical.from_codes(codes[:, j], names)
    return pd.DataFrame(columns)


def fit(folder):
    with np.load(folder / "data.npz") as data:
        data = dict(data)
    kind = "Classifier" if data["is_class"] else "Regressor"
    make = getattr(pytabkit, f"{data['model']}_{kind}")
    model = make(device="cpu", random_state=int(data["seed"]), n_threads=1)
    train, test = frame(data, "train"), frame(data, "test")
    start = time.process_time()
    model.fit(train, data["y"])
    seconds = time.process_time() - start
    found = (model.predict_proba if data["is_class"] else model.predict)(test)
    np.save(folder / "predictions.npy", np.asarray(found))
    np.save(folder / "seconds.npy", seconds)


def in_a_fork(folder):
    """ "done", or what stopped it."""
    child = os.fork()
    if child == 0:
        with np.load(folder / "data.npz") as data:
            budget = int(data["budget"])
        used = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (used + budget, used + budget + 5))
        os.dup2(2, 1)
        try:
            fit(folder)
        except Exception:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "stopped"
    return "failed" if os.WEXITSTATUS(status) else "done"


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(in_a_fork(Path(line.strip())), flush=True)
