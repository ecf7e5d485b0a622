"""Kinds of columns, and what becomes of them."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skreg.cli.columns import MAX_TEXT_VALUES, column_kind
from skreg.cli.dates import date_features
from skreg.cli.preprocessing import RARE_LEVEL, as_numbers, build_preprocessor, plain_names


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "number"),
        ([0.5, None, 2.0], "number"),
        (pd.array([1, None, 3], dtype="Int64"), "number"),
        ([Decimal("1.5"), None, Decimal("2.5")], "number"),
        ([True, False], "category"),
        ([True, False, None], "category"),
        (pd.array([True, None, False], dtype="boolean"), "category"),
        (["red", "green", None], "category"),
        (pd.Categorical(["a", "b"]), "category"),
        (["2024-01-31", None, "2024-02-01"], "date"),
        (["2024/01/31 12:30", "2024/02/01 08:00"], "date"),
        (["2024-01-31T12:30:00Z", "2024-02-01T12:30:00+02:00"], "date"),
        (pd.to_datetime(["2024-01-31", "2025-01-31"]), "date"),
        (["31.01.2024", "01.02.2024"], "date"),
        (["01/31/2024", None, "1/2/2024"], "date"),
        (["03.01.2024", "01.02.2024"], "date"),
        (["15-Mar-21", "2-Apr-21"], "date"),
        (["March 15, 2021", "April 1, 2021"], "date"),
        (["3/15/21 2:30 PM", "4/1/21 11:05 AM"], "date"),
        (["2021-03", "2021-04"], "date"),
        (list(range(20210301, 20210321)), "date"),
        (["192.168.1.1", "10.0.0.1"], "category"),
        (["31.01.2024", "01.31.2024"], "category"),
        (["51,300", "1,048.5", None], "number"),
        (["26.0%", "3 %", "-$1"], "number"),
        (["12", "07"], "category"),
        (["1,2", "3,4"], "number"),
        (["1.200,50 €", "7 €"], "number"),
        (["(1,200)", "USD 5", "1'000"], "number"),
        (["ABC 12", "ABC 7"], "category"),
        (["2024-01-31", "2024-13-77"], "category"),
        ([5, 5, 5], "constant"),
        ([None, None], "constant"),
        ([5, None], "number"),
        ([f"name {i}" for i in range(MAX_TEXT_VALUES + 1)], "text"),
        ([f"name {i}" for i in range(MAX_TEXT_VALUES + 1)] * 3, "category"),
        ([timedelta(days=1), timedelta(days=2)], "unusable"),
        ([1j, 2j], "unusable"),
        ([[1], [2]], "unusable"),
    ],
)
def test_kinds(values, kind):
    assert column_kind(pd.Series(values)) == kind


def transformed(train, new=None):
    preprocessor, _ = build_preprocessor(train)
    return preprocessor.fit(train).transform(train if new is None else new)


def test_numbers_are_imputed_scaled_and_flagged():
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0, np.inf, 8.0]})
    scaled, flag = transformed(frame).T
    filled = np.array([1.0, 3.0, 3.0, 3.0, 8.0])  # the median of 1, 3 and 8
    np.testing.assert_allclose(scaled, (filled - filled.mean()) / filled.std())
    assert len(set(flag[[1, 3]])) == len(set(flag[[0, 2, 4]])) == 1
    assert flag[1] > flag[0]


@pytest.mark.parametrize(
    "values", [pd.array([1, None, 4], dtype="Int64"), [Decimal(1), None, Decimal(4)]]
)
def test_numbers_of_other_types_are_numbers(values):
    plain = pd.DataFrame({"x": [1.0, np.nan, 4.0]})
    np.testing.assert_allclose(transformed(pd.DataFrame({"x": values})), transformed(plain))


def test_a_missing_category_is_a_level_of_its_own():
    frame = pd.DataFrame({"x": ["a"] * 5 + ["b"] * 5 + [None] * 5})
    columns = transformed(frame)
    assert columns.shape == (15, 3)
    np.testing.assert_array_equal(columns.sum(axis=1), 1)
    assert {tuple(row) for row in columns[10:]}.isdisjoint(tuple(row) for row in columns[:10])


def test_rare_and_unknown_levels_are_pooled():
    rare = [f"rare {i}" for i in range(3)]
    frame = pd.DataFrame({"x": ["a"] * RARE_LEVEL + ["b"] * RARE_LEVEL + rare})
    columns = transformed(frame)
    assert columns.shape[1] == 3
    np.testing.assert_array_equal(columns[-1], columns[-2])
    unknown = transformed(frame, pd.DataFrame({"x": ["never seen", None]}))
    np.testing.assert_array_equal(unknown, columns[-2:])


def test_booleans_read_back_as_text_are_the_same_levels():
    train = pd.DataFrame({"x": [True] * 5 + [False] * 5})
    with_gap = pd.DataFrame({"x": pd.Series([True, False, None], dtype=object)})
    columns = transformed(train, with_gap)
    np.testing.assert_array_equal(columns[0], transformed(train)[0])
    np.testing.assert_array_equal(columns[1], transformed(train)[-1])
    np.testing.assert_array_equal(columns[2], 0)


def test_written_numbers_and_dates_are_what_they_say():
    X = pd.DataFrame({
        "size": ["51,300", None, "$48,700.5", "-1", "2e3", "word"],
        "day": ["9/30/2018", "1/2/2019", None, "12/1/2020", "2/2/2021", "x"],
    })  # fmt: skip
    np.testing.assert_array_equal(
        as_numbers(X[["size"]])["size"], [51300.0, np.nan, 48700.5, -1.0, 2000.0, np.nan]
    )
    iso = pd.DataFrame({"day": ["2018-09-30", "2019-01-02", None, "2020-12-01", "2021-02-02", "x"]})
    np.testing.assert_array_equal(
        date_features(X[["day"]], formats={"day": "%m/%d/%Y"}), date_features(iso)
    )
    preprocessor, kinds = build_preprocessor(X.iloc[:4])
    assert kinds == {"number": ["size"], "date": ["day"]}
    assert np.isfinite(preprocessor.fit(X.iloc[:4]).transform(X)).all()


def test_numbers_that_overflow_are_missing():
    frame = as_numbers(pd.DataFrame({"a": [1.0, 1e300, -np.inf, 1e150]}))
    np.testing.assert_array_equal(frame["a"], [1.0, np.nan, np.nan, 1e150])


def test_dates_become_elapsed_days_and_seasons():
    dates = pd.DataFrame({"d": ["1970-01-01", "1970-01-08", "1971-01-01 12:00", None]})
    features = date_features(dates)
    np.testing.assert_allclose(features[:3, 0], [0, 7, 365.5])
    np.testing.assert_allclose(features[0, 1:], [0, 1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(features[1, 3:], [0, 1], atol=1e-12)  # a week later
    np.testing.assert_allclose(features[2, 1:3], [0, 1], atol=0.01)  # a year later
    assert np.isnan(features[3]).all()
    as_dates = dates.assign(d=pd.to_datetime(dates["d"], format="ISO8601"))
    np.testing.assert_allclose(date_features(as_dates), features)


def test_mixed_table(mixed):
    X = mixed.drop(columns=["price", "kind"])
    preprocessor, kinds = build_preprocessor(X)
    assert kinds == {
        "number": ["size", "rooms"],
        "category": ["color", "garden"],
        "date": ["sold"],
        "text": ["note"],
        "empty": ["empty"],
    }
    numbers = preprocessor.fit_transform(X)
    # size + its gaps + rooms, colors + missing + false/true, five of the date + their gaps
    assert numbers.shape == (120, 3 + 6 + 10)
    assert numbers.dtype == np.float64
    names = plain_names(preprocessor.get_feature_names_out())
    assert names[:4] == ["size", "rooms", "size is missing", "sold (days)"]
    assert {"sold (days) is missing", "color = red", "color = (missing)", "garden = True"} < set(
        names
    )
    assert np.isfinite(numbers).all()
    # Other rows may miss values anywhere and bring columns along or in another order.
    gaps = pd.DataFrame(np.nan, index=range(2), columns=[*X.columns[::-1], "more"]).astype(object)
    assert np.isfinite(preprocessor.transform(gaps)).all()


def test_a_column_that_is_empty_in_one_fold_keeps_its_place():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, np.nan, np.nan]})
    preprocessor, _ = build_preprocessor(frame)
    assert np.isfinite(preprocessor.fit(frame[1:]).transform(frame)).all()
