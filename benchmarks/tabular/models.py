"""What is compared on the tables: by name, a function of the training part and of the test's X.

Each gives (predictions, processor seconds of ``fit``): probabilities in the order of sorted
classes, or numbers. Every choice that a model makes, it makes on the training part.
"""

import os
import time
import warnings
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.tabular import elsewhere

LARGE = 10_000  # rows of a table
#: Contenders of pytabkit, whose fits may take hours: processor seconds allowed to one.
BUDGETS = {"RealMLP": 3600, "CatBoost": 3600, "TabM": 600}


class Task(NamedTuple):
    """One fit: a training part, what it is judged on, and the seed of both split and model."""

    X: object
    y: object
    X_test: object
    is_class: bool
    seed: int
    large: bool


def pipeline(model, numbers=None):
    """Standardized numbers (or ``numbers`` of them) and one-hot categories, then the model."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    return make_pipeline(
        make_column_transformer(
            (numbers or StandardScaler(), make_column_selector(dtype_include="number")),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ),
        model,
    )


def scoring(is_class):
    return "neg_log_loss" if is_class else "neg_root_mean_squared_error"


def inner_folds(task):
    """Three folds; of a large table's training part, a fifth held out once."""
    from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

    if task.large:
        make = StratifiedShuffleSplit if task.is_class else ShuffleSplit
        return make(1, test_size=0.2, random_state=task.seed)
    make = StratifiedKFold if task.is_class else KFold
    return make(3, shuffle=True, random_state=task.seed)


def _ours(task, numbers=None, **parameters):
    from skreg import RegularizedMLPClassifier, RegularizedMLPRegressor

    make = RegularizedMLPClassifier if task.is_class else RegularizedMLPRegressor
    return pipeline(make(random_state=task.seed, **parameters), numbers)


def _ours_encoded(task):
    """As it comes, each number also by how far it has come through bins."""
    from sklearn.pipeline import make_union
    from sklearn.preprocessing import StandardScaler

    from skreg.preprocessing import PiecewiseLinearEncoder

    return _ours(task, make_union(StandardScaler(), PiecewiseLinearEncoder()))


def _ours_tuned(task):
    from skreg import PathSearchCV

    return PathSearchCV(_ours(task), cv=inner_folds(task), scoring=scoring(task.is_class))


def _ours_cocktail(task):
    """Which regularizers; of a large table's training part, by three folds."""
    from skreg import PathSearchCV
    from skreg.model_selection import Cocktail

    return PathSearchCV(
        _ours(task),
        candidates=Cocktail(random_state=task.seed),
        cv=3 if task.large else None,
        scoring=scoring(task.is_class),
    )


def _network(task):
    """scikit-learn's; its regressor needs targets of unit scale."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    if task.is_class:
        return pipeline(MLPClassifier(random_state=task.seed))
    model = pipeline(MLPRegressor(random_state=task.seed))
    return TransformedTargetRegressor(model, transformer=StandardScaler())


def _network_tuned(task):
    from sklearn.model_selection import GridSearchCV

    name = "mlpclassifier__alpha" if task.is_class else "regressor__mlpregressor__alpha"
    return GridSearchCV(
        _network(task),
        {name: np.logspace(-4, 1, 6)},
        cv=inner_folds(task),
        scoring=scoring(task.is_class),
    )


def _linear(task):
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV

    if not task.is_class:
        return pipeline(RidgeCV(np.logspace(-4, 4, 50)))
    model = LogisticRegressionCV(
        Cs=10,
        cv=inner_folds(task),
        scoring="neg_log_loss",
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    return pipeline(model)


def _trees(task):
    """Categories as categories, which trees split by themselves."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    make = HistGradientBoostingClassifier if task.is_class else HistGradientBoostingRegressor
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    others = make_column_selector(dtype_exclude="number")
    columns = make_column_transformer((codes, others), remainder="passthrough")
    n_categorical = len(others(task.X))
    model = make(random_state=task.seed, categorical_features=list(range(n_categorical)))
    return make_pipeline(columns, model)


def _here(make, task):
    from threadpoolctl import threadpool_limits

    model = make(task)
    # One thread: processor seconds are then those of the fit, whatever else goes on.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        start = time.process_time()
        model.fit(task.X, task.y)
        seconds = time.process_time() - start
        found = (model.predict_proba if task.is_class else model.predict)(task.X_test)
    return found, seconds


def _other_python(name, task):
    return elsewhere.fitted(
        name, task.X, task.y, task.X_test, task.is_class, task.seed, BUDGETS[name]
    )


#: What is compared; the first are ours.
CONTENDERS = {
    "skreg": partial(_here, _ours),
    "skreg encoded": partial(_here, _ours_encoded),
    "skreg, 16 members": partial(_here, partial(_ours, n_members=16)),
    "skreg, 16 members, bins": partial(
        _here, partial(_ours, n_members=16, numerical_embedding="piecewise_linear")
    ),
    "skreg tuned": partial(_here, _ours_tuned),
    "skreg, cocktail": partial(_here, _ours_cocktail),
    **{name: partial(_other_python, name) for name in BUDGETS},
    "HistGradientBoosting": partial(_here, _trees),
    "scikit-learn MLP": partial(_here, _network),
    "scikit-learn MLP tuned": partial(_here, _network_tuned),
    "linear": partial(_here, _linear),
}


def available():
    """Names of contenders that can run: those of pytabkit where an interpreter is named."""
    found = os.environ.get("PYTABKIT_PYTHON") and elsewhere.versions()
    return [name for name in CONTENDERS if found or name not in BUDGETS]
