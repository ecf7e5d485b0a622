"""Arrays of other namespaces; run by `test_array_api.py`, in a process whose SciPy takes them."""

import importlib.util
import io
import pickle
from unittest import SkipTest

import array_api_strict
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._array_api import get_namespace_and_device, move_to
from sklearn.utils.estimator_checks import estimator_checks_generator

import skreg
from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge, export_python

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 6))
Y = X[:, 0] - X[:, 1] + 0.3 * RNG.normal(size=80)
WEIGHTS = RNG.uniform(0.5, 2.0, size=80)
MODELS = [
    QuadraticApproxRidge(),
    QuadraticApproxRidge(alpha="auto"),
    QuadraticApproxRidge(fit_intercept=False, store_quadratic=True),
    QuadraticApproxRidge(loss="huber"),
    QuadraticApproxLasso(alpha=0.05),
    QuadraticApproxLasso(alpha=0.05, hessian="pca"),
]
#: The strict one has devices of its own, which must be left explicitly.
PLACES = [(array_api_strict, array_api_strict.Device(name)) for name in ("CPU_DEVICE", "device1")]
if importlib.util.find_spec("torch"):
    import torch

    with config_context(array_api_dispatch=True):
        PLACES.append(get_namespace_and_device(torch.zeros(1))[::2])
HAS_NO_CUDA = not (importlib.util.find_spec("torch") and torch.cuda.is_available())
every_place = pytest.mark.parametrize(("xp", "device"), PLACES, ids=[str(d) for _, d in PLACES])
every_model = pytest.mark.parametrize("model", MODELS, ids=str)


@pytest.fixture(autouse=True)
def _dispatches():
    with config_context(array_api_dispatch=True):
        yield


def same(found, wanted, xp, device):
    """The numbers of ``wanted``, in the namespace and on the device that X was in."""
    assert move_to(found, xp=xp, device=device) is found
    np.testing.assert_array_equal(move_to(found, xp=np, device="cpu"), wanted)


@every_model
def test_checks_of_scikit_learn(model):
    n_passed, skipped = 0, []
    for estimator, check in estimator_checks_generator(model):
        if "array_api" not in str(check) or (HAS_NO_CUDA and "cuda" in str(check)):
            continue
        try:
            check(estimator)
            n_passed += 1
        except SkipTest as why:
            skipped.append(str(why))
    assert n_passed >= 4
    assert not [why for why in skipped if "SCIPY_ARRAY_API" in why]


@every_place
@every_model
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_follow_x_and_are_those_of_numpy(model, xp, device, dtype):
    there = [xp.asarray(a.astype(dtype), device=device) for a in (X, Y, WEIGHTS)]
    here = [a.astype(dtype) for a in (X, Y, WEIGHTS)]
    fitted, plain = clone(model).fit(*there), clone(model).fit(*here)
    same(fitted.coef_, plain.coef_, xp, device)
    same(fitted.predict(there[0]), plain.predict(here[0]), xp, device)
    assert fitted.score(*there) == plain.score(*here)
    assert fitted.effective_dof_ == plain.effective_dof_
    if model.store_quadratic:
        std = fitted.predict(there[0], return_std=True)[1]
        same(std, plain.predict(here[0], return_std=True)[1], xp, device)
        assert fitted.gradient_norm_ == plain.gradient_norm_
    again = pickle.loads(pickle.dumps(fitted))
    same(again.predict(there[0]), plain.predict(here[0]), xp, device)


@every_place
def test_several_targets_and_rows_that_are_added(xp, device):
    targets = np.column_stack([Y, -Y])
    model = QuadraticApproxRidge(alpha=[0.1, 0.2])
    fitted = clone(model).fit(xp.asarray(X, device=device), xp.asarray(targets, device=device))
    plain = clone(model).fit(X, targets)
    same(fitted.intercept_, plain.intercept_, xp, device)
    same(fitted.alpha_, plain.alpha_, xp, device)
    parts, whole = QuadraticApproxRidge(), QuadraticApproxRidge()
    for rows in (slice(0, 30), slice(30, 80)):
        parts.partial_fit(xp.asarray(X[rows], device=device), xp.asarray(Y[rows], device=device))
        whole.partial_fit(X[rows], Y[rows])
    same(parts.coef_, whole.coef_, xp, device)


@every_place
def test_a_path_has_the_numbers_of_numpy(xp, device):
    rows, y = xp.asarray(X, device=device), xp.asarray(Y, device=device)
    path = QuadraticApproxRidge().regularization_path(rows, y, [1.0, 0.1])
    plain = QuadraticApproxRidge().regularization_path(X, Y, [1.0, 0.1])
    np.testing.assert_array_equal(path.coefs, plain.coefs)
    np.testing.assert_array_equal(path.predict(rows), plain.predict(X))


@every_place
@pytest.mark.parametrize("steps", [(), (StandardScaler(),)])
def test_the_best_of_a_search_follows_x(xp, device, steps):
    rows, y = xp.asarray(X, device=device), xp.asarray(Y, device=device)
    model = make_pipeline(*steps, QuadraticApproxRidge())
    search = PathSearchCV(clone(model), alphas=[1.0, 0.1, 0.01], cv=4)
    found, plain = clone(search).fit(rows, y), clone(search).fit(X, Y)
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(found.cv_results_[name], plain.cv_results_[name])
    predicted = found.predict(rows)
    assert move_to(predicted, xp=xp, device=device) is predicted
    wanted = plain.predict(X)
    np.testing.assert_allclose(move_to(predicted, xp=np, device="cpu"), wanted, rtol=1e-12)


def test_another_namespace_is_refused_by_name():
    strict = array_api_strict.asarray(X)
    fitted = QuadraticApproxRidge().fit(strict, array_api_strict.asarray(Y))
    with pytest.raises(ValueError, match=r"QuadraticApproxRidge\.predict.*must use the same"):
        fitted.predict(X)
    with pytest.raises(NotFittedError):
        QuadraticApproxRidge().predict(strict)


@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")
def test_what_was_fitted_to_tensors_predicts_from_arrays_without_dispatch():
    fitted = QuadraticApproxRidge().fit(torch.asarray(X), torch.asarray(Y))
    assert cross_val_score(QuadraticApproxRidge(), torch.asarray(X), torch.asarray(Y)).min() > 0.8
    with config_context(array_api_dispatch=False):
        np.testing.assert_array_equal(
            fitted.predict(X), QuadraticApproxRidge().fit(X, Y).predict(X)
        )


@every_place
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # scikit-learn's scaler
def test_a_model_is_exported_as_one_of_numpy(xp, device):
    model = make_pipeline(StandardScaler(), QuadraticApproxRidge())
    model.fit(xp.asarray(X, device=device), xp.asarray(Y, device=device))
    exec(export_python(model), module := {})
    with config_context(array_api_dispatch=False):
        expected = model.fit(X, Y).predict(X)
    np.testing.assert_allclose(module["predict"](X), expected, rtol=1e-12, atol=1e-12)


def test_files_hold_arrays_of_numpy():
    file, strict = io.BytesIO(), array_api_strict.asarray
    with config_context(array_api_dispatch=True):
        model = QuadraticApproxRidge(alpha=0.1).fit(strict(X), strict(Y))
    skreg.save(model, file)
    file.seek(0)
    again = skreg.load(file)
    assert type(again.coef_) is np.ndarray
    expected = QuadraticApproxRidge(alpha=0.1).fit(X, Y).predict(X)
    np.testing.assert_array_equal(again.predict(X), expected)
