"""One network in training: its epochs, its figures, its pictures."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "linear": "identity"}
_OUTPUTS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": expit,
    "linear": lambda z: z,
}
_MOST_POINTS = 400  # of a curve
MOST_WEIGHT = 1e6  # that can be set
STILL = 1e-300  # a learning rate that leaves every weight as it is


def network_parameters(state):
    """Parameters of the estimator that a state asks for, without those of its random numbers."""
    return dict(
        hidden_layer_sizes=state.hidden,
        activation=ACTIVATIONS[state.activation],
        solver="adam" if state.optimizer == "adam" else "sgd",
        momentum=0.9 if state.optimizer in ("momentum", "nesterov") else 0.0,
        nesterovs_momentum=state.optimizer != "momentum",
        learning_rate="constant",
        learning_rate_init=state.learning_rate,
        batch_size=state.batch,
        dropout=state.dropout,
        max_norm=state.max_norm or None,
        **penalty_parameters(state),
    )


def penalty_parameters(state):
    """The penalty: its name, λ (0 without one), and what else it needs.

    Without hidden layers a feature has one weight, and groups of one weight are the L1 penalty.
    """
    penalty, _, groups = state.penalty.partition("-")
    if penalty == "group" and not state.hidden:
        penalty, groups = "l1", ""
    return dict(
        penalty=penalty,
        alpha=state.alpha if penalty != "none" else 0.0,
        l1_ratio=state.l1_ratio,
        groups=groups or None,
    )


def new_network(state, is_regression):
    """The estimator, not yet trained; each further ``fit`` goes on from the last."""
    kind = RegularizedMLPRegressor if is_regression else RegularizedMLPClassifier
    return kind(
        **network_parameters(state),
        random_state=state.start,
        warm_start=True,
        n_iter_no_change=np.inf,
        tol=float(np.finfo(np.float64).max),  # a picture is no end to be warned of
    )


def set_weight(model, index, value):
    """Set a weight of a network by its place among all weights, layer by layer, row by row."""
    coefs = [W.copy() for W in model.coefs_]
    layer = 0
    while index >= coefs[layer].size:
        index -= coefs[layer].size
        layer += 1
    coefs[layer].flat[index] = value
    model.coefs_ = coefs


def mean_loss(model, X, y):
    """Mean log loss of a classifier, half the mean squared error of a regressor."""
    if isinstance(model, RegularizedMLPRegressor):
        return 0.5 * float(np.mean((y - model.predict(X)) ** 2))
    columns = np.searchsorted(model.classes_, y)
    return -float(np.mean(model.predict_log_proba(X)[np.arange(len(y)), columns]))


def in_bytes(values):
    """−1 … 1 as 1 … 255, what lies beyond at the ends."""
    return np.rint(128 + 127 * np.clip(values, -1, 1)).astype(np.uint8)


def winners(shares):
    """Of K > 2 classes the most probable, in bytes: class k has a range, 256/K long, of its own.

    Its start stands for a probability of 1/K, its end for 1.
    """
    n_classes = shares.shape[1]
    length = 256 // n_classes
    lead = (shares.max(axis=1) * n_classes - 1) / (n_classes - 1)
    return (length * shares.argmax(axis=1) + np.rint((length - 1) * lead)).astype(np.uint8)


class Curve:
    """Training and test loss by epoch: evenly thinned, so that it never grows long."""

    def __init__(self):
        self.points, self.stride = [], 1

    def add(self, epoch, train, test):
        """Take note of an epoch, unless it is closer to the last than the curve is fine."""
        if self.points and epoch < self.points[-1][0] + self.stride:
            return
        self.points.append((epoch, train, test))
        if len(self.points) > _MOST_POINTS:
            self.points, self.stride = self.points[::2], 2 * max(self.stride, 1)

    def peak(self):
        """The highest training loss of the last fifth of the epochs."""
        start = 0.8 * self.points[-1][0]
        return max(train for epoch, train, _ in self.points if epoch >= start)

    def array(self, *last):
        """All points and the present one, shape (n, 3)."""
        return np.array([*self.points, last])


class Run:
    """A network, its data, and what was done to it.

    Parameters
    ----------
    state : State
    data : Data

    Attributes
    ----------
    model : RegularizedMLPClassifier or RegularizedMLPRegressor
        What is trained.
    shown : the same
        What is looked at: ``model``, before its first epoch a network with the same first weights.
    segments : list
        What was done, in turn: [parameters, number of epochs trained with them], or
        (index, value) of a weight that was set.
    error : str
        Why training cannot go on; empty while it can.
    """

    def __init__(self, state, data):
        self.state, self.data = state, data
        self.restart()

    def restart(self):
        """Back to epoch 0: the same first weights and shuffles."""
        self.model = new_network(self.state, self.data.is_regression)
        self.segments, self.curve, self.error, self.epoch = [], Curve(), "", 0
        # The first weights, to be looked at: at this rate an epoch leaves them to the bit.
        plain = replace(self.state, penalty="none", dropout=0.0, max_norm=0.0)
        self.shown = new_network(plain, self.data.is_regression)
        self.shown.set_params(learning_rate_init=STILL, max_iter=1).fit(*self.data.train)
        self._measure()

    def change(self, state):
        """Take new settings from the next epoch on; the caller restarts where that is needed."""
        self.state = state
        self.model.set_params(**self.parameters)
        self.error = ""

    def train(self, n_epochs):
        """Train, up to the epoch at which the state says stop; whether it can go on."""
        if self.state.stop > self.epoch:
            n_epochs = min(n_epochs, self.state.stop - self.epoch)
        if self.error or n_epochs < 1:
            return not self.error
        try:
            self.model.set_params(max_iter=n_epochs).fit(*self.data.train)
        except ValueError as error:  # the network is as it was before
            self.error = str(error)
            if "diverged" in self.error:
                self.error = f"Training diverged after epoch {self.epoch}: lower the learning rate."
            return False
        self._note(self.parameters, n_epochs)
        self.epoch += n_epochs
        self.shown = self.model
        self._measure()
        return self.epoch != self.state.stop

    def set_weight(self, index, value):
        """Set a weight by its place in `weights`.

        Only a network that was trained has weights to set: another is first trained for an epoch,
        at a rate that leaves its weights as they are.

        Raises
        ------
        ValueError
            If there is no such weight, or the value is not at most 1e6 in size.
        """
        if not abs(value) <= MOST_WEIGHT or not 0 <= index < len(self.weights):
            raise ValueError(
                f"A weight of the network as it is now can be set to a number from "
                f"{-MOST_WEIGHT:,.0f} to {MOST_WEIGHT:,.0f}."
            )
        if not self.segments:
            still = self.parameters | dict(penalty="none", alpha=0.0, groups=None, max_norm=None)
            still["learning_rate_init"] = STILL
            self.model.set_params(**still, max_iter=1).fit(*self.data.train)
            self._note(still, 1)
            self.model.set_params(**self.parameters)
        set_weight(self.model, index, value)
        self.segments.append((index, value))
        self.shown = self.model
        self._measure()

    def _note(self, parameters, n_epochs):
        # The page has a curve of its own; a memory of every epoch would slow it down in the end.
        self.model.history_ = {name: values[-1:] for name, values in self.model.history_.items()}
        last = self.segments[-1] if self.segments else None
        if not isinstance(last, list) or last[0] != parameters:
            self.segments.append([parameters, 0])
        self.segments[-1][1] += n_epochs

    # What it looks like --------------------------------------------------------------------------

    @property
    def weights(self):
        """Weights of all layers, flat, layer by layer, row by row."""
        return np.concatenate([W.ravel() for W in self.shown.coefs_])

    @property
    def parameters(self):
        """What the state asks of the network."""
        return network_parameters(self.state)

    @property
    def biases(self):
        """Biases of all layers, flat."""
        return np.concatenate(self.shown.intercepts_)

    @property
    def alpha(self):
        """λ in force: 0 without a penalty."""
        return penalty_parameters(self.state)["alpha"]

    def figures(self):
        """Numbers for the page."""
        weights = self.weights
        found = dict(
            epoch=self.epoch,
            train=self.train_loss,
            test=self.test_loss,
            gap=self.test_loss - self.train_loss,
            peak=max(self.curve.peak(), self.train_loss),
            nonzero=int(np.count_nonzero(weights)),
            weights=len(weights),
            mean_abs=float(np.abs(weights).mean()),
            error=self.error,
        )
        if not self.data.is_regression:
            found["accuracy"] = float(self.shown.score(*self.data.test))
        return found

    def curve_array(self):
        """Epoch, training loss and test loss, shape (n, 3)."""
        return self.curve.array(self.epoch, self.train_loss, self.test_loss)

    def picture(self, layer=None, unit=0):
        """The output over the plane in bytes, or that of a neuron of a hidden layer."""
        rows = self.data.map_rows
        if layer is not None and layer < len(self.state.hidden):
            return in_bytes(self.neurons(rows, layer + 1)[layer][:, unit])
        if self.data.is_regression:
            return in_bytes(self.shown.predict(rows))
        shares = self.shown.predict_proba(rows)
        return in_bytes(2 * shares[:, 1] - 1) if shares.shape[1] == 2 else winners(shares)

    def thumbnails(self):
        """Every hidden neuron's output in bytes, shape (n_neurons, n_cells)."""
        layers = self.neurons(self.data.thumb_rows)
        return in_bytes(np.hstack([np.empty((len(self.data.thumb_rows), 0)), *layers]).T)

    def neurons(self, rows, n_layers=None):
        """Outputs of each of the first hidden layers for rows of features."""
        output, layers = rows, []
        hidden = zip(self.shown.coefs_[:-1], self.shown.intercepts_[:-1], strict=True)
        for weights, biases in list(hidden)[:n_layers]:
            output = _OUTPUTS[self.state.activation](output @ weights + biases)
            layers.append(output)
        return layers

    # Inside --------------------------------------------------------------------------------------

    def _measure(self):
        self.train_loss = mean_loss(self.shown, *self.data.train)
        self.test_loss = mean_loss(self.shown, *self.data.test)
        self.curve.add(self.epoch, self.train_loss, self.test_loss)
