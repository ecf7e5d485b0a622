"""Networks as they come: what the defaults and "auto" stand for, and when training ends."""

import warnings

import numpy as np
import pytest
from mlp_cases import KINDS, data, small, theta
from sklearn.exceptions import ConvergenceWarning

from skreg import PathSearchCV, RegularizedMLPClassifier, RegularizedMLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:the best"),
]

CYCLES = ["cosine", "flat_cosine", "one_cycle"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_what_the_experiment_says(kind):
    X, y = data(kind)
    spelled_out = kind(
        (128, 64), solver="adam", alpha="auto", learning_rate="one_cycle", learning_rate_init=0.01,
        max_iter=50, dropout=(0.0, 0.1), batch_size=32, beta_2=0.95, random_state=0,
    )  # fmt: skip
    assert np.array_equal(theta(kind(random_state=0).fit(X, y)), theta(spelled_out.fit(X, y)))


@pytest.mark.parametrize(("n", "batch_size"), [(20, 20), (60, 32), (1700, 34), (12000, 200)])
def test_batches_by_the_number_of_rows(n, batch_size):
    X, y = data(RegularizedMLPRegressor, n)
    auto = small(RegularizedMLPRegressor, batch_size="auto", max_iter=1).fit(X, y)
    other = small(RegularizedMLPRegressor, batch_size=batch_size, max_iter=1).fit(X, y)
    assert np.array_equal(theta(auto), theta(other))


@pytest.mark.parametrize(("solver", "rate"), [("adam", 0.01), ("sgd", 0.1)])
def test_rates_by_the_solver(solver, rate):
    X, y = data(RegularizedMLPClassifier)
    auto, other = (
        small(RegularizedMLPClassifier, solver=solver, learning_rate_init=r).fit(X, y)
        for r in ("auto", rate)
    )
    assert np.array_equal(theta(auto), theta(other))


@pytest.mark.parametrize("kind", KINDS)
def test_lbfgs_needs_no_other_parameter(kind):
    X, y = data(kind)
    network = kind(solver="lbfgs", max_iter=500).fit(X, y)
    assert network.score(X, y) > 0.9
    with pytest.raises(ValueError, match=r"lbfgs.*dropout=0\.1"):
        kind(solver="lbfgs", dropout=0.1).fit(X, y)
    # It has no cycle that would end the training, and says so where the iterations run out.
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        kind(solver="lbfgs", max_iter=2).fit(X, y)


@pytest.mark.parametrize("learning_rate", CYCLES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_cycle_runs_to_its_end_without_a_warning(kind, learning_rate):
    X, y = data(kind)
    params = dict(learning_rate=learning_rate, max_iter=25, tol=1e9, n_iter_no_change=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = small(kind, **params).fit(X, y)
        assert whole.n_iter_ == 25
        assert whole.set_params(warm_start=True).fit(X, y).n_iter_ == 25
    assert small(kind, early_stopping=True, **params).fit(X, y).n_iter_ < 25


@pytest.mark.parametrize("learning_rate", CYCLES)
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_has_a_tenth_of_the_rate_of_a_cycle(kind, learning_rate):
    X, y = data(kind)
    cycle = small(kind, learning_rate=learning_rate, learning_rate_init=0.1, max_iter=3)
    constant = small(kind, learning_rate_init=0.01)
    classes = dict(classes=np.unique(y)) if kind is RegularizedMLPClassifier else {}
    for _ in range(8):
        for network in (cycle, constant):
            network.partial_fit(X, y, **classes)
    np.testing.assert_allclose(theta(cycle), theta(constant), rtol=1e-12)


def test_halving_holds_a_cycle_and_lets_it_go_on():
    """What is never stopped is what a search without halving trains."""
    X, y = data(RegularizedMLPClassifier, 90)
    network = RegularizedMLPClassifier((8,), max_iter=18, random_state=0)
    alphas = [1e-4, 1e-2, 3.0]
    halving = PathSearchCV(network, alphas, cv=3, resource="epochs").fit(X, y)
    whole = PathSearchCV(network, alphas, cv=3).fit(X, y)
    left = ~np.asarray(halving.cv_results_["stopped"], dtype=bool)
    assert left.sum() == 1
    for split in range(3):
        name = f"split{split}_test_score"
        assert np.array_equal(halving.cv_results_[name][left], whole.cv_results_[name][left])
