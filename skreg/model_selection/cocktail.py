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
from sklearn.model_selection import ParameterSampler
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from skreg.model_selection.pipelines import alpha_name, is_network, last_step

Space = Mapping[str, Any] | Sequence[Mapping[str, Any]]

#: λ of L2 around 3/n; of others as dear, about, at the start of a network.
_L2, _L1, _DECOUPLED = (0.3, 100.0), (0.03, 10.0), (15.0, 5000.0)


def cocktail_space(estimator: Any, X: Any) -> list[dict[str, Any]]:
    """What `Cocktail` draws from if nothing else is said, to be read and changed.

    A list of spaces, one for each kind of penalty, as `sklearn.model_selection.ParameterSampler`
    takes it: by the name of a parameter a list of values, or a distribution. They differ in the
    penalty and its λ, which is about 1/n, and share dropout, members of an ensemble, numerical
    embeddings (of a dense X), smoothing of labels, early stopping, the learning rate and the widths
    of layers.

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
    [['l2'], ['l2'], ['elasticnet'], ['group']]
    >>> space[0]["dropout"], space[0]["n_members"]
    ([0.0, 0.1, 0.2, 0.4], [1, 1, 8])
    """
    n, prefix = _num_samples(X), alpha_name(estimator).removesuffix("alpha")
    bins = {} if issparse(X) else {"numerical_embedding": [None, "piecewise_linear"]}
    common: dict[str, Any] = {
        "dropout": [0.0, 0.1, 0.2, 0.4],
        "n_members": [1, 1, 8],
        "early_stopping": [False, False, True],
        "learning_rate_init": loguniform(0.003, 0.02),
        "hidden_layer_sizes": [(128, 64), (256, 128), (256,)],
    }
    if is_classifier(estimator):
        common["label_smoothing"] = [0.0, 0.0, 0.05, 0.1]

    def of(limits, more):
        low, high = limits
        space = {"alpha": loguniform(low / n, high / n)} | common | more
        return {prefix + name: values for name, values in space.items()}

    return [
        of(_L2, {"penalty": ["l2"], "weight_decay": ["coupled"]} | bins),
        of(_DECOUPLED, {"penalty": ["l2"], "weight_decay": ["decoupled"]} | bins),
        of(_L1, {"penalty": ["elasticnet"], "l1_ratio": [0.5, 0.9]} | bins),
        of(_L1, {"penalty": ["group"], "groups": ["inputs"]}),
    ]


@dataclass
class Cocktail:
    """Random choices of regularizers, for `PathSearchCV`: which of them, and how strong.

    The first candidate is the estimator as it is. All train for a ninth of their epochs, the better
    third goes on for three times as many, and a third of that to the end: for each split a quarter
    as many whole fits as there are candidates, about.

    Parameters
    ----------
    n_candidates : int, default=40
        How many are drawn.
    time_budget : float or None, default=None
        Seconds in which training should end, but for the last fit to all rows. New candidates are
        begun while the first rung has time, at most ``n_candidates`` and at least three; how many
        it were depends on the machine, and giving this number as ``n_candidates`` repeats them.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates. The networks have a ``random_state`` of their own.
    space : None, dict or list of dict, default=None
        By the name of a parameter of the network (in a Pipeline with the name of the step) a list
        of values or a distribution of `scipy.stats`; of several dicts each is as likely. None is
        `cocktail_space`.

    References
    ----------
    A. Kadra, M. Lindauer, F. Hutter, J. Grabocka (2021), "Well-tuned simple nets excel on tabular
    datasets". K. Jamieson, A. Talwalkar (2016), "Non-stochastic best arm identification and
    hyperparameter optimization".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import PathSearchCV, RegularizedMLPClassifier
    >>> from skreg.model_selection import Cocktail
    >>> X, y = load_iris(return_X_y=True)
    >>> network = RegularizedMLPClassifier(max_iter=9, random_state=0)
    >>> search = PathSearchCV(network, candidates=Cocktail(9, random_state=0), cv=3).fit(X, y)
    >>> search.cv_results_["n_resources"].tolist().count(9)
    1
    """

    n_candidates: int = 40
    time_budget: float | None = None
    random_state: Any = None
    space: Space | None = None

    def check(self, search: Any) -> None:
        """Raise ValueError where this and other parameters of a search do not go together."""
        if not (isinstance(self.n_candidates, Integral) and self.n_candidates >= 1):
            raise ValueError(
                f"n_candidates={self.n_candidates!r} of Cocktail must be a positive whole number."
            )
        budget = self.time_budget
        if budget is not None and not (isinstance(budget, Real) and budget > 0):
            raise ValueError(
                f"time_budget={budget!r} of Cocktail must be a positive number of seconds, or None."
            )
        if not is_network(search.estimator):
            raise ValueError(
                "candidates rations the epochs of networks of this package, and estimator="
                f"{search.estimator!r} is none. Use RandomizedSearchCV."
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
        _check_names(estimator, [space] if isinstance(space, Mapping) else space)
        name = alpha_name(estimator)
        first: dict[str, Any] = {name: estimator.get_params()[name]}
        if self.n_candidates == 1:
            return [first]
        rng = check_random_state(deepcopy(self.random_state))
        drawn = ParameterSampler(space, int(self.n_candidates) - 1, random_state=rng)
        return [first, *({key: _plain(value) for key, value in one.items()} for one in drawn)]


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
            else f"space names {name!r}, which is no parameter that candidates may differ in."
        )
