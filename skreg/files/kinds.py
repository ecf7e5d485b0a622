"""Which objects a file may hold, by which public names, and what of them.

A name in a file is looked up here, in tables and among the public names of a few modules of
scikit-learn; no other name is ever imported, and nothing in a file is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any, cast

import numpy as np
import scipy.special
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector
from sklearn.model_selection import (
    BaseCrossValidator,
    BaseShuffleSplit,
    RepeatedKFold,
    RepeatedStratifiedKFold,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

from skreg import datasets, losses, penalties, preprocessing
from skreg._state import STATE_VERSION, Stored
from skreg._validation import parameters_of
from skreg._version import __version__
from skreg.estimators.lasso import QuadraticApproxLasso
from skreg.estimators.lasso_classifier import QuadraticApproxLassoClassifier
from skreg.estimators.mlp import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators.ridge import QuadraticApproxRidge
from skreg.estimators.ridge_classifier import QuadraticApproxRidgeClassifier
from skreg.files.archive import CannotBeSavedError
from skreg.losses import LOSSES, Loss
from skreg.model import QuadraticModel
from skreg.model_selection import Cocktail, HashKFold, PathSearchCV
from skreg.model_selection.outcome import scorer_of
from skreg.path import NetworkPath, RegularizationPath
from skreg.penalties import PENALTIES, Group, Penalty
from skreg.quadratic.stored import without_rows
from skreg.rows import Moments

#: Modules of scikit-learn whose public estimators, transformers and splitters a file may hold.
SKLEARN = frozenset(
    f"sklearn.{name}"
    for name in (
         "compose", "covariance", "cross_decomposition", "decomposition",
        "discriminant_analysis", "dummy", "ensemble", "feature_extraction",
        "feature_extraction.text", "feature_selection", "impute", "kernel_approximation",
        "linear_model", "model_selection", "multiclass", "multioutput", "naive_bayes", "pipeline",
        "preprocessing", "random_projection",
    )
)  # fmt: skip
#: These keep rows that they were fitted to.
WITH_ROWS = frozenset({"KernelPCA", "KNNImputer", "Nystroem"})
_REQUEST = "_metadata_request"
METHODS = (
    "fit", "partial_fit", "predict", "predict_proba", "predict_log_proba", "decision_function",
    "score", "split", "transform", "inverse_transform",
)  # fmt: skip
_REPEATED = (RepeatedKFold, RepeatedStratifiedKFold)
_SKLEARNS = (
    BaseEstimator, BaseCrossValidator, BaseShuffleSplit, make_column_selector, *_REPEATED,
)  # fmt: skip
#: Functions of the package's own pipelines, by their public names.
_FUNCTIONS = frozenset(
    f"skreg.cli.{name}"
    for name in ("as_numbers", "as_text", "date_features", "date_names", "level_name")
)


@dataclass(frozen=True)
class Kind:
    """How objects of a type are saved: under which name, as what, and how they are made again."""

    name: str
    state: Callable[[Any], dict[str, Any]]
    make: Callable[[dict[str, Any]], Any]


def _public(one: type) -> str:
    return f"{one.__module__}.{one.__name__}"


_CORE = (
    Cocktail, HashKFold, Moments, NetworkPath, PathSearchCV, QuadraticApproxLasso,
    QuadraticApproxLassoClassifier, QuadraticApproxRidge, QuadraticApproxRidgeClassifier,
    QuadraticModel, RegularizationPath, RegularizedMLPClassifier, RegularizedMLPRegressor,
)  # fmt: skip


def _ours() -> dict[str, type]:
    """The package's own classes that files hold, by their public names."""
    modules = (datasets, preprocessing, penalties, losses)
    found = [getattr(module, name) for module in modules for name in module.__all__]
    stored = [c for c in found if isinstance(c, type) and issubclass(c, Stored | Loss | Penalty)]
    return {_public(one): one for one in (*_CORE, *stored)}


# What all estimators have -----------------------------------------------------------------------


