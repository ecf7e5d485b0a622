"""Schedules of dropout and of decoupled decay: where they run, and where there is no end."""

import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from numpy.testing import assert_array_equal

from skreg import RegularizedMLPRegressor

FALLING = {
    "dropout": {"dropout": 0.4, "dropout_schedule": "flat_cosine"},
    "decay": {
        "weight_decay": "decoupled", "alpha": 0.3, "weight_decay_schedule": "flat_cosine",
        "learning_rate_init": 0.1,
    },
}  # fmt: skip
ENDLESS = {"dropout_schedule": "constant", "weight_decay_schedule": "constant"}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
schedules = pytest.mark.parametrize("name", FALLING)
variants = pytest.mark.parametrize(
    "more",
    [{}, {"n_members": 3}, {"solver": "sgd"}, {"solver": "sgd", "nesterovs_momentum": False}],
    ids=str,
)


@pytest.mark.parametrize("kind", KINDS)
@schedules
@variants
def test_the_first_half_of_the_epochs_knows_nothing_of_the_schedule(kind, name, more):
    X, y = data(kind)
    options = FALLING[name] | dict(max_iter=10, n_iter_no_change=np.inf) | more
    falling = small(kind, **options).fit(X, y)
    constant = small(kind, **options | ENDLESS).fit(X, y)
    assert falling.loss_curve_[:5] == constant.loss_curve_[:5]
    assert falling.loss_curve_[-1] != constant.loss_curve_[-1]
    if name == "decay":  # decays of the last epochs are weaker
        norms = [np.linalg.norm(network.coefs_[0]) for network in (falling, constant)]
        assert norms[0] > norms[1]


@schedules
def test_a_warm_start_begins_anew(name):
    X, y = data(RegularizedMLPRegressor)
    options = FALLING[name] | dict(max_iter=4, n_iter_no_change=np.inf, warm_start=True)
    falling = small(RegularizedMLPRegressor, **options).fit(X, y)
    constant = small(RegularizedMLPRegressor, **options | ENDLESS)
    constant.__setstate__(falling.__getstate__())
    constant.set_params(**ENDLESS)
    falling.fit(X, y)
    constant.fit(X, y)
    assert falling.loss_curve_[:6] == constant.loss_curve_[:6]
    assert falling.loss_curve_[-1] != constant.loss_curve_[-1]


@schedules
def test_partial_fit_knows_of_no_end(name):
    X, y = data(RegularizedMLPRegressor)
    falling = small(RegularizedMLPRegressor, **FALLING[name] | dict(max_iter=3))
    constant = small(RegularizedMLPRegressor, **FALLING[name] | ENDLESS)
    for _ in range(5):
        falling.partial_fit(X, y)
        constant.partial_fit(X, y)
    assert_array_equal(theta(falling), theta(constant))


def test_decay_in_the_gradient_has_no_schedule():
    X, y = data(RegularizedMLPRegressor)
    network = small(RegularizedMLPRegressor, weight_decay_schedule="flat_cosine")
    with pytest.raises(ValueError, match=r"weight_decay_schedule='flat_cosine'.*'decoupled'"):
        network.fit(X, y)
