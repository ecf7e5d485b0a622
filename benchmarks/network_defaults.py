"""The experiment ``network-defaults``: networks as they come, against tuned peers.

Nested cross-validation. The candidates for the defaults of our networks are compared by inner folds
alone; what is reported is the outer folds, which took no part in the choice.
"""

import json
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.facts import library_versions, machine

NAME = "network-defaults"
TITLE = "Networks out of the box: nested cross-validation on twelve tables"
DATA = Path(__file__).parent / "data"
OUTPUT = Path(__file__).parent / "experiments"
BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")
OUTER, INNER = 5, 3

CYCLE = {
    "learning_rate": "one_cycle", "learning_rate_init": 0.01, "batch_size": 32, "max_iter": 50,
    "hidden_layer_sizes": (100,),
}  # fmt: skip
DROPS = CYCLE | {"alpha": 3e-3, "dropout": 0.1}
WIDE = DROPS | {"hidden_layer_sizes": (256,)}
LBFGS = {"solver": "lbfgs", "max_iter": 200, "hidden_layer_sizes": (100,), "dropout": 0.0}
#: Settings of our networks that compete to be the defaults. The first are scikit-learn's defaults.
CANDIDATES = {
    "constant rate, 200 epochs": {
        "learning_rate": "constant", "learning_rate_init": 1e-3, "batch_size": 200,
        "max_iter": 200, "alpha": 1e-4, "dropout": 0.0, "hidden_layer_sizes": (100,),
    },
    "one cycle, 100 epochs of batches of 200": DROPS | {"batch_size": 200, "max_iter": 100},
    "one cycle of 50 epochs, batches of 32": CYCLE | {"alpha": 1e-4, "dropout": 0.0},
    "… alpha 1e-3": CYCLE | {"alpha": 1e-3, "dropout": 0.0},
    "… alpha 3e-3": CYCLE | {"alpha": 3e-3, "dropout": 0.0},
    "… alpha 1e-2": CYCLE | {"alpha": 1e-2, "dropout": 0.0},
    "… alpha 1e-3, dropout 0.1": DROPS | {"alpha": 1e-3},
    "… alpha 3e-3, dropout 0.1": DROPS,
    "… alpha 3e-3, dropout 0.2": DROPS | {"dropout": 0.2},
    "… alpha 3e-3, dropout 0.1, peak 0.005": DROPS | {"learning_rate_init": 0.005},
    "… alpha 3e-3, dropout 0.1, 256 units": WIDE,
    "… alpha 3e-3, dropout 0.1, 256 units, batches by size": WIDE | {"batch_size": "auto"},
    "… alpha 1e-2, dropout 0.1, 256 units, batches by size": WIDE
    | {"batch_size": "auto", "alpha": 1e-2},
    "… alpha 3e-3, dropout 0.1, 2 × 64 units": DROPS | {"hidden_layer_sizes": (64, 64)},
    "… alpha 3e-3, dropout 0.1, silu": DROPS | {"activation": "silu"},
    "L-BFGS, alpha 3e-3": LBFGS | {"alpha": 3e-3},
    "L-BFGS, alpha 1e-2": LBFGS | {"alpha": 1e-2},
}  # fmt: skip
#: The one that became the defaults.
DEFAULT_CANDIDATE = "… alpha 3e-3, dropout 0.1, 256 units, batches by size"
DEFAULTS = "skreg, as it comes"
TUNED = "scikit-learn MLP, alpha by GridSearchCV"


def tables(quick=False):
    """(name, X, y, whether y is classes) of each table, smaller ones first."""
    import pandas as pd
    from sklearn import datasets

    found = []
    for path in sorted(DATA.glob("*.csv.gz")):
        frame = pd.read_csv(path)
        found.append((path.name[:-7], frame.drop(columns="target"), frame["target"]))
    for name in BUNDLED:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        found.append((name, bunch.data, bunch.target))
    found.sort(key=lambda table: table[1].size)
    return [
        (name, X, y, name not in ("Servo", "diabetes"))
        for name, X, y in (found[:3] if quick else found)
    ]


def _pipeline(model):
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    return make_pipeline(
        make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ),
        model,
    )


def _ours(is_class, settings):
    from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

    make = RegularizedMLPClassifier if is_class else RegularizedMLPRegressor
    return _pipeline(make(random_state=0, **settings))


def _scoring(is_class):
    return "neg_log_loss" if is_class else "neg_root_mean_squared_error"


