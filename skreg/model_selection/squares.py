"""Scores that are functions of sums of squares: of many λ at once, and of moments alone."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import mean_squared_error, r2_score, root_mean_squared_error
from sklearn.metrics._scorer import _PassthroughScorer, _Scorer
from sklearn.utils._metadata_requests import _routing_enabled

from skreg._validation import check_weights
from skreg.rows.products import product

EPS = np.finfo(np.float64).eps
# Relative errors that rounding may leave in a sum of squares, by an estimate of it.
_EXACT = 1e-10
# A spread below this share of the sum of squares may be rounding.
_CONSTANT = 1e-12
# Residuals are worked out for as many λ at once as fit into this many numbers.
_BLOCK = 2**21


@dataclass(frozen=True, eq=False)
class Squares:
    """Of the residuals of every λ, on one set of rows.

    Attributes
    ----------
    residual : ndarray of shape (n_alphas, q)
        Σ wᵢ (yᵢ − fᵢ)².
    spread : ndarray of shape (q,)
        Σ wᵢ (yᵢ − ȳ)².
    weight : float
        Σ wᵢ.
    is_constant : bool
        Whether the spread may be rounding, or there is one row: R² is then a matter of definition.
    """

    residual: np.ndarray
    spread: np.ndarray
    weight: float
    is_constant: bool

    def mean(self):
        """What `mean_squared_error` gives, shape (n_alphas,)."""
        return (self.residual / self.weight).mean(axis=1)

    def root_mean(self):
        """What `root_mean_squared_error` gives."""
        return np.sqrt(self.residual / self.weight).mean(axis=1)

    def r2(self):
        """What `r2_score` gives."""
        return (1.0 - self.residual / self.spread).mean(axis=1)


_METRICS = {
    mean_squared_error: Squares.mean,
    root_mean_squared_error: Squares.root_mean,
    r2_score: Squares.r2,
}


class SquareScores:
    """The scores of a job whose scorers are all functions of `Squares`.

    Parameters
    ----------
    scorers : dict of str to callable
    y : ndarray of shape (n, q)
        Of all rows.
    weights : None or ndarray of shape (n,)
        What scorers are given.
    """

    def __init__(self, scorers, y, weights):
        self._metrics = {name: _metric(scorer) for name, scorer in scorers.items()}
        self._by_spread = any(metric is Squares.r2 for metric, _ in self._metrics.values())
        self.y, self.weights = y, weights

    @classmethod
    def of(cls, job, y):
        """For a `Job`; None if other scorers are among its own, or are given other things."""
        given = {name: value for name, value in job.score_params.items() if value is not None}
        alike = len(job.scorers) == 1 or not _routing_enabled()
        if None in map(_metric, job.scorers.values()) or (given and not alike):
            return None
        if set(given) - {"sample_weight"}:
            return None
        return cls(job.scorers, y, check_weights(given.get("sample_weight"), y))

    def by_moments(self, part, coefs, intercepts):
        """Scores of each λ on rows of which the `Moments` are known; None if these cannot tell.

        Parameters
        ----------
        part : Moments
        coefs : ndarray of shape (n_alphas, q, p)
        intercepts : ndarray of shape (n_alphas, q)

        Returns
        -------
        None or list of float or of dict of str to float
            As ``job.scorer`` gives them.
        """
        return self._named(_of_moments(part, coefs, intercepts))

    def by_predictions(self, rows, predict, n_alphas):
        """The same by predictions.

        Parameters
        ----------
        rows : ndarray of int
        predict : callable
            ``predict(some)`` gives predictions (m, len(rows), q) for the slice ``some`` of the λ.
        n_alphas : int
        """
        y, w = self.y[rows], None if self.weights is None else self.weights[rows]
        return self._named(_of_predictions(y, w, predict, n_alphas))

    def _named(self, squares):
        if squares is None or not np.isfinite(squares.residual).all():
            return None
        if self._by_spread and squares.is_constant:
            return None
        scores = {name: sign * metric(squares) for name, (metric, sign) in self._metrics.items()}
        if set(scores) == {"score"}:
            return scores["score"].tolist()
        return [
            dict(zip(scores, values, strict=True)) for values in zip(*scores.values(), strict=True)
        ]


def _metric(scorer):
    """A function of `Squares` and its sign, or None."""
    if isinstance(scorer, _PassthroughScorer):  # the score of a regressor
        return Squares.r2, 1
    if type(scorer) is not _Scorer or scorer._kwargs or scorer._response_method != "predict":
        return None
    metric = _METRICS.get(scorer._score_func)
    return None if metric is None else (metric, scorer._sign)


def _of_moments(part, coefs, intercepts):
    """None where residuals are so small beside y, or the parts of a prediction, that digits go."""
    m, q, p = coefs.shape
    flat = coefs.reshape(m * q, p)
    image = product(flat, part.xx).reshape(m, q, p)
    within = part.yy - np.einsum("mqp,mqp->mq", coefs, 2.0 * part.xy.T - image)
    shift = part.y_mean - intercepts - product(flat, part.x_mean[:, None]).reshape(m, q)
    between = part.weight * shift**2
    residual = within + between
    # Terms of either sign and about this size are added up.
    size = part.yy + np.sqrt(p) * np.einsum("mqp,p->mq", coefs**2, np.diag(part.xx))
    level = np.abs(part.y_mean) + np.sqrt(np.einsum("mqp,p->mq", coefs**2, part.x_mean**2))
    rounding = 8 * EPS * (size + part.weight * level * np.abs(shift))
    if not (rounding <= _EXACT * residual).all():
        return None
    constant = _is_constant(part.n_rows, part.yy, part.weight * part.y_mean**2)
    return Squares(residual, part.yy, part.weight, constant)


def _of_predictions(y, weights, predict, n_alphas):
    """None where the weights are zero."""
    weights = np.ones(len(y)) if weights is None else weights
    weight = float(weights.sum())
    if not weight > 0:
        return None
    spread = weights @ (y - weights @ y / weight) ** 2
    constant = _is_constant(len(y), spread, weights @ y**2)
    residual, width = [], max(1, _BLOCK // y.size)
    for start in range(0, n_alphas, width):
        off = y - predict(slice(start, start + width))
        residual.append(np.einsum("n,mnq,mnq->mq", weights, off, off))
    return Squares(np.concatenate(residual), spread, weight, constant)


def _is_constant(n_rows, spread, power):
    return n_rows < 2 or bool((spread <= _CONSTANT * power).any())
