"""NumPy twins of the compiled kernels, written from the formulas and in float64.

They share no code with `skreg`: a mistake has to be made twice to go unseen.
"""

from itertools import pairwise

import numpy as np
from scipy.special import ndtr, xlogy


def normal_density(z):
    """φ(z)."""
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "logistic": (
        lambda z: 0.5 * (1 + np.tanh(z / 2)),
        lambda z: 0.25 / np.cosh(np.clip(z, -350, 350) / 2) ** 2,
    ),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -350, 350)) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "silu": (
        lambda z: 0.5 * z * (1 + np.tanh(z / 2)),
        lambda z: 0.5 * (1 + np.tanh(z / 2)) + 0.25 * z / np.cosh(np.clip(z, -350, 350) / 2) ** 2,
    ),
    "gelu": (lambda z: z * ndtr(z), lambda z: ndtr(z) + z * normal_density(z)),
}


def soft_threshold(x, threshold):
    """argmin_u ½(u − x)² + threshold·|u|."""
    return np.where(np.abs(x) <= threshold, 0.0, x - threshold * np.sign(x))


def losses(name, y, raw, parameter=None):
    """ℓ of every row and ∂ℓ/∂f, for raw predictions f of shape (n, n_outputs)."""
    if name == "huber":
        size = np.abs(y - raw)
        value = np.where(size <= parameter, size**2 / 2, parameter * (size - parameter / 2))
        return value.sum(axis=1), np.sign(raw - y) * np.minimum(size, parameter)
    if name == "poisson":
        return (xlogy(y, y) - y * raw - y + np.exp(raw)).sum(axis=1), np.exp(raw) - y
    if name == "quantile":
        value = np.maximum(parameter * (y - raw), (parameter - 1) * (y - raw))
        return value.sum(axis=1), np.where(raw == y, 0, (raw > y) - parameter)
    if name == "squared_error":
        return 0.5 * ((y - raw) ** 2).sum(axis=1), raw - y
    if name == "binary_log_loss":
        log_p, log_q = -np.logaddexp(0, -raw), -np.logaddexp(0, raw)
        return -(y * log_p + (1 - y) * log_q).sum(axis=1), np.exp(log_p) - y
    shifted = raw - raw.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(y * log_p).sum(axis=1), np.exp(log_p) - y


