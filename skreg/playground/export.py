"""The model shown, as Python that makes it again."""

import pprint


def as_python(run, table=None):
    """Python source that trains the network of a run, to the same weights.

    Parameters
    ----------
    run : Run
    table : Table or None
        Where the data are from a file: it is read from where the program runs.

    Returns
    -------
    str
        It leaves ``model``, ``X_train, y_train, X_test, y_test``.
    """
    state, data = run.state, run.data
    kind, score = "RegularizedMLPClassifier", "accuracy"
    if data.is_regression:
        kind, score = "RegularizedMLPRegressor", "R²"
    imports, made, rows = [], "PlaygroundFeatures, make_playground", _problem_lines(state)
    if state.data == "csv":
        imports, made = ["import pandas as pd"], "PlaygroundFeatures"
        rows = _table_lines(state, data, table)
    return "\n".join(
        [
            "import numpy as np",
            *imports,
            "",
            f"from skreg import {kind}",
            f"from skreg.datasets import {made}",
            "",
            *rows,
            f"X = PlaygroundFeatures({state.features!r}).fit_transform(plane)",
            f"X_train, y_train = X[:{data.n_train}], y[:{data.n_train}]",
            f"X_test, y_test = X[{data.n_train}:], y[{data.n_train}:]",
            "",
            *_training_lines(run, kind),
            "",
            f"print(model.score(X_test, y_test))  # {score} on the test rows",
            "",
        ]
    )


def _problem_lines(state):
    problem = f"{state.data!r}, noise={state.noise!r}, random_state={state.seed}"
    return [f"plane, y = make_playground({problem})"]


def _table_lines(state, data, table):
    names = [state.x1_column, state.x2_column, state.y_column]
    lines = [
        f"frame = pd.read_csv({table.name!r})[{names!r}]",
        "frame = frame.replace([np.inf, -np.inf], np.nan).dropna()",
        f"frame = frame.sample(frac=1, random_state={state.seed})",
        f"inputs, target = frame[{names[:2]!r}].astype(float), frame[{names[2]!r}]",
        "plane = (10 * (inputs - inputs.min()) / (inputs.max() - inputs.min()) - 5).to_numpy()",
    ]
    if data.is_regression:
        return [
            *lines,
            "y = target.to_numpy(float)",
            "y = 2 * (y - y.min()) / (y.max() - y.min()) - 1",
        ]
    return [*lines, "y = np.where(target == sorted(target.unique())[1], 1, -1)"]


def _training_lines(run, kind):
    first, *later = run.segments or [[run.parameters, 0]]
    usual = type(run.model)().get_params()
    given = first[0] | dict(random_state=run.state.start, warm_start=True)
    arguments = [f"    {name}={value!r}," for name, value in given.items() if value != usual[name]]
    lines = [
        "# warm_start: every fit goes on where the last one ended, for max_iter epochs.",
        f"model = {kind}(",
        *arguments,
        "    n_iter_no_change=np.inf,",
        ")",
    ]
    if not run.segments:
        return [*lines, "# Not trained yet: one epoch.", "model.set_params(max_iter=1)", _FIT]
    lines += [f"model.set_params(max_iter={first[1]})", _FIT]
    before = first[0]
    for parameters, n_epochs in later:
        changed = {key: value for key, value in parameters.items() if before.get(key) != value}
        before = before | parameters
        call = pprint.pformat(changed | dict(max_iter=n_epochs), sort_dicts=False, width=80)
        lines += [f"model.set_params(**{call})", _FIT]
    return lines


_FIT = "model.fit(X_train, y_train)"
