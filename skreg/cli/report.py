"""Numbers and tables as text."""

import math


def format_alpha(alpha):
    """λ in three digits: 0.001, 0.316, 1e-05."""
    return f"{alpha:.3g}"


def format_error(value, standard_error=None, *, task):
    """An error with its standard error: a share of wrong classes in percent, or a plain number.

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


def format_measure(value, standard_error, metric):
    """A cross-validated metric with its standard error."""
    if metric.percent:
        return format_error(value, standard_error, task="classification")
    decimals = min(4, _decimals(max(standard_error, 1e-3 * abs(value)), 2))
    return f"{value:.{decimals}f} ± {standard_error:.{decimals}f}"


def format_interval(estimate, metric):
    """A value and its interval.

    Examples
    --------
    >>> from skreg.cli.metrics import metrics_of
    >>> from skreg.cli.report import format_interval
    >>> metrics = metrics_of("classification", [0, 1])
    >>> format_interval((0.05, 0.021, 0.083), metrics["error"])
    '5.0 (2.1 to 8.3) %'
    >>> format_interval((0.312, 0.25, 0.374), metrics["log_loss"])
    '0.312 (0.250 to 0.374)'
    """
    if any(math.isnan(one) for one in estimate):
        return "not defined"
    value, low, high = estimate
    if metric.percent:
        return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f}) %"
    decimals = min(4, _decimals((high - low) / 4 or value, 2)) if math.isfinite(high - low) else 3
    return f"{value + 0.0:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


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
