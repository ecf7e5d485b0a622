"""The steps of fitted transformers that export knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from skreg._arrays import fitted_as_numpy
from skreg.export.program import Affine, Apply, Bounds, Fill, RowMap, Standardize, Take
from skreg.preprocessing import PiecewiseLinearEncoder, RobustClipScaler


class UnknownStepError(TypeError):
    """A model holds an estimator or transformer that export does not know."""


def transformation_of(model: Any) -> list[RowMap]:
    """The steps of a fitted transformer.

    Raises
    ------
    UnknownStepError
        If it, or a part of it, is not known.
    ValueError
        If it is used in a way that is not.
    sklearn.exceptions.NotFittedError
    """
    if model in ("passthrough", None):
        return []
    if type(model) is Pipeline:
        return [step for _, part in model.steps for step in transformation_of(part)]
    known = TRANSFORMERS.get(type(model))
    if known is None and getattr(type(model), "transform", None) is SelectorMixin.transform:
        known = _of_selector
    if known is None:
        names = sorted(kind.__name__ for kind in TRANSFORMERS)
        raise UnknownStepError(
            f"export does not know the transformer {type(model).__name__}. It knows "
            f"{', '.join(names)} and feature selectors. Use one of these; or skreg.to_onnx(model, "
            "X), with rows X, which converts more of scikit-learn by skl2onnx."
        )
    check_is_fitted(model)
    return known(model)


def _numbers(fitted: Any) -> np.ndarray:
    """Fitted numbers of any array library."""
    return np.asarray(fitted_as_numpy(fitted), np.float64)


def _or(value: Any, otherwise: float, width: int) -> np.ndarray:
    return np.full(width, otherwise) if value is None else _numbers(value)


def _of_standard_scaler(model: Any) -> list[RowMap]:
    width = model.n_features_in_
    shift = model.mean_ if model.with_mean else None
    return [Standardize(_or(shift, 0.0, width), _or(model.scale_, 1.0, width))]


def _of_robust_scaler(model: Any) -> list[RowMap]:
    width = model.n_features_in_
    return [Standardize(_or(model.center_, 0.0, width), _or(model.scale_, 1.0, width))]


def _of_max_abs_scaler(model: Any) -> list[RowMap]:
    width = model.n_features_in_
    return [Standardize(np.zeros(width), _numbers(model.scale_)), *_clip(model, (-1, 1), width)]


def _of_min_max_scaler(model: Any) -> list[RowMap]:
    least, scale = _numbers(model.min_), _numbers(model.scale_)
    scaled = Standardize(-least / scale, 1 / scale)
    return [scaled, *_clip(model, model.feature_range, model.n_features_in_)]


def _clip(model: Any, bounds: tuple[float, float], width: int) -> list[RowMap]:
    if not model.clip:
        return []
    return [Bounds(np.full(width, bounds[0], float), np.full(width, bounds[1], float))]


def _of_imputer(model: Any) -> list[RowMap]:
    if not (isinstance(model.missing_values, float) and np.isnan(model.missing_values)):
        raise ValueError(
            "export knows SimpleImputer with missing_values=nan only. Make other marks NaN, "
            "and fit again."
        )
    if model.statistics_.dtype.kind not in "fiu":
        raise ValueError("export knows SimpleImputer of numbers only. Encode categories before it.")
    kept = np.arange(model.n_features_in_)
    if not model.keep_empty_features:
        kept = np.flatnonzero(~np.isnan(model.statistics_))
    marked = model.indicator_.features_ if model.add_indicator else kept[:0]
    fill = np.append(np.nan_to_num(_numbers(model.statistics_[kept])), np.ones(len(marked)))
    steps: list[RowMap] = (
        [] if len(fill) == model.n_features_in_ else [Take(np.append(kept, marked))]
    )
    if len(marked):  # numbers become 0 in an indicator, and what is missing is filled by 1
        end = np.repeat([np.inf, 0.0], [len(kept), len(marked)])
        steps.append(Bounds(-end, end))
    return [*steps, Fill(fill)]


def _of_pca(model: Any) -> list[RowMap]:
    if model.whiten:
        raise ValueError("export knows PCA without whitening. Set whiten=False, and fit again.")
    components = _numbers(model.components_).T
    return [
        Standardize(_numbers(model.mean_), np.ones(len(components))),
        Affine(components, np.zeros(components.shape[1])),
    ]


def _of_selector(model: Any) -> list[RowMap]:
    return [Take(model.get_support(indices=True))]


def _of_clip_scaler(model: Any) -> list[RowMap]:
    scaled = Standardize(model.center_, model.scale_)
    return [scaled] if np.isinf(model.limit) else [scaled, Apply("soft_clip", (model.limit,))]


def _of_encoder(model: Any) -> list[RowMap]:
    return list(bin_steps(range(len(model.bin_edges_)), model.bin_edges_))


def bin_steps(
    features: Sequence[int], edges: Sequence[np.ndarray]
) -> tuple[Take, Standardize, Bounds]:
    """How far these features have come through each of their bins: a column for each bin."""
    n_bins = np.array([len(at) - 1 for at in edges])
    below = np.concatenate([at[:-1] for at in edges])
    widths = np.concatenate([2 * np.diff(at / 2) for at in edges])
    ends = np.cumsum(n_bins)
    lower, upper = np.zeros(len(below)), np.ones(len(below))
    lower[ends - n_bins], upper[ends - 1] = -np.inf, np.inf
    return Take(np.repeat(features, n_bins)), Standardize(below, widths), Bounds(lower, upper)


TRANSFORMERS: dict[type, Callable[[Any], list[RowMap]]] = {
    StandardScaler: _of_standard_scaler,
    RobustScaler: _of_robust_scaler,
    MaxAbsScaler: _of_max_abs_scaler,
    MinMaxScaler: _of_min_max_scaler,
    SimpleImputer: _of_imputer,
    PCA: _of_pca,
    RobustClipScaler: _of_clip_scaler,
    PiecewiseLinearEncoder: _of_encoder,
}
