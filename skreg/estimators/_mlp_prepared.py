"""From what ``fit`` is given to what a network trains on."""

from abc import abstractmethod
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from skreg._validation import check_weights, validated
from skreg.estimators._mlp_after import AfterTraining
from skreg.estimators._mlp_chunks import (
    FOR_PILOTS,
    FOR_SIZES,
    MOST_HELD,
    Encoder,
    LabelTally,
    NumberTally,
    Streamed,
)
from skreg.estimators._mlp_embedding import EMBEDDINGS
from skreg.estimators._mlp_fit import EncodedRows, Prepared, hold_out
from skreg.estimators._mlp_seen import Seen, columns_of, with_short_indices
from skreg.estimators._mlp_targets import Target
from skreg.network.columns import Sizes
from skreg.network.streaming import StreamedObjective
from skreg.network.training import Objective
from skreg.network.waves import NO_WAVES


class Prepares(AfterTraining):
    """A network as far as it checks what it is given, in memory or in chunks."""

    @abstractmethod
    def _tally(self) -> NumberTally | LabelTally:
        """What counts targets that come block by block."""

    @abstractmethod
    def _new_target(self, y, weights, classes, incremental) -> Target:
        """What the targets are: `Labels`, `LabelSets` or `Numbers`."""

    def _prepared(
        self, X, y, sample_weight, X_val, y_val, classes, *, seed, goes_on, incremental
    ):  # fmt: skip
        """The `Prepared` of rows in memory."""
        dtype = self._state.theta.dtype if goes_on else [np.float64, np.float32]
        X, y = self._validated(X, y, dtype, reset=not (incremental and goes_on))
        weights = check_weights(sample_weight, X)
        target = self._target if goes_on else self._new_target(y, weights, classes, incremental)
        if goes_on and classes is not None:
            target.check_classes(classes)
        if not goes_on:
            target.check_range(X.dtype)
        Y, strata = target.encode(y)
        if goes_on and not incremental:
            target.check_complete(y)
        training = EncodedRows(
            X,
            np.ascontiguousarray(Y, dtype=X.dtype),
            self._class_weighted(target, y, weights, incremental),
        )
        own = validation = self._validation_rows(X_val, y_val, target, X.dtype)
        kept = None
        if seed is not None:
            kept, held = hold_out(len(Y), weights, strata, self.validation_fraction, seed)
            # Scores are in the weights given, without those of the classes.
            validation = replace(training, weights=weights).take(held)
            training = training.take(kept)
            strata = None if strata is None else strata[kept]
        training = replace(training, Y=target.smoothed(training.Y, self._smoothing()))
        embedding, columns = self._embedding_of(training, goes_on)
        training, validation, own = (
            None if rows is None else replace(rows, X=columns_of(rows.X, columns, embedding))
            for rows in (training, validation, own)
        )
        shape = self._shape(training.X.shape[1], target, Y.shape[1], goes_on, embedding)
        told = dict(estimator=self, X=X, y=y)
        if weights is not None:
            told["metadata"] = {"sample_weight": weights}
        sizes = None if goes_on else shape["waves"].sizes(Sizes.of(training.X))
        objective = Objective(**shape, X=training.X, Y=training.Y, sample_weight=training.weights)
        return Prepared(
            objective, target, columns, embedding, validation, told, pilots=objective,
            strata=strata, own=own, sizes=sizes, seen=partial(Seen.of, X, training, kept),
        )  # fmt: skip

    def _prepared_stream(self, source, X_val, y_val, *, seed, rng, goes_on):
        """The `Prepared` of rows in chunks that are more than fit in memory."""
        self._refuse_stream(source)
        survey = self._survey(source, seed, rng, goes_on)
        target = self._target if goes_on else survey.tally.target()
        dtype = self._state.theta.dtype if goes_on else survey.dtype
        if goes_on:
            survey.tally.check_complete(target)
        else:
            target.check_range(dtype)
        columns = self._columns if goes_on else None
        class_weight = survey.tally.weights_of(getattr(self, "class_weight", None))
        is_weighted = survey.is_weighted or class_weight is not None
        encode = Encoder(target, dtype, columns, class_weight, is_weighted, self._smoothing())
        n_held = 0
        if seed is not None:
            n_held = max(round(self.validation_fraction * survey.n_rows), 2)
            n_held = min(n_held, MOST_HELD, survey.n_rows - 1)
        streamed = Streamed(source, survey, encode, n_held)
        held, some = streamed.held, streamed.looked_at
        shape = self._shape(some.X.shape[1], target, some.y.shape[1], goes_on)
        own = self._validation_rows(X_val, y_val, target, dtype)
        if own is not None:
            own = replace(own, X=columns_of(own.X, columns))
        return Prepared(
            StreamedObjective(
                **shape, X=some.X[:0], Y=some.y[:0], read=streamed.read, n_rows=streamed.n_rows,
                buffer=source.chunks.shuffle_buffer,
            ),
            target, columns, None,
            own if held is None else EncodedRows(held.X, held.y, held.weights),
            dict(estimator=self, X=source.chunks, y=None),
            pilots=Objective(**shape, X=some.X, Y=some.y, sample_weight=some.weights),
            strata=streamed.strata, own=own, sizes=None if goes_on else streamed.sizes,
            seen=lambda regularization: None,
        )  # fmt: skip

    def _refuse_stream(self, source):
        """Raise ValueError where training needs all rows in memory."""
        if self.numerical_embedding is not None:
            raise ValueError(
                f"numerical_embedding={self.numerical_embedding!r} looks at all rows in "
                f"memory, and these are more than shuffle_buffer={source.chunks.shuffle_buffer}. "
                "Set it to None, or give Chunks a larger shuffle_buffer."
            )
        if self.solver == "lbfgs":
            raise ValueError(
                "solver='lbfgs' takes all rows at once, and these are more than "
                f"shuffle_buffer={source.chunks.shuffle_buffer}. Use solver='adam' or "
                "solver='sgd', or give Chunks a larger shuffle_buffer."
            )

    def _survey(self, source, seed, rng, goes_on):
        """What a pass over the rows tells of their number, targets and scales."""
        if self.verbose:
            print("A pass over the rows for their number, targets and scales")
        n_sample = FOR_PILOTS if isinstance(self.alpha, str) and not goes_on else FOR_SIZES
        n_sample += MOST_HELD if seed is not None else 0
        # Which rows stand for all is drawn, too, where none are held out.
        tally = self._tally()
        if source.classes is not None:
            tally.declare(source.classes)
        drawn = deepcopy(rng).randint(2**31 - 1) if seed is None else seed
        survey = source.survey(tally, n_sample, drawn)
        validate_data(self, source.one_row(survey), skip_check_array=True)
        return survey

    def _shape(self, n_columns, target, n_outputs, goes_on, embedding=None):
        """What an `Objective` is made with beside the rows; no penalty yet if λ is to be chosen."""
        waves = NO_WAVES if embedding is None else embedding.waves
        if goes_on:
            waves = self._architecture[-1]
        units = (waves.width(n_columns), *self._hidden_sizes(), n_outputs * self.n_members)
        if goes_on:
            self._check_units(units)
        chooses = isinstance(self.alpha, str) and not goes_on
        return dict(
            units=units, activation=self.activation, loss=target.loss,
            regularization=self._regularization(units, 0.0 if chooses else None),
            n_members=self.n_members, waves=waves,
        )  # fmt: skip

    def _smoothing(self):
        """The share of a label that is spread over all classes."""
        return getattr(self, "label_smoothing", 0.0)

    def _embedding_of(self, training, goes_on):
        """What is made of X, and which columns of that are read."""
        if goes_on:
            return self._embedding, self._columns
        if self.numerical_embedding is None:
            return None, None
        make = EMBEDDINGS[self.numerical_embedding]
        return make.of(training.X, training.weights), None

    def _validation_rows(self, X_val, y_val, target, dtype):
        """The user's own validation rows, encoded; None without."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            missing, given = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}. Give both, or neither.")
        try:
            X_val, y_val = self._validated(X_val, y_val, dtype)
            Y_val = np.ascontiguousarray(target.encode(y_val)[0], dtype=dtype)
        except (TypeError, ValueError) as error:  # whose words are of X and y
            raise ValueError(f"X_val and y_val, taken as X and y: {error}") from error
        return EncodedRows(X_val, Y_val)

    def _validated(self, X, y, dtype, reset=False):
        """X and y as the compiled network takes them."""
        X, y = validated(
            self, X, y, numeric=not is_classifier(self), reset=reset, dtype=dtype, order="C",
            accept_sparse="csr", multi_output=True,
        )  # fmt: skip
        return with_short_indices(X), y

    def _class_weighted(self, target, y, weights, incremental):
        """Weights of the rows, times those of their classes if the estimator has such."""
        class_weight = getattr(self, "class_weight", None)
        if class_weight is None:
            return weights
        if incremental and isinstance(class_weight, str):
            raise ValueError(
                f"partial_fit does not take class_weight={class_weight!r}: the classes' shares are "
                "those of one call only. Give a dict of weights, or use sample_weight."
            )
        by_class = target.class_weights(class_weight, y, weights)
        return check_weights(by_class if weights is None else weights * by_class, y)

    def _check_units(self, units):
        """Training goes on only with a network of the shape that it had."""
        if units != (before := self._architecture[0]):
            raise ValueError(
                f"The network fitted before has layers of {before} units; now X, "
                f"hidden_layer_sizes and y ask for {units}. Keep them as they were, or start "
                "afresh with warm_start=False and fit."
            )

    def _split_seed_from(self, rng, goes_on, incremental):
        """The seed of the rows held out: a warm start must not train on those of the last fit."""
        if incremental:
            raise ValueError(
                "partial_fit does not hold out rows: with early_stopping=True it needs X_val and "
                "y_val. Give them, or set early_stopping=False."
            )
        before = vars(self).get("_split_seed") if goes_on else None
        return rng.randint(2**31 - 1) if before is None else before
