"""Warnings are in the name of the user's line, whatever stands between."""

import functools
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    QuadraticModel,
    RegularizedMLPRegressor,
)
from skreg._warnings import warn_user
from skreg.model_selection import Cocktail

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8)) @ RNG.standard_normal((8, 8))
Y = X @ RNG.standard_normal(8) + RNG.standard_normal(40)
LABELS = np.digitize(Y, [-1, 1])
ONCE = {"max_iter": 1, "tol": 1e-14}
LASSO = QuadraticApproxLasso(1e-3, loss="huber", **ONCE)
RIDGE = QuadraticApproxRidge(1e-3, loss="poisson", **ONCE)
COUNTS = np.exp(Y / np.abs(Y).max())

CALLS = {
    "lasso": lambda: LASSO.fit(X, Y),
    "ridge": lambda: RIDGE.fit(X, COUNTS),
    "bound": lambda: QuadraticApproxLasso(loss="huber", norm_bound=1.0, **ONCE).fit(X, Y),
    "auto": lambda: QuadraticApproxRidge("auto", loss="poisson", **ONCE).fit(X, COUNTS),
    "lasso classes": lambda: QuadraticApproxLassoClassifier(1e-3, **ONCE).fit(X, LABELS),
    "ridge classes": lambda: QuadraticApproxRidgeClassifier(1e-3, **ONCE).fit(X, LABELS),
    "path": lambda: LASSO.regularization_path(X, Y, [0.1, 0.01]),
    "gap": lambda: RIDGE.one_shot_gap(X, COUNTS),
    "quadratic": lambda: QuadraticModel.from_data(X, Y).lasso(1e-3, **ONCE),
    "chunks": lambda: RIDGE.fit(Chunks(lambda: [(X, COUNTS)])),
    "pipeline": lambda: make_pipeline(StandardScaler(), LASSO).fit(X, Y),
    "grid": lambda: GridSearchCV(LASSO, {"alpha": [0.1, 0.01]}, cv=2).fit(X, Y),
    "search": lambda: PathSearchCV(LASSO, [0.1, 0.01], cv=2).fit(X, Y),
    "search of chunks": lambda: PathSearchCV(RIDGE, [0.1, 0.01], cv=2).fit(
        Chunks(lambda: [(X, COUNTS)])
    ),
    "network": lambda: RegularizedMLPRegressor(
        (4,), learning_rate="constant", max_iter=2, random_state=0
    ).fit(X, Y),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_fit_that_does_not_converge_names_the_line_of_the_user(name):
    with pytest.warns(ConvergenceWarning) as told:
        CALLS[name]()
    assert {warning.filename for warning in told} == {__file__}


def test_the_line_is_that_which_called():
    with pytest.warns(UserWarning, match="told") as told:
        functools.partial(warn_user, "told")()
    lines = Path(__file__).read_text().splitlines()
    assert "functools.partial" in lines[told[0].lineno - 1]


@pytest.mark.parametrize(
    "how",
    [
        {"alphas": [0.1, 0.01]},
        {"alphas": [0.1, 0.01], "resource": "epochs"},
        {"candidates": Cocktail(2, random_state=0)},
    ],
    ids=["grid", "halving", "cocktail"],
)
def test_threads_of_a_search_name_the_line_of_the_user(how):
    network = RegularizedMLPRegressor((4,), max_iter=3, random_state=0)
    search = PathSearchCV(network, cv=2, n_jobs=2, **how)
    with pytest.warns(UserWarning, match="on a scale far from 1") as told:
        search.fit(X * np.append(1e6, np.ones(7)), Y)
    assert {warning.filename for warning in told} == {__file__}
