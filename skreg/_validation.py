"""Checks of user input that more than one layer makes, and what the names in it stand for."""

import functools
import inspect
import numbers
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import _num_samples, assert_all_finite, validate_data

from skreg._arrays import fit_where_x_is
from skreg._labels import as_numbers, refuse_missing, refuse_name
from skreg._not_in_memory import refuse_chunks
from skreg._sparse import check_sparse
from skreg._table_columns import columns_named

_FAR = 1e150  # squares of numbers beyond it, or below its inverse, leave float64
_LARGEST = float(np.finfo(np.float64).max)
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def validated_fit(method: F) -> F:
    """Make ``fit`` check the parameters, and restore every attribute of the estimator if it raises.

    Arrays that belong to the estimator must be replaced by ``fit`` and not written to.
    """
    checked = _fit_context(prefer_skip_nested_validation=True)(method)

    @functools.wraps(method)
    def fit(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return checked(self, *args, **kwargs)  # which tears down callbacks
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(F, fit)


def fit_follows_x(method: F) -> F:
    """Make ``fit`` take arrays that scikit-learn dispatches, and what it finds follow X."""

    @functools.wraps(method)
    def fit(self, X, *args, **kwargs):
        if type(X) is np.ndarray or not get_config()["array_api_dispatch"]:
            return method(self, X, *args, **kwargs)
        return fit_where_x_is(method, self, X, *args, **kwargs)

    return cast(F, fit)


def validated(
    estimator: Any, X: Any, y: Any = "no_validation", *, numeric: bool = False, **options: Any
) -> Any:
    """scikit-learn's ``validate_data``, with checks of what it lets pass.

    ``numeric`` says whether y holds numbers, and not labels; ``options`` are for ``validate_data``.
    Returns X, or X and y if there is one.

    Raises
    ------
    ValueError
        Also for a sparse X with indices outside of it, and a y with missing or other values.
    """
    has_y = not (isinstance(y, str) and y == "no_validation")
    if _is_plain(estimator, X, y, **options):
        if options.get("reset", True):
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
        return (X, y) if has_y else X
    if not is_in_memory(X):
        refuse_chunks(X, type(estimator).__name__)
    if isinstance(y, str) and has_y:
        refuse_name(y)
    for name, part in (("X", X), ("y", y)):
        if issparse(part):
            check_sparse(part, name)
    if has_y and y is not None:
        y = as_numbers(y) if numeric else y
        refuse_missing(y)
    try:
        with columns_named(estimator, X, options.get("reset", True)):
            return validate_data(estimator, X, y, **options)
    except OverflowError as error:
        raise ValueError(f"X holds a number that is too large for a float: {error}.") from error


def _is_plain(
    estimator, X, y, *, reset=True, dtype=None, order=None, ensure_all_finite=True, **_
) -> bool:
    """Whether X and y are arrays that ``validate_data`` would hand back as they are.

    Of small data it takes longer than the work it guards: it asks whether X is a table, and of
    which kind. Of anything else, and of whatever is wrong, it is asked: it has the words for it.
    Options that are not named do not matter to an array.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or not X.size:
        return False
    if X.dtype not in (dtype if isinstance(dtype, list) else (dtype,)):
        return False
    known = vars(estimator)
    if not reset and (known.get("n_features_in_") != X.shape[1] or "feature_names_in_" in known):
        return False
    if (order == "C" and not X.flags.c_contiguous) or (ensure_all_finite and not surely_finite(X)):
        return False
    if type(y) is not np.ndarray:
        return isinstance(y, str) and y == "no_validation"
    is_known = y.dtype.kind in "biu" or (y.dtype.kind == "f" and surely_finite(y))
    return is_known and y.shape == (len(X),) and y.flags.c_contiguous


def surely_finite(X: Any) -> bool:
    """Whether X is an array of finite numbers; False as well where a sum overflows."""
    if type(X) is not np.ndarray:
        return False
    if X.size < 10_000:  # of so few BLAS takes the squares with one thread, and quickly
        return isfinite(np.vdot(X, X))
    with np.errstate(over="ignore", invalid="ignore"):
        return isfinite(np.add.reduce(X, axis=None))


def is_in_memory(X: Any) -> bool:
    """Whether X surely is rows in memory: an array or what becomes one, none of Dask or chunks."""
    return hasattr(X, "__array__") and type(X).__module__.partition(".")[0] not in ("dask", "skreg")


def as_floats(values: Any, name: str) -> NDArray[np.float64]:
    """Numbers as float64.

    Examples
    --------
    >>> as_floats([1, "x"], "alphas")
    Traceback (most recent call last):
        ...
    ValueError: alphas must be numbers that a float can hold: could not convert string to float: 'x'
    """
    try:
        if values is not None and np.asarray(values).dtype.kind != "c":
            return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be numbers that a float can hold: {error}") from None
    raise ValueError(f"{name} must be numbers that a float can hold, got {values!r}.")


def lies_between(value: Any, low: float, high: float | None, closed: str = "neither") -> bool:
    """Whether the value is a number, and in this interval; None is for no end."""
    return Interval(numbers.Real, low, high, closed=closed).is_satisfied_by(value)


def check_parameters(estimator: BaseEstimator, constraints: dict[str, list]) -> None:
    """Check the parameters of an estimator; its defaults are taken to be valid.

    Most of the time of a small fit is checks, so the signature is read once for each class.

    Parameters
    ----------
    estimator : estimator
    constraints : dict
        As scikit-learn's estimators have them.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        A ValueError, if a parameter does not meet its constraints.
    ValueError
        For an integer that is larger than every float. scikit-learn's intervals of real numbers
        hold it, and arithmetic does not.
    """
    kind: Any = type(estimator)
    held = {name: getattr(estimator, name) for name in parameters_of(kind)}
    given = {
        name: value
        for name, value in held.items()
        if value is not parameters_of(kind)[name].default
    }
    validate_parameter_constraints(constraints, given, kind.__name__)
    for name, value in given.items():
        if type(value) is int and abs(value) > _LARGEST:
            raise ValueError(
                f"{name} is an integer of {value.bit_length()} bits, larger than every float. "
                f"Give at most {_LARGEST:.2g}."
            )


class Registry(dict[str, Callable[..., T]], Generic[T]):
    """What ``parameter`` of an estimator may name, and what makes it; add to it as to a dict.

    An instance of ``base`` may take the place of a name.
    """

    def __init__(self, parameter: str, base: type[Any], kinds: Mapping[str, Callable[..., T]]):
        super().__init__(kinds)
        self.parameter, self.base = parameter, base

    def make(self, name: str, **parameters: Any) -> T:
        """What the name stands for.

        ``parameters`` are arguments of its kind, or, where it has one, of its ``from_parameters``,
        which may answer with something simpler. ValueError if the name is unknown, or a parameter
        is missing or not one of this kind.

        Examples
        --------
        >>> from skreg.losses import get_loss
        >>> from skreg.penalties import make_penalty
        >>> get_loss("huber", delta=2.0).delta
        2.0
        >>> make_penalty("mcp", gamma=2.5)
        MCP(gamma=2.5, factors=None)
        """
        if not isinstance(name, str) or name not in self:
            raise ValueError(f"{self.parameter} must be one of {sorted(self)}, got {name!r}.")
        kind = getattr(self[name], "from_parameters", self[name])
        taken = parameters_of(kind)
        for given in parameters:
            if given not in taken and not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
                shown = "penalty_factors" if given == "factors" else given  # as of estimators
                raise ValueError(
                    f"{shown} does not go with {self.parameter}={name!r}, which takes "
                    f"{', '.join(taken)}. Leave {shown} at its default."
                )
        required = [n for n, p in taken.items() if p.default is p.empty and str(p)[0] != "*"]
        if missing := [n for n in required if n not in parameters]:
            raise ValueError(f"{self.parameter}={name!r} needs {missing[0]}. Give {missing[0]}.")
        return kind(**parameters)

    def of(self, estimator: Any) -> T:
        """What the parameter of an estimator names, with the parameters the estimator has for it.

        ValueError as for `make`, and if the kind refuses its parameters.

        Examples
        --------
        >>> from skreg import QuadraticApproxRidge
        >>> from skreg.losses import loss_of
        >>> loss_of(QuadraticApproxRidge(loss="huber", delta=2.0)).delta
        2.0
        """
        chosen = getattr(estimator, self.parameter)
        if isinstance(chosen, self.base):
            return chosen
        known = getattr(self[chosen], "parameters", ()) if chosen in self else ()
        given = {name: getattr(estimator, name) for name in known if hasattr(estimator, name)}
        return self.make(chosen, **given)


@functools.cache
def parameters_of(kind: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """What something is made with; a fit asks again and again."""
    return inspect.signature(kind).parameters


def check_weights(sample_weight, X):
    """Sample weights as a float64 vector, None for equal ones; ValueError for what is none.

    Parameters
    ----------
    sample_weight : None, float or array-like of shape (n_samples,)
        What the user gave. A number stands for the same weight in every row.
    X : array-like of shape (n_samples, n_features)
        The rows that the weights belong to.

    Examples
    --------
    >>> check_weights([1, 2], [[0.5], [0.7]])
    array([1., 2.])
    >>> check_weights([1, -2], [[0.5], [0.7]])
    Traceback (most recent call last):
        ...
    ValueError: sample_weight must not be negative, got -2.0 in row 1. Give such a row weight 0 ...
    """
    if sample_weight is None:
        return None
    n_samples = _num_samples(X)
    weights = np.ascontiguousarray(as_floats(sample_weight, "sample_weight"))
    if isinstance(sample_weight, numbers.Number):
        weights = np.full(n_samples, weights)
    assert_all_finite(weights, input_name="sample_weight")
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one weight for each row of X, shape ({n_samples},), got "
            f"shape {weights.shape}."
        )
    if (lowest := weights.min()) < 0:
        raise ValueError(
            f"sample_weight must not be negative, got {lowest} in row {weights.argmin()}. "
            "Give such a row weight 0 to leave it out."
        )
    if weights.max() == 0:
        raise ValueError(
            "sample_weight is zero in every row, which leaves nothing to fit. "
            "Give a positive weight to at least one row."
        )
    return relative(weights)


def check_alphas(alphas: ArrayLike, name: str = "alphas") -> tuple[NDArray[np.float64], bool]:
    """Values of λ as a float64 vector, and whether a single number was given.

    Examples
    --------
    >>> check_alphas(0.5)
    (array([0.5]), True)
    >>> check_alphas([1.0, float("nan")])
    Traceback (most recent call last):
        ...
    ValueError: alphas must be finite and not negative, got nan. Use 0 for no penalty.
    """
    array = as_floats(alphas, name)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(
            f"{name} must be a number or a one-dimensional, non-empty sequence, got {alphas!r}."
        )
    one, array = array.ndim == 0, np.atleast_1d(array)
    if (bad := array[~(np.isfinite(array) & (array >= 0))]).size:
        raise ValueError(
            f"{name} must be finite and not negative, got {bad[0]}. Use 0 for no penalty."
        )
    return array, one


def check_offset(offset, X, n_classes=1):
    """What is added to the raw predictions, as a float64 vector; None stays None.

    A number stands for the same offset in every row. Of ``n_classes`` > 1 each has its own, in an
    array of shape (n_samples, n_classes).

    Examples
    --------
    >>> check_offset([1, 2], [[0.5], [0.7]])
    array([1., 2.])
    """
    if offset is None:
        return None
    n_samples = _num_samples(X)
    array = as_floats(offset, "offset")
    if isinstance(offset, numbers.Number) and n_classes == 1:
        array = np.full(n_samples, array)
    assert_all_finite(array, input_name="offset")
    if n_classes > 1 and array.shape != (n_samples, n_classes):
        raise ValueError(
            f"offset must have one number for each row of X and each of the {n_classes} classes, "
            f"shape ({n_samples}, {n_classes}), got shape {array.shape}. One number for each row, "
            "added to the log odds of every class, would change nothing."
        )
    if n_classes == 1 and array.shape != (n_samples,):
        raise ValueError(
            f"offset must have one number for each row of X, shape ({n_samples},), got shape "
            f"{array.shape}."
        )
    return array


def refuse_out_of_range(values: NDArray[Any], name: str) -> None:
    """Raise for finite numbers whose squares are too large for float64, or a column's too small.

    Examples
    --------
    >>> refuse_out_of_range(np.array([[1.0, 1e200]]), "X")
    Traceback (most recent call last):
        ...
    ValueError: X holds 1e+200, whose square is too large for float64. Scale its column down.
    """
    if issparse(values):
        high, low = values.max(axis=0).toarray()[0], values.min(axis=0).toarray()[0]
    else:
        # Mostly sums of squares say enough, in a tenth of the time that extremes take.
        sums = np.einsum("i...,i...->...", values, values).astype(np.float64)
        if ((sums > len(values) / _FAR**2) & (sums < _FAR**2)).all():
            return
        high, low = np.maximum.reduce(values, axis=0), np.minimum.reduce(values, axis=0)
    sizes = np.atleast_1d(np.maximum(high, -low)).astype(np.float64)
    if (largest := sizes.max()) > _FAR:
        raise ValueError(
            f"{name} holds {largest:g}, whose square is too large for float64. Scale "
            f"{'its column' if values.ndim > 1 else 'it'} down."
        )
    small = (sizes > 0) & (sizes < 1 / _FAR)
    if small.any():
        column = small.argmax()
        where = f" in column {column}" if values.ndim > 1 else ""
        raise ValueError(
            f"{name} holds nothing larger than {sizes[column]:g}{where}, whose square is 0 in "
            "float64. Scale it up."
        )


def relative(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights as they are, or over the largest where sums would be beyond float64."""
    return weights if 1 / _FAR < weights.max() < _FAR else weights / weights.max()