def contenders(quick=False):
    """What is compared on the outer folds: by name, a function of whether y is classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    def network(is_class):
        return _pipeline((MLPClassifier if is_class else MLPRegressor)(random_state=0))

    def tuned(is_class):
        model = network(is_class)
        name = f"{model.steps[-1][0]}__alpha"
        grid = np.logspace(-4, 1, 2 if quick else 6)
        return GridSearchCV(model, {name: grid}, cv=INNER, scoring=_scoring(is_class))

    def linear(is_class):
        if not is_class:
            return _pipeline(RidgeCV(np.logspace(-4, 4, 50)))
        model = LogisticRegressionCV(
            Cs=10, cv=5, scoring="neg_log_loss", l1_ratios=(0.0,), use_legacy_attributes=False
        )
        return _pipeline(model)

    def trees(is_class):
        make = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
        return _pipeline(make(random_state=0))

    return {
        DEFAULTS: lambda is_class: _ours(is_class, {}),
        "scikit-learn MLP": network,
        TUNED: tuned,
        "LogisticRegressionCV, RidgeCV": linear,
        "HistGradientBoosting": trees,
    }


def _splits(X, y, is_class, n_splits, seed):
    from sklearn.model_selection import KFold, StratifiedKFold

    make = StratifiedKFold if is_class else KFold
    return list(make(n_splits, shuffle=True, random_state=seed).split(X, y))


def _loss(model, X, y, is_class):
    """Mean log loss, or the root of the mean squared error."""
    from sklearn.metrics import log_loss, root_mean_squared_error

    if is_class:
        return log_loss(y, model.predict_proba(X), labels=model.classes_)
    return root_mean_squared_error(y, model.predict(X))


def _outer(table, name, fold, quick):
    """(loss, seconds of processor to fit) of a contender on an outer fold."""
    _, X, y, is_class = table
    train, test = _splits(X, y, is_class, OUTER, 0)[fold]
    model = contenders(quick)[name](is_class)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        model.fit(X.iloc[train], y.iloc[train])
        seconds = time.process_time() - start
        return _loss(model, X.iloc[test], y.iloc[test], is_class), seconds


def _inner(table, name, fold):
    """Mean loss of a candidate over the inner folds of an outer training part."""
    _, X, y, is_class = table
    train, _ = _splits(X, y, is_class, OUTER, 0)[fold]
    X, y = X.iloc[train], y.iloc[train]
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part, rest in _splits(X, y, is_class, INNER, 1):
            model = _ours(is_class, CANDIDATES[name]).fit(X.iloc[part], y.iloc[part])
            losses.append(_loss(model, X.iloc[rest], y.iloc[rest], is_class))
    return float(np.mean(losses))


def run(quick=False, command=f"python -m benchmarks {NAME}", say=print):
    """Both levels; what goes to JSON."""
    from joblib import Parallel, delayed

    all_tables = tables(quick)
    n_folds = 1 if quick else OUTER
    candidates = list(CANDIDATES)[:2] if quick else list(CANDIDATES)
    result = {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "scikit-learn", "scipy", "skreg"}),
        "tables": {},
    }
    # One thread each: processor seconds are then those of the fit, whatever else goes on.
    with Parallel(n_jobs=2, inner_max_num_threads=1) as parallel:
        for table in all_tables:
            name, X, _, is_class = table
            inner = parallel(
                delayed(_inner)(table, candidate, fold)
                for candidate in candidates
                for fold in range(n_folds)
            )
            outer = parallel(
                delayed(_outer)(table, contender, fold, quick)
                for contender in contenders()
                for fold in range(n_folds)
            )
            losses, seconds = np.array(outer).reshape(-1, n_folds, 2).transpose(2, 0, 1)
            result["tables"][name] = {
                "n_samples": len(X),
                "n_features": X.shape[1],
                "loss": "log loss" if is_class else "RMSE",
                "inner": dict(
                    zip(candidates, np.reshape(inner, (-1, n_folds)).tolist(), strict=True)
                ),
                "outer": dict(zip(contenders(), losses.tolist(), strict=True)),
                "seconds": dict(zip(contenders(), seconds.tolist(), strict=True)),
            }
            say(f"{name}: {len(X)} rows")
    return result


def mean_ranks(result, level):
    """Mean over tables of the rank (1 is best) of each one's mean loss, by name."""
    from scipy.stats import rankdata

    losses = [
        [np.mean(folds) for folds in table[level].values()] for table in result["tables"].values()
    ]
    names = next(iter(result["tables"].values()))[level]
    return dict(zip(names, rankdata(losses, axis=1).mean(axis=0), strict=True))


def chosen(result):
    """The candidate of the best mean rank on the inner folds."""
    ranks = mean_ranks(result, "inner")
    return min(ranks, key=ranks.get)


def table(result):
    """The figures as Markdown."""
    names = list(next(iter(result["tables"].values()))["outer"])
    lines = [
        f"| table (rows × features) | {' | '.join(names)} |",
        f"| --- |{' ---: |' * len(names)}",
    ]
    for name, found in result["tables"].items():
        means = {contender: np.mean(folds) for contender, folds in found["outer"].items()}
        best = min(means.values())
        cells = [f"**{m:.4g}**" if m == best else f"{m:.4g}" for m in means.values()]
        size = f"{found['n_samples']} × {found['n_features']}"
        lines.append(f"| {name} ({size}), {found['loss']} | {' | '.join(cells)} |")
    ranks = mean_ranks(result, "outer")
    lines.append(f"| **mean rank** | {' | '.join(f'{ranks[name]:.2f}' for name in names)} |")
    for kind in ("log loss", "RMSE"):
        cells = [
            np.mean(
                [np.mean(t["outer"][n]) for t in result["tables"].values() if t["loss"] == kind]
            )
            for n in names
        ]
        lines.append(f"| mean {kind} | {' | '.join(f'{cell:.4g}' for cell in cells)} |")
    seconds = [sum(np.sum(t["seconds"][n]) for t in result["tables"].values()) for n in names]
    lines.append(f"| seconds of processor to fit | {' | '.join(f'{s:.3g}' for s in seconds)} |")
    lines += ["", "| candidate for the defaults | mean rank on inner folds |", "| --- | ---: |"]
    ranked = sorted(mean_ranks(result, "inner").items(), key=lambda item: item[1])
    lines += [f"| {name} | {rank:.2f} |" for name, rank in ranked]
    return "\n".join(lines)


def main(args, command):
    """Run as the command line says, print the tables, save JSON."""
    result = run(args.quick, command)
    print(table(result))
    output = args.output or (None if args.quick else OUTPUT)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, ensure_ascii=False, indent=1)
        (output / f"{NAME}.json").write_text(text + "\n")
        print(f"Written to {output / NAME}.json")
    return 0
