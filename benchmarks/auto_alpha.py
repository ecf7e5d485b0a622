"""The experiment ``auto-alpha``: ways to choose λ of a network within a fit, and their price.

By inner folds of the training parts of tables of up to 3,500 rows, and on the main job: digits, a
fifth of whose labels are random. The price of ``alpha="auto"`` is measured on five shapes.
"""

import time
import warnings

import numpy as np

from benchmarks import alpha_while_training
from benchmarks.alpha_while_training import Data
from benchmarks.experiment import conclude
from benchmarks.facts import library_versions, machine
from benchmarks.tabular.fits import FLOOR, split
from benchmarks.tabular.models import pipeline
from benchmarks.tabular.tables import tables

NAME = "auto-alpha"
TITLE = "λ of networks within a fit: pilots, hypergradients, evidence; and the price of pilots"
LARGEST, FOLDS, JOBS = 3500, 3, 2
#: λ = 3/n·3ᵏ.
STEPS = range(-2, 4)
MAIN = {
    "hidden_layer_sizes": (256, 256, 256), "batch_size": 100, "learning_rate": "invscaling",
    "learning_rate_init": 4e-3, "max_iter": 12, "n_iter_no_change": np.inf, "dropout": 0.0,
    "tol": float(np.finfo(np.float64).max),
}  # fmt: skip
OTHERS = {
    "hypergradients, in a pilot": alpha_while_training.hypergradient,
    "evidence": alpha_while_training.evidence,
    "evidence, of a pilot": alpha_while_training.evidence_of_pilot,
}
#: Fits of fewer rows are repeated ten times as often.
SHORT = 1000
#: Rows, features, classes and the network's settings.
SHAPES = {
    "150×4": (150, 4, 3, {}),
    "700×20": (700, 20, 2, {}),
    "4,000×54": (4000, 54, 7, {}),
    "20,000×100": (20_000, 100, 2, {}),
    "main job": (5000, 784, 10, MAIN),
}
PENALTIES = {
    "L2": {"penalty": "l2"},
    "L1": {"penalty": "l1"},
    "groups of inputs": {"penalty": "group", "groups": "inputs"},
    "groups of neurons": {"penalty": "group", "groups": "neurons"},
}


def _network(is_class, seed=0, **settings):
    from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

    make = RegularizedMLPClassifier if is_class else RegularizedMLPRegressor
    return make(random_state=seed, **settings)


def noisy_digits(seed, share=0.2):
    """X, y, X_test, y_test of the main job; ``share`` of the labels of y are random."""
    from skreg.datasets import load_mnist_subset

    (X, y), (X_test, y_test) = (
        load_mnist_subset(subset=subset, return_X_y=True) for subset in ("train", "test")
    )
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(len(y)) < share, rng.integers(0, 10, len(y)), y)
    X, X_test = (np.asarray(A / 255.0, dtype=np.float32) for A in (X, X_test))
    return X, y, X_test, y_test


def _problems(quick):
    """(name, split's number, X, y, X_test, y_test, is_class, settings of the network)."""
    from sklearn.model_selection import KFold, StratifiedKFold

    for table in tables(quick):
        if len(table.X) > LARGEST:
            continue
        make = StratifiedKFold if table.is_class else KFold
        task, _ = split(table, 0)
        folds = make(FOLDS, shuffle=True, random_state=1).split(task.X, task.y)
        y = task.y.to_numpy() if table.is_class else task.y.to_numpy() / np.std(task.y)
        for number, (part, rest) in enumerate(folds):
            columns = pipeline("passthrough")[0].fit(task.X.iloc[part])
            X, X_test = (
                np.ascontiguousarray(columns.transform(task.X.iloc[rows]), dtype=np.float64)
                for rows in (part, rest)
            )
            yield table.name, number, X, y[part], X_test, y[rest], table.is_class, {}
    for seed in range(0 if quick else 3):
        yield "main job", seed, *noisy_digits(seed), True, MAIN


def _scores(network, X, y, is_class):
    """Log loss and error, or RMSE."""
    if not is_class:
        return {"RMSE": float(np.sqrt(np.mean((network.predict(X) - y) ** 2)))}
    p = np.clip(network.predict_proba(X), FLOOR, None)
    p /= p.sum(axis=1, keepdims=True)
    true = np.searchsorted(network.classes_, y)
    losses = -np.log(p[np.arange(len(y)), true])
    return {"log loss": float(losses.mean()), "error": float(np.mean(p.argmax(axis=1) != true))}


def _split_by_every_way(problem):
    """λ of every way, scores of the network with it, and processor seconds."""
    name, number, X, y, X_test, y_test, is_class, settings = problem
    ways = {f"3/n · 3^{k}": {"alpha": 3 / len(y) * 3.0**k} for k in STEPS} | {
        "pilots": {"alpha": "auto"}
    }
    units, data = _units_and_data(X, y, is_class, settings)
    n_epochs = settings.get("max_iter", 50)
    plain = alpha_while_training.plain(data, units, n_epochs, 0)
    for way, choose in OTHERS.items():
        alpha, seconds = choose(data, units, n_epochs, 0)
        ways[way] = {"alpha": alpha, "of a fit": round(seconds / plain, 3)}
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for way, chosen in ways.items():
            start = time.process_time()
            network = _network(is_class, alpha=chosen["alpha"], **settings).fit(X, y)
            seconds = round(time.process_time() - start, 4)
            scores = _scores(network, X_test, y_test, is_class)
            found[way] = chosen | {"alpha": network.alpha_, "seconds": seconds} | scores
    return {"problem": name, "split": number, "n": len(y), "ways": found}


