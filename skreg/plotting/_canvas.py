"""What the displays share: axes to draw on, colors, labels that keep clear of each other."""

from numbers import Integral

import numpy as np

from skreg._validation import as_floats

#: Colors that the color-blind tell apart (Okabe & Ito, 2008), dark enough on white paper.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7B5A00", "#56B4E9", "#555555")
STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
POSITIVE, NEGATIVE = COLORS[0], COLORS[1]
QUIET = "#9A9A9A"


def expect(given, name, attributes, wanted):
    """Raise if ``given``, the argument ``name``, lacks an attribute that this picture is of."""
    if not all(hasattr(given, attribute) for attribute in attributes):
        kind = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
        raise ValueError(f"{name} must be {wanted}, got {kind}.")


def pyplot(caller):
    """matplotlib.pyplot, or an error that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller}.plot needs matplotlib, which is not installed: pip install matplotlib."
        ) from error
    return plt


def axes(ax, caller, **figure_kw):
    """``ax``, or new axes on a new figure."""
    plt = pyplot(caller)
    if ax is not None:
        expect(ax, "ax", ("plot", "figure"), "Axes of matplotlib, or None")
    else:
        ax = plt.subplots(layout="constrained", **figure_kw)[1]
    return ax


def uncut(figure):
    """Give a figure without a layout of its own one, where `savefig` would cut off what is drawn.

    Names, legends and keys stand beside the axes. New figures of the displays make room for them;
    a user's own, as `pyplot.subplots` makes it, does not.
    """
    root = figure.figure
    if root.get_layout_engine() is None:
        box, (width, height) = root.get_tightbbox(), root.get_size_inches()
        if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height:
            root.set_layout_engine("constrained")


def style(i):
    """Color and dashes of the i-th line: thirty-five in all, each told by dashes too."""
    return {
        "color": COLORS[i % len(COLORS)],
        "linestyle": STYLES[i // len(COLORS) % len(STYLES)],
    }


def ordered_styles(n):
    """Color, dashes and marker of n lines in an order, from dark to light."""
    from matplotlib import colormaps

    shades = colormaps["viridis"](np.linspace(0.0, 0.85, n))
    markers = "osD^vP*X"
    return [
        {
            "color": tuple(shade),
            "linestyle": STYLES[i % len(STYLES)],
            "marker": markers[i % len(markers)],
        }
        for i, shade in enumerate(shades)
    ]


def apart(positions, gap, low, high):
    """Positions in the same order, at least ``gap`` apart and within [low, high] if they fit.

    As near to where they want to be as least squares allows: isotonic regression on what is left
    once the gaps are taken out.
    """
    from sklearn.isotonic import isotonic_regression

    positions = np.asarray(positions, dtype=np.float64)
    if not len(positions):
        return positions
    order = np.argsort(positions, kind="stable")
    steps = np.arange(len(positions)) * min(gap, (high - low) / max(len(positions) - 1, 1))
    moved = isotonic_regression(positions[order] - steps)
    moved = np.clip(moved, low, max(high - steps[-1], low))
    out = np.empty_like(positions)
    out[order] = moved + steps
    return out


def check_count(value, name):
    """Raise ValueError for what is no whole number."""
    if not isinstance(value, Integral) or value < 0:
        raise ValueError(f"{name} must be a whole number, 0 or more, got {value!r}.")


def numbers_of(values, name, *shape):
    """An array of floats of this shape, in which None is for any length."""
    array = as_floats(values, name)
    fits = (want in (None, have) for want, have in zip(shape, array.shape, strict=False))
    if array.ndim != len(shape) or not all(fits):
        shown = ", ".join("n" if length is None else str(length) for length in shape)
        raise ValueError(f"{name} must have shape ({shown}), got {array.shape}.")
    return array


def name_features(names, n_features):
    """Names as an array of str; ``x0, x1, …`` for None."""
    names = [f"x{i}" for i in range(n_features)] if names is None else names
    if isinstance(names, str) or np.ndim(names) == 0:
        raise ValueError(f"feature_names must be names, one for each feature, got {names!r}.")
    if len(names) != n_features:
        raise ValueError(
            f"feature_names holds {len(names)} names for {n_features} features: give one for each."
        )
    return np.asarray(names, dtype=object)


def target_index(target, targets):
    """Which of ``targets`` is named; 0 where there are none to choose from, ``targets`` None."""
    if targets is None:
        if target is not None:
            raise ValueError(f"target={target!r}, but there is one target only: leave it None.")
        return 0
    names = list(targets)
    if target is None:
        raise ValueError(f"Name one of the targets or classes: target must be one of {names}.")
    if target not in names:
        raise ValueError(f"target={target!r} is none of {names}.")
    return names.index(target)
