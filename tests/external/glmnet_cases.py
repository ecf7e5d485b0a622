"""What R's glmnet was asked: one entry a fit, with the data it saw.

``tests/external/glmnet/regenerate.py`` hands these to R and writes ``reference.csv``;
``test_against_glmnet.py`` compares it with us. λ are glmnet's (``standardize=FALSE``).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine


@dataclass(frozen=True)
class Case:
    """A fit: data, family, glmnet's ``alpha`` (here ``l1_ratio``) and λ, in descending order."""

    name: str
    data: str
    family: str
    l1_ratio: float
    lambdas: tuple[float, ...]
    weighted: bool = False
    factors: bool = False
    positive: bool = False
    offset: bool = False

    def numbers(self):
        """X, y, and the options that are used: ``weights``, ``factors``, ``offset``."""
        X, y = _data(self.data)
        n, p = X.shape
        options = {}
        if self.weighted:
            options["weights"] = 0.5 + np.arange(n) % 4
        if self.factors:  # glmnet scales them to the sum p, so let them have it
            factors = 0.5 + np.arange(p) % 3
            factors[1] = 0.0
            options["factors"] = factors * p / factors.sum()
        if self.offset:
            options["offset"] = np.log1p(np.arange(n) % 5)
        return X, y, options


@cache
def _data(name):
    if name == "diabetes":  # y is a whole number from 25 to 346: a count as well
        X, y = load_diabetes(return_X_y=True)
    elif name == "breast_cancer":
        X, y = load_breast_cancer(return_X_y=True)
    else:
        X, y = load_wine(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, y.astype(float)


_GAUSSIAN, _BINOMIAL, _MULTINOMIAL = (20.0, 5.0, 0.5), (0.1, 0.02, 0.005), (0.1, 0.02, 0.005)
_POISSON, _GAMMA = (10.0, 1.0, 0.1), (0.1, 0.02, 0.002)

CASES = [
    Case("lasso", "diabetes", "gaussian", 1.0, _GAUSSIAN),
    Case("elastic net", "diabetes", "gaussian", 0.4, _GAUSSIAN),
    Case("ridge", "diabetes", "gaussian", 0.0, _GAUSSIAN),
    Case("lasso, factors", "diabetes", "gaussian", 1.0, _GAUSSIAN, factors=True),
    Case("ridge, factors", "diabetes", "gaussian", 0.0, _GAUSSIAN, factors=True),
    Case("lasso, positive", "diabetes", "gaussian", 1.0, _GAUSSIAN, positive=True),
    Case("lasso, weighted", "diabetes", "gaussian", 1.0, _GAUSSIAN, weighted=True),
    Case("ridge, weighted", "diabetes", "gaussian", 0.0, _GAUSSIAN, weighted=True),
    Case(
        *("all at once", "diabetes", "gaussian", 0.7, _GAUSSIAN),
        **{"weighted": True, "factors": True, "positive": True},
    ),
    Case("binomial lasso", "breast_cancer", "binomial", 1.0, _BINOMIAL),
    Case("binomial elastic net", "breast_cancer", "binomial", 0.5, _BINOMIAL),
    Case("binomial ridge", "breast_cancer", "binomial", 0.0, _BINOMIAL),
    Case("binomial lasso, weighted", "breast_cancer", "binomial", 1.0, _BINOMIAL, weighted=True),
    Case("binomial lasso, factors", "breast_cancer", "binomial", 1.0, _BINOMIAL, factors=True),
    Case("binomial lasso, positive", "breast_cancer", "binomial", 1.0, _BINOMIAL, positive=True),
    Case("multinomial lasso", "wine", "multinomial", 1.0, _MULTINOMIAL),
    Case("multinomial ridge", "wine", "multinomial", 0.0, _MULTINOMIAL),
    Case("multinomial lasso, weighted", "wine", "multinomial", 1.0, _MULTINOMIAL, weighted=True),
    Case("poisson lasso", "diabetes", "poisson", 1.0, _POISSON),
    Case("poisson lasso, offset", "diabetes", "poisson", 1.0, _POISSON, offset=True),
    Case("poisson elastic net", "diabetes", "poisson", 0.5, _POISSON),
    Case("poisson ridge, offset", "diabetes", "poisson", 0.0, _POISSON, offset=True),
    Case("gamma lasso", "diabetes", "gamma", 1.0, _GAMMA),
    Case("gamma ridge, weighted", "diabetes", "gamma", 0.0, _GAMMA, weighted=True),
]
