"""MCP, SCAD and SLOPE against skglm, whose solutions stand in `skglm/diabetes.csv`."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skreg import QuadraticApproxLasso

LINES = (Path(__file__).parent / "skglm" / "diabetes.csv").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("penalty", ["mcp", "scad", "slope"])
def test_same_coefficients_as_skglm(penalty):
    X, y = load_diabetes(return_X_y=True)
    rows = [line.split(",") for line in LINES if line.startswith(penalty)]
    alphas = [float(row[1]) for row in rows]
    path = QuadraticApproxLasso(penalty=penalty, tol=1e-12).regularization_path(
        scale(X), scale(y), alphas
    )
    expected = np.array([[float(value) for value in row[2:]] for row in rows])
    np.testing.assert_allclose(path.coefs, expected, atol=1e-7)
