"""Where λ is in a Pipeline, and the steps before the last one, fitted once for every λ."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import _routing_enabled, get_routing_for_object
from sklearn.utils.validation import _get_feature_names

from skreg.estimators._fitting import Fitting
from skreg.estimators._linear import QuadraticApproxLinear
from skreg.estimators._mlp import BaseRegularizedMLP
from skreg.model_selection.job import Declined, attempt

#: What of an estimator a path stands in for.
OWN = ("fit", "score", "predict", "decision_function", "predict_proba", "predict_log_proba")


def last_step(estimator):
    """The last step of a Pipeline; any other estimator itself."""
    while type(estimator) is Pipeline:
        estimator = estimator.steps[-1][1]
    return estimator


def steps_ahead(estimator: Any) -> list[Any]:
    """The steps before the last one, those of Pipelines in Pipelines too; none that do nothing."""
    if type(estimator) is not Pipeline:
        return []
    found = []
    for _, step in estimator.steps[:-1]:
        found += [*steps_ahead(step), *_itself(last_step(step))]
    return found + steps_ahead(estimator.steps[-1][1])


def _itself(step: Any) -> list[Any]:
    return [] if step is None or isinstance(step, str) else [step]


def with_steps(estimator: Any, fitted: Iterator[Any], last: Any) -> Any:
    """The estimator with these in the place of its `steps_ahead`, and this last step."""
    if type(estimator) is not Pipeline:
        return last
    ahead = [(name, _replaced(step, fitted)) for name, step in estimator.steps[:-1]]
    name, step = estimator.steps[-1]
    pipeline = copy.copy(estimator)
    pipeline.steps = [*ahead, (name, with_steps(step, fitted, last))]
    return pipeline


def _replaced(step: Any, fitted: Iterator[Any]) -> Any:
    if type(step) is Pipeline:
        return Pipeline([(name, _replaced(inner, fitted)) for name, inner in step.steps])
    return next(fitted) if _itself(step) else step


def alpha_name(estimator):
    """The name of λ in ``estimator.get_params()``.

    ``alpha`` of the estimator itself, of the last step of a Pipeline, else the only one there is of
    the estimators inside, the outermost first.

    Raises
    ------
    ValueError
        If there is none, or several with equal right.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import QuadraticApproxLasso
    >>> alpha_name(make_pipeline(StandardScaler(), QuadraticApproxLasso()))
    'quadraticapproxlasso__alpha'
    """
    if isinstance(estimator, type):
        raise ValueError(
            f"estimator is the class {estimator.__name__}. Give an instance, "
            f"{estimator.__name__}()."
        )
    names = set(estimator.get_params())
    prefix, last = "", estimator
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        prefix += f"{step}__"
    if prefix + "alpha" in names:
        return prefix + "alpha"
    inside = {name for name in names if name.endswith("__alpha")}
    inside = {name for name in inside if name.startswith(prefix)} or inside
    depth = min((name.count("__") for name in inside), default=0)
    nearest = sorted(name for name in inside if name.count("__") == depth)
    if not nearest:
        raise ValueError(
            f"estimator={estimator!r} has no parameter alpha, which is λ here. Give one that has, "
            "or use GridSearchCV over the parameter that it has instead."
        )
    if len(nearest) > 1:
        raise ValueError(
            f"estimator={estimator!r} has several parameters alpha: {', '.join(nearest)}. Use "
            "GridSearchCV over them, or make the one that is λ that of the last step of a Pipeline."
        )
    return nearest[0]


def is_plain(estimator):
    """Whether the last step sees what `Prefix` makes of the rows, and nothing else.

    Not so for subclasses of Pipeline, which may resample rows, nor where ``transform_input`` sends
    metadata through the earlier steps.
    """
    if not isinstance(estimator, Pipeline):
        return True
    if type(estimator) is not Pipeline or estimator.transform_input is not None:
        return False
    return is_plain(estimator.steps[-1][1])


def is_linear(estimator):
    """Whether (the last step of) the estimator is a linear one of this package."""
    return is_plain(estimator) and isinstance(last_step(estimator), QuadraticApproxLinear)


def is_network(estimator):
    """Whether the (last step of the) estimator is a network of this package."""
    return is_plain(estimator) and isinstance(last_step(estimator), BaseRegularizedMLP)


def has_path(estimator):
    """Whether the (last step of the) estimator finds all λ at once, exactly as one by one.

    Not so for a subclass with a fit, predictions or a score of its own.
    """
    if not is_linear(estimator):
        return False
    bases = type(last_step(estimator)).__mro__
    theirs = takewhile(lambda base: base.__module__.partition(".")[0] != "skreg", bases)
    return not any(name in vars(base) for base in theirs for name in OWN)


def stands_alone(job):
    """Whether the estimator of a `Job` has a path, no Pipeline, and only weights and an offset."""
    estimator, rows = job.estimator, {"sample_weight", "offset"}
    is_alone = last_step(estimator) is estimator and set(job.fit_params) <= rows
    return job.y is not None and is_alone and has_path(estimator)


def refuse_norm_bound(estimator, why):
    """Raise where λ is not what (the last step of) a linear estimator goes by."""
    last = last_step(estimator)
    if is_linear(estimator) and last.norm_bound is not None:
        raise ValueError(
            f"norm_bound={last.norm_bound} of {type(last).__name__} decides λ by itself, and {why}."
            " Leave norm_bound=None, or use GridSearchCV over norm_bound."
        )


def names_out(head, names=None):
    """What the steps of a fitted Pipeline make of the names of columns; None if they do not tell.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> names_out(make_pipeline(PCA(2)).fit(np.eye(3)))
    array(['pca0', 'pca1'], dtype=object)
    """
    if not head.steps:
        return names
    with suppress(Declined):
        return attempt(head.get_feature_names_out, names)
    return None


def path_of(estimator, X, y, alphas=None):
    """`RegularizationPath` of the last step of a Pipeline, on what the others make of the rows."""
    prefix = Prefix(estimator, X, y, {})
    return prefix.named(prefix.last.regularization_path(prefix.rows, y, alphas))


class Prefix:
    """The earlier steps of an estimator that `is_plain`, fitted to rows; none if it is no Pipeline.

    ``last`` is the last step, not fitted, ``rows`` the rows as it sees them, and ``fit_params``
    what its ``fit`` is to be given beside these and y.
    """

    def __init__(self, estimator, X, y, fit_params):
        self.last, self.rows, self.fit_params = clone(estimator), X, fit_params
        self._heads, self._given = [], X
        while type(self.last) is Pipeline:
            whole = self.last
            head, name = whole[:-1], whole.steps[-1][0]
            ahead, self.fit_params = _routed(whole, head, name, self.fit_params)
            if head.steps:
                self.rows = head.fit_transform(self.rows, y, **ahead)
            self._heads.append((whole, head))
            self.last = whole.steps[-1][1]

    def transform(self, X):
        """Other rows as the last step sees them; None where a step fails on them.

        That is for a scorer to complain of that is given the whole estimator: say of a category
        that the training rows did not have.
        """
        try:
            for _, head in self._heads:
                if head.steps:
                    X = attempt(head.transform, X)
        except Declined:
            return None
        return X

    def named(self, path):
        """A path on ``rows``, its features called what the earlier steps make of the names of X."""
        if path.given_names is not None or not self._heads:
            return path
        with suppress(Declined):
            names = attempt(_get_feature_names, self._given)
            for _, head in self._heads:
                names = names_out(head, names)
            if names is not None and len(names) == path.coefs.shape[-1]:
                return replace(path, given_names=names)
        return path

    def whole(self, fitted):
        """The estimator as it was given, with its earlier steps and its last one fitted."""
        for whole, head in reversed(self._heads):
            pipeline = copy.copy(whole)
            pipeline.steps = [*head.steps, (whole.steps[-1][0], fitted)]
            fitted = pipeline
        return fitted


class Training(Fitting):
    """The `Prefix` of an estimator that `is_linear`, and the problem rows pose to its last step."""

    def __init__(self, estimator, X, y, fit_params):
        self.prefix = prefix = Prefix(estimator, X, y, fit_params)
        last, sample = self.sample(prefix.last, prefix.rows, y, **prefix.fit_params)
        super().__init__(last, sample.problem(last.fit_intercept))

    def follow(self, alphas, on_solved=None, enough=0.0):
        """`RegularizationPath` as close at every λ as one fit is, or as is ``enough``."""
        return self.as_path(self.solve_closely(alphas, on_solved, enough), self.prefix.rows)


def _routed(whole, head, name, fit_params):
    """What of ``fit_params`` goes to the earlier steps, and what to the last."""
    last = dict(whole._check_method_params(method="fit", props=fit_params)[name]["fit"])
    if not head.steps or not fit_params:
        return {}, last
    if not _routing_enabled():
        return {k: v for k, v in fit_params.items() if not k.startswith(f"{name}__")}, last
    wanted = get_routing_for_object(head).consumes("fit_transform", fit_params.keys())
    return {key: fit_params[key] for key in wanted}, last
