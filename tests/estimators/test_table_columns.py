"""A column of a table that holds no numbers is named, with what to do about it."""

import numpy as np
import pandas as pd
import pytest

from skreg import (
    Chunks,
    PathSearchCV,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    RegularizedMLPClassifier,
)
from skreg.preprocessing import PiecewiseLinearEncoder, RobustClipScaler

SIZE = np.random.default_rng(0).standard_normal(30)
KIND = np.resize(["flat", "house"], 30)
Y = np.resize([0, 1, 1], 30)
NETWORK = RegularizedMLPClassifier((2,), alpha=0.1, max_iter=2, random_state=0)
MODELS = [
    QuadraticApproxRidge(),
    QuadraticApproxLassoClassifier(),
    NETWORK,
    PiecewiseLinearEncoder(),
    RobustClipScaler(),
]
KINDS = {
    "text": list(KIND),
    "category": pd.Categorical(KIND),
    "late": [*np.arange(29.0), "flat"],
    "string": pd.array(KIND, dtype="string"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_column_of_text_is_named_with_its_value(model, kind):
    table = pd.DataFrame({"size": SIZE, "kind": KINDS[kind]})
    row = 29 if kind == "late" else 0
    told = (
        f"column 'kind' of X holds 'flat' in row {row}, and {type(model).__name__} takes .*OneHot"
    )
    with pytest.raises(ValueError, match=told):
        model.fit(table, Y)
    with pytest.raises(ValueError, match=told.replace("'kind'", "1")):
        model.fit(table.to_numpy(dtype=object), Y)


def test_dates_and_text_in_new_rows_are_named():
    table = pd.DataFrame({"size": SIZE, "day": np.arange(30)})
    model = QuadraticApproxRidge().fit(table, Y)
    dates = table.assign(day=pd.date_range("2020", periods=30))
    with pytest.raises(ValueError, match=r"column 'day' of X holds '2020-01-01.*a unit of your"):
        model.predict(dates)
    with pytest.raises(ValueError, match="column 'day' of X holds 'x' in row 0"):
        model.predict(table.assign(day="x"))


def test_numbers_in_text_and_missing_numbers_are_no_text():
    table = pd.DataFrame({"size": SIZE, "kind": [str(i) for i in range(30)]})
    numbers = table.astype(float)
    got = QuadraticApproxRidge().fit(table, Y).coef_
    np.testing.assert_array_equal(got, QuadraticApproxRidge().fit(numbers, Y).coef_)
    table = pd.DataFrame({"size": [None, *SIZE[1:]]}, dtype=object)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        QuadraticApproxRidge().fit(table, Y)


@pytest.mark.parametrize("kinds", [list(KIND), pd.Categorical(KIND), np.resize([3, 4], 30)])
def test_categories_of_chunks_are_told_of_with_the_remedy(kinds):
    table = pd.DataFrame({"size": SIZE, "kind": kinds, "y": Y})
    declared = {"kind": sorted(set(kinds))}
    chunks = Chunks(table, "y", categories=declared)
    rows = table.drop(columns="y")
    search = PathSearchCV(QuadraticApproxRidge(), [0.1, 1.0], cv=2).fit(chunks)
    for model in (QuadraticApproxRidge().fit(chunks), search, NETWORK.fit(chunks)):
        with pytest.raises(ValueError, match=r"a feature for each .* such as 'kind_.*\['kind'\]"):
            model.predict(rows)
        names = model.feature_names_in_
        features = pd.get_dummies(rows, columns=["kind"]).reindex(columns=names, fill_value=0)
        assert model.predict(features).shape == (30,)
