"""Errors of unusual input name the parameter."""

import numpy as np
import pytest

from skreg import (
    Chunks,
    QuadraticApproxRidge,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)

X = np.arange(12.0).reshape(6, 2) ** 1.3
Y = X @ [1.0, 2.0] + 1.0


def test_a_checkpoint_that_is_no_path():
    with pytest.raises(ValueError, match="checkpoint must be the path of a file or None, got 3"):
        Chunks([(X, Y)], checkpoint=3)


def test_a_chunk_whose_y_is_one_number():
    chunks = Chunks(lambda: iter([(X, Y), (X, 3.0)]))
    with pytest.raises(ValueError, match=r"y of the chunk that begins at row 6 .*got .*3\.0"):
        QuadraticApproxRidge().fit(chunks)


@pytest.mark.parametrize("count", [0, 10**400])
def test_a_count_of_alphas_out_of_reach(count):
    with pytest.raises(ValueError, match=r"alphas=.* asks for that many"):
        QuadraticApproxRidge().regularization_path(X, Y, alphas=count)


def test_chunks_where_rows_in_memory_are_needed():
    with pytest.raises(ValueError, match="takes rows in memory"):
        QuadraticApproxRidge().one_shot_gap(Chunks([(X, Y)]))


@pytest.mark.parametrize("bad", [Y * np.nan, Y[:3], 3.0, list("abcdef"), "a"], ids=repr)
@pytest.mark.parametrize("kind", [RegularizedMLPRegressor, RegularizedMLPClassifier])
def test_validation_targets(kind, bad):
    network = kind((2,), max_iter=2, early_stopping=True)
    y = Y if kind is RegularizedMLPRegressor else Y > 9
    with pytest.raises(ValueError, match="X_val and y_val, taken as X and y"):
        network.fit(X, y, X_val=X, y_val=bad)
