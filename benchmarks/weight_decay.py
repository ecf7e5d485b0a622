"""The experiment ``mnist-weight-decay``: λ of a large network on 5,000 handwritten digits."""

import json
import warnings

import numpy as np

from benchmarks.experiment import OUTPUT
from benchmarks.facts import library_versions, machine

NAME = "mnist-weight-decay"
TITLE = "Weight decay on MNIST: error per epoch of a large network, for five λ"
ALPHAS = (1e-2, 1e-3, 1e-4, 1e-5, 0.0)
#: Epochs that figures are means over.
LAST = 10
#: Hidden layers, epochs, rows to train and to test on.
SIZES = {False: ((512, 512, 512), 50, 5000, 1000), True: ((32,), 4, 300, 200)}


def run(n_seeds, quick=False, command=f"python -m benchmarks {NAME}", say=print):
    """Train a network with each λ and seed; what goes to JSON.

    Errors are counts of wrong images, so that nothing is rounded: ``train`` and ``test`` of shape
    (n_alphas, n_seeds, n_epochs), and ``by_image`` of shape (n_alphas, n_test): how many seeds have
    each test image wrong after the last epoch.
    """
    from skreg import RegularizedMLPClassifier
    from skreg.datasets import load_mnist_subset
    from skreg.plotting.learning_curves import EpochErrors

    hidden, n_epochs, n_train, n_test = SIZES[quick]
    train, test = (
        ((X[:n] / 255.0).astype(np.float32), y[:n])
        for (X, y), n in (
            (load_mnist_subset(subset="train", return_X_y=True), n_train),
            (load_mnist_subset(subset="test", return_X_y=True), n_test),
        )
    )
    settings = {"batch_size": 100, "learning_rate_init": 1e-3, "solver": "adam", "penalty": "l2"}
    wrong = np.zeros((2, len(ALPHAS), n_seeds, n_epochs), dtype=int)
    by_image = np.zeros((len(ALPHAS), n_test), dtype=int)
    for seed in range(n_seeds):
        for i, alpha in enumerate(ALPHAS):
            watch = EpochErrors(train, test)
            network = RegularizedMLPClassifier(
                hidden, alpha=alpha, random_state=seed, max_iter=n_epochs, tol=0.0,
                n_iter_no_change=np.inf, learning_rate="constant", dropout=0.0, **settings,
            )  # fmt: skip
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The objective was still falling")
                network.set_callbacks(watch).fit(*train)
            shares = np.array(watch.errors).T
            wrong[:, i, seed] = np.rint(shares * [[n_train], [n_test]])
            by_image[i] += network.predict(test[0]) != test[1]
        say(f"seed {seed + 1} of {n_seeds}")
    return {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "machine": machine(),
        "libraries": library_versions({"numpy", "scipy", "skreg"}),
        "network": {"hidden_layer_sizes": list(hidden), **settings},
        "alphas": list(ALPHAS),
        "n_train": n_train,
        "n_test": n_test,
        "train": wrong[0].tolist(),
        "test": wrong[1].tolist(),
        "by_image": by_image.tolist(),
    }


def summary(result):
    """What each λ came to over the last ten epochs, in per cent: arrays (n_alphas,) by name.

    A single epoch may fall on one of the jumps that a constant learning rate makes. ``train`` and
    ``test``: means over seeds, with the standard errors ``train_se`` and ``test_se``. ``gain``:
    test error of λ = 0 less that of λ, seed by seed. ``gain_se_seeds`` is its standard error over
    seeds with these test images; ``gain_se_images`` that over test images with these seeds, after
    the last epoch. The first says whether other initial weights would agree, the second whether
    other writers would; both have to be small beside ``gain``.
    """
    train, test = (
        100.0 * np.array(result[part], dtype=float)[:, :, -LAST:].mean(axis=2) / result[f"n_{part}"]
        for part in ("train", "test")
    )
    n_seeds = train.shape[1]
    plain = result["alphas"].index(0.0)
    gain = test[plain] - test
    shares = 100.0 * np.array(result["by_image"], dtype=float) / n_seeds

    def error(values):
        n = values.shape[1]
        return values.std(axis=1, ddof=1) / np.sqrt(n) if n > 1 else np.full(len(values), np.nan)

    return {
        "train": train.mean(axis=1),
        "train_se": error(train),
        "test": test.mean(axis=1),
        "test_se": error(test),
        "gain": gain.mean(axis=1),
        "gain_se_seeds": error(gain),
        "gain_se_images": error(shares[plain] - shares),
    }


def table(result):
    """The summary as text."""
    found = summary(result)
    lines = [
        result["title"],
        f"{len(result['train'][0])} seeds, {len(result['train'][0][0])} epochs, layers of "
        f"{result['network']['hidden_layer_sizes']} units, {result['n_train']:,} training and "
        f"{result['n_test']:,} test images",
        "",
        f"Wrong (%), mean of the last {LAST} epochs, ± standard error over seeds; the gain over "
        "λ = 0",
        "with its standard error over seeds, and in brackets over test images:",
        f"  {'λ':>6}  {'training':>13}  {'test':>13}  {'gain over λ = 0':>24}",
    ]
    for i, alpha in enumerate(result["alphas"]):
        gain = "–"
        if alpha > 0:
            gain = (
                f"{found['gain'][i]:.2f} ± {found['gain_se_seeds'][i]:.2f} "
                f"(± {found['gain_se_images'][i]:.2f})"
            )
        lines.append(
            f"  {alpha:>6g}  {found['train'][i]:>6.2f} ± {found['train_se'][i]:.2f}"
            f"  {found['test'][i]:>6.2f} ± {found['test_se'][i]:.2f}  {gain:>24}"
        )
    return "\n".join(lines)


def display(result):
    """The learning curves, not drawn yet."""
    from skreg.plotting import LearningCurvesDisplay

    return LearningCurvesDisplay(
        alphas=result["alphas"],
        train=100.0 * np.array(result["train"]) / result["n_train"],
        validation=100.0 * np.array(result["test"]) / result["n_test"],
        error_name="wrong (%)",
    )


def picture(result, path):
    """Error per epoch, means over seeds with standard errors."""
    import matplotlib

    matplotlib.use("Agg")
    drawn = display(result).plot()
    drawn.axes_[1].set_title("test")
    best = min(result["alphas"], key=lambda a: summary(result)["test"][result["alphas"].index(a)])
    drawn.axes_[0].set_ylim(-0.3, 3 * drawn.means[1, result["alphas"].index(best), -1])
    drawn.figure_.savefig(path, dpi=120)


def main(args, command):
    """Run as the command line says, print the table, save JSON and picture."""
    result = run(args.repeats, args.quick, command)
    print(table(result))
    output = args.output or (None if args.quick else OUTPUT)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        (output / f"{NAME}.json").write_text(text.replace(',"', ',\n"') + "\n")
        picture(result, output / f"{NAME}.png")
        print(f"Written to {output / NAME}.json")
    return 0
