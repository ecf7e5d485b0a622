"""Candidates of a search that differ in all that holds a network back."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from scipy.stats import loguniform
from sklearn.base import is_classifier
from sklearn.model_selection import (
    ParameterGrid,
    ParameterSampler,
    RepeatedKFold,
    RepeatedStratifiedKFold,
)
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from skreg.model_selection.pipelines import alpha_name, is_network, last_step

Space = Mapping[str, Any] | Sequence[Mapping[str, Any]]

#: n·λ of L2; of others as dear, about, at the start of a network.
_L2, _L1, _DECOUPLED = (0.3, 100.0), (0.03, 10.0), (15.0, 5000.0)
#: Below so many rows few candidates are all trained to the end.
FEW_ROWS = 1000
#: Candidates of few and of more rows, and how often these are looked at.
_FEW, _MANY, _RUNGS = 12, 40, 3
#: Folds where the search names none, and how often few rows are cut into such.
_FOLDS, _REPEATS = 5, 2


def cocktail_space(estimator: Any, X: Any) -> list[dict[str, Any]]:
    """What `Cocktail` draws from if nothing else is said, to be read and changed.

    A list of spaces, one for each kind of penalty, as `sklearn.model_selection.ParameterSampler`
    takes it: by the name of a parameter a list of values, or a distribution. In half of them
    the network chooses its λ itself; in others λ is drawn, about 1/n. They share dropout, members
    of an ensemble, numerical embeddings (of a dense X), factors of the inputs, the learning rate
    with its schedule, and the widths of layers; from 1000 rows on also groups of inputs, smoothing
    of labels and early stopping, which ask for rows to be held out.

    Parameters
    ----------
    estimator : estimator
        A network of this package, or a Pipeline that ends in one.
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    list of dict

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import RegularizedMLPRegressor
    >>> from skreg.model_selection import cocktail_space
    >>> space = cocktail_space(RegularizedMLPRegressor(), np.zeros((100, 3)))
    >>> [one["penalty"] for one in space]
    [['l2'], ['elasticnet'], ['l2'], ['l2']]
    >>> [one["alpha"] for one in space[:2]]
    [['auto'], ['auto']]
    >>> space[0]["dropout"], space[0]["n_members"]
    ([0.0, 0.1, 0.2, 0.3], [1, 8])
    """
    n, prefix = _num_samples(X), alpha_name(estimator).removesuffix("alpha")
    inputs: dict[str, Any] = {"feature_scaling": [False, False, True]}
    if not issparse(X):
        waves = ["periodic"] * (n >= FEW_ROWS)
        inputs["numerical_embedding"] = [None, "piecewise_linear", *waves]
    common: dict[str, Any] = {
        "dropout": [0.0, 0.1, 0.2, 0.3],
        "n_members": [1, 8],
        "learning_rate": ["one_cycle", "one_cycle", "flat_cosine"],
        "learning_rate_init": loguniform(0.003, 0.02),
        "hidden_layer_sizes": [(128, 64), (256, 128)],
    }
    if n >= FEW_ROWS:
        # All epochs are run, and the best one comes back.
        common |= {"early_stopping": [False, False, True], "n_iter_no_change": [np.inf]}
        if is_classifier(estimator):
            common["label_smoothing"] = [0.0, 0.0, 0.05]

    def of(penalty, limits=None, **more):
        alpha = ["auto"] if limits is None else loguniform(limits[0] / n, limits[1] / n)
        space = {"alpha": alpha, "penalty": [penalty]} | common | more
        return {prefix + name: values for name, values in space.items()}

    spaces = [
        of("l2", **inputs),
        of("elasticnet", **inputs),
        of("l2", _L2, **inputs),
        of("l2", _DECOUPLED, weight_decay=["decoupled"], **inputs),
    ]
    if n < FEW_ROWS:
        return spaces
    l1 = {"l1_ratio": [0.5, 0.9]}
    return [*spaces, of("elasticnet", _L1, **l1, **inputs), of("group", _L1, groups=["inputs"])]


@dataclass
class Cocktail:
    """Random choices of regularizers, for `PathSearchCV`: which of them, and how strong.

    The first candidate is the estimator as it is, and all others are compared with it split by
    split. It is left for the candidate whose mean gain less its standard error is largest, if that
    is above 0: rows too few to tell candidates apart leave things as they are. ``cv_results_`` has
    ``mean_gain_score`` and ``std_error_gain_score``. A single split has no standard error: there
    the best candidate is chosen.

    Below 1000 rows all candidates are trained to the end. From there on they train for a ninth of
    their epochs, the better third goes on for three times as many, and a third of that to the end,
    beside the first: for each split about a quarter as many whole fits as there are candidates.

    Parameters
    ----------
    n_candidates : int or "auto", default="auto"
        How many there are, at most all that a space of lists holds: "auto" is 12 below 1000 rows,
        else 40.
    time_budget : float or None, default=None
        Seconds in which training should end, but for the last fit to all rows. New candidates are
        begun while the first rung has time, at most ``n_candidates`` and at least three; how many
        it were depends on the machine, and giving this number as ``n_candidates`` repeats them.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates, and the folds: where the search has ``cv=None``, 1000 rows and more
        are cut into five folds once, and fewer twice. The networks have a ``random_state`` of their
        own.
    space : None, dict or list of dict, default=None
        By the name of a parameter of the network (in a Pipeline with the name of the step) a list
        of values or a distribution of `scipy.stats`; of several dicts each is as likely. None is
        `cocktail_space`.

    References
    ----------
    A. Kadra, M. Lindauer, F. Hutter, J. Grabocka (2021), "Well-tuned simple nets excel on tabular
    datasets". K. Jamieson, A. Talwalkar (2016), "Non-stochastic best arm identification and
    hyperparameter optimization". C. Nadeau, Y. Bengio (2003), "Inference for the generalization
    error".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import PathSearchCV, RegularizedMLPClassifier
    >>> from skreg.model_selection import Cocktail
    >>> X, y = load_iris(return_X_y=True)
    >>> network = RegularizedMLPClassifier(max_iter=9, random_state=0)
    >>> search = PathSearchCV(network, candidates=Cocktail(9, random_state=0), cv=3).fit(X, y)
    >>> search.cv_results_["std_error_gain_score"][0], len(search.cv_results_["params"])
    (np.float64(0.0), 9)
    """

    n_candidates: int | str = "auto"
    time_budget: float | None = None
    random_state: Any = None
    space: Space | None = None

    def check(self, search: Any) -> None:
        """Raise ValueError where this and other parameters of a search do not go together."""
        n = self.n_candidates
        if not (n == "auto" if isinstance(n, str) else isinstance(n, Integral) and n >= 1):
            raise ValueError(
                f'n_candidates={n!r} of Cocktail must be a positive whole number, or "auto".'
            )
        budget = self.time_budget
        if budget is not None and not (isinstance(budget, Real) and budget > 0):
            raise ValueError(
                f"time_budget={budget!r} of Cocktail must be a positive number of seconds, or None."
            )
        if not is_network(search.estimator):
            raise ValueError(
                "candidates are networks of this package, and estimator="
                f"{search.estimator!r} does not end in one. Use RandomizedSearchCV."
            )
        solver = last_step(search.estimator).solver
        if self.space is None and solver == "lbfgs":
            raise ValueError(
                "solver='lbfgs' takes no dropout, members or schedules, which Cocktail draws. Use "
                "solver='adam' or solver='sgd', or give Cocktail a space of its own."
            )
        unfit = {
            "alphas": not (isinstance(search.alphas, str) and search.alphas == "auto"),
            "param_grid": search.param_grid is not None,
            "selection": search.selection != "best",
            "cv": isinstance(search.cv, str) and search.cv in ("loo", "gcv"),
        }
        for name, is_so in unfit.items():
            if is_so:
                raise ValueError(
                    f"{name}={getattr(search, name)!r} does not go with candidates, which have "
                    f"their own λ and are judged by splits. Leave {name} as it comes."
                )

    def draw(self, estimator: Any, X: Any) -> list[dict[str, Any]]:
        """Parameters of the candidates; the first is the estimator itself."""
        space = cocktail_space(estimator, X) if self.space is None else self.space
        spaces = [space] if isinstance(space, Mapping) else space
        _check_names(estimator, spaces)
        name = alpha_name(estimator)
        first: dict[str, Any] = {name: estimator.get_params()[name]}
        n = self.n_candidates
        n = (_FEW if _num_samples(X) < FEW_ROWS else _MANY) if isinstance(n, str) else int(n)
        if n == 1:
            return [first]
        if all(isinstance(values, Sequence) for one in spaces for values in one.values()):
            n = min(n, 1 + len(ParameterGrid(space)))
        drawn = ParameterSampler(space, n - 1, random_state=self._rng())
        return [first, *({key: _plain(value) for key, value in one.items()} for one in drawn)]

    def limits(self, X: Any) -> dict[str, float | None]:
        """Of the `Job`: seconds, and how often candidates are looked at."""
        n_rungs = 1 if _num_samples(X) < FEW_ROWS else _RUNGS
        return {"time_budget": self.time_budget, "n_rungs": n_rungs}

    def folds(self, y: Any, has_labels: bool) -> RepeatedKFold | RepeatedStratifiedKFold:
        """Splits where the search names none."""
        by_class = has_labels and type_of_target(y) in ("binary", "multiclass")
        make = RepeatedStratifiedKFold if by_class else RepeatedKFold
        n_repeats = _REPEATS if _num_samples(y) < FEW_ROWS else 1
        return make(n_splits=_FOLDS, n_repeats=n_repeats, random_state=self._rng())

    def _rng(self) -> np.random.RandomState:
        return check_random_state(deepcopy(self.random_state))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check_names(estimator: Any, spaces: Sequence[Mapping[str, Any]]) -> None:
    prefix = alpha_name(estimator).removesuffix("alpha")
    names = {prefix + name for name in last_step(estimator).get_params()} - {prefix + "max_iter"}
    for name in (name for space in spaces for name in space if name not in names):
        raise ValueError(
            f"space names {name!r}, which is no parameter of the network that candidates may "
            f"differ in. Those begin with {prefix!r}, such as {prefix + 'dropout'!r}."
            if prefix
            else f"space names {name!r}, which is no parameter of the network that candidates may "
            "differ in. cocktail_space(estimator, X) shows such a space."
        )
