"""The main job: λ of a large network on handwritten digits."""

import time
from importlib.util import find_spec

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skreg import RegularizedMLPClassifier
from skreg.cli.curves import draw_errors, errors_per_epoch
from skreg.cli.errors import UserError
from skreg.cli.report import format_alpha, format_error, format_table
from skreg.cli.saving import check_save_path, save_model
from skreg.cli.search import network_parameters, tune
from skreg.datasets import load_mnist_subset

ALPHAS = (1e-2, 1e-3, 1e-4, 1e-5, 0.0)
PICTURE = "mnist_errors.png"


def run(options):
    """Tune λ on the training images, judge it on the test images, draw the errors per epoch.

    Parameters
    ----------
    options : Options

    Raises
    ------
    UserError
        If a file cannot be written or a fit fails.
    """
    started = time.perf_counter()
    check_save_path(options.save)
    _make_folder(options.output_dir)
    train, test = (_load(subset) for subset in ("train", "test"))
    alphas = options.alphas or ALPHAS
    _print_task(train, test, options)

    outcome = tune(
        "network",
        build_model(options),
        "network__alpha",
        alphas,
        *train,
        task="classification",
        options=options,
    )
    _print_outcome(outcome, options)
    _print_test_error(outcome, *test)

    if find_spec("matplotlib") is None:
        print("No picture: matplotlib is missing; pip install 'skreg[plot]'")
    else:
        curves = errors_per_epoch(outcome.search.estimator, outcome.alphas, train, test, options)
        path = options.output_dir / PICTURE
        draw_errors(curves, outcome.alphas, outcome.alpha, path)
        print(f"Picture: training and test error per epoch for each λ in {path}")
    if options.save is not None:
        usage = save_model(
            outcome.search.best_estimator_, options.save, "images  # (n_images, 784), 0 to 255"
        )
        print(f"Saved the network with λ = {format_alpha(outcome.alpha)}. To use it:\n\n{usage}\n")
    print(f"{time.perf_counter() - started:.0f} s in all.")


def build_model(options):
    """Scaling and network.

    The shared range [0, 1] suits pixels: standardising them would blow up those that are nearly
    always paper.
    """
    network = RegularizedMLPClassifier(**network_parameters(options))
    return Pipeline([("scale", MinMaxScaler()), ("network", network)])


def _load(subset):
    X, y = load_mnist_subset(subset=subset, return_X_y=True)
    return X.astype(np.float32), y  # single precision: the network computes in that of its data


def _make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--output-dir {folder} cannot be made: {error.strerror or error}"
        ) from None


def _print_task(train, test, options):
    units = "-".join(map(str, (train[0].shape[1], *options.hidden, 10)))
    print(
        f"MNIST: {len(train[1]):,} training and {len(test[1]):,} test images of 28 × 28 pixels\n"
        f"Network {units}, {options.max_iter} epochs of Adam, "
        f"L2 penalty λ on the weights, {options.folds}-fold cross-validation\n"
    )


def _print_outcome(outcome, options):
    rows = [
        [
            format_alpha(alpha),
            format_error(train, task="classification"),
            format_error(error, standard_error, task="classification"),
        ]
        for alpha, train, error, standard_error in zip(
            outcome.alphas,
            outcome.train_error,
            outcome.cv_error,
            outcome.cv_standard_error,
            strict=True,
        )
    ]
    header = ["λ", "train error", "cross-validated error"]
    print(format_table(header, rows, marked=outcome.best))


def _print_test_error(outcome, X_test, y_test):
    error = np.mean(outcome.search.predict(X_test) != y_test)
    standard_error = np.sqrt(error * (1 - error) / len(y_test))  # of a binomial share
    print(
        f"\nChosen: λ = {format_alpha(outcome.alpha)}. Its error on the {len(y_test):,} test "
        f"images: {format_error(error, standard_error, task='classification')}"
    )
