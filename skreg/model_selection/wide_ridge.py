"""The ridge on every training part where p > n: products of rows, taken once for all splits."""

import numpy as np
from scipy.sparse import issparse

from skreg.quadratic.spectrum import from_outer_gram
from skreg.rows import rows_about_mean
from skreg.rows.products import product

# Centering anew must leave this share of the products of rows, or digits are lost.
_KEPT = 0.05


def row_products(model, X, shared):
    """`RowProducts` if a `LinearModel` needs nothing else, kept in ``shared``; None if it does."""
    estimator, key = model.estimator, ("products", model.estimator.fit_intercept)
    is_plain = model.is_ridge and estimator.penalty_factors is None
    if not is_plain or issparse(X) or X.shape[0] >= X.shape[1]:
        return None
    if key not in shared:
        shared[key] = RowProducts(X, estimator.fit_intercept)
    return shared[key]


class RowProducts:
    """(X − x̄)(X − x̄)ᵀ of all rows, n × n: n²·p flops for every split together.

    XXᵀ for a model without an intercept, which is not ``centered``.
    """

    def __init__(self, X, centered):
        n, p = X.shape
        mean = None if centered else np.zeros(p)
        self.gram = rows_about_mean(X, np.full(n, 1.0 / n), mean).outer_gram()
        self.n_features, self.centered = X.shape[1], centered

    def predictions(self, train, test, y, weights, alphas):
        """Of the ridge fitted to rows ``train``, for rows ``test``: (n_alphas, len(test), q).

        y (len(train), q) and the weights are of the former. None where products of rows would cost
        accuracy.
        """
        rows = _TrainingRows(self, train, test, y, weights)
        if not rows.keeps_digits:
            return None
        spectrum = from_outer_gram(rows)
        if not spectrum.serves(alphas.min()):
            return None
        return np.swapaxes(spectrum.ridge(alphas), 1, 2) + rows.y_mean


class _TrainingRows:
    """A of the training part as `from_outer_gram` asks for it, known by products of rows alone.

    What `Rows` says of θ = Aᵀr is said of its predictions: ``transposed_dot(r)`` gives those,
    (X_test − x̄)Aᵀr.
    """

    def __init__(self, products, train, test, y, weights):
        gram, centered = products.gram, products.centered
        share = np.ones(len(train)) if weights is None else weights
        n_rows = np.count_nonzero(share)
        share = (share / share.sum())[:, None]
        self.root = np.sqrt(share)
        self.max_rank = max(min(n_rows - centered, products.n_features), 0)
        self.y_mean = share[:, 0] @ y if centered else np.zeros(y.shape[1])
        self.b = (y - self.y_mean) * self.root
        self._gram, image = gram[np.ix_(train, train)], gram[np.ix_(test, train)]
        before = float(share[:, 0] @ np.diag(self._gram))
        if centered:
            side = product(self._gram, share)
            level = float(share[:, 0] @ side[:, 0])
            self._gram -= side + (side.T - level)
            image -= product(image, share) + (side.T - level)
        after = float(share[:, 0] @ np.diag(self._gram))
        self.keeps_digits = after >= _KEPT * before
        self._gram *= self.root * self.root.T
        self._image = image * self.root.T

    def outer_gram(self):
        return self._gram

    def transposed_dot(self, r):
        return product(self._image, r)
