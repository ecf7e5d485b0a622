"""The experiment ``feature-selection``: networks that choose their inputs, on a known support."""

import time
import warnings

import numpy as np

from benchmarks.experiment import conclude
from benchmarks.facts import library_versions, machine
from benchmarks.report import with_block

NAME = "feature-selection"
TITLE = "Features chosen by networks: 10 of 200 in a non-linear target, 600 rows"
#: Rows to train and to test on, features, hidden units, epochs, λ, folds; LassoNet's step of λ and
#: the most epochs it may take to begin with and for each λ.
SIZES = {
    False: dict(
        n=600, n_test=3000, p=200, hidden=64, epochs=100, n_alphas=16, cv=5, step=1.05,
        lassonet_epochs=(1000, 100),
    ),
    True: dict(
        n=120, n_test=100, p=15, hidden=8, epochs=10, n_alphas=4, cv=3, step=2.0,
        lassonet_epochs=(20, 5),
    ),
}  # fmt: skip
MEASURES = ("precision", "recall", "f1", "r2", "seconds", "cpu_seconds")


def run(n_seeds, quick=False, command=f"python -m benchmarks {NAME}", say=print):
    """Let everyone choose on each seed's data; what goes to JSON.

    ``found`` has for each contender a list over seeds of the `MEASURES` and the features chosen.
    All get the same standardized rows; the features in use and R² on test rows are those of the
    network that was fitted to all training rows at the chosen λ.
    """
    size, found = SIZES[quick], {}
    for seed in range(n_seeds):
        data = _data(seed, size)
        for contender in CONTENDERS:
            for name, entry in contender(data, size, seed):
                found.setdefault(name, []).append(entry)
                say(f"seed {seed + 1} of {n_seeds}, {name}: {_line(entry)}")
    return {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "scipy", "skreg", "lassonet", "torch"}),
        "size": size,
        "found": found,
    }


def _data(seed, size):
    """(X, y, X_test, y_test, support): features and target standardized on the training rows."""
    from skreg.datasets import make_friedman_sum

    n, p = size["n"], size["p"]
    X, y, support = make_friedman_sum(n + size["n_test"], p, return_support=True, random_state=seed)
    X = ((X - X[:n].mean(axis=0)) / X[:n].std(axis=0)).astype(np.float32)
    y = ((y - y[:n].mean()) / y[:n].std()).astype(np.float32)
    return X[:n], y[:n], X[n:], y[n:], set(support.tolist())


def _skreg(penalty):
    def choose(data, size, seed):
        from skreg import PathSearchCV, RegularizedMLPRegressor

        X, y, *test = data
        network = RegularizedMLPRegressor(
            (size["hidden"],), penalty=penalty, groups="inputs", dropout=0.0,
            batch_size=min(100, len(y)), learning_rate="one_cycle", learning_rate_init=0.01,
            max_iter=size["epochs"], n_iter_no_change=np.inf, random_state=seed,
        )  # fmt: skip
        alphas = np.geomspace(0.1, 0.003, size["n_alphas"])
        search, seconds = _timed(
            PathSearchCV(network, alphas, cv=size["cv"], selection="one_std_err").fit, X, y
        )
        chosen = search.best_estimator_.selected_features_
        yield f"skreg, {penalty}", _entry(chosen, search.predict(test[0]), test, seconds)

    return choose


def _lassonet(data, size, seed):
    """Its search as it comes, and with the rule of one standard error on its own scores.

    As it comes but for λ growing by a twentieth a step instead of a fiftieth, and as many hidden
    units and folds as ours. One thread, which for layers of this size is torch's best. The second
    takes the time of the first and of one more path.
    """
    try:
        import torch
        from lassonet import LassoNetRegressor, LassoNetRegressorCV
    except ImportError:
        print('LassoNet is left out: it is not installed (pip install ".[bench]").')
        return
    torch.set_num_threads(1)
    X, y, *test = data
    options = dict(
        hidden_dims=(size["hidden"],), path_multiplier=size["step"], verbose=0, random_state=seed,
        torch_seed=seed, n_iters=size["lassonet_epochs"],
    )  # fmt: skip
    search = LassoNetRegressorCV(cv=size["cv"], **options)
    _, seconds = _timed(search.fit, X, y[:, None])
    chosen = np.flatnonzero(search.best_selected_.numpy())
    yield "LassoNet", _entry(chosen, search.predict(test[0]).ravel(), test, seconds)

    means = search.interp_scores_.mean(axis=1)
    errors = search.interp_scores_.std(axis=1, ddof=1) / np.sqrt(search.interp_scores_.shape[1])
    best = np.nanargmax(means)
    last = np.flatnonzero(means >= means[best] - errors[best])[-1]
    model = LassoNetRegressor(lambda_seq=search.lambdas_[: last + 1], **options)
    _, more = _timed(model.fit, X, y[:, None])
    chosen = np.flatnonzero(model.model.input_mask().cpu().numpy())
    total = [a + b for a, b in zip(seconds, more, strict=True)]
    yield (
        "LassoNet, one standard error",
        _entry(chosen, model.predict(test[0]).ravel(), test, total),
    )


CONTENDERS = (_skreg("group_log"), _skreg("group"), _lassonet)


def _timed(function, *args):
    """(result, (seconds by the clock, seconds of processor))."""
    clock, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(*args)
    return result, (time.perf_counter() - clock, time.process_time() - cpu)


def _entry(chosen, predicted, test, seconds):
    """The measures of one choice."""
    _, y, support = test
    chosen = sorted(int(i) for i in chosen)
    hits = len(support.intersection(chosen))
    entry = dict(
        precision=hits / max(len(chosen), 1),
        recall=hits / len(support),
        f1=2 * hits / (len(chosen) + len(support)),
        r2=1 - float(np.mean((y - predicted) ** 2) / np.var(y)),
        seconds=seconds[0],
        cpu_seconds=seconds[1],
    )
    return entry | dict(chosen=chosen)


def _line(entry):
    return ", ".join(f"{name} {entry[name]:.3g}" for name in MEASURES)


def summary(result):
    """Means over seeds: a dict of the `MEASURES` for each contender."""
    return {
        name: {m: float(np.mean([entry[m] for entry in entries])) for m in MEASURES}
        for name, entries in result["found"].items()
    }


def table(result):
    """The means as Markdown."""
    n_seeds = len(next(iter(result["found"].values())))
    lines = [
        f"Means of {n_seeds} seeds; the best possible R² is 0.83.",
        "",
        "| | features | precision | recall | F1 | test R² | seconds | of processor |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, means in summary(result).items():
        n_chosen = np.mean([len(entry["chosen"]) for entry in result["found"][name]])
        shares = " | ".join(f"{means[m]:.2f}" for m in MEASURES[:4])
        times = " | ".join(f"{means[m]:.3g}" for m in MEASURES[4:])
        lines.append(f"| {name} | {n_chosen:.1f} | {shares} | {times} |")
    return "\n".join(lines)


def with_table(readme, result):
    """The text of a README with the table in its place."""
    return with_block(readme, table(result), NAME)


def main(args, command):
    """Run as the command line says, print the table, save JSON."""
    result = run(args.repeats, args.quick, command)
    return conclude(result, table(result), args, NAME)