class Network:
    """A dense network with a penalized mean loss.

    Parameters
    ----------
    units : sequence of int
        Width of the input, the hidden layers and the output.
    activation, loss : str
    l1, l2 : float, or one for each layer
        λ times the shares of ‖W‖₁ and ½‖W‖₂².
    parameter : float
        Of the loss.
    """

    def __init__(self, units, activation, loss, l1=0.0, l2=0.0, parameter=None):
        self.units, self.activation, self.loss, self.l1, self.l2 = units, activation, loss, l1, l2
        self.parameter = parameter

    def spread(self, shares):
        """One number for each layer, or for all, as an array over θ; 0 for biases."""
        shares = np.broadcast_to(shares, len(self.units) - 1)
        parts = [
            np.repeat([share, 0.0], [a * b, b])
            for share, (a, b) in zip(shares, pairwise(self.units), strict=True)
        ]
        return np.concatenate(parts)

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
        theta = np.asarray(theta, dtype=float)
        return np.sum(self.spread(self.l1) * np.abs(theta) + 0.5 * self.spread(self.l2) * theta**2)

    def objective(self, theta, X, y, weights=None):
        """Σ wᵢℓᵢ / Σ wᵢ + λJ(θ)."""
        values = losses(self.loss, y, self.forward(theta, X)[1][-1], self.parameter)[0]
        return np.average(values, weights=weights) + self.penalty(theta)

    def risk_gradient(self, theta, X, y, weights):
        """∇ Σ wᵢℓᵢ / n at θ, without the penalty."""
        theta = np.asarray(theta, dtype=float)
        slope = ACTIVATIONS[self.activation][1]
        inputs, outputs = self.forward(theta, X)
        layers = self.layers(theta)
        delta = losses(self.loss, y, outputs[-1], self.parameter)[1] * weights[:, None] / len(X)
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
        pull = self.spread(self.l2) * theta + self.spread(self.l1) * np.sign(theta)
        return self.risk_gradient(theta, X, y, weights) + pull

    def soft_threshold(self, theta, d):
        """The proximal operator of l1·‖W‖₁ with step sizes d."""
        return soft_threshold(theta, d * self.spread(self.l1))

    def train(
        self, theta, X, y, step, *, n_epochs, batch_size, weights=None, prox=None, decay=0.0,
        decay_shares=None,
    ):  # fmt: skip
        """θ after epochs over the rows in their order; ``step`` is a rule.

        A mini-batch has the gradient Σ wᵢ∇ℓᵢ / (rows in it), with weights of mean 1 over all rows.
        ``prox(θ, d)`` ends a step with step sizes d; ``decay`` is that of decoupled weight decay,
        of which each step of an epoch may have a share.
        """
        weights = np.ones(len(X)) if weights is None else weights / np.mean(weights)
        theta = np.array(theta, dtype=float)
        prox, decay, l2 = prox or self.soft_threshold, self.spread(decay), self.spread(self.l2)
        for _ in range(n_epochs):
            for number, start in enumerate(range(0, len(X), batch_size)):
                rows = slice(start, start + batch_size)
                share = 1.0 if decay_shares is None else decay_shares[number]

                def gradient_at(point, rows=rows):
                    risk = self.risk_gradient(point, X[rows], y[rows], weights[rows])
                    return risk + l2 * point

                theta = step(theta, gradient_at, prox, share * decay)
        return theta


def heavy_ball(eta, momentum):
    """Rule θ⁺ = prox(kθ + μv − ηg(θ)), v the last step taken, k = 1 − η·decay."""
    velocity = 0.0

    def step(theta, gradient_at, prox, decay):
        nonlocal velocity
        kept = (1 - eta * decay) * theta
        moved = prox(kept + momentum * velocity - eta * gradient_at(theta), eta + 0 * theta)
        velocity = moved - kept
        return moved

    return step


def nesterov(eta, momentum):
    """Rule θ⁺ = prox(z − ηg(z)) at the look-ahead z = θ + μ(θ − θ₋); decay joins the gradient."""
    before = None

    def step(theta, gradient_at, prox, decay):
        nonlocal before
        point = theta if before is None else theta + momentum * (theta - before)
        before = theta
        pull = gradient_at(point) + decay * point
        return prox(point - eta * pull, eta + 0 * theta)

    return step


def adam(eta, beta_1, beta_2, epsilon):
    """Kingma & Ba's rule, with Loshchilov & Hutter's decay, then prox with its own step sizes."""
    m = v = t = 0

    def step(theta, gradient_at, prox, decay):
        nonlocal m, v, t
        g, t = gradient_at(theta), t + 1
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        rate = eta / (np.sqrt(v_hat) + epsilon)
        return prox((1 - eta * decay) * theta - rate * m_hat, rate)

    return step


def piecewise_prox(x, step, pieces):
    """argmin_u ½(u − x)² + step·P(|u|) for P = c₀ + c₁t + ½c₂t² on each (end, c₀, c₁, c₂).

    The best of 0, the ends of pieces and the stationary points inside them.
    """
    best, least, start = 0.0, np.inf, 0.0
    for end, constant, linear, square in pieces:
        bend = 1.0 + step * square
        inside = np.clip((abs(x) - step * linear) / bend, start, end) if bend > 0 else start
        for u in (start, inside):
            value = 0.5 * (u - abs(x)) ** 2 + step * (constant + u * (linear + 0.5 * square * u))
            best, least = (u, value) if value < least else (best, least)
        start = end
    return np.sign(x) * best
