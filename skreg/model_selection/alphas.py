"""The λ that a search tries where the user names none."""

import numpy as np

from skreg.model_selection.pipelines import is_linear, is_network, last_step
from skreg.path.grid import N_ALPHAS

#: Where nothing but the kind of estimator is known: the largest λ, and the smallest.
NETWORK = (1.0, 1e-6)
ANY = (1e3, 1e-3)
#: λ per decade of such a grid, when the search may extend it.
PER_DECADE = 2


def automatic(estimator, choice, fitting):
    """A descending grid of λ made for the data, of so many values or "auto".

    ``fitting()`` gives the `Fitting` of all rows, of a linear estimator of this package. ValueError
    if a number of λ is asked for of an estimator whose scale of λ is not known.
    """
    if is_linear(estimator):
        return fitting().alphas(N_ALPHAS if choice == "auto" else choice)
    last = last_step(estimator)
    network = is_network(last)
    largest, smallest = NETWORK if network else ANY
    if choice == "auto":
        return np.geomspace(largest, smallest, 1 + round(PER_DECADE * np.log10(largest / smallest)))
    if network:
        return np.geomspace(largest, smallest, choice)
    raise ValueError(
        f"alphas={choice} asks for a grid from λ_max of the data, which is not known for "
        f'{type(last).__name__}. Give the values of λ, or alphas="auto", which starts from '
        f"{smallest:g} to {largest:g} and extends this as far as it takes."
    )
