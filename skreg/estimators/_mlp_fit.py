"""One fit of a network: its epochs, and all that happens around them."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skreg._warnings import warn_user
from skreg.estimators._mlp_embedding import Embedding
from skreg.estimators._mlp_history import WeightMeter, copy_log, record
from skreg.estimators._mlp_targets import Target
from skreg.network.columns import Sizes
from skreg.network.fitting import History, Patience, fit_epochs
from skreg.network.interrupt import Interrupt, deferred_interrupt
from skreg.network.lbfgs import fit_lbfgs
from skreg.network.members import mean_prediction
from skreg.network.prediction import raw_predictions
from skreg.network.regularization import Regularization
from skreg.network.training import Objective

# Epochs without progress after which training that is never to stop counts as done.
_USUAL_PATIENCE = 10


@dataclass(frozen=True)
class EncodedRows:
    """Features, encoded targets and weights (or None)."""

    X: Any
    Y: np.ndarray
    weights: np.ndarray | None = None

    def take(self, rows):
        """Some of them."""
        weights = None if self.weights is None else self.weights[rows]
        return EncodedRows(self.X[rows], self.Y[rows], weights)


@dataclass(frozen=True)
class Prepared:
    """What a fit trains on, after validation.

    Parameters
    ----------
    objective : Objective
        Without a penalty where λ is to be chosen.
    target : Target
    columns : ndarray or None
        Those of X, or of its embedding, that a compressed network reads.
    embedding : Embedding or None
    validation : EncodedRows or None
        Watched while training.
    told : dict
        For callbacks.
    pilots : Objective
        On the rows by which λ is chosen, with ``strata`` in equal shares.
    own : EncodedRows or None
        Validation rows of the user.
    sizes : Sizes or None
        Of the columns of X; None where training goes on.
    seen : callable
        From the regularization to `Seen`, or None where rows are not kept.
    """

    objective: Objective
    target: Target
    columns: np.ndarray | None
    embedding: Embedding | None
    validation: EncodedRows | None
    told: dict
    pilots: Objective
    strata: np.ndarray | None
    own: EncodedRows | None
    sizes: Sizes | None
    seen: Callable[[Regularization], Any]


def hold_out(n, weights, strata, fraction, seed):
    """(training, validation): indices of random parts, with the shares of ``strata``.

    Rows of weight zero are in neither.
    """
    rows = np.arange(n) if weights is None else np.flatnonzero(weights)
    strata = None if strata is None else strata[rows]
    of_rows = f"{len(rows)} rows" + ("" if len(rows) == n else ", without those of sample_weight 0")
    try:
        split = train_test_split(rows, test_size=fraction, random_state=seed, stratify=strata)
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot hold out validation_fraction={fraction} of {of_rows}: "
            f"{str(error).rstrip('.')}. Give more rows, another validation_fraction, or "
            "early_stopping=False."
        ) from error
    if len(split[1]) < 2:
        raise ValueError(
            f"early_stopping=True holds out one row only with validation_fraction={fraction} of "
            f"{of_rows}, which makes no score. Give more rows, a larger validation_fraction, or "
            "early_stopping=False."
        )
    return split


@dataclass(frozen=True)
class Best:
    """What early stopping over calls of ``partial_fit`` remembers."""

    patience: Patience
    theta: np.ndarray | None = None
    score: float = -np.inf
    is_over: bool = False
    loss: float = np.inf

    def after(self, score, loss, theta):
        """The memory after a call that left ``theta``, with this score and validation loss."""
        patience = replace(self.patience)
        is_over = patience.is_exhausted_by(-score)
        if (score, -loss) > (self.score, -self.loss):
            return Best(patience, theta.copy(), score, is_over, loss)
        return replace(self, patience=patience, is_over=is_over)


class Fit:
    """One call of ``fit`` or ``partial_fit``, after validation.

    Parameters
    ----------
    estimator : BaseRegularizedMLP
    objective : Objective
    state : TrainingState
        Changed in place.
    target : Labels, LabelSets or Numbers
    validation : EncodedRows or None
    before : dict
        The fitted attributes that training goes on from; empty for a fresh start.
    fixed : dict
        Fitted attributes that training does not change.
    settings : Settings
    rng : RandomState
    is_incremental : bool
    told : dict
        For callbacks.
    """

    def __init__(
        self, estimator, objective, state, target, *, validation, before, fixed, settings, rng,
        is_incremental, told,
    ):  # fmt: skip
        self.estimator, self.objective, self.state = estimator, objective, state
        self.target, self.validation, self.settings = target, validation, settings
        self.rng, self.is_incremental, self.told = rng, is_incremental, told
        self.fixed = fixed
        self.log = copy_log(before.get("history_", {}))
        self.n_rows_before = before.get("t_", 0)
        self.n_epochs_before = len(self.log.get("objective", ()))
        self.best = before.get("_best")
        self.network = objective.network()
        self.meter = WeightMeter(state.theta, self.network)
        self.validation_loss = np.nan
        self.interrupt = Interrupt()

    def run(self):
        """Train; the fitted attributes."""
        estimator = self.estimator
        context = estimator._init_callback_context(max_subtasks=self.settings.max_iter)
        context.call_on_fit_task_begin(**self.told)
        history = History(
            list(self.log.get("objective", ())), list(self.log.get("validation_score", ()))
        )
        self._stops_early = estimator.early_stopping and not self.is_incremental
        # A task costs as much as the epoch of a small network: only for those who watch.
        is_watched = bool(getattr(estimator, "_skl_callbacks", ()))
        self._context, self._task = context, None
        options = dict(
            score=self._score if self._stops_early else None,
            loss=lambda: self.validation_loss,
            on_epoch_begin=self._begin if is_watched else None,
            on_epoch_end=self._end,
        )
        if estimator.solver == "lbfgs":
            train = fit_lbfgs
        else:
            train = partial(fit_epochs, rng=self.rng if estimator.shuffle else None)
        # A loop over partial_fit is the user's own, and Ctrl-C is to end it.
        with nullcontext(self.interrupt) if self.is_incremental else deferred_interrupt() as noted:
            self.interrupt = noted
            with self.state.centered(self.objective.units):
                stopped = train(self.objective, self.state, history, self.settings, **options)
        if self.is_incremental and estimator.early_stopping:
            self._watch_over_calls()
        context.call_on_fit_task_end(**self.told, reconstruction_attributes=self._snapshot)
        self._warn(stopped)
        found = self.attributes(self.state, self.log)
        return found if self.is_incremental else found | dict(objective_=self._objective())

    def attributes(self, state, log):
        """The fitted attributes after the epochs in ``log``."""
        objective, scores = log["objective"], log.get("validation_score")
        n_epochs = len(objective) - self.n_epochs_before
        return self.fixed | dict(
            _state=state,
            _best=self.best,
            history_=log,
            loss_curve_=objective,
            loss_=objective[-1],
            objective_=objective[-1],
            best_loss_=None if scores else min(objective),
            validation_scores_=scores,
            best_validation_score_=float(np.nanmax(scores)) if scores else None,
            n_iter_=len(objective) if self.is_incremental else n_epochs,
            t_=self.n_rows_before + n_epochs * self.objective.n_samples,
        )

    def _snapshot(self):
        return self.attributes(self.state.snapshot(self.objective.units), copy_log(self.log))

    def _objective(self):
        """R + λJ at the θ that is returned, without dropout."""
        objective, theta = self.objective, self.state.theta
        return float(
            objective.risk_at(theta) + objective.regularization.value(theta, objective.units)
        )

    def _score(self, theta):
        """The score on the validation rows; their mean loss is noted."""
        rows = self.validation
        theta = self.state.uncentered(self.objective.units, theta)
        raw = raw_predictions(self.network, theta, rows.X)
        raw = mean_prediction(raw, self.objective.loss, self.objective.n_members)
        self.validation_loss = self.objective.loss.value(rows.Y, raw, rows.weights)
        return float(self.target.score(raw, rows.Y, rows.weights))

    def _begin(self):
        task = self._context.subcontext(task_name="epoch")
        self._task = task.call_on_fit_task_begin(**self.told)

    def _end(self, history):
        """Note the epoch and tell those who watch; whether training is to stop."""
        n_nonzero, norm = self.meter.measure()
        objective = history.loss_curve[-1]
        values = dict(objective=objective, loss=self.state.risk, n_nonzero=n_nonzero, norm=norm)
        if self.validation is not None:
            if self._stops_early:
                score = history.validation_scores[-1]
            else:
                score = self._score(self.state.theta)
            values |= dict(validation_loss=self.validation_loss, validation_score=score)
        record(self.log, values)
        if self.estimator.verbose:
            print(f"Epoch {len(self.log['objective'])}, {_line(values)}")
        is_over = False
        if self._task is not None:
            is_over = self._task.call_on_fit_task_end(
                **self.told, reconstruction_attributes=self._snapshot
            )
        return bool(is_over) or self.interrupt.requested

    def _watch_over_calls(self):
        """Early stopping where each call is an epoch: at its end the best θ comes back."""
        best = self.best or Best(Patience(self.settings.tol, self.settings.n_iter_no_change))
        score, loss = (self.log[f"validation_{name}"][-1] for name in ("score", "loss"))
        self.best = best.after(score, loss, self.state.theta)
        if self.best.is_over:
            self.state.theta[:] = self.state.point[:] = self.best.theta

    def _warn(self, stopped):
        n_epochs = len(self.log["objective"]) - self.n_epochs_before
        if self.interrupt.requested:
            warn_user(
                f"Training was interrupted. The {n_epochs} epochs done are kept; warm_start=True "
                "and fit go on from here.",
            )
        elif not (
            stopped
            or self.is_incremental
            or self.settings.schedule.has_end
            or not self._was_falling(n_epochs)
        ):
            what, remedy = "objective was still falling", "learning_rate_init"
            if self.estimator.solver == "lbfgs":
                what, remedy = "gradient still differed from 0", "scale the features"
            warn_user(
                f"The {what} by more than tol={self.settings.tol:g} after "
                f"max_iter={self.settings.max_iter} epochs. Raise max_iter, or {remedy}.",
                ConvergenceWarning,
            )

    def _was_falling(self, n_epochs):
        """Whether the last epochs made progress: where no number of them is what is borne."""
        if self.estimator.solver == "lbfgs" or np.isfinite(self.settings.n_iter_no_change):
            return True
        curve = self.log["objective"][-n_epochs:]
        if self._stops_early:
            curve = [-score for score in self.log["validation_score"][-n_epochs:]]
        before, last = curve[:-_USUAL_PATIENCE], curve[-_USUAL_PATIENCE:]
        before = before or last[:1]
        return min(last) < min(before) - self.settings.tol


def _line(values):
    line = f"objective {values['objective']:.6g}"
    if "validation_score" in values:
        line += (
            f", validation loss {values['validation_loss']:.6g}"
            f", validation score {values['validation_score']:.4f}"
        )
    return line
