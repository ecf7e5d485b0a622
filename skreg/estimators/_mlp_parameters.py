"""The parameters that both networks have: documented, given defaults and checked once."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions

from skreg._documentation import DocumentedMixin
from skreg._kernels import network as kernel
from skreg._state import Stored
from skreg.estimators._mlp_embedding import EMBEDDINGS
from skreg.penalties import Penalty

_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_RATE = Interval(Real, 0, 1, closed="left")
GROUP_PENALTIES = {"group", "group_log"}


@dataclass(eq=False, repr=False)
class MLPParameters(Stored, DocumentedMixin, BaseEstimator):
    """Parameters of a network; a dataclass, so that a subclass adds its own as further fields.

    The section below is part of the docstring of every network, see `BaseRegularizedMLP`.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 64)
        Number of units of each hidden layer; ``()`` for none, which makes a linear model.

    activation : {"identity", "logistic", "tanh", "relu", "silu", "gelu"}, default="relu"
        Activation of the hidden units; "gelu" is the exact one, z·Φ(z).

    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        The optimizer. Penalties with a kink are handled by a proximal step in its own metric, so
        that zeros are exact. "lbfgs" takes all rows at once: for a few thousand rows at most; an
        iteration counts as an epoch, L1 is handled by splitting θ = u − v, u, v ≥ 0. It takes no
        other penalties than elastic nets, no bounds and no dropout.

    penalty : {"l2", "l1", "elasticnet", "mcp", "scad", "slope", "group", "group_log", "none"}, \
            Penalty or None, default="l2"
        J: ½‖θ‖₂², ‖θ‖₁, l1_ratio·‖θ‖₁ + (1 − l1_ratio)·½‖θ‖₂², one of the other penalties of linear
        models with its usual parameters, a group penalty of ``groups``, or 0; summed over the
        layers of weights. Or any :class:`~skreg.penalties.Penalty`, for example ``MCP(gamma=2.0)``,
        or the name of one that was added to ``skreg.penalties.PENALTIES``. Penalties other than
        elastic nets, MCP, SCAD and those of ``groups`` take their proximal step in Python after
        each mini-batch, which is slower.

    alpha : "auto", float or array-like of shape (n_layers,), default="auto"
        λ ≥ 0, the strength of the penalty. It multiplies J against the *mean* loss, whatever the
        batch size, the solver and the number of rows; 0 means no penalty. Several numbers are for
        the layers of weights, from the input on. "auto" chooses one number within ``fit`` by small
        networks trained on halves of the rows, see ``alpha_curve_``: of L2 about 3/n, unless
        rows held out (``X_val``, if it is given) say otherwise. A warm start and later calls of
        ``partial_fit`` keep what was found; set to a number, it may be changed between them.

    l1_ratio : float, default=0.5
        Share of ‖θ‖₁ in the elastic net, in [0, 1].

    batch_size : int or "auto", default="auto"
        Rows in a mini-batch; "auto" is a fiftieth of the training rows, but at least 32 and at most
        200 (and all rows, if there are fewer).

    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "flat_cosine", "one_cycle"}, \
            default="one_cycle"
        Schedule: ``learning_rate_init``; that over (epoch + 1)^power_t, epochs counted from 0; that
        divided by 5 each time progress ends, until it is below 1e-6; that falling to 0 over
        ``max_iter`` epochs along a cosine, or along one in the second half of them (D. Holzmüller,
        L. Grinsztajn, I. Steinwart, 2024, "Better by default: strong pre-tuned MLPs and boosted
        trees on tabular data"); or up to it and down again, a rate for each step (L. Smith,
        N. Topin, 2018, "Super-convergence"). The last three are cycles: they run to their end,
        without regard to ``tol`` unless with early stopping, and every ``fit`` of a warm start
        begins another. ``partial_fit`` knows of no end: there the rate of a cycle is constant,
        ``learning_rate_init / 10``.

    learning_rate_init : float or "auto", default="auto"
        Learning rate of the first epoch; for "one_cycle" the highest. "auto" is 0.01 for "adam" and
        0.1 for "sgd".

    power_t : float, default=0.5
        Exponent of the schedule "invscaling".

    max_iter : int, default=50
        Number of epochs at most. "lbfgs" often wants a few hundred.

    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the held-out rows of early stopping, the units dropped and the
        shuffles. The same value gives the same result to the bit, for any number of threads.

    tol : float, default=1e-4
        Training stops when the objective (with early stopping, the score) has not improved by
        more than ``tol`` for more than ``n_iter_no_change`` epochs in a row; with "lbfgs" also when
        no component of the gradient is above it (by the first layer in units of each column).

    verbose : bool, default=False
        Whether to print a line an epoch. For a progress bar see
        :class:`sklearn.callback.ProgressBar` and ``set_callbacks``.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters and the optimizer's state of the last fit (of
        "lbfgs" only from the parameters).

    momentum : float, default=0.9
        Of "sgd", in [0, 1).

    nesterovs_momentum : bool, default=True
        Whether "sgd" takes gradients at the look-ahead point.

    early_stopping : bool, default=False
        Whether to stop by the score on validation rows, and to return to the parameters with the
        best score (of equal ones, that with the least loss on these rows). The rows are ``X_val``
        and ``y_val`` of ``fit``, or held out. With ``n_iter_no_change=inf`` all epochs are run, and
        the best one comes back.

    validation_fraction : float, default=0.1
        Share of the rows held out by ``early_stopping`` where ``fit`` is given no ``X_val``.

    beta_1, beta_2 : float, default=0.9, 0.95
        Decay rates of "adam".

    epsilon : float, default=1e-8
        Of "adam".

    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are borne; inf runs all ``max_iter`` epochs, as cycles of
        the learning rate do.

    groups : {"inputs", "neurons"} or None, default=None
        For the group penalties. "inputs": the weights that leave an input feature are a group, so
        that whole features switch off; J = Σᵢ √h₁ ‖W₁[i, :]‖₂ + Σ_{l≥2} ½‖W_l‖₂², whose second part
        keeps the later layers from undoing the first. "neurons": the weights into and out of a
        hidden neuron, J = Σ √(fan_in + fan_out) ‖(incoming, outgoing)‖₂. ``penalty="group_log"``,
        for "inputs" alone, has ln(1 + 20 ‖W₁[i, :]‖₂)/20 in the place of the norm: it shrinks the
        features that stay far less, so that the λ which predicts best needs fewer of the others
        (E. Candès, M. Wakin, S. Boyd, 2008, "Enhancing sparsity by reweighted ℓ1 minimization").
        Scale the features. With "inputs", λ of the groups grows from 0 during the first 60 % of
        the ``max_iter`` epochs of a fit, unless it goes on from an earlier one: the network finds
        what a feature is good for before the penalty takes it away.

    norm_bound : float or None, default=None
        Solves J(θ) ≤ k instead, by projection after every step; ``alpha`` is then ignored. Not with
        groups.

    max_norm : float or None, default=None
        The Euclidean norm that the incoming weights of a unit may have at most, held after every
        step.

    dropout : float, (float, float) or "auto", default="auto"
        Share of the hidden units, or of (input, hidden) units, that are left out at random in each
        step; those left are scaled up, so predictions need no change. An input column far from 0
        is at its mean where it is left out. "auto" is 0.1 of the hidden
        units where the solver can drop any; "lbfgs" cannot.

    dropout_schedule : {"constant", "flat_cosine"}, default="constant"
        Whether the rates of ``dropout`` stay, or fall to 0 as the rate of
        ``learning_rate="flat_cosine"`` does. ``partial_fit`` knows of no end, and keeps them.

    weight_decay : {"coupled", "decoupled"}, default="coupled"
        Whether the L2 part of the penalty is in the gradient, as the objective says, or shrinks
        the weights beside it, θ ← (1 − ηλ)θ at every step (I. Loshchilov, F. Hutter, 2019,
        "Decoupled weight decay regularization"): "adam" is then AdamW, and what it minimizes is no
        longer R + λJ.

    weight_decay_schedule : {"constant", "flat_cosine"}, default="constant"
        The same of λ in a decay that is decoupled, beside the schedule of η.

    init : {"glorot", "he"}, default="glorot"
        Distribution of the initial weights: Glorot's or He's uniform one.

    n_members : int, default=1
        More than one makes an ensemble that shares its hidden layers (Y. Gorishniy, A. Kotelnikov,
        A. Babenko, 2025, "TabM: advancing tabular deep learning with parameter-efficient
        ensembling", TabM_mini). A member multiplies each input by a factor, adds to each bias of
        the first hidden layer, and has output weights of its own, see ``adapters_``; the objective
        is the mean of the members', and the prediction the mean of their probabilities or numbers.
        Factors and biases have no penalty; J of the output weights is its mean over the members. A
        row trains four members each time it is met, in turn, so that an epoch costs about what it
        costs four networks, however many there are. An ensemble needs a hidden layer, and goes
        neither with ``norm_bound`` nor with ``groups="neurons"``.

    numerical_embedding : {"piecewise_linear", "periodic"} or None, default=None
        What the network sees beside the columns of X. "piecewise_linear": how far each number has
        come through bins of its feature, as :class:`~skreg.preprocessing.PiecewiseLinearEncoder`
        says: up to 16 bins, from 10,000 rows on 48, between quantiles of the training rows.
        "periodic": eight waves cos 2π(f·z + φ) of each feature, z with the mean 0 and the standard
        deviation 1 on the training rows; f starts as a normal number, φ as a uniform one, and both
        are trained with the weights, without a penalty (Y. Gorishniy, I. Rubachev, A. Babenko,
        2022, "On embeddings for numerical features in tabular deep learning"). Features of two
        values have neither. Scale X as without it. ``coefs_[0]`` has a row for each of these
        columns, those of X first; see ``bin_edges_`` and ``waves_``. A warm start and later calls
        of ``partial_fit`` keep the bins, and z, as they are. Not for a sparse X, nor with
        ``groups="inputs"``.

    feature_scaling : bool, default=False
        Whether the weights of the first layer are trained as products W₁[j, :] = s_j·U[j, :] with a
        factor s_j > 0 of each input, which starts as 1 and moves by ln s_j with its own learning
        rate, six times the others' with "adam": as the layer of factors in front of RealMLP (D.
        Holzmüller, L. Grinsztajn, I. Steinwart, 2024, "Better by default: strong pre-tuned MLPs and
        boosted trees on tabular data"). ``coefs_[0]`` is W₁, and J is of W₁, so the objective stays
        what it is: features that help soon move faster from then on, and others slower. For
        penalties up to elastic nets, without ``norm_bound`` and ``max_norm``, and not for "lbfgs".
        ``alpha="auto"`` compares λ without it.
    """

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(kernel.ACTIVATIONS))],
        "solver": [StrOptions({"sgd", "adam", "lbfgs"})],
        # `get_penalty` checks the name: penalties may be registered at any time.
        "penalty": [str, Penalty, None],
        "alpha": [StrOptions({"auto"}), _NOT_NEGATIVE, "array-like"],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [
            StrOptions({"constant", "invscaling", "adaptive", "cosine", "flat_cosine", "one_cycle"})
        ],
        "learning_rate_init": [_POSITIVE, StrOptions({"auto"})],
        "power_t": [_NOT_NEGATIVE],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_NOT_NEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [_RATE],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "beta_1": [_RATE],
        "beta_2": [_RATE],
        "epsilon": [_POSITIVE],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "groups": [StrOptions({"inputs", "neurons"}), None],
        "norm_bound": [_POSITIVE, None],
        "max_norm": [_POSITIVE, None],
        "dropout": [_RATE, "array-like", StrOptions({"auto"})],
        "dropout_schedule": [StrOptions({"constant", "flat_cosine"})],
        "weight_decay": [StrOptions({"coupled", "decoupled"})],
        "weight_decay_schedule": [StrOptions({"constant", "flat_cosine"})],
        "init": [StrOptions({"glorot", "he"})],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "feature_scaling": ["boolean"],
        "numerical_embedding": [StrOptions(set(EMBEDDINGS)), None],
    }

    hidden_layer_sizes: int | Sequence[int] = (128, 64)
    activation: str = "relu"
    _: KW_ONLY
    solver: str = "adam"
    penalty: str | Penalty | None = "l2"
    alpha: float | str | Sequence[float] = "auto"
    l1_ratio: float = 0.5
    batch_size: int | str = "auto"
    learning_rate: str = "one_cycle"
    learning_rate_init: float | str = "auto"
    power_t: float = 0.5
    max_iter: int = 50
    shuffle: bool = True
    random_state: int | np.random.RandomState | None = None
    tol: float = 1e-4
    verbose: bool = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    groups: str | None = None
    norm_bound: float | None = None
    max_norm: float | None = None
    dropout: float | tuple[float, float] | str = "auto"
    dropout_schedule: str = "constant"
    weight_decay: str = "coupled"
    weight_decay_schedule: str = "constant"
    init: str = "glorot"
    n_members: int = 1
    numerical_embedding: str | None = None
    feature_scaling: bool = False
