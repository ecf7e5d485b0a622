"""Fitting: epochs with a schedule, early stopping, and reasons to stop."""

from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from skreg.network.schedules import Constant

CONSTANT = Constant()


@dataclass
class History:
    """What was met, epoch by epoch.

    Parameters
    ----------
    loss_curve : list of float
        The objective of each epoch.
    validation_scores : list of float
        Score on the held-out rows after each epoch; empty without early stopping.
    """

    loss_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)

    def copy(self):
        """A history that can grow without touching this one."""
        return History(list(self.loss_curve), list(self.validation_scores))


@dataclass
class Patience:
    """Tells when a falling quantity has stopped falling.

    Parameters
    ----------
    tol : float
        A value counts as progress when it is below the best so far by more than this.
    n_iter_no_change : int or inf
        How many values in a row without progress are borne.
    """

    tol: float
    n_iter_no_change: float
    best: float = np.inf
    n_without_progress: int = 0

    def is_exhausted_by(self, value):
        """Take note of ``value``; whether patience has now run out."""
        progress = value < self.best - self.tol
        self.n_without_progress = 0 if progress else self.n_without_progress + 1
        self.best = min(self.best, value)
        return self.n_without_progress > self.n_iter_no_change


class BestTheta:
    """The θ of the highest score met; the start counts if ``history`` holds scores already.

    Of equal scores, such as shares of right labels are, the one of the least loss.

    Parameters
    ----------
    state : TrainingState
    history : History
    score : callable of θ, or None
        None where no score is watched.
    loss : callable
        Gives the loss on the rows of the last score.
    """

    def __init__(self, state, history, score, loss=lambda: 0.0):
        self.rank, self.theta, self.loss = (-np.inf, -np.inf), None, loss
        if score is not None and history.validation_scores:
            self.note(score(state.theta), state.theta)

    def note(self, score, theta):
        """Keep θ if it is better."""
        rank = score, -self.loss()
        if rank > self.rank:
            self.rank, self.theta = rank, theta.copy()

    def restore(self, state):
        """Let training end there."""
        if self.theta is not None:
            # The look-ahead belonged to another θ.
            state.theta[:] = state.point[:] = self.theta


@dataclass(frozen=True)
class Settings:
    """How to train.

    Parameters
    ----------
    optimizer : SGD or Adam
    schedule : Constant
        One of `skreg.network.schedules`.
    learning_rate : float
        The schedule's initial rate.
    batch_size, max_iter : int
    tol, n_iter_no_change : float
        See `Patience`.
    dropout_schedule, decay_schedule : Constant
        What these are multiplied by is the schedule's rate from an initial 1.
    ramp : float
        Epochs in which λ of a group penalty grows to its value, in a straight line. The curve has
        the objective with the whole λ all along; no one runs out of patience before the end.
    """

    optimizer: object
    schedule: object
    learning_rate: float
    batch_size: int
    max_iter: int
    tol: float
    n_iter_no_change: float
    dropout_schedule: Constant = CONSTANT
    decay_schedule: Constant = CONSTANT
    ramp: float = 0.0

    def shares(self, epoch, n_steps):
        """Of dropout and of decay in each step of an epoch, (n_steps, 2); None for ones."""
        schedules = self.dropout_schedule, self.decay_schedule
        if schedules == (CONSTANT, CONSTANT):
            return None
        shares = np.empty((n_steps, 2))
        for column, schedule in zip(shares.T, schedules, strict=True):
            column[:] = schedule.rates(1.0, epoch, 0, n_steps)
        return shares


def fit_epochs(
    objective, state, history, settings, *, rng, score=None, loss=lambda: 0.0, on_epoch_begin=None,
    on_epoch_end=None,
):  # fmt: skip
    """Train until ``settings`` or ``on_epoch_end`` says stop.

    Parameters
    ----------
    objective : Objective
    state : TrainingState
        Changed in place; with ``score`` it ends at the best θ that was met, the start included
        if ``history`` holds scores already.
    history : History
        Grows in place.
    settings : Settings
    rng : numpy.random.RandomState or None
        Shuffles the rows before every epoch; None keeps their order.
    score : callable of θ, default=None
        Early stopping: progress is a higher score instead of a lower objective.
    loss : callable
        See `BestTheta`.
    on_epoch_begin : callable, default=None
        Called before every epoch.
    on_epoch_end : callable of History, default=None
        Called after every epoch; a true value stops the training.

    Returns
    -------
    stopped : bool
        False if only ``max_iter`` ended the training.
    """
    patience = Patience(settings.tol, settings.n_iter_no_change)
    best, schedule, stopped = BestTheta(state, history, score, loss), settings.schedule, False
    n_steps = -(-objective.n_samples // settings.batch_size)
    steps = objective.epochs(
        state, optimizer=settings.optimizer, batch_size=settings.batch_size, rng=rng
    )
    with closing(steps):
        for epoch in range(settings.max_iter):
            if on_epoch_begin is not None:
                on_epoch_begin()
            n_before = len(history.loss_curve)
            state.eta = schedule.rates(settings.learning_rate, n_before, state.n_cuts, n_steps)
            state.shares = settings.shares(n_before, n_steps)
            state.group_share = min(1.0, (epoch + 1) / settings.ramp) if settings.ramp else 1.0
            has_whole_penalty = state.group_share == 1.0
            watched = next(steps)
            history.loss_curve.append(watched)
            if score is not None:
                history.validation_scores.append(score(state.theta))
                watched = -history.validation_scores[-1]
                if has_whole_penalty:
                    best.note(-watched, state.theta)
            stopped = bool(on_epoch_end is not None and on_epoch_end(history))
            if not stopped and has_whole_penalty and patience.is_exhausted_by(watched):
                if schedule.can_cut(state.eta):
                    state.n_cuts += 1
                    patience.n_without_progress = 0
                else:
                    stopped = True
            if stopped:
                break
    state.shares = None  # of this fit alone
    best.restore(state)
    return stopped
