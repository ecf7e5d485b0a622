"""What each column of a table is, and what the user may say of it."""

import numpy as np
import pandas as pd
import pytest

from skreg.cli.columns import listing, parse_types, understand
from skreg.cli.errors import UserError
from skreg.cli.numbers import decimal_mark, written_numbers


def kinds_of(frame, **options):
    return {column.name: column.kind for column in understand(frame, **options)}


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "customer_id": rng.permutation(1000)[:60],
        "code": [f"C-{i:04}" for i in range(60)],
        "age": rng.integers(20, 70, 60),
        "size": rng.normal(size=60),
        "empty": np.nan,
        "year": 2020,
        "name": [f"a house called {i}" for i in range(60)],
        "region": rng.choice(["north", "south"], 60),
    })  # fmt: skip
    return frame.assign(again=frame["size"], y=frame["age"] * 2.0)


def test_identifiers_duplicates_and_empty_columns_are_left_out(table):
    kinds = kinds_of(table.drop(columns="y"))
    assert kinds == {
        "customer_id": "identifier",
        "code": "category",
        "age": "number",
        "size": "number",
        "empty": "empty",
        "year": "constant",
        "name": "category",
        "region": "category",
        "again": "duplicate",
    }
    renamed = table.rename(columns={"code": "orderId", "age": "id"})
    kinds = kinds_of(renamed)
    assert (kinds["orderId"], kinds["id"]) == ("identifier", "number")


def test_a_copy_of_the_target_is_left_out(table):
    columns = understand(table, target=table["y"])
    assert columns[-1].kind == "duplicate"
    assert columns[-1].use == "left out: same values as the target"


def test_types_overrule(table):
    words = ["customer_id=number", "age=category", "region=drop"]
    kinds = kinds_of(table, given=parse_types(words, table))
    assert (kinds["customer_id"], kinds["age"], kinds["region"]) == (
        "number",
        "category",
        "dropped",
    )
    dates = pd.DataFrame({"day": ["3/4/2021", "1/2/2021", "5/6/2021"]})
    for words, form in (([], "%m/%d/%Y"), (["day=date:%d/%m/%Y"], "%d/%m/%Y")):
        (column,) = understand(dates, parse_types(words, dates))
        assert (column.kind, column.form) == ("date", form)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("age", "'age' is not of the form COLUMN=KIND"),
        ("agee=number", "'agee' is not a column; did you mean 'age'"),
        ("age=ordinal", "'ordinal' is not a kind; use number, category, date"),
    ],
)
def test_types_that_are_wrong(table, word, message):
    with pytest.raises(UserError, match=message):
        parse_types([word], table)


def test_dates_that_are_none_are_refused(table):
    with pytest.raises(UserError, match="in no known format"):
        understand(table, {"region": "date"})


def test_the_listing_has_a_line_for_each_column_or_each_kind(table):
    lines = listing(understand(table)).splitlines()
    assert len(lines) == 1 + table.shape[1]
    assert lines[5].split(None, 3) == ["empty", "empty", "60", "left out: every value is missing"]
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 100))).rename(columns=str)
    lines = listing(understand(wide)).splitlines()
    assert len(lines) == 2
    assert "0 … 99 (100)" in lines[1]


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("$1,200.50", ".", 1200.5),
        ("1.200,50 €", ",", 1200.5),
        ("1 200,50", ",", 1200.5),
        ("1'200.50", ".", 1200.5),
        ("(1,200)", ".", -1200.0),
        ("1,200-", ".", -1200.0),
        ("−5 %", ".", -5.0),
        ("0,125", ",", 0.125),
        ("USD 7", ".", 7.0),
    ],
)
def test_written_numbers(text, mark, value):
    column = pd.Series([text, None])
    assert decimal_mark(column) == mark
    np.testing.assert_array_equal(written_numbers(column, mark), [value, np.nan])


def test_a_few_words_among_numbers_are_missing():
    numbers = pd.Series([str(0.5 * i) for i in range(40)] + ["sold out"])
    (column,) = understand(numbers.to_frame("price"))
    assert column.kind == "number"
    assert "'sold out' counts as missing" in column.use
    codes = pd.Series([str(i) for i in range(40)] + [f"V{i}" for i in range(20)])
    assert decimal_mark(codes) is None
