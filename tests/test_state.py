"""What pickle, joblib and skops write of an object: plain data, public types, a version."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from stored_cases import CASES, X, answers, made, y

import skreg
from skreg import QuadraticApproxRidge
from skreg._state import OtherVersionWarning, Stored

#: Attributes that are scikit-learn's own.
SKLEARNS = ("_skl", "_sklearn", "_metadata")

skops = pytest.importorskip("skops.io")


def types_in(value):
    """Every type of skreg in the state of an object and below."""
    module = type(value).__module__.partition(".")[0]
    if isinstance(value, dict):
        return set().union(*map(types_in, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(types_in, value))
    if module not in ("skreg", "sklearn"):
        return set()
    state = value.__reduce_ex__(2)[2]
    if isinstance(value, Stored):
        assert not [n for n in state if n.startswith("_") and not n.startswith(SKLEARNS)]
    below = types_in(state) if isinstance(state, dict) else set()
    return below | ({type(value)} if module == "skreg" else set())


@pytest.mark.parametrize("name", CASES)
def test_a_pickle_answers_as_the_object_does(name):
    model = made(name)
    again = pickle.loads(pickle.dumps(model))
    for method, said in answers(name, model).items():
        np.testing.assert_array_equal(answers(name, again)[method], said, strict=True)
    assert set(vars(again)) >= {k for k in vars(model) if k.endswith("_") and k[0] != "_"}


@pytest.mark.parametrize("name", CASES)
def test_states_name_public_types_alone(name):
    for one in types_in(made(name)):
        assert one.__module__ in {"skreg", "skreg.losses", "skreg.penalties", "skreg.preprocessing"}
        public = __import__(one.__module__, fromlist=["_"])
        assert getattr(public, one.__name__) is one


@pytest.mark.parametrize("name", ["ridge with its quadratic", "lasso of classes",
                                  "network that chose", "search", "path", "quadratic"])  # fmt: skip
def test_skops_asks_for_public_types_alone(name, tmp_path):
    model = made(name)
    skops.dump(model, tmp_path / "m.skops")
    asked = skops.get_untrusted_types(file=tmp_path / "m.skops")
    assert {one for one in asked if one.startswith("skreg")} <= {
        f"skreg.{public}" for public in skreg.__all__
    }
    again = skops.load(tmp_path / "m.skops", trusted=asked)
    for method, said in answers(name, model).items():
        np.testing.assert_array_equal(answers(name, again)[method], said, strict=True)


def test_another_version_is_told():
    state = QuadraticApproxRidge().fit(X, y).__getstate__()
    assert state["skreg_version"] == skreg.__version__
    again = QuadraticApproxRidge()
    with pytest.warns(OtherVersionWarning, match=r"QuadraticApproxRidge was pickled by skreg 0\.0"):
        again.__setstate__(state | {"skreg_version": "0.0"})
    np.testing.assert_array_equal(again.coef_, state["coef_"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(pickle.dumps(again))


@pytest.mark.parametrize("layout", [0, 99])
def test_another_layout_is_refused(layout):
    state = QuadraticApproxRidge().fit(X, y).__getstate__()
    with pytest.raises(ValueError, match=r"pickled by skreg 9\.0, .*load it with skreg 9\.0"):
        QuadraticApproxRidge().__setstate__(
            state | {"state_version": layout, "skreg_version": "9.0"}
        )
    with pytest.raises(ValueError, match=r"did not write its version.*fit it again"):
        QuadraticApproxRidge().__setstate__({"alpha": 1.0})


def test_a_parameter_that_came_later_has_its_default():
    state = QuadraticApproxRidge(0.3, tol=1e-5).fit(X, y).__getstate__()
    again = QuadraticApproxRidge.__new__(QuadraticApproxRidge)
    again.__setstate__({name: value for name, value in state.items() if name != "tol"})
    assert again.get_params() == QuadraticApproxRidge(0.3).get_params()
    assert again.alpha_ == 0.3


def test_attributes_of_a_subclass_are_saved():
    model = Mine(0.5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert again._note == "mine"
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


class Mine(QuadraticApproxRidge):
    _note = None

    def fit(self, X, y):
        self._note = "mine"
        return super().fit(X, y)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_rows_that_were_asked_for_come_along(make, loss):
    wide = X.T.copy()
    model = QuadraticApproxRidge(0.1, loss=loss, store_quadratic=True)
    model.fit(make(wide), np.arange(1.0, 5.0))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(
        again.quadratic_.gradient(model.coef_), model.quadratic_.gradient(model.coef_), atol=1e-12
    )
