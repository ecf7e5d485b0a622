"""The experiment ``network-candidates``: settings that compete to be the networks' defaults.

They are compared by inner folds of the training parts of five outer folds, on twelve tables.
Candidates that ``--only`` does not name keep their figures of the committed result.
"""

import json
import warnings

import numpy as np

from benchmarks.experiment import OUTPUT, conclude
from benchmarks.facts import library_versions, machine
from benchmarks.tabular.models import pipeline
from benchmarks.tabular.tables import load

NAME = "network-candidates"
TITLE = "Candidates for the networks' defaults, by inner folds of twelve tables"
TABLES = (
    "iris", "Servo", "wine", "diabetes", "PimaIndiansDiabetes", "Vowel", "Sonar", "Vehicle",
    "breast_cancer", "digits", "Satellite", "spam",
)  # fmt: skip
OUTER, INNER = 5, 3

CYCLE = {
    "learning_rate": "one_cycle", "learning_rate_init": 0.01, "batch_size": 32, "max_iter": 50,
    "hidden_layer_sizes": (100,), "beta_2": 0.999,
}  # fmt: skip
DROPS = CYCLE | {"alpha": 3e-3, "dropout": 0.1}
WIDE = DROPS | {"hidden_layer_sizes": (256,)}
LBFGS = {"solver": "lbfgs", "max_iter": 200, "hidden_layer_sizes": (100,), "dropout": 0.0}
DEEP = WIDE | {"batch_size": "auto", "beta_2": 0.95, "hidden_layer_sizes": (128, 64)}
AUTO = DEEP | {"alpha": "auto"}
#: Settings of our networks that compete to be the defaults. The first are scikit-learn's defaults.
CANDIDATES = {
    "constant rate, 200 epochs": {
        "learning_rate": "constant", "learning_rate_init": 1e-3, "batch_size": 200,
        "max_iter": 200, "alpha": 1e-4, "dropout": 0.0, "hidden_layer_sizes": (100,),
        "beta_2": 0.999,
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
    "… alpha auto, dropout 0.1, 256 units, batches by size": WIDE
    | {"batch_size": "auto", "alpha": "auto"},
    "… alpha auto, dropout 0.1, 256 units, batches by size, β₂ 0.95": WIDE
    | {"batch_size": "auto", "alpha": "auto", "beta_2": 0.95},
    "128 and 64 units, β₂ 0.95, alpha 3e-3": DEEP,
    "128 and 64 units, β₂ 0.95, alpha auto": AUTO,
    "128 and 64 units, β₂ 0.999, alpha auto": AUTO | {"beta_2": 0.999},
    "2 × 64 units, β₂ 0.95, alpha auto": AUTO | {"hidden_layer_sizes": (64, 64)},
    "2 × 128 units, β₂ 0.95, alpha auto": AUTO | {"hidden_layer_sizes": (128, 128)},
    "128 and 64 units, β₂ 0.95, alpha auto, flat-cosine rate": AUTO
    | {"learning_rate": "flat_cosine"},
    "128 and 64 units, β₂ 0.95, alpha auto, flat-cosine rate of 0.004": AUTO
    | {"learning_rate": "flat_cosine", "learning_rate_init": 0.004},
    "128 and 64 units, β₂ 0.95, alpha auto, flat-cosine dropout": AUTO
    | {"dropout_schedule": "flat_cosine"},
    "128 and 64 units, β₂ 0.95, alpha auto, flat-cosine dropout of 0.2": AUTO
    | {"dropout_schedule": "flat_cosine", "dropout": 0.2},
    "128 and 64 units, β₂ 0.95, alpha auto, decoupled": AUTO | {"weight_decay": "decoupled"},
    "128 and 64 units, β₂ 0.95, alpha auto, decoupled, flat-cosine decay": AUTO
    | {"weight_decay": "decoupled", "weight_decay_schedule": "flat_cosine"},
    "128 and 64 units, β₂ 0.95, alpha auto, waves": AUTO | {"numerical_embedding": "periodic"},
    "L-BFGS, alpha 3e-3": LBFGS | {"alpha": 3e-3},
    "L-BFGS, alpha 1e-2": LBFGS | {"alpha": 1e-2},
}  # fmt: skip
#: The one that became the defaults.
DEFAULT_CANDIDATE = "128 and 64 units, β₂ 0.95, alpha auto"


def _ours(is_class, settings):
    from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

    make = RegularizedMLPClassifier if is_class else RegularizedMLPRegressor
    return pipeline(make(random_state=0, **settings))


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


def run(only=(), quick=False, command=f"python -m benchmarks {NAME}", say=print):
    """What goes to JSON."""
    from joblib import Parallel, delayed

    n_folds = 1 if quick else OUTER
    candidates = list(CANDIDATES)[:2] if quick else list(only) or list(CANDIDATES)
    known = _committed() if only else {}
    result = {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "scikit-learn", "scipy", "skreg"}),
        "tables": {},
    }
    with Parallel(n_jobs=2, inner_max_num_threads=1) as parallel:
        for table in map(load, TABLES[:3] if quick else TABLES):
            inner = parallel(
                delayed(_inner)(table, candidate, fold)
                for candidate in candidates
                for fold in range(n_folds)
            )
            losses = np.reshape(inner, (-1, n_folds)).tolist()
            inner = known.get(table.name, {}) | dict(zip(candidates, losses, strict=True))
            result["tables"][table.name] = {
                "n_samples": len(table.X),
                "n_features": table.X.shape[1],
                "loss": "log loss" if table.is_class else "RMSE",
                "inner": {name: inner[name] for name in CANDIDATES if name in inner},
            }
            say(f"{table.name}: {len(table.X)} rows")
    return result


def _committed():
    """The losses of the committed result, by table and candidate."""
    result = json.loads((OUTPUT / f"{NAME}.json").read_text(encoding="utf-8"))
    return {name: table["inner"] for name, table in result["tables"].items()}


def mean_ranks(result):
    """Mean over tables of the rank (1 is best) of each candidate's mean loss."""
    from scipy.stats import rankdata

    losses = [
        [np.mean(folds) for folds in table["inner"].values()] for table in result["tables"].values()
    ]
    names = next(iter(result["tables"].values()))["inner"]
    return dict(zip(names, rankdata(losses, axis=1).mean(axis=0), strict=True))


def chosen(result):
    """The candidate of the best mean rank."""
    ranks = mean_ranks(result)
    return min(ranks, key=ranks.get)


def table(result):
    """The figures as Markdown."""
    lines = ["| candidate for the defaults | mean rank on inner folds |", "| --- | ---: |"]
    ranked = sorted(mean_ranks(result).items(), key=lambda item: item[1])
    return "\n".join(lines + [f"| {name} | {rank:.2f} |" for name, rank in ranked])


def main(args, command):
    """Run as the command line says, print the ranks, save JSON."""
    if unknown := set(args.only) - set(CANDIDATES):
        print(f"--only names {', '.join(unknown)}; {NAME} has {', '.join(CANDIDATES)}.")
        return 2
    result = run(args.only, args.quick, command)
    return conclude(result, table(result), args, NAME)
