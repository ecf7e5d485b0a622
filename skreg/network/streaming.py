"""Training on rows that are read again for every epoch, of which a part is in memory at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import network as kernel
from skreg.network.members import mean_losses
from skreg.network.prediction import raw_predictions
from skreg.network.training import Objective
from skreg.rows.stream import ROWS, Feed, RowBlock


@dataclass(frozen=True)
class StreamedObjective(Objective):
    """The objective on rows of which no more than a buffer is in memory.

    An epoch is one pass. The buffer is filled; half of it, chosen at random, is trained on and
    makes room for the rows that follow, and so on; where the rows end, so does the buffer. What is
    drawn depends on the number of each row alone, and on the size of the buffer.

    Parameters
    ----------
    units, activation, loss, regularization
        As of every `Objective`.
    X, Y : ndarray of no rows
        In the dtype to train in; ``sample_weight`` is None.
    read : callable
        Without parameters; gives the rows of another pass as blocks of encoded targets, with
        weights of mean 1 over all rows, or None.
    n_rows : int
    buffer : int
        Rows in memory.
    """

    read: Callable[[], Iterable[RowBlock]] = tuple
    n_rows: int = 0
    buffer: int = 0

    @property
    def n_samples(self):
        """Number of rows."""
        return self.n_rows

    def relative_weights(self):
        """The weights, which have mean 1 over all rows and not over these."""
        return self.sample_weight

    def risk_at(self, theta):
        """The mean loss over all rows, without dropout."""
        total = 0.0
        for block in Feed(self.read()).parts(ROWS):
            raw = raw_predictions(self.network(), theta, block.X)
            losses = mean_losses(self.loss, block.y, raw, self.n_members).astype(np.float64)
            total += float(losses.sum() if block.weights is None else losses @ block.weights)
        return total / self.n_rows

    def passes(self, batch_size, rng):
        """For each epoch, the parts of it, see `Objective.passes`."""
        shuffle = Shuffle(self.buffer, batch_size)
        at_work = [None, None]
        while True:
            seed = None if rng is None else rng.tomaxint()
            yield self._parts(shuffle, seed, at_work)

    def _parts(self, shuffle, seed, at_work):
        """One epoch; ``at_work`` keeps the block that was trained on last and its `Objective`."""
        n_seen = 0
        for order in shuffle.orders(self.read(), seed):
            held = shuffle.held
            if held is not at_work[0]:
                at_work[:] = held, replace(self, X=held.X, Y=held.y, sample_weight=held.weights)
            n_seen += len(order)
            if n_seen > self.n_rows:
                break
            yield at_work[1], order
        if n_seen != self.n_rows:
            more = "more" if n_seen > self.n_rows else "fewer"
            raise ValueError(
                f"the source of chunks held {self.n_rows} rows to train on in its first pass, and "
                f"{more} in a later one. It must give the same rows each time."
            )


class Shuffle:
    """A buffer of rows, from which those to train on next are drawn.

    Parameters
    ----------
    size : int
        How many rows it holds, but for what is left over by whole batches.
    batch_size : int

    Attributes
    ----------
    held : RowBlock or None
        The rows in it.

    Examples
    --------
    >>> rows = RowBlock(np.arange(7.0)[:, None], np.zeros((7, 1)), None, np.arange(7))
    >>> shuffle = Shuffle(4, 1)
    >>> [shuffle.held.numbers[order].tolist() for order in shuffle.orders([rows], seed=0)]
    [[2, 0], [4, 3], [6, 5, 1]]
    """

    def __init__(self, size: int, batch_size: int):
        self.size = max(size // batch_size, 1) * batch_size
        self.half = max(self.size // 2 // batch_size, 1) * batch_size
        self.held: RowBlock | None = None

    def orders(self, blocks: Iterable[RowBlock], seed: int | None) -> Iterator[NDArray[np.intp]]:
        """Which of the rows in the buffer to train on next, until all rows had their turn.

        ``seed`` is that of the pass; None keeps the order of the rows.
        """
        feed, step = Feed(blocks), self.size if seed is None else self.half
        first = feed.take(self.size)
        if first is None:
            return
        every = order = np.arange(len(first))
        if self.held is None or len(self.held) != len(first):
            self.held = first
        else:  # what trains on the buffer goes on with it
            self.held = self.held.put(every, first)
        while len(order) == self.size:
            order = _shuffled(order, seed)
            seed = None if seed is None else (seed + 1) % 2**64
            yield order[:step]
            new = feed.take(step)
            n_new = 0 if new is None else len(new)
            if new is not None:
                self.held = self.held.put(order[:n_new], new)
            order = np.concatenate([order[:n_new], order[step:]])
        if len(order):
            yield _shuffled(order, seed)


def _shuffled(order: NDArray[np.intp], seed: int | None) -> NDArray[np.intp]:
    if seed is None:
        return order
    places = np.empty_like(order)
    kernel.shuffle(places, seed)
    return order[places]
