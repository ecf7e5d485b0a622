"""A network for each of many λ: what the penalty does to losses and weights."""

from dataclasses import replace

import numpy as np

from skreg.playground.run import mean_loss, new_network

ALPHAS = (0.0, *np.geomspace(1e-4, 10.0, 21).tolist())
EPOCHS = (200, 2000)  # at least, at most, where the state names no epoch to stop at


class Sweep:
    """Trains the network of a state for every λ in turn, from the same start.

    Parameters
    ----------
    state : State
        With a penalty.
    data : Data
    epoch : int
        How long the live run has trained: each network trains as long, within `EPOCHS`; up to the
        epoch at which the state says stop, if it names one.

    Attributes
    ----------
    rows : list of tuple
        λ, training loss, test loss and number of non-zero weights of the λ done; NaN where
        training diverged.
    """

    def __init__(self, state, data, epoch):
        self.state, self.data = state, data
        self.epochs = state.stop or int(np.clip(epoch, *EPOCHS))
        self.rows = []

    @property
    def is_done(self):
        """Whether every λ has had its turn."""
        return len(self.rows) == len(ALPHAS)

    def advance(self):
        """Train for the next λ."""
        alpha = ALPHAS[len(self.rows)]
        model = new_network(replace(self.state, alpha=alpha), self.data.is_regression)
        try:
            model.set_params(max_iter=self.epochs).fit(*self.data.train)
        except ValueError:  # diverged
            self.rows.append((alpha, np.nan, np.nan, np.nan))
            return
        losses = mean_loss(model, *self.data.train), mean_loss(model, *self.data.test)
        self.rows.append((alpha, *losses, sum(np.count_nonzero(W) for W in model.coefs_)))

    def message(self):
        """Body and arrays for the page."""
        body = dict(penalty=self.state.penalty, epochs=self.epochs, of=len(ALPHAS))
        return body, dict(rows=np.array(self.rows))
