"""Training and test error per epoch, and their picture."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from skreg.cli.search import share_cores
from skreg.plotting.learning_curves import measure_epochs


def errors_per_epoch(model, alphas, train, test, options):
    """Fit a network with each λ on all training rows and measure its errors after each epoch.

    Parameters
    ----------
    model : Pipeline
        Scaling, then a network.
    alphas : sequence of float
    train, test : tuple of (X, y)
    options : Options

    Returns
    -------
    ndarray of shape (n_alphas, n_epochs, 2)
        Share of wrong classes on the training and on the test rows.
    """
    scaling = clone(model[:-1]).fit(train[0])
    train, test = ((scaling.transform(X), y) for X, y in (train, test))

    def errors(alpha):
        return measure_epochs(clone(model[-1]).set_params(alpha=alpha), train, test)

    with share_cores(options.jobs):
        return np.array(Parallel()(delayed(errors)(alpha) for alpha in alphas))


def draw_errors(curves, alphas, chosen, path):
    """Draw training and test error per epoch side by side and save the picture.

    Parameters
    ----------
    curves : ndarray of shape (n_alphas, n_epochs, 2)
    alphas : sequence of float
    chosen : float
        The λ to emphasize.
    path : Path
        Of the picture; its suffix names the format.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    epochs = np.arange(1, curves.shape[1] + 1)
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    shades = colormaps["viridis"](np.linspace(0, 0.9, len(alphas)))
    for panel, part, title in zip(panels, (0, 1), ("training", "test"), strict=True):
        for curve, alpha, shade in zip(curves, alphas, shades, strict=True):
            panel.plot(
                epochs,
                100 * curve[:, part],
                color=shade,
                linewidth=2.5 if alpha == chosen else 1.2,
                label=f"λ = {alpha:g}" + (" (chosen)" if alpha == chosen else ""),
            )
        panel.set(title=f"{title} error", xlabel="epoch")
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="wrong (%)", ylim=(0, None))
    panels[1].legend()
    figure.savefig(path, dpi=150)
