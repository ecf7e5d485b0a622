import pytest

from skreg.cli.report import format_alpha, format_error, format_table


@pytest.mark.parametrize(
    ("alpha", "text"),
    [(0.0, "0"), (1e-5, "1e-05"), (0.01, "0.01"), (10**-0.5, "0.316"), (10, "10")],
)
def test_alpha(alpha, text):
    assert format_alpha(alpha) == text


@pytest.mark.parametrize(
    ("value", "standard_error", "task", "text"),
    [
        (0.0492, 0.0031, "classification", "4.92 ± 0.31 %"),
        (0.0, 0.0, "classification", "0.00 ± 0.00 %"),
        (0.125, None, "classification", "12.50 %"),
        (3.14159, 0.0912, "regression", "3.142 ± 0.091"),
        (51234.2, 1203.4, "regression", "51234 ± 1203"),
        (0.00123, 0.00045, "regression", "0.00123 ± 0.00045"),
        (8.439, None, "regression", "8.439"),
        (51234.2, None, "regression", "51234"),
        (0.0, 0.0, "regression", "0.00 ± 0.00"),
    ],
)
def test_errors_show_two_digits_of_their_uncertainty(value, standard_error, task, text):
    assert format_error(value, standard_error, task=task) == text


def test_columns_are_aligned_and_the_marked_row_has_an_arrow():
    lines = format_table(
        ["model", "error"], [["ridge", "1 %"], ["most frequent", "10 %"]], marked=1
    ).split("\n")
    assert lines == [
        "  model           error",
        "  ridge             1 %",
        "  most frequent    10 %  <-",
    ]
