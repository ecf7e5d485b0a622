"""The program of a fitted model: of each estimator, Pipeline and search that export knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from skreg._arrays import fitted_as_numpy
from skreg.estimators.lasso import QuadraticApproxLasso
from skreg.estimators.lasso_classifier import QuadraticApproxLassoClassifier
from skreg.estimators.mlp import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators.ridge import QuadraticApproxRidge
from skreg.estimators.ridge_classifier import QuadraticApproxRidgeClassifier
from skreg.export.formulas import FORMULAS
from skreg.export.program import (
    Affine,
    Apply,
    Bounds,
    Cosines,
    Mean,
    Offset,
    Program,
    RowMap,
    Softmax,
    Spread,
    Standardize,
    Take,
)
from skreg.export.transformers import UnknownStepError, bin_steps, transformation_of


def program_of(model: Any) -> Program:
    """The program of a fitted model.

    Parameters
    ----------
    model : estimator
        One of skreg's; a Pipeline, a search or a `TransformedTargetRegressor` of such.

    Returns
    -------
    Program

    Raises
    ------
    UnknownStepError
        If it holds what is not known; the message names it.
    ValueError
        If something known is used in a way that is not.
    sklearn.exceptions.NotFittedError
    """
    if isinstance(model, BaseSearchCV):
        return program_of(best_of(model))
    if type(model) is Pipeline:
        return _of_pipeline(model)
    if type(model) is TransformedTargetRegressor:
        return _of_transformed_target(model)
    if type(model) not in PREDICTORS:
        raise UnknownStepError(_unknown(model))
    check_is_fitted(model)
    return PREDICTORS[type(model)](model)


def best_of(search: BaseSearchCV) -> Any:
    """The best estimator of a search."""
    check_is_fitted(search)
    if not hasattr(search, "best_estimator_"):
        raise ValueError(
            f"{type(search).__name__} has no best_estimator_: it was fitted with refit=False. "
            "Set refit=True, and fit again."
        )
    return search.best_estimator_


def _unknown(model: Any) -> str:
    name = type(model).__name__
    if isinstance(model, type):
        return f"model is the class {model.__name__}. Give a fitted instance."
    if hasattr(model, "alphas") and hasattr(model, "estimator"):
        return f"model is a {name}, which has one for each λ. Give one, path.estimator(alpha)."
    known = sorted(kind.__name__ for kind in PREDICTORS)
    return (
        f"export does not know the model {name}. It knows {', '.join(known)}, and Pipelines, "
        "searches and TransformedTargetRegressor of these: export such a part by itself."
    )


# Models of models ---------------------------------------------------------------------------------


def _of_pipeline(pipeline: Pipeline) -> Program:
    *before, last = [part for _, part in pipeline.steps]
    if not hasattr(last, "predict"):
        raise UnknownStepError(
            "the Pipeline ends without a predictor, and a model that predicts is exported. Add "
            "one as its last step."
        )
    program = program_of(last)
    before = [part for part in before if part not in ("passthrough", None)]
    if not before:
        return program
    return replace(
        program,
        model=" and ".join([*[type(part).__name__ for part in before], program.model]),
        n_features=int(before[0].n_features_in_),
        feature_names=_names(before[0]),
        steps=(*[s for part in before for s in transformation_of(part)], *program.steps),
    )


def _of_transformed_target(model: TransformedTargetRegressor) -> Program:
    check_is_fitted(model)
    program = program_of(model.regressor_)
    steps = [step for step in program.steps if not isinstance(step, Offset)]
    name = f"TransformedTargetRegressor of {program.model}"
    return replace(program, model=name, steps=(*steps, *target_steps(model)))


def target_steps(model: TransformedTargetRegressor) -> list[RowMap]:
    """From predictions of the regressor inside to the target; raises as `program_of` does."""
    transformer = model.transformer_
    if type(transformer) is not FunctionTransformer:
        return [_inverse(step) for step in transformation_of(transformer)[::-1]]
    if transformer.inverse_func is None:
        return []
    if transformer.inverse_func is np.exp:
        return [Apply("exponential")]
    if transformer.inverse_func is np.expm1:
        ones = np.ones(transformer.n_features_in_)
        return [Apply("exponential"), Standardize(ones, ones)]
    raise UnknownStepError(
        f"export does not know inverse_func={transformer.inverse_func!r} of "
        "TransformedTargetRegressor. It knows numpy.exp, numpy.expm1, and scalers as "
        "transformer; or fit to the transformed y, and export that regressor alone."
    )


def _inverse(step: RowMap) -> RowMap:
    if not isinstance(step, Standardize):
        raise UnknownStepError(
            f"export does not know the inverse of {type(step).__name__}, which the transformer of "
            "TransformedTargetRegressor needs. Use a scaler without bounds, numpy.exp or "
            "numpy.expm1."
        )
    return Standardize(-step.shift / step.scale, 1 / step.scale)


# Predictors ---------------------------------------------------------------------------------------


def _names(model: Any) -> tuple[str, ...] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else tuple(map(str, names))


def _of_linear(model: Any) -> Program:
    coef, intercept = map(np.asarray, map(fitted_as_numpy, (model.coef_, model.intercept_)))
    weights = np.atleast_2d(coef).T
    affine = Affine(weights, np.broadcast_to(intercept, weights.shape[1:]))
    if hasattr(model, "classes_"):
        steps: list[RowMap] = [affine, Offset(weights.shape[1])]
        return _program(model, steps, coef.dtype, model.classes_)
    return _program(model, [affine, Offset(1), *_link(model)], coef.dtype)


def _of_network(model: Any) -> Program:
    """Without the inputs and units that do nothing."""
    network = model.compress()
    steps = _read_by(network)
    layers = [Affine(*layer) for layer in zip(network.coefs_, network.intercepts_, strict=True)]
    classifies, (factors, shifts) = hasattr(model, "classes_"), network.adapters_
    if len(factors):
        steps.append(Spread(factors[:, None]))
        layers = _of_members(layers, shifts)
    for layer in layers[:-1]:
        steps.append(layer)
        if network.activation != "identity":
            steps.append(Apply(network.activation))
    steps.append(layers[-1])
    if not classifies or len(factors):
        steps += [Softmax()] if model.out_activation_ == "softmax" else _link(model)
    if len(factors):
        steps.append(Mean(len(factors)))
    classes = model.classes_ if classifies else None
    program = _program(model, steps, layers[0].weights.dtype, classes)
    is_multilabel = classifies and model.out_activation_ == "logistic"
    return replace(program, is_multilabel=is_multilabel and program.width == len(model.classes_))


def _read_by(network: Any) -> list[RowMap]:
    """The columns of X that a network reads, of how far they have come through bins, and waves."""
    n, columns, edges = network.n_features_in_, network.columns_, network.bin_edges_
    if len(waves := network.waves_.get("feature", ())):
        return _waves_read_by(network, columns[columns < n], waves)
    if not edges:
        return [] if len(columns) == n else [Take(columns)]
    taken, scaled, bounded = bin_steps(list(edges), list(edges.values()))
    endless = np.full(n, np.inf)
    steps = [
        Take(np.concatenate([np.arange(n), taken.indices])),
        Standardize(*_behind((np.zeros(n), np.ones(n)), scaled)),
        Bounds(*_behind((-endless, endless), bounded)),
    ]
    return [step.take(columns) for step in steps]


def _waves_read_by(network: Any, columns: np.ndarray, features: np.ndarray) -> list[RowMap]:
    plain, waves = np.zeros(len(columns)), network.waves_
    return [
        Take(np.concatenate([columns, features])),
        Standardize(
            np.concatenate([plain, waves["shift"]]), np.concatenate([plain + 1, waves["scale"]])
        ),
        Cosines(
            np.concatenate([plain, np.ones(len(features))]),
            np.concatenate([plain, waves["frequency"]]),
            np.concatenate([plain, waves["phase"]]),
        ),
    ]


def _behind(first: tuple[np.ndarray, ...], step: RowMap) -> list[np.ndarray]:
    pairs = zip(first, step.arrays().values(), strict=True)
    return [np.concatenate(pair) for pair in pairs]


def _of_members(layers: list[Affine], shifts: np.ndarray) -> list[Affine]:
    """The layers of an ensemble: those of one network but for biases ahead, and the last one."""
    *shared, last = layers
    n_members = len(shifts)
    first = replace(shared[0], biases=(shared[0].biases + shifts)[:, None])
    weights = last.weights.reshape(len(last.weights), n_members, -1).swapaxes(0, 1)
    return [first, *shared[1:], Affine(weights, last.biases.reshape(n_members, 1, -1))]


def _link(model: Any) -> list[RowMap]:
    name = model.out_activation_
    if name == "identity":
        return []
    if name not in FORMULAS:
        raise ValueError(
            f"export does not know the inverse link {name!r} of {type(model).__name__}'s loss. It "
            f"knows identity, {', '.join(FORMULAS)}: name one of these as out_activation of the "
            "loss if that is what it is."
        )
    return [Apply(name)]


def _program(model: Any, steps: list[RowMap], dtype: Any, classes: Any = None) -> Program:
    return Program(
        model=type(model).__name__,
        n_features=int(model.n_features_in_),
        feature_names=_names(model),
        steps=tuple(steps),
        dtype=np.dtype(dtype),
        classes=None if classes is None else _labels(classes, type(model).__name__),
    )


def _labels(classes: np.ndarray, name: str) -> np.ndarray:
    """Classes as numbers, booleans or text."""
    if classes.dtype.kind == "O" and all(isinstance(label, str) for label in classes):
        return classes.astype(str)
    if classes.dtype.kind in "biufU":
        return classes
    raise ValueError(
        f"export writes classes that are text, numbers or booleans; those of {name} are "
        f"{classes[:5]!r}. Fit it to such."
    )


PREDICTORS: dict[type, Callable[[Any], Program]] = {
    QuadraticApproxRidge: _of_linear,
    QuadraticApproxLasso: _of_linear,
    QuadraticApproxRidgeClassifier: _of_linear,
    QuadraticApproxLassoClassifier: _of_linear,
    RegularizedMLPClassifier: _of_network,
    RegularizedMLPRegressor: _of_network,
}
