"""λ re-estimated while a network trains: by hypergradients, and by Laplace evidence.

What `auto_alpha` compares the pilots of ``alpha="auto"`` with. The network here is written in
NumPy, with the defaults of ours: ReLU, a tenth of the hidden units dropped, one cycle of Adam, L2.
"""

import time
from dataclasses import dataclass

import numpy as np

from skreg.network.parameters import initial_theta, layer_views
from skreg.network.pilots import pilot_units
from skreg.network.schedules import OneCycle

PEAK, DROPOUT, BETA_1, BETA_2, EPSILON = 0.01, 0.1, 0.9, 0.95, 1e-8
SMALLEST, LARGEST = 1e-7, 10.0
#: λ is estimated over the last quarter of the steps.
LAST = 0.25
#: Hypergradients move log λ by at most so much in all.
REACH = 2.6
#: The evidence is maximized so often in a fit, after a fifth of it; by so many rows.
TIMES, BURN_IN, ROWS = 6, 0.2, 1000


@dataclass
class Data:
    """Rows in float32: Y holds indicators of the classes, or standardized numbers."""

    X: np.ndarray
    Y: np.ndarray
    is_class: bool


class Network:
    """A network, Adam's memory and λ, which whoever trains it may change."""

    def __init__(self, units, alpha, is_class, rng):
        self.units, self.alpha, self.is_class, self.rng = units, alpha, is_class, rng
        self.theta = initial_theta(units, rng, np.float32)
        self.m, self.v = np.zeros_like(self.theta), np.zeros_like(self.theta)
        self.gradient = np.empty_like(self.theta)
        self.W, self.b = layer_views(self.theta, units)
        self.is_weight = np.zeros_like(self.theta)
        for weights in layer_views(self.is_weight, units)[0]:
            weights[:] = 1
        self.n_steps = 0

    def outputs(self, X, drop=False):
        """What each layer is given, and last the probabilities or numbers."""
        layers = [X]
        for level, (W, b) in enumerate(zip(self.W, self.b, strict=True), start=1):
            z = layers[-1] @ W + b
            if level < len(self.W):
                z = np.maximum(z, 0)
                if drop:
                    kept = self.rng.random_sample(z.shape) >= DROPOUT
                    z *= kept.astype(np.float32) / np.float32(1 - DROPOUT)
            layers.append(z)
        if self.is_class:
            p = np.exp(z - z.max(axis=1, keepdims=True))
            layers[-1] = p / p.sum(axis=1, keepdims=True)
        return layers

    def back(self, layers, delta, drop=False):
        """From the last layer to the first: (level, what it is given, ∂ℓ/∂z)."""
        for level in reversed(range(len(self.W))):
            yield level, layers[level], delta
            if level:
                delta = (delta @ self.W[level].T) * (layers[level] > 0)
                if drop:
                    delta /= np.float32(1 - DROPOUT)

    def risk_gradient(self, X, Y, drop=False):
        layers = self.outputs(X, drop)
        weights, biases = layer_views(self.gradient, self.units)
        for level, a, delta in self.back(layers, (layers[-1] - Y) / np.float32(len(X)), drop):
            weights[level][:] = a.T @ delta
            biases[level][:] = delta.sum(axis=0)
        return self.gradient

    def step(self, X, Y, eta):
        """One step of Adam; its size for each parameter."""
        g = self.risk_gradient(X, Y, drop=True)
        g = g + np.float32(self.alpha) * self.is_weight * self.theta
        self.n_steps += 1
        self.m += np.float32(1 - BETA_1) * (g - self.m)
        self.v += np.float32(1 - BETA_2) * (g * g - self.v)
        root = np.sqrt(self.v / np.float32(1 - BETA_2**self.n_steps))
        sizes = np.float32(eta) / (root + np.float32(EPSILON))
        self.theta -= sizes * self.m / np.float32(1 - BETA_1**self.n_steps)
        return sizes


