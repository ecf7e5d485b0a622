"""Fits and their scores, written line by line: an interrupted run goes on where it stopped."""

import json

import numpy as np

from benchmarks.tabular.models import CONTENDERS, LARGE, Task

SEEDS = 3
FLOOR = 1e-7  # of a probability, in the log loss


def split(table, seed):
    """(the task, y of its test part): 70 % of the rows are for training, classes in proportion."""
    from sklearn.model_selection import train_test_split

    X, X_test, y, y_test = train_test_split(
        table.X,
        table.y,
        test_size=0.3,
        random_state=seed,
        stratify=table.y if table.is_class else None,
    )
    return Task(X, y, X_test, table.is_class, seed, len(table.X) >= LARGE), y_test


def scores(table, y_test, found):
    """Error and log loss, or the RMSE in standard deviations of the table's y."""
    found = np.asarray(found, float)
    if not table.is_class:
        return {"RMSE": float(np.sqrt(np.mean((found.ravel() - y_test) ** 2)) / np.std(table.y))}
    classes = np.unique(table.y)
    true = np.searchsorted(classes, y_test)
    found = np.clip(found, FLOOR, None)
    found /= found.sum(axis=1, keepdims=True)
    return {
        "error": float(np.mean(found.argmax(axis=1) != true)),
        "log loss": float(-np.mean(np.log(found[np.arange(len(true)), true]))),
    }


def measure(table, name, seed):
    """The scores and processor seconds of a fit, or what stopped it."""
    task, y_test = split(table, seed)
    found, seconds = CONTENDERS[name](task)
    outcome = {"table": table.name, "contender": name, "seed": seed}
    if found is None:
        return outcome | {"stopped": seconds}
    return outcome | scores(table, y_test, found) | {"seconds": round(seconds, 3)}


def key(fit):
    return fit["table"], fit["contender"], fit["seed"]


def read(path):
    """Fits of a file by table, contender and seed; the last of each counts."""
    if not path.exists():
        return {}
    fits = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {key(fit): fit for fit in fits}


def append(path, fit):
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(fit, ensure_ascii=False) + "\n")
