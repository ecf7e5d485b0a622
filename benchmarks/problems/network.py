"""Training epochs of small to large perceptrons."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.objective import half_square, log_loss, penalized
from benchmarks.problem import Case, Problem

# (rows, features, hidden layers, classes, batch), (short, long) run in epochs.
FULL = [
    ((250, 2, (8, 8), 2, 10), (10, 310)),
    ((4000, 30, (100,), 2, 200), (10, 110)),
    ((4000, 54, (128, 128, 64), 7, 256), (5, 45)),
    ((5000, 784, (100,), 10, 128), (4, 24)),
    ((5000, 784, (512, 512, 512), 10, 100), (4, 16)),
]
QUICK = [
    ((250, 2, (8, 8), 2, 10), (2, 42)),
    ((600, 20, (16,), 3, 50), (2, 62)),
]


def _data(n_samples, n_features, hidden, n_classes, batch):
    """Normal features, labeled by a random linear teacher whose logits carry a little noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    logits = X @ rng.standard_normal((n_features, n_classes)) / np.sqrt(n_features)
    y = (logits + 0.3 * rng.standard_normal(logits.shape)).argmax(axis=1)
    return SimpleNamespace(
        X=X, y=y, hidden=hidden, n_classes=n_classes, batch=batch, alpha=1e-4, learning_rate=1e-3
    )


def _objective(data, solution):
    """Regularized training objective; ``solution`` is the weights (in, out) and the biases."""
    weights, biases = solution
    raw = data.X.astype(np.float64)
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        raw = (raw if depth == 0 else np.maximum(raw, 0)) @ weight + bias
    return penalized(log_loss(data.y, raw), half_square(*weights), data.alpha)


def _cases(quick):
    return [
        Case("{}, {}, {}, {}, {}".format(*shape), partial(_data, *shape), epochs)
        for shape, epochs in (QUICK if quick else FULL)
    ]


PROBLEMS = (
    Problem(
        name="network-epochs",
        title="Adam on a ReLU network: rows, features, hidden layers, classes, batch (float32)",
        task="network_epochs",
        unit="epoch",
        cases=_cases,
        objective=_objective,
        # Everyone starts and shuffles differently: single seeds lie within 8 % of each other, the
        # medians of five within 3 %. A penalty ten times too large or half the learning rate costs
        # 20 % or more on every size but the smallest.
        relative=0.10,
        absolute=0.01,
    ),
)