def _shared_state(state: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """A state without callbacks, and its requests for metadata by method."""
    left_out = {"_skl_callbacks", *without}
    kept = {name: value for name, value in state.items() if name not in left_out}
    if _REQUEST in kept:
        every = ((method, getattr(kept[_REQUEST], method, None)) for method in METHODS)
        kept[_REQUEST] = {method: dict(one.requests) for method, one in every if one is not None}
    return kept


def _with_requests(one: Any) -> Any:
    """The estimator, its requests for metadata as scikit-learn keeps them."""
    if _REQUEST in vars(one):
        made = MetadataRequest(owner=one)
        for method, requests in vars(one)[_REQUEST].items():
            for parameter, alias in requests.items():
                getattr(made, method).add_request(param=parameter, alias=alias)
        setattr(one, _REQUEST, made)
    return one


# Our own classes ---------------------------------------------------------------------------------


def _stored_state(one: Stored) -> dict[str, Any]:
    state = _shared_state(one.__getstate__(), "skreg_version", "state_version", "rows")
    if "quadratic" in state:
        state["quadratic"] = without_rows(state["quadratic"])
    return state


def _quadratic_state(one: QuadraticModel) -> dict[str, Any]:
    if not one.problem.holds_hessian:
        raise CannotBeSavedError(
            "a QuadraticModel that refers to rows of X has no place in a file: save the estimator "
            "whose quadratic_ it is, or QuadraticModel(Moments.from_rows(X, y)), whose H takes "
            "p × p numbers."
        )
    return _stored_state(one)


def _stored_from(kind: type, state: dict[str, Any]) -> Any:
    made = cast(Any, object.__new__(kind))
    made.__setstate__(state | {"skreg_version": __version__, "state_version": STATE_VERSION})
    return _with_requests(made)


def _parameters(one: Any) -> dict[str, Any]:
    """What a loss or a penalty is made with."""
    names = list(parameters_of(cast(Callable, type(one))))
    if isinstance(one, Group):
        ends = zip(one.starts[:-1], one.starts[1:], strict=True)
        share = next(name for name in names if name in ("l1_ratio", "asparse"))
        return {
            "groups": [one.order[start:end] for start, end in ends],
            "factors": one.factors,
            "bounds": (one.lower, one.upper),
            share: getattr(one, share),
        }
    return {name: getattr(one, name) for name in names}


def _plain_from(kind: type, state: dict[str, Any]) -> Any:
    made: Any = object.__new__(kind)
    vars(made).update(state)
    return made


def _own_kind(name: str, one: type) -> Kind:
    if issubclass(one, Stored):
        state = _quadratic_state if one is QuadraticModel else _stored_state
        return Kind(name, state, lambda state: _stored_from(one, state))
    if issubclass(one, Loss | Penalty):
        return Kind(name, _parameters, lambda state: one(**state))
    return Kind(name, lambda it: dict(vars(it)), lambda state: _plain_from(one, state))


OURS = _ours()


# Losses and penalties of users -------------------------------------------------------------------


def _registered() -> dict[str, type]:
    """Those that users have made known, by names under which their files find them again."""
    tables: Mapping[str, Mapping[str, Any]] = {"loss": LOSSES, "penalty": PENALTIES}
    return {
        f"registered {what}: {name}": one
        for what, table in tables.items()
        for name, one in table.items()
        if isinstance(one, type) and one not in OURS.values()
    }


def _registered_kind(name: str, one: type) -> Kind:
    return Kind(name, lambda it: dict(vars(it)), lambda state: _plain_from(one, state))


# scikit-learn's ----------------------------------------------------------------------------------


def _sklearn_name(one: Any) -> str:
    """The public name of a class or function of scikit-learn; empty if it has none."""
    parts, own = one.__module__.split("."), one.__name__
    for module in (".".join(parts[:length]) for length in (3, 2)):
        if module in SKLEARN and getattr(import_module(module), own, None) is one:
            return f"{module}.{own}"
    return ""


def _sklearn_found(name: str) -> Any:
    module, _, own = name.rpartition(".")
    if module not in SKLEARN or own.startswith("_"):
        raise ValueError(f"{name} is no public name of scikit-learn that files may hold")
    return getattr(import_module(module), own)


def _sklearn_state(one: Any) -> dict[str, Any]:
    scorer = ("scorer_",) if isinstance(one, BaseSearchCV) else ()
    return _shared_state(one.__getstate__() or {}, "_sklearn_version", *scorer)


def _sklearn_from(kind: type, state: dict[str, Any]) -> Any:
    made = _with_requests(_plain_from(kind, state))
    if isinstance(made, BaseSearchCV) and "multimetric_" in state:
        made.scorer_ = scorer_of(made._get_scorers()[0])
    return made


def _repeats(one: Any) -> dict[str, Any]:
    return {"n_repeats": one.n_repeats, "random_state": one.random_state, **one.cvargs}


def _sklearn_kind(name: str, one: type) -> Kind:
    if issubclass(one, _REPEATED):  # what they repeat is a class
        return Kind(name, _repeats, lambda state: one(**state))
    return Kind(name, _sklearn_state, lambda state: _sklearn_from(one, state))


def _is_held(one: type) -> bool:
    """Whether a class of scikit-learn is one of those, and has no state of a form of its own."""
    is_plain = getattr(one, "__setstate__", None) in (None, BaseEstimator.__setstate__)
    return issubclass(one, _SKLEARNS) and is_plain and one.__name__ not in WITH_ROWS


_OTHERS = {Bunch: Kind("sklearn.Bunch", dict, lambda state: Bunch(**state))}
_BY_NAME = {kind.name: kind for kind in _OTHERS.values()}


# Looking up --------------------------------------------------------------------------------------


def kind_of(value: Any) -> Kind | str:
    """How an object is saved, or why it cannot be."""
    one = type(value)
    if one in _OTHERS:
        return _OTHERS[one]
    if OURS.get(_public(one)) is one:
        return _own_kind(_public(one), one)
    for name, known in _registered().items():
        if known is one:
            return _registered_kind(name, one)
    if one.__module__.startswith("sklearn."):
        name = _sklearn_name(one)
        if name and _is_held(one):
            return _sklearn_kind(name, one)
    return _why_not(value)


def _why_not(value: Any) -> str:
    one = type(value)
    what = f"is of type {one.__module__}.{one.__name__}"
    if isinstance(value, Loss | Penalty):
        known = "skreg.losses.register it" if isinstance(value, Loss) else "add it to PENALTIES"
        return f"{what}, which no registry holds: {known}, here and where the file is loaded"
    if one.__name__ in WITH_ROWS:
        return f"{what}, which keeps rows that it was fitted to: save with joblib, rows and all"
    if isinstance(value, FunctionType):
        return (
            f"is the function {value.__name__} of {value.__module__}, and a file holds no code: "
            "take a function of NumPy such as np.log1p, or save with joblib"
        )
    return f"{what}, which files do not hold: save with joblib, or with skops"


def named_kind(name: str) -> Kind:
    """How objects of this public name are made.

    Raises
    ------
    ValueError
        If files may hold none of this name.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name in OURS:
        return _own_kind(name, OURS[name])
    if name.startswith("registered "):
        if (known := _registered().get(name)) is None:
            raise ValueError(f"{name} is not there: register it before the file is loaded")
        return _registered_kind(name, known)
    found = _sklearn_found(name)
    if not (isinstance(found, type) and _is_held(found)):
        raise ValueError(f"{name} is none of the types that files may hold")
    return _sklearn_kind(name, found)


def named_function(function: Any) -> str:
    """The public name of a function that a file may name; empty for others."""
    name = getattr(function, "__name__", "")
    for module, found in (("numpy", np), ("scipy.special", scipy.special)):
        if isinstance(function, np.ufunc) and getattr(found, name, None) is function:
            return f"{module}.{name}"
    if not isinstance(function, FunctionType):
        return ""
    module = function.__module__ or ""  # of text that was run there is none
    if module.startswith("sklearn."):
        return _sklearn_name(function)
    public = f"{module}.{name}"
    return public if public in _FUNCTIONS and found_function(public) is function else ""


def found_function(name: str) -> Any:
    """The function of a public name.

    Raises
    ------
    ValueError
        If files may name no such function.
    """
    if name in _FUNCTIONS:
        module, _, own = name.rpartition(".")
        return getattr(import_module(module), own)
    for module, found in (("numpy", np), ("scipy.special", scipy.special)):
        ufunc = getattr(found, name.removeprefix(f"{module}."), None)
        if name.startswith(f"{module}.") and isinstance(ufunc, np.ufunc):
            return ufunc
    found = _sklearn_found(name)
    if not isinstance(found, FunctionType):
        raise ValueError(f"{name} is no function")
    return found
