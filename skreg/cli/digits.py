"""The main job: λ of a large network on handwritten digits."""

import time
from importlib.util import find_spec

import numpy as np
from sklearn.base import clone
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
    train = train[0], _with_noise(train[1], options)
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
    _print_test_error(outcome, train, test)
    _print_auto(outcome, train, test)

    if find_spec("matplotlib") is None:
        print("No picture: matplotlib is missing; pip install matplotlib")
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

    The shared range [0, 1] suits pixels: standardizing them would blow up those that are nearly
    always paper.
    """
    network = RegularizedMLPClassifier(**network_parameters(options))
    return Pipeline([("scale", MinMaxScaler()), ("network", network)])


def _load(subset):
    X, y = load_mnist_subset(subset=subset, return_X_y=True)
    return X.astype(np.float32), y  # single precision: the network computes in that of its data


def _with_noise(y, options):
    """The labels, a share of them replaced by digits drawn at random."""
    random = np.random.default_rng(options.seed)
    replaced = random.random(len(y)) < options.label_noise
    return np.where(replaced, random.integers(0, 10, len(y)), y)


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
        f"L2 penalty λ on the weights, {options.folds}-fold cross-validation"
    )
    if options.label_noise:
        print(f"{options.label_noise:.0%} of the training labels are replaced by random digits")
    print()


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


def _print_test_error(outcome, train, test):
    wrong = outcome.search.predict(test[0]) != test[1]
    error, standard_error = _share(wrong)
    chosen = f"λ = {format_alpha(outcome.alpha)}"
    print(
        f"\nChosen: {chosen}. Its error on the {len(wrong):,} test "
        f"images: {format_error(error, standard_error, task='classification')}"
    )
    if outcome.alpha == 0 or 0 not in outcome.alphas:
        return
    free = clone(outcome.search.estimator).set_params(network__alpha=0.0).fit(*train)
    wrong_free = free.predict(test[0]) != test[1]
    print(compared(chosen, wrong, wrong_free))


def _print_auto(outcome, train, test):
    """What the network chooses by itself, where the search trained it for every λ and fold."""
    model = clone(outcome.search.estimator).set_params(network__alpha="auto")
    started = time.perf_counter()
    model.fit(*train)
    seconds = time.perf_counter() - started
    error, standard_error = _share(model.predict(test[0]) != test[1])
    print(
        f'alpha="auto" chooses λ = {format_alpha(model[-1].alpha_)} within one fit of '
        f"{seconds:.1f} s; its error: {format_error(error, standard_error, task='classification')}"
    )


def _share(wrong):
    """A share of wrong classes and its standard error, that of a binomial share."""
    error = float(np.mean(wrong))
    return error, float(np.sqrt(error * (1 - error) / len(wrong)))


def compared(chosen, wrong, wrong_free):
    """A sentence on what a penalty is worth, from which test images are wrong with and without it.

    Parameters
    ----------
    chosen : str
    wrong, wrong_free : ndarray of bool of shape (n_images,)

    Returns
    -------
    str
    """
    gain = wrong_free.astype(float) - wrong
    standard_error = gain.std(ddof=1) / np.sqrt(len(gain))  # of pairs: both saw the same images
    free, _ = _share(wrong_free)
    both = (
        f"{format_error(float(np.mean(wrong)), task='classification')} of the test images are "
        f"wrong with {chosen}, {format_error(free, task='classification')} without a penalty"
    )
    if abs(gain.mean()) <= 2 * standard_error:
        return f"The penalty makes no difference that {len(gain):,} images could show: {both}."
    word = "λ matters here" if gain.mean() > 0 else "The penalty does harm here"
    difference = f"{100 * abs(gain.mean()):.1f} ± {100 * standard_error:.1f} points"
    return f"{word}: {both}, a difference of {difference}."
