"""Numbers and tables as text."""

import math


def format_alpha(alpha):
    """λ in three digits: 0.001, 0.316, 1e-05."""
    return f"{alpha:.3g}"


def format_error(value, standard_error=None, *, task):
    """An error with its standard error: a share of wrong classes in per cent, or a plain number.

    Examples
    --------
    >>> from skreg.cli.report import format_error
    >>> format_error(0.0492, 0.0031, task="classification")
    '4.92 ± 0.31 %'
    >>> format_error(3.14159, 0.0912, task="regression")
    '3.142 ± 0.091'
    >>> format_error(51234.2, 1203.4, task="regression")
    '51234 ± 1203'
    """
    if task == "classification":
        value, unit, decimals = 100 * value, " %", 2
        standard_error = None if standard_error is None else 100 * standard_error
    elif standard_error is None:
        unit, decimals = "", _decimals(value, 4)
    else:
        unit, decimals = "", _decimals(standard_error, 2)
    uncertainty = "" if standard_error is None else f" ± {standard_error:.{decimals}f}"
    return f"{value:.{decimals}f}{uncertainty}{unit}"


def _decimals(number, digits):
    """Decimals that show so many significant digits of a number."""
    return max(0, digits - 1 - math.floor(math.log10(abs(number)))) if number else digits


def format_table(header, rows, *, marked=None, left=(0,)):
    """Lay out rows of text in columns.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    marked : int, default=None
        Index of a row to mark with an arrow.
    left : sequence of int, default=(0,)
        Columns that are aligned to the left; the others are to the right.

    Returns
    -------
    str

    Examples
    --------
    >>> from skreg.cli.report import format_table
    >>> print(format_table(["λ", "error"], [["0.1", "4.0 %"], ["0", "12.5 %"]], marked=0))
      λ     error
      0.1   4.0 %  <-
      0    12.5 %
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for index, row in enumerate([header, *rows], start=-1):
        cells = (
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        line = "  " + "   ".join(cells)
        lines.append((line + "  <-" if index == marked else line).rstrip())
    return "\n".join(lines)
