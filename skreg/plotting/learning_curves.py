"""Training and validation error of networks, epoch by epoch."""

import warnings
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skreg._validation import as_floats, check_alphas
from skreg.plotting._canvas import expect, numbers_of, ordered_styles, pyplot, uncut
from skreg.plotting._fitted import estimator_in, fitted_in


class EpochErrors:
    """A callback that measures a network's errors after each epoch of its fit.

    Parameters
    ----------
    *parts : tuple of (X, y)
        The rows to measure on.

    Attributes
    ----------
    errors : list of tuple of float
        An entry an epoch, a number a part: the share of wrong classes, for a regressor the mean
        squared error.
    """

    def __init__(self, *parts):
        self.parts = parts
        self.errors = []

    def setup(self, estimator, context):
        """Forget the fit before."""
        self.errors = []

    def on_fit_task_begin(self, estimator, context):
        """Nothing to measure yet."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Measure after an epoch; the end of the fit as a whole tells nothing new."""
        if context.task_name == "epoch":
            self.errors.append(tuple(_error(fitted_estimator, *part) for part in self.parts))

    def teardown(self, estimator, context):
        """Keep the errors."""


def _error(fitted, X, y):
    if is_classifier(fitted):
        return 1.0 - fitted.score(X, y)
    return float(np.mean(np.square(np.asarray(y) - fitted.predict(X))))


