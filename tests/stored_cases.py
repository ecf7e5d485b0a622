"""Fitted objects of every kind that is saved, small ones."""

import warnings

import numpy as np
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skreg import (
    Moments,
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
    QuadraticModel,
    RegularizedMLPClassifier,
    RegularizedMLPRegressor,
)
from skreg.losses import Huber
from skreg.penalties import MCP
from skreg.preprocessing import PiecewiseLinearEncoder, RobustClipScaler

_rng = np.random.default_rng(0)
X = _rng.normal(size=(60, 4))
Y = X[:, :2] @ [[2.0, 0.0], [1.0, -1.0]] + 0.1 * _rng.normal(size=(60, 2))
y = Y[:, 0]
counts = np.round(np.exp(0.3 * y)) + 1.0
labels = np.array(["no", "yes"])[(y > 0).astype(int)]
three = np.digitize(y, [-1.0, 1.0])


def small(kind, **parameters):
    parameters = {"max_iter": 3, "random_state": 0, "alpha": 0.01} | parameters
    return kind((4,), **parameters)


def _table(rows=X):
    import pandas as pd

    table = pd.DataFrame(rows[:, :2], columns=["a", "b"])
    table.loc[::9, "a"] = np.nan
    table["color"] = np.array(["red", "green", "blue"], dtype=object)[np.arange(len(rows)) % 3]
    return table


def _pipeline():
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["a", "b"]),
        (OneHotEncoder(handle_unknown="ignore"), ["color"]),
    )
    return make_pipeline(columns, QuadraticApproxLassoClassifier(0.01))


#: By name: what makes it, and what is predicted for (None: nothing).
CASES = {
    "ridge": lambda: QuadraticApproxRidge(0.1).fit(X, y),
    "ridge of two targets": lambda: QuadraticApproxRidge(0.1).fit(X, Y),
    "ridge with its quadratic": lambda: QuadraticApproxRidge(0.1, store_quadratic=True).fit(X, y),
    "ridge that chose": lambda: QuadraticApproxRidge("auto").fit(X, y),
    "ridge of counts": lambda: QuadraticApproxRidge(0.1, loss="poisson").fit(X, counts),
    "lasso": lambda: QuadraticApproxLasso(0.1).fit(X, y),
    "lasso of float32": lambda: QuadraticApproxLasso(0.1).fit(X.astype(np.float32), y),
    "lasso with a penalty object": lambda: QuadraticApproxLasso(0.1, penalty=MCP(2.5)).fit(X, y),
    "lasso with a loss object": lambda: QuadraticApproxLasso(0.1, loss=Huber(2.0)).fit(X, y),
    "group lasso": lambda: QuadraticApproxLasso(0.1, groups=[[0, 1], [2, 3]]).fit(X, y),
    "ridge of classes": lambda: QuadraticApproxRidgeClassifier(0.1).fit(X, three),
    "lasso of classes": lambda: QuadraticApproxLassoClassifier(0.02).fit(X, labels),
    "network of classes": lambda: small(RegularizedMLPClassifier).fit(X, labels),
    "network of label sets": lambda: small(RegularizedMLPClassifier).fit(X, (Y > 0).astype(int)),
    "network of numbers": lambda: small(RegularizedMLPRegressor).fit(X, Y),
    "network that chose": lambda: small(
        RegularizedMLPRegressor, alpha="auto", early_stopping=True, dropout=0.1
    ).fit(X, y),
    "network of counts": lambda: small(RegularizedMLPRegressor, loss="poisson").fit(X, counts),
    "network by lbfgs": lambda: small(
        RegularizedMLPClassifier, solver="lbfgs", penalty="l1", activation="tanh"
    ).fit(X, three),
    "sparse network": lambda: small(
        RegularizedMLPClassifier, penalty="group", groups="inputs", alpha=0.3, max_iter=20
    ).fit(X, three).compress(),
    "network in parts": lambda: small(RegularizedMLPClassifier).partial_fit(
        X, three, classes=[0, 1, 2]
    ),
    "network of members": lambda: small(RegularizedMLPClassifier, n_members=3).fit(X, three),
    "network of embedded numbers": lambda: small(
        RegularizedMLPRegressor, numerical_embedding="piecewise_linear"
    ).fit(X, y),
    "network of waves": lambda: small(
        RegularizedMLPClassifier, numerical_embedding="periodic", n_members=2
    ).fit(X, three),
    "network of far columns": lambda: small(RegularizedMLPRegressor).fit(X * 1e6 + 1e9, y),
    "search": lambda: PathSearchCV(QuadraticApproxLasso(), cv=3, alphas=5).fit(X, y),
    "search by a criterion": lambda: PathSearchCV(
        QuadraticApproxRidge(), cv="loo", alphas=5
    ).fit(X, y),
    "search of several scores": lambda: PathSearchCV(
        QuadraticApproxRidgeClassifier(), cv=3, alphas=[0.1, 1.0], refit="accuracy",
        scoring=["accuracy", "neg_log_loss"],
    ).fit(X, labels),
    "search of a pipeline": lambda: PathSearchCV(
        make_pipeline(RobustClipScaler(), small(RegularizedMLPRegressor)), cv=2, alphas=[0.1, 0.01]
    ).fit(X, y),
    "pipeline": lambda: _pipeline().fit(_table(), labels),
    "encoder": lambda: make_pipeline(
        PiecewiseLinearEncoder(), QuadraticApproxRidge(0.1)
    ).fit(X, y),
    "logarithm of targets": lambda: TransformedTargetRegressor(
        QuadraticApproxRidge(0.1), func=np.log, inverse_func=np.exp
    ).fit(X, counts),
    "path": lambda: QuadraticApproxLasso().regularization_path(X, y, [0.3, 0.1]),
    "path of a loss": lambda: QuadraticApproxRidge(loss="huber").regularization_path(
        X, y, [0.3, 0.1]
    ),
    "path of classes": lambda: QuadraticApproxRidgeClassifier().regularization_path(
        X, three, [0.3, 0.1]
    ),
    "path of networks": lambda: small(RegularizedMLPRegressor).regularization_path(
        X, y, [0.1, 0.01]
    ),
    "moments": lambda: Moments.from_rows(_table()[["b"]], y),
    "quadratic": lambda: QuadraticModel.from_data(X, y),
}  # fmt: skip


def made(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "X has columns on scales")
        return CASES[name]()


def _rows_for(name, rows):
    """What the case predicts, made of these rows."""
    if name == "pipeline":
        return _table(rows)
    if name == "network of far columns":
        return rows * 1e6 + 1e9
    return rows.astype(np.float32) if name == "lasso of float32" else rows


def answers(name, model, rows=X):
    """What the model says of these rows, by method."""
    if name == "moments":
        return {field: getattr(model, field) for field in ("x_mean", "xx", "xy", "yy", "n_rows")}
    if name == "quadratic":
        return {"ridge": model.ridge([0.1, 1.0]), "lasso": model.lasso(0.1)}
    asked = [
        name for name in ("predict", "predict_proba", "decision_function") if hasattr(model, name)
    ]
    if name == "path of networks":
        asked = ["predict"]
    elif name.startswith("path"):
        asked = asked if "classes" in name else ["predict"]
    return {method: np.asarray(getattr(model, method)(_rows_for(name, rows))) for method in asked}
