"""Scores of a path on parts of the rows: by moments, by sums of squares, or by the scorers."""

import numpy as np
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from skreg.model_selection import path_folds
from skreg.model_selection.fold_moments import as_slice
from skreg.model_selection.squares import SquareScores


class PartScores:
    """Scores of every λ of a path, in the cheapest way that gives what the scorers would.

    Parameters
    ----------
    job : Job
        Of a linear regressor with squared error.
    X : ndarray or CSR matrix of shape (n, p)
        All rows, checked.
    y : ndarray of shape (n, q)

    Attributes
    ----------
    squares : SquareScores or None
        None where scorers ask for more than sums of squares.
    """

    def __init__(self, job, X, y):
        self.job, self.X, self.squares = job, X, SquareScores.of(job, y)

    def on(self, path, rows, moments=None):
        """Scores of each λ on some rows, as ``job.scorer`` gives them.

        Parameters
        ----------
        path : RegularizationPath
        rows : ndarray of int
        moments : None or Moments
            Of these rows, if they are known and of what is to be scored.
        """
        scores = None
        if self.squares is not None:
            coefs, intercepts = _by_targets(path)
            if moments is not None:
                scores = self.squares.by_moments(moments, coefs, intercepts)
            if scores is None:
                scores = self._by_predictions(rows, coefs, intercepts)
        return self._by_scorers(path, rows) if scores is None else scores

    def _by_predictions(self, rows, coefs, intercepts):
        X = self.X[as_slice(rows)]

        def predict(some):
            flat = coefs[some].reshape(-1, coefs.shape[-1])
            raw = (X @ flat.T).T.reshape(-1, coefs.shape[1], len(rows))
            return (raw + intercepts[some, :, None]).swapaxes(1, 2)

        return self.squares.by_predictions(rows, predict, len(coefs))

    def _by_scorers(self, path, rows):
        job = self.job
        X, y = _safe_split(job.estimator, job.X, job.y, rows)
        params = _check_method_params(job.X, job.score_params, rows)
        return path_folds.scores_one_by_one(job, path, X, y, params)


def _by_targets(path):
    """θ (n_alphas, q, p) and b (n_alphas, q) in float64."""
    m, p = len(path), path.coefs.shape[-1]
    coefs = path.coefs.reshape(m, -1, p).astype(np.float64, copy=False)
    return coefs, path.intercepts.reshape(m, -1).astype(np.float64, copy=False)
