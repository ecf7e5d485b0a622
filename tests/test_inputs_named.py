"""Errors of unusual input name the parameter."""

import numpy as np
import pytest

from skreg import (
    Chunks,
    Moments,
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
    with pytest.raises(ValueError, match=r"chunk that begins at row 6 has .* its y has shape \(\)"):
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


@pytest.mark.parametrize("name", ["gram", "n_rows", "origin", "n_features"])
@pytest.mark.parametrize("bad", [None, "a", np.nan, np.ones((1, 2, 3))], ids=str)
def test_moments_of_a_gram(name, bad):
    given = {"gram": np.eye(4), "n_rows": 5, "origin": np.zeros(3), "n_features": 2}
    assert Moments.from_gram(**given).n_rows == 5
    with pytest.raises(ValueError, match=f"{name} must"):
        Moments.from_gram(**given | {name: bad})


@pytest.mark.parametrize("bad", [None, "abcdef", (1.0,), (np.eye(3),) * 6], ids=str)
def test_moments_of_sums(bad):
    with pytest.raises(ValueError, match=r"sums must be \(xx|xx of sums must have shape"):
        Moments.from_sums(bad, 5, np.zeros(2), np.zeros(1))


@pytest.mark.parametrize("weight", [None, "a", np.nan, -1.0])
def test_a_weight_of_sums(weight):
    sums = np.eye(2), np.zeros((2, 1)), np.ones(1), np.zeros(2), np.zeros(1), weight
    with pytest.raises(ValueError, match="weight of sums must be a number"):
        Moments.from_sums(sums, 5, np.zeros(2), np.zeros(1))
