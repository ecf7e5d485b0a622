"""Everything that the page's controls say, and its form in the URL.

``State()`` is the page as it opens. A URL names what differs from that, and what a pinned run has
otherwise than the live one under ``pin.``::

    ?data=gauss&noise=80&hidden=&penalty=l2&alpha=0.3&pin.penalty=none
"""

from dataclasses import dataclass, fields, replace
from urllib.parse import parse_qsl, urlencode

from skreg.playground.fields import Choice, Flag, LayerSizes, Name, Number, Subset

PROBLEMS = ("circle", "xor", "gauss", "spiral", "plane", "multi-gauss")
REGRESSIONS = ("plane", "multi-gauss")
FEATURES = ("x1", "x2", "x1^2", "x2^2", "x1x2", "sin(x1)", "sin(x2)")
ALPHAS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
LEARNING_RATES = (1e-5, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

#: What is read for each field of `State`, in the order of the URL.
FIELDS = {
    "data": Choice((*PROBLEMS, "csv")),
    "x1_column": Name(),
    "x2_column": Name(),
    "y_column": Name(),
    "noise": Number(0, 100, tuple(range(0, 55, 5))),
    "train": Number(10, 90, tuple(range(10, 100, 10)), whole=True),
    "seed": Number(0, 2**31 - 1, whole=True),
    "start": Number(0, 2**31 - 1, whole=True),
    "features": Subset(FEATURES),
    "hidden": LayerSizes(6, 8),
    "activation": Choice(("relu", "tanh", "sigmoid", "linear")),
    "learning_rate": Number(1e-6, 100, LEARNING_RATES),
    "optimizer": Choice(("sgd", "momentum", "nesterov", "adam")),
    "batch": Number(1, 30, whole=True),
    "penalty": Choice(("none", "l1", "l2", "elasticnet", "group-inputs", "group-neurons")),
    "alpha": Number(0, 1000, ALPHAS),
    "l1_ratio": Number(0, 1, (0.1, 0.3, 0.5, 0.7, 0.9)),
    "dropout": Number(0, 0.9, (0.0, 0.1, 0.2, 0.3, 0.5)),
    "max_norm": Number(0, 100, (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)),
    "stop": Number(0, 100_000, (0, 100, 200, 500, 1000, 5000), whole=True),
    "speed": Number(1, 100, (1, 5, 20, 100), whole=True),
    "discrete": Flag(),
    "show_test": Flag(),
}

#: A change of these makes a new network; the others take effect while it trains.
DATA_FIELDS = ("data", "x1_column", "x2_column", "y_column", "noise", "train", "seed", "features")
RESTARTS = (*DATA_FIELDS, "hidden", "activation", "start")


@dataclass(frozen=True)
class State:
    """The settings of one run and of the page around it.

    Parameters
    ----------
    data : str
        One of `PROBLEMS`, or "csv" for a table of the visitor's own, whose columns
        ``x1_column``, ``x2_column`` and ``y_column`` are taken.
    noise, train : int
        Percent.
    seed, start : int
        Seeds of the data, and of the weights and shuffles.
    features : tuple of str
        Of `FEATURES`.
    hidden : tuple of int
        Neurons of each hidden layer.
    activation, optimizer, penalty : str
    learning_rate, alpha, l1_ratio, dropout, max_norm : float
        ``max_norm`` 0 is none.
    batch : int
    stop : int
        The epoch at which training pauses; 0 for none.
    speed : int
        Epochs between two pictures.
    discrete, show_test : bool
        How the output is shown.
    """

    data: str = "circle"
    x1_column: str = ""
    x2_column: str = ""
    y_column: str = ""
    noise: float = 0.0
    train: int = 50
    seed: int = 0
    start: int = 0
    features: tuple[str, ...] = ("x1", "x2")
    hidden: tuple[int, ...] = (4, 2)
    activation: str = "tanh"
    learning_rate: float = 0.03
    optimizer: str = "sgd"
    batch: int = 10
    penalty: str = "none"
    alpha: float = 0.0
    l1_ratio: float = 0.5
    dropout: float = 0.0
    max_norm: float = 0.0
    stop: int = 0
    speed: int = 1
    discrete: bool = False
    show_test: bool = False

    def differs(self, other, names=tuple(FIELDS)):
        """Whether any of the named fields is another than in ``other``."""
        return any(getattr(self, name) != getattr(other, name) for name in names)

    def written(self, default=None, prefix=""):
        """``{name: text}`` of the fields that differ from ``default``, by default `State()`."""
        default = State() if default is None else default
        return {
            prefix + name: field.write(getattr(self, name))
            for name, field in FIELDS.items()
            if getattr(self, name) != getattr(default, name)
        }

    def with_texts(self, texts):
        """A state changed by ``{name: text}``, and messages about what could not be read.

        Examples
        --------
        >>> from skreg.playground.state import State
        >>> state, messages = State().with_texts({"noise": "25", "batch": "many"})
        >>> state.noise, state.batch, messages
        (25.0, 10, ['batch=many is not a whole number from 1 to 30; 10 is used.'])
        """
        values, messages = {}, []
        for name, text in texts.items():
            if name not in FIELDS:
                messages.append(f"{_short(name)} is not a setting; it is ignored.")
                continue
            try:
                values[name] = FIELDS[name].read(text)
            except ValueError as wanted:
                kept = FIELDS[name].write(getattr(self, name)) or "none"
                messages.append(f"{name}={_short(text)} is not {wanted}; {kept} is used.")
        return replace(self, **values), messages


assert [field.name for field in fields(State)] == list(FIELDS)


def read_query(query):
    """(live state, pinned state or None, messages) of a URL's query; it never raises."""
    live, pinned = {}, {}
    try:
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return State(), None, ["The address holds too much to read; the page starts afresh."]
    for name, text in pairs:
        (pinned if name.startswith("pin.") else live)[name.removeprefix("pin.")] = text
    state, messages = State().with_texts(live)
    if not pinned:
        return state, None, messages
    pinned.pop("same", None)
    pinned_state, more = state.with_texts(pinned)
    return state, pinned_state, messages + ["Pinned run: " + message for message in more]


def write_query(state, pinned=None):
    """The query that `read_query` makes the same states of."""
    texts = state.written()
    if pinned is not None:
        texts |= pinned.written(state, "pin.") or {"pin.same": "1"}
    return urlencode(texts)


def _short(text):
    return text if len(text) <= 40 else text[:39] + "…"