def train(network, data, rows, n_epochs, after):
    """``after(step, n_steps, sizes)`` follows each step. Processor seconds."""
    size = min(max(len(rows) // 50, 32), 200)
    per_epoch = -(-len(rows) // size)
    n_steps = n_epochs * per_epoch
    etas = OneCycle(1).rates(PEAK, 0, 0, n_steps)
    start = time.process_time()
    for step in range(n_steps):
        if step % per_epoch == 0:
            order = network.rng.permutation(rows)
        first = step % per_epoch * size
        batch = order[first : first + size]
        after(step, n_steps, network.step(data.X[batch], data.Y[batch], etas[step]))
    return time.process_time() - start


def plain(data, units, n_epochs, seed):
    """Processor seconds of training at a fixed λ."""
    network = Network(units, 3 / len(data.X), data.is_class, np.random.RandomState(seed))
    return train(network, data, np.arange(len(data.X)), n_epochs, lambda *_: None)


def hypergradient(data, units, n_epochs, seed):
    """λ and seconds by the one-step hypergradient of a fifth of the rows, held out.

    A step of size s has ∂θ/∂log λ = −sλθ for the weights, so log λ moves against ∇R_held·(−sλθ), a
    step of Adam for each of the network's (J. Luketina, M. Berglund, K. Greff, T. Raiko, 2016,
    "Scalable gradient-based tuning of continuous regularization hyperparameters"). In a pilot.
    """
    rng = np.random.RandomState(seed)
    n = len(data.X)
    held, rows = np.split(rng.permutation(n), [n // 5])
    network = Network(pilot_units(units), 3 / len(rows), data.is_class, rng)
    few = min(max(len(rows) // 50, 32), 200, len(held))
    mean, square, tail = 0.0, 0.0, []

    def after(step, n_steps, sizes):
        nonlocal mean, square
        some = rng.choice(held, few, replace=False)
        slope = -network.alpha * float(
            network.risk_gradient(data.X[some], data.Y[some])
            @ (sizes * network.is_weight * network.theta)
        )
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        mean_now, square_now = mean / (1 - 0.9 ** (step + 1)), square / (1 - 0.999 ** (step + 1))
        move = REACH / n_steps * mean_now / (np.sqrt(square_now) + 1e-30)
        network.alpha = float(np.clip(network.alpha * np.exp(-move), SMALLEST, LARGEST))
        if step >= (1 - LAST) * n_steps:
            tail.append(np.log(network.alpha))

    seconds = train(network, data, rows, n_epochs, after)
    return float(np.exp(np.mean(tail))) * len(rows) / n, seconds


def evidence(data, units, n_epochs, seed):
    """λ and seconds by MacKay's fixed point λ = σ²γ/(n‖w‖²), on all rows.

    γ = Σ h/(h + λ), with h the eigenvalues of a Kronecker-factored Gauss-Newton matrix (D. MacKay,
    1992, "A practical Bayesian framework for backpropagation networks"; A. Immer, M. Bauer,
    V. Fortuin, G. Rätsch, M. Khan, 2021, "Scalable marginal likelihood estimation for model
    selection in deep learning"). σ² is 1 for classes.
    """
    rng = np.random.RandomState(seed)
    network = Network(units, 3 / len(data.X), data.is_class, rng)
    moments = []

    def after(step, n_steps, _):
        if not moments:
            wanted = np.linspace(BURN_IN, 1, TIMES + 1)[1:]
            moments.extend(np.unique((wanted * n_steps).astype(int) - 1))
        if step in moments:
            network.alpha = _fixed_point(network, data)

    seconds = train(network, data, np.arange(len(data.X)), n_epochs, after)
    return network.alpha, seconds


def evidence_of_pilot(data, units, n_epochs, seed):
    """The same for a network of a quarter of the units."""
    return evidence(data, pilot_units(units), n_epochs, seed)


def _fixed_point(network, data):
    values, n = _curvature(network, data), len(data.X)
    norm = float(np.sum(np.square(network.is_weight * network.theta)))
    residuals = 0.0 if data.is_class else network.outputs(data.X)[-1] - data.Y
    alpha, noise = network.alpha, 1.0
    for _ in range(20):
        gamma = float(np.sum(values / (values + alpha)))
        if not data.is_class:
            free = max(n - gamma, 0.1 * n)
            noise = float(np.mean(np.square(residuals))) * n / free
        alpha = float(np.clip(noise * gamma / (n * norm), SMALLEST, LARGEST))
    return alpha


def _curvature(network, data):
    """Products of the factors' eigenvalues, layer by layer; targets are drawn from the network."""
    rows = network.rng.permutation(len(data.X))[:ROWS]
    layers = network.outputs(data.X[rows])
    if data.is_class:
        drawn = layers[-1].cumsum(axis=1) > network.rng.random_sample((len(rows), 1))
        delta = layers[-1].copy()
        delta[np.arange(len(rows)), drawn.argmax(axis=1)] -= 1
    else:
        delta = network.rng.normal(size=layers[-1].shape).astype(np.float32)
    values = []
    for _, a, d in network.back(layers, delta):
        factors = (np.linalg.svd(M, compute_uv=False) ** 2 / len(rows) for M in (a, d))
        values.append(np.outer(*factors).ravel())
    return np.concatenate(values)
