"""Blocks of a Hessian of several classes, against products of the rows."""

import numpy as np
import pytest
from scipy import sparse

from skreg.losses import get_loss
from skreg.quadratic.hessian import Hessian
from skreg.quadratic.risk import EmpiricalRisk


@pytest.mark.parametrize("p", [3, 60])  # few columns a class, and many
@pytest.mark.parametrize("first", [0, 4])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_blocks_of_a_hessian_are_sums_over_rows(p, first, is_sparse):
    rng = np.random.default_rng(p + first)
    n, K = 40, 3
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < 0.5)
    risk = EmpiricalRisk(
        sparse.csr_array(X) if is_sparse else X,
        np.eye(K)[rng.integers(0, K, n)],
        get_loss("multinomial_log_loss"),
        rng.uniform(0.5, 2.0, n),
    )
    pi = rng.dirichlet(np.ones(K), n)
    which = rng.permutation(K * p)[: K * p - 2]
    found, mixed = Hessian(risk, pi).at_fixed_intercepts(which, first)
    Z = X - risk.design.center
    bends = np.einsum("ik,kl->ikl", pi, np.eye(K)) - pi[:, :, None] * pi[:, None, :]
    whole = np.einsum("i,ikl,ia,ib->kalb", risk.share, bends, Z, Z).reshape(K * p, K * p)
    sides = np.einsum("i,ikl,ia->kla", risk.share, bends, Z).reshape(K, K * p)
    np.testing.assert_allclose(found, whole[np.ix_(which, which[first:])], rtol=0, atol=1e-13)
    np.testing.assert_allclose(mixed, sides[:, which[first:]], rtol=0, atol=1e-13)