def _units_and_data(X, y, is_class, settings):
    hidden = settings.get("hidden_layer_sizes", (128, 64))
    if is_class:
        classes, codes = np.unique(y, return_inverse=True)
        Y = np.eye(len(classes), dtype=np.float32)[codes]
    else:
        Y = ((y - y.mean()) / y.std())[:, np.newaxis].astype(np.float32)
    return (X.shape[1], *hidden, Y.shape[1]), Data(X.astype(np.float32), Y, is_class)


def _table_of(name):
    n, p, n_classes, settings = SHAPES[name]
    if name == "main job":
        return *noisy_digits(0)[:2], settings
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    raw = np.sin(X) @ rng.normal(size=(p, n_classes))
    y = (raw + 0.1 * np.sqrt(p) * rng.normal(size=raw.shape)).argmax(axis=1)
    return X, y, settings


def _price(name, penalty, n_members, repeats):
    """Processor seconds of fits with λ chosen and given, which take turns; the least of each."""
    X, y, settings = _table_of(name)
    settings = settings | PENALTIES[penalty] | {"n_members": n_members}
    repeats *= 10 if len(y) < SHORT else 1
    seconds, alpha = {"auto": [], "fixed": []}, "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for turn in range(2 * repeats):
            start = time.process_time()
            network = _network(True, alpha="auto" if turn % 2 == 0 else alpha, **settings).fit(X, y)
            seconds["fixed" if turn % 2 else "auto"].append(time.process_time() - start)
            alpha = network.alpha_
    auto, fixed = (min(seconds[kind]) for kind in ("auto", "fixed"))
    return {
        "shape": name, "penalty": penalty, "n_members": n_members, "alpha": alpha,
        "seconds": round(fixed, 4), "price": round(auto / fixed, 3),
    }  # fmt: skip


def run(repeats=3, quick=False, command=f"python -m benchmarks {NAME}", say=print):
    """What goes to JSON."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=JOBS, inner_max_num_threads=1) as parallel:
        splits = parallel(delayed(_split_by_every_way)(p) for p in _problems(quick))
        say(f"{len(splits)} splits done")
        priced = parallel(
            delayed(_price)(name, penalty, n_members, repeats)
            for name in list(SHAPES)[: 1 if quick else None]
            for n_members in (1, 16)
            for penalty in PENALTIES
            if n_members == 1 or penalty != "groups of neurons"
        )
    return {
        "experiment": NAME, "title": TITLE, "quick": quick, "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "scikit-learn", "scipy", "skreg"}),
        "splits": splits, "prices": priced,
    }  # fmt: skip


def _rows(splits):
    """For each way a row: mean scores, and the price."""
    main = [s for s in splits if s["problem"] == "main job"]
    others = [s for s in splits if s["problem"] != "main job"]
    columns = [
        ("log loss", [s["ways"] for s in others if _has(s, "error")]),
        ("RMSE", [s["ways"] for s in others if _has(s, "RMSE")]),
        ("log loss", [s["ways"] for s in main]),
        ("error", [s["ways"] for s in main]),
    ]
    for name in splits[0]["ways"]:
        means = [np.mean([w[name][what] for w in some] or np.nan) for what, some in columns]
        yield name, means, np.mean([_cost(s, name) for s in splits])
    best = [
        np.mean([min(one[what] for one in w.values()) for w in some] or np.nan)
        for what, some in columns
    ]
    yield "the best of each split, by its test rows", best, np.nan


def _has(split_, what):
    return what in next(iter(split_["ways"].values()))


def _cost(split_, way):
    """Beside the fit that follows: in fits."""
    found = split_["ways"][way]
    if way == "pilots":
        fixed = np.median([w["seconds"] for name, w in split_["ways"].items() if name != way])
        return found["seconds"] / fixed - 1
    return found.get("of a fit", 0.0)


def ways(result):
    """What each way gives, as Markdown."""
    lines = [
        "| λ | log loss | RMSE | main job: log loss | error | beside the fit |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for way, means, cost in _rows(result["splits"]):
        cells = " | ".join(f"{mean:.3f}" for mean in means)
        lines.append(f"| {way} | {cells} | {'' if np.isnan(cost) else f'{cost:.2f}'} |")
    return "\n".join(lines)


def prices(result):
    """Fits with ``alpha="auto"``, in fits with the λ that it chooses, as Markdown."""
    found = {(p["shape"], p["penalty"], p["n_members"]): p["price"] for p in result["prices"]}
    lines = [
        "| rows × features | penalty | one network | 16 members |",
        "| --- | --- | ---: | ---: |",
    ]
    for shape, penalty, n_members in found:
        if n_members == 1:
            both = (found.get((shape, penalty, n)) for n in (1, 16))
            cells = " | ".join("" if price is None else f"{price:.2f}" for price in both)
            lines.append(f"| {shape} | {penalty} | {cells} |")
    return "\n".join(lines)


def table(result):
    """The figures as Markdown."""
    return f"{ways(result)}\n\n{prices(result)}"


def main(args, command):
    """Run as the command line says, print the tables, save JSON."""
    result = run(args.repeats, args.quick, command)
    return conclude(result, table(result), args, NAME)
