"""Two-dimensional problems to look at: those of the TensorFlow Playground."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

_RADIUS = 5.0  # of the problems with two classes; the targets of a regression fill [−6, 6]²
_EDGE = 6.0
_BUMPS = np.array(  # center and sign
    [
        [-4.0, 2.5, 1.0],
        [0.0, 2.5, -1.0],
        [4.0, 2.5, 1.0],
        [-4.0, -2.5, -1.0],
        [0.0, -2.5, 1.0],
        [4.0, -2.5, -1.0],
    ]
)


def _moved(X, noise, reach, rng):
    """The points where the labels are read: off by up to a share ``noise`` of ``reach``."""
    return X + noise * rng.uniform(-reach, reach, X.shape)


def _circle(halves, noise, rng):
    n = sum(halves)
    inner, outer = (np.full(half, limit) for half, limit in zip(halves, (0.0, 0.7), strict=True))
    low = _RADIUS * np.concatenate([inner, outer])
    high = _RADIUS * np.concatenate([inner + 0.5, outer + 0.3])
    r, angle = rng.uniform(low, high), rng.uniform(0, 2 * np.pi, n)
    X = np.column_stack([r * np.sin(angle), r * np.cos(angle)])
    distance = np.linalg.norm(_moved(X, noise, _RADIUS, rng), axis=1)
    return X, np.where(distance < 0.5 * _RADIUS, 1, -1)


def _xor(halves, noise, rng):
    X = rng.uniform(-_RADIUS, _RADIUS, (sum(halves), 2))
    X += np.where(X > 0, 0.3, -0.3)
    return X, np.where(_moved(X, noise, _RADIUS, rng).prod(axis=1) >= 0, 1, -1)


def _gauss(halves, noise, rng):
    y = np.repeat([1, -1], halves)
    return rng.normal(2.0 * y[:, None], np.sqrt(0.5 + 7.0 * noise), (len(y), 2)), y


def _spiral(halves, noise, rng):
    along = np.concatenate([np.arange(half) / half for half in halves if half])
    y = np.repeat([1, -1], halves)
    angle = 3.5 * np.pi * along + np.where(y == 1, 0.0, np.pi)
    X = _RADIUS * along[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return _moved(X, noise, 1.0, rng), y


def _plane(halves, noise, rng):
    X = rng.uniform(-_EDGE, _EDGE, (sum(halves), 2))
    return X, _moved(X, noise, _EDGE, rng).sum(axis=1) / 10.0


def _multi_gauss(halves, noise, rng):
    X = rng.uniform(-_EDGE, _EDGE, (sum(halves), 2))
    gap = _moved(X, noise, _EDGE, rng)[:, None, :] - _BUMPS[:, :2]
    heights = np.clip(1.0 - np.linalg.norm(gap, axis=2) / 2.0, 0.0, None)
    highest = heights.argmax(axis=1)
    return X, _BUMPS[highest, 2] * heights.max(axis=1)


#: Name: what makes it, and how many points the Playground draws.
_PROBLEMS = {
    "circle": (_circle, 500),
    "xor": (_xor, 500),
    "gauss": (_gauss, 500),
    "spiral": (_spiral, 500),
    "plane": (_plane, 1200),
    "multi-gauss": (_multi_gauss, 1200),
}


@validate_params(
    {
        "name": [StrOptions(set(_PROBLEMS))],
        "n_samples": [Interval(Integral, 1, None, closed="left"), None],
        "noise": [Interval(Real, 0, 100, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_playground(
    name: str, n_samples: int | None = None, noise: float = 0, random_state: Any = None
) -> tuple[NDArray, NDArray]:
    r"""Make one of the TensorFlow Playground's problems: two features, one target.

    With ν = noise/100 and uᵢ uniform on [−1, 1], drawn afresh for each point and coordinate:

    - ``"circle"``: half of the points in the disc of radius 2.5, half in the ring from 3.5 to 5,
      the radius and the angle uniform. y = 1 where ‖x + 5νu‖ < 2.5.
    - ``"xor"``: uniform on [−5, 5]², each coordinate moved 0.3 away from 0. y = 1 where
      (x₁ + 5νu₁)(x₂ + 5νu₂) ≥ 0.
    - ``"gauss"``: two normal clouds of variance ½ + 7ν, y = 1 around (2, 2), −1 around (−2, −2).
    - ``"spiral"``: two arms of 1¾ turns and radius 5, a half turn apart: x = 5t (sin φ, cos φ) +
      νu, φ = 3.5πt, t in equal steps from 0 to 1.
    - ``"plane"``: uniform on [−6, 6]², y = (x₁ + x₂)/10 at x + 6νu.
    - ``"multi-gauss"``: uniform on [−6, 6]², six cones of radius 2 and height ±1 in the manner of
      a chess board: y = ±max(1 − d/2, 0) at x + 6νu, d the distance to the nearest center.

    Parameters
    ----------
    name : {"circle", "xor", "gauss", "spiral", "plane", "multi-gauss"}
        The first four are classifications, the last two regressions.
    n_samples : int or None, default=None
        Number of points. None is the Playground's: 500 for a classification, 1,200 for a
        regression.
    noise : float, default=0
        100ν, from 0 to 100. The Playground's slider ends at 50; the exercise on L2 regularization
        in Google's course takes 80.
    random_state : int, RandomState instance or None, default=None
        An int makes the same data each time.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        In random order, so that the first rows make a training set.
    y : ndarray of shape (n_samples,)
        −1 or 1 (int) for a classification, else float.

    Raises
    ------
    ValueError
        If there is no such problem, or a number is out of its range.

    See Also
    --------
    PlaygroundFeatures : Squares, the product and sines of the two features.

    References
    ----------
    D. Smilkov, S. Carter, D. Sculley, F. B. Viégas, M. Wattenberg (2017), Direct-manipulation
    visualization of deep networks, arXiv:1708.03788; https://playground.tensorflow.org.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.datasets import make_playground
    >>> X, y = make_playground("circle", random_state=0)
    >>> X.shape, np.bincount(y + 1).tolist()
    ((500, 2), [250, 0, 250])
    >>> bool(((np.linalg.norm(X, axis=1) < 2.5) == (y == 1)).all())
    True
    """
    make, usual = _PROBLEMS[name]
    n_samples = usual if n_samples is None else n_samples
    rng = check_random_state(random_state)
    X, y = make((n_samples - n_samples // 2, n_samples // 2), noise / 100.0, rng)
    order = rng.permutation(n_samples)
    return X[order], y[order]
