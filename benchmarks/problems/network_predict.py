"""Predictions of perceptrons that read a tenth of their inputs: one row, or all at once.

With nine in ten inputs of the first layer out, what is left of its work is a tenth, and all of the
others': of 54-128-128-64-7 four fifths. Two cases have nine in ten inputs of every layer out, which
is what groups of neurons come to.
"""

from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from benchmarks.problem import Case, Problem

# (features, hidden layers, classes), rows of all, calls with all of them that take some 0.1 s.
SHAPES = [
    ((2, (8, 8), 2), 250, 5000),
    ((30, (100,), 2), 4000, 500),
    ((54, (128, 128, 64), 7), 4000, 100),
    ((784, (100,), 10), 5000, 30),
    ((784, (512, 512, 512), 10), 5000, 10),
]
#: Of these, the ones that are also measured with nine in ten neurons out.
THINNED = SHAPES[2:4]
#: Calls with one row.
CALLS = 2000


def _data(n_features, hidden, n_classes, n, *, n_thinned=1):
    """Normal rows, and random weights; those of nine in ten inputs of the first layers are 0."""
    rng = np.random.default_rng(0)
    units = (n_features, *hidden, 1 if n_classes == 2 else n_classes)
    weights = [
        (rng.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32)
        for a, b in pairwise(units)
    ]
    for layer in weights[:n_thinned]:
        layer[rng.permutation(len(layer))[: 9 * len(layer) // 10]] = 0
    return SimpleNamespace(
        X=rng.standard_normal((n, n_features), dtype=np.float32),
        hidden=hidden,
        n_classes=n_classes,
        weights=weights,
        biases=[0.1 * rng.standard_normal(b).astype(np.float32) for b in units[1:]],
    )


def labels(weights, biases, X):
    """The most probable class of each row."""
    for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        X = (X if depth == 0 else np.maximum(X, 0)) @ weight + bias
    return (X[:, 0] > 0).astype(int) if X.shape[1] == 1 else X.argmax(axis=1)


def _objective(data, solution):
    """1 and the share of the labels that are not those of float64."""
    exact = ([part.astype(np.float64) for part in layers] for layers in (data.weights, data.biases))
    return 1 + np.mean(labels(*exact, data.X.astype(np.float64)) != solution)


def _cases(quick):
    if quick:
        return [_case(shape, n, 10) for shape, n_all, _ in SHAPES[:2] for n in (1, n_all)]
    cases = []
    for shape, n, calls in SHAPES:
        cases += [_case(shape, 1, CALLS), _case(shape, n, calls)]
    return cases + [_case(*case, thinned=True) for case in THINNED]


def _case(shape, n, calls, thinned=False):
    name = "{}, {}, {}; {} {}".format(*shape, n, "row" if n == 1 else "rows")
    if thinned:
        name += ", a tenth of all neurons"
    make = partial(_data, *shape, n, n_thinned=len(shape[1]) + 1 if thinned else 1)
    return Case(name, make, (calls // 10, calls + calls // 10))


PROBLEMS = (
    Problem(
        name="network-predict",
        title="Labels from a ReLU network that reads a tenth of its features: features, hidden "
        "layers, classes; rows at once (float32)",
        task="network_predict",
        unit="call",
        cases=_cases,
        objective=_objective,
        # In float32 a row in some thousands lies too near to a boundary to tell.
        relative=0.0,
        absolute=0.002,
    ),
)
