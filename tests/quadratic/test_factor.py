"""Systems of equations with a Hessian, definite or singular."""

import numpy as np
import pytest

from skreg.quadratic.factor import Factor


@pytest.mark.parametrize("rank", [1, 2, 4])
@pytest.mark.parametrize("n_columns", [None, 1, 3])
def test_solutions_of_least_norm(rank, n_columns):
    rng = np.random.default_rng(rank)
    root = rng.normal(size=(rank, 4))
    matrix = root.T @ root
    right = matrix @ rng.normal(size=(4,) if n_columns is None else (4, n_columns))
    solution = Factor(matrix, np.zeros(4)).inverse_times(right)
    np.testing.assert_allclose(solution, np.linalg.pinv(matrix) @ right, atol=1e-9)
