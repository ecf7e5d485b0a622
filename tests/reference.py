"""NumPy twins of the compiled kernels, written from the formulas and in float64.

They share no code with `skreg`: a mistake has to be made twice to go unseen.
"""

from itertools import pairwise

import numpy as np

ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "logistic": (
        lambda z: 0.5 * (1 + np.tanh(z / 2)),
        lambda z: 0.25 / np.cosh(np.clip(z, -350, 350) / 2) ** 2,
    ),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -350, 350)) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}


def soft_threshold(x, threshold):
    """argmin_u ½(u − x)² + threshold·|u|."""
    return np.where(np.abs(x) <= threshold, 0.0, x - threshold * np.sign(x))


def losses(name, y, raw):
    """ℓ of every row and ∂ℓ/∂f, for raw predictions f of shape (n, n_outputs)."""
    if name == "squared_error":
        return 0.5 * ((y - raw) ** 2).sum(axis=1), raw - y
    if name == "binary_log_loss":
        log_p, log_q = -np.logaddexp(0, -raw), -np.logaddexp(0, raw)
        return -(y * log_p + (1 - y) * log_q).sum(axis=1), np.exp(log_p) - y
    shifted = raw - raw.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(y * log_p).sum(axis=1), np.exp(log_p) - y


class Network:
    """A dense network with a penalised mean loss.

    Parameters
    ----------
    units : sequence of int
        Width of the input, the hidden layers and the output.
    activation, loss : str
    l1, l2 : float
        λ times the shares of ‖W‖₁ and ½‖W‖₂².
    """

    def __init__(self, units, activation, loss, l1=0.0, l2=0.0):
        self.units, self.activation, self.loss, self.l1, self.l2 = units, activation, loss, l1, l2

    @property
    def is_weight(self):
        """Mask of θ: True for weights, False for biases."""
        return np.concatenate(
            [np.repeat([True, False], [a * b, b]) for a, b in pairwise(self.units)]
        )

    def layers(self, theta):
        """(W, b) of every layer."""
        start, layers = 0, []
        for a, b in pairwise(self.units):
            W = theta[start : start + a * b].reshape(a, b)
            layers.append((W, theta[start + a * b : start + a * b + b]))
            start += a * b + b
        return layers

    def forward(self, theta, X):
        """(inputs of every layer's units before the activation, outputs of every layer)."""
        act = ACTIVATIONS[self.activation][0]
        inputs, outputs = [], [np.asarray(X, dtype=float)]
        for W, b in self.layers(np.asarray(theta, dtype=float)):
            inputs.append(outputs[-1] @ W + b)
            outputs.append(act(inputs[-1]))
        outputs[-1] = inputs[-1]
        return inputs, outputs

    def penalty(self, theta):
        """λJ: weights only."""
        return sum(
            self.l1 * np.abs(W).sum() + 0.5 * self.l2 * (W**2).sum() for W, _ in self.layers(theta)
        )

    def objective(self, theta, X, y, weights=None):
        """Σ wᵢℓᵢ / Σ wᵢ + λJ(θ)."""
        values = losses(self.loss, y, self.forward(theta, X)[1][-1])[0]
        return np.average(values, weights=weights) + self.penalty(theta)

    def risk_gradient(self, theta, X, y, weights):
        """∇ Σ wᵢℓᵢ / n at θ, without the penalty."""
        theta = np.asarray(theta, dtype=float)
        slope = ACTIVATIONS[self.activation][1]
        inputs, outputs = self.forward(theta, X)
        layers = self.layers(theta)
        delta = losses(self.loss, y, outputs[-1])[1] * weights[:, None] / len(X)
        gradient = []
        for level in reversed(range(len(layers))):
            gradient.insert(0, delta.sum(axis=0))
            gradient.insert(0, (outputs[level].T @ delta).ravel())
            if level:
                delta = (delta @ layers[level][0].T) * slope(inputs[level - 1])
        return np.concatenate(gradient)

    def gradient(self, theta, X, y, weights=None):
        """∇ of `objective`, with sign(0) = 0."""
        weights = np.ones(len(X)) if weights is None else weights / np.mean(weights)
        pull = self.l2 * theta + self.l1 * np.sign(theta)
        return self.risk_gradient(theta, X, y, weights) + np.where(self.is_weight, pull, 0)

    def train(self, theta, X, y, step, *, n_epochs, batch_size, weights=None):
        """θ after epochs over the rows in their order; ``step(θ, gradient_at, l1)`` is a rule.

        A mini-batch has the gradient Σ wᵢ∇ℓᵢ / (rows in it), with weights of mean 1 over all rows.
        """
        weights = np.ones(len(X)) if weights is None else weights / np.mean(weights)
        theta = np.array(theta, dtype=float)
        l1, l2 = np.where(self.is_weight, self.l1, 0), np.where(self.is_weight, self.l2, 0)
        for _ in range(n_epochs):
            for start in range(0, len(X), batch_size):
                rows = slice(start, start + batch_size)

                def gradient_at(point, rows=rows):
                    risk = self.risk_gradient(point, X[rows], y[rows], weights[rows])
                    return risk + l2 * point

                theta = step(theta, gradient_at, l1)
        return theta


def heavy_ball(eta, momentum):
    """Rule θ⁺ = prox(θ + μ(θ − θ₋) − ηg(θ)), (θ − θ₋) the last step taken."""
    before = None

    def step(theta, gradient_at, l1):
        nonlocal before
        velocity = 0 if before is None else theta - before
        before = theta
        return soft_threshold(theta + momentum * velocity - eta * gradient_at(theta), eta * l1)

    return step


def nesterov(eta, momentum):
    """Rule θ⁺ = prox(z − ηg(z)) at the look-ahead z = θ + μ(θ − θ₋)."""
    before = None

    def step(theta, gradient_at, l1):
        nonlocal before
        point = theta if before is None else theta + momentum * (theta - before)
        before = theta
        return soft_threshold(point - eta * gradient_at(point), eta * l1)

    return step


def adam(eta, beta_1, beta_2, epsilon):
    """Kingma & Ba's rule, then soft-thresholding with each component's own step size."""
    m = v = t = 0

    def step(theta, gradient_at, l1):
        nonlocal m, v, t
        g, t = gradient_at(theta), t + 1
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        rate = eta / (np.sqrt(v_hat) + epsilon)
        return soft_threshold(theta - rate * m_hat, rate * l1)

    return step
