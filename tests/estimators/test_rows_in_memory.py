"""Methods that take rows in memory name rows in chunks, also where no y stands beside them."""

import numpy as np
import pytest

from skreg import (
    Chunks,
    QuadraticApproxLasso,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)

X = np.random.default_rng(0).standard_normal((30, 3))
Y = (X[:, 0] > 0).astype(int)
NETWORK = {"hidden_layer_sizes": (2,), "alpha": 0.1, "max_iter": 2, "random_state": 0}
MODELS = [
    QuadraticApproxLasso(),
    QuadraticApproxRidgeClassifier(),
    RegularizedMLPClassifier(**NETWORK),
    RegularizedMLPRegressor(**NETWORK),
]


@pytest.mark.parametrize("rows", [Chunks(lambda: [(X, Y)]), [(X, Y)]], ids=["chunks", "list"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_chunks_are_named_and_the_remedy_is_that_of_the_method(model, rows):
    model.fit(X, Y)
    kind = type(model).__name__
    with pytest.raises(ValueError, match=f"score of {kind} takes .* of a PathSearchCV, which"):
        model.score(rows)
    if hasattr(model, "partial_fit"):
        with pytest.raises(ValueError, match=f"partial_fit of {kind} takes .* for each chunk"):
            model.partial_fit(rows)