def measure_epochs(network, train, validation):
    """Fit a clone of a network and return its errors after each epoch, shape (n_epochs, 2)."""
    callback = EpochErrors(train, validation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the curves show it
        clone(network).set_callbacks(callback).fit(*train)
    return np.array(callback.errors)


class LearningCurvesDisplay:
    """Training and validation error per epoch, one line a λ, bands over seeds.

    Use `from_estimator` or `from_history`, or give errors that were measured elsewhere.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
    train, validation : array-like of shape (n_alphas, n_seeds, n_epochs)
        Errors; NaN after a run that ended early.
    error_name : str, default="error"
        What they are, for the axis.
    epochs : None or array-like of shape (n_epochs,), default=None
        When they were measured; None for 1, 2, ….

    Attributes
    ----------
    means, std_errors : ndarray of shape (2, n_alphas, n_epochs)
        Over seeds, of training and validation errors; the standard error of the mean is NaN with
        one seed.
    axes_ : list of Axes
        For training and for validation; the same one twice if one was given.
    figure_ : Figure
    lines_ : list of list of Line2D
        Of training and of validation, one a λ.
    bands_ : list of list of FillBetweenPolyCollection
        As ``lines_``; empty with one seed.

    Examples
    --------
    >>> from skreg import RegularizedMLPClassifier
    >>> from skreg.datasets import make_playground
    >>> from skreg.plotting import LearningCurvesDisplay
    >>> X, y = make_playground("xor", noise=20, random_state=0)
    >>> network = RegularizedMLPClassifier((8,), max_iter=10, tol=0, n_iter_no_change=10)
    >>> display = LearningCurvesDisplay.from_estimator(
    ...     network, X[:300], y[:300], X[300:], y[300:], alphas=[0.1, 0.0], seeds=(0, 1)
    ... )
    >>> display.validation.shape
    (2, 2, 10)
    """

    def __init__(
        self,
        *,
        alphas: Any,
        train: Any,
        validation: Any,
        error_name: str = "error",
        epochs: Any = None,
    ) -> None:
        self.alphas = numbers_of(alphas, "alphas", None)
        self.train, self.validation = as_floats(train, "train"), as_floats(validation, "validation")
        for name, errors in (("train", self.train), ("validation", self.validation)):
            if errors.ndim != 3 or len(errors) != len(self.alphas):
                raise ValueError(
                    f"{name} has shape {errors.shape}: give (n_alphas, n_seeds, n_epochs), with "
                    f"n_alphas = {len(self.alphas)}."
                )
        self.error_name = error_name
        self.epochs = (
            np.arange(1, self.train.shape[2] + 1) if epochs is None else np.asarray(epochs)
        )
        both = np.stack([self.train, self.validation])
        n = np.sum(~np.isnan(both), axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.means = np.nansum(both, axis=2) / np.where(n > 0, n, np.nan)
            squares = np.nansum(np.square(both - self.means[:, :, None]), axis=2)
            self.std_errors = np.where(n > 1, np.sqrt(squares / (n - 1) / n), np.nan)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        X_val: Any,
        y_val: Any,
        *,
        alphas: Any,
        seeds: Any = (0, 1, 2),
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Train a network with each λ and seed, measure after each epoch, and draw.

        Parameters
        ----------
        estimator : RegularizedMLPClassifier, RegularizedMLPRegressor or Pipeline that ends in one
            Cloned, or a search over one. What comes before the network is fitted once, on X.
        X, y : array-like
            To train on.
        X_val, y_val : array-like
            To measure on as well.
        alphas : array-like of shape (n_alphas,)
            λ.
        seeds : sequence of int, default=(0, 1, 2)
            ``random_state`` of each run.
        ax : None, Axes or pair of Axes, default=None
        **kwargs
            For `plot`.

        Returns
        -------
        LearningCurvesDisplay
        """
        estimator = estimator_in(estimator)
        if isinstance(estimator, Pipeline):
            before = clone(estimator[:-1]).fit(X, y)
            X, X_val, estimator = before.transform(X), before.transform(X_val), estimator[-1]
        wanted = "RegularizedMLPClassifier, RegularizedMLPRegressor or a Pipeline that ends in one"
        expect(estimator, "estimator", ("set_callbacks", "hidden_layer_sizes"), wanted)
        alphas = check_alphas(alphas)[0].tolist()
        if np.ndim(seeds) != 1 or not len(seeds):
            raise ValueError(f"seeds must be a sequence of at least one seed, got {seeds!r}.")
        runs = [
            [
                measure_epochs(
                    clone(estimator).set_params(alpha=alpha, random_state=seed),
                    (X, y),
                    (X_val, y_val),
                )
                for seed in seeds
            ]
            for alpha in alphas
        ]
        name = "share of wrong classes" if is_classifier(estimator) else "mean squared error"
        return cls(alphas=alphas, error_name=name, **_side_by_side(runs)).plot(ax=ax, **kwargs)

    @classmethod
    def from_history(cls, networks: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the mean losses that fitted networks kept; those with one λ count as its seeds.

        Parameters
        ----------
        networks : RegularizedMLPClassifier or RegularizedMLPRegressor, or a sequence of them
            Fitted, also in Pipelines or searches, with validation rows: ``early_stopping=True``, or
            ``X_val`` and ``y_val``.
        ax : None, Axes or pair of Axes, default=None
        **kwargs
            For `plot`.

        Returns
        -------
        LearningCurvesDisplay

        Raises
        ------
        ValueError
            If a network watched no validation rows, or has a λ for each layer.
        """
        if not isinstance(networks, Iterable):
            networks = [networks]
        runs: dict[Any, Any] = {}
        for network in (fitted_in(network)[0] for network in networks):
            expect(network, "networks", ("fit", "alpha"), "one fitted network, or several")
            check_is_fitted(network)
            alpha = getattr(network, "alpha_", network.alpha)  # of alpha="auto", what was found
            if np.ndim(alpha):
                raise ValueError(f"alpha={alpha!r} is not one λ: give networks with one.")
            expect(network, "networks", ("history_",), "one fitted network, or several")
            log = network.history_
            if "validation_loss" not in log:
                raise ValueError(
                    "a network has no validation_loss in its history_: fit it with X_val and "
                    "y_val, or early_stopping=True, or use from_estimator."
                )
            run = np.column_stack([log["loss"], log["validation_loss"]])
            runs.setdefault(float(alpha), []).append(run)
        errors = _side_by_side(list(runs.values()))
        return cls(alphas=list(runs), error_name="mean loss", **errors).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, band: str = "std_error") -> Self:
        """Draw.

        Parameters
        ----------
        ax : None, Axes or pair of Axes, default=None
            None for a new figure with a panel each for training and validation. In a single Axes
            the training errors are thin lines without markers.
        band : {"std_error", "range", None}, default="std_error"
            What the bands show: the mean's standard error on both sides, or the smallest and the
            largest of the seeds.

        Returns
        -------
        LearningCurvesDisplay
            Itself.

        Raises
        ------
        ValueError
            If ``band`` is none of the three.
        ImportError
            If matplotlib is not installed.
        """
        if band not in ("std_error", "range", None):
            raise ValueError(f"band={band!r} must be 'std_error', 'range' or None.")
        plt = pyplot(type(self).__name__)
        if ax is None:
            ax = plt.subplots(1, 2, sharey=True, figsize=(9.6, 4.4), layout="constrained")[1]
        single = not np.iterable(ax)
        self.axes_ = [ax, ax] if single else list(ax)
        self.figure_ = self.axes_[0].figure
        order = np.argsort(np.argsort(-self.alphas, kind="stable"))
        styles = ordered_styles(len(self.alphas))
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        for part, (panel, title) in enumerate(
            zip(self.axes_, ("training", "validation"), strict=True)
        ):
            self.lines_.append([])
            self.bands_.append([])
            for i, alpha in enumerate(self.alphas):
                self._draw_one(panel, part, i, styles[order[i]], single and part == 0, band)
                self.lines_[-1][-1].set_label(
                    f"{title}, λ = {alpha:g}" if single else f"λ = {alpha:g}"
                )
            panel.set(xlabel="epoch", title="" if single else title)
            panel.grid(alpha=0.3)
        self.axes_[0].set(ylabel=self.error_name)
        self.axes_[1].legend(frameon=False)
        uncut(self.figure_)
        return self

    def _draw_one(self, panel, part, i, look, is_thin, band):
        """The line of one λ, with its band."""
        mean, error = self.means[part, i], self.std_errors[part, i]
        look = dict(look, markevery=max(len(mean) // 8, 1), markersize=4.5, linewidth=1.6)
        if is_thin:
            look.update(marker="none", linewidth=0.9)
        self.lines_[-1] += panel.plot(self.epochs, mean, **look)
        runs = (self.train, self.validation)[part][i]
        if band is None or len(runs) < 2:
            return
        low, high = mean - error, mean + error
        if band == "range":
            low, high = np.fmin.reduce(runs), np.fmax.reduce(runs)
        self.bands_[-1].append(
            panel.fill_between(self.epochs, low, high, color=look["color"], alpha=0.2, linewidth=0)
        )


def _side_by_side(runs):
    """Runs (n_epochs, 2) by λ and seed as arrays, NaN after the end of each and where none was."""
    shape = len(runs), max(map(len, runs)), max(len(run) for row in runs for run in row)
    errors = np.full((2, *shape), np.nan)
    for i, row in enumerate(runs):
        for j, run in enumerate(row):
            errors[:, i, j, : len(run)] = run.T
    return {"train": errors[0], "validation": errors[1]}
