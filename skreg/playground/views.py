"""What the page is told of a session: a message for each part of it."""

from skreg.datasets import PlaygroundFeatures, make_playground
from skreg.playground.closed_form import closed_form
from skreg.playground.data import MAP_SIZE, THUMB_SIZE, grid
from skreg.playground.documentation import documentation
from skreg.playground.fields import Number
from skreg.playground.run import in_bytes
from skreg.playground.state import FIELDS, PROBLEMS, write_query
from skreg.playground.wire import encode

_SHOWN = 160  # points of a problem's small picture
_FEATURE_PICTURES = in_bytes(
    PlaygroundFeatures("all").fit_transform(grid(THUMB_SIZE)).T
    / [[5], [5], [9], [9], [9], [1], [1]]
)


def options():
    """What the page's lists hold, as text."""
    return {
        name: [
            field.write(option) if isinstance(field, Number) else option for option in field.options
        ]
        for name, field in FIELDS.items()
        if getattr(field, "options", ())
    }


def hello():
    """What the page's lists hold, and some points of every problem."""
    arrays = {}
    for name in PROBLEMS:
        points, y = make_playground(name, n_samples=_SHOWN, random_state=0)
        arrays |= {f"{name}.points": points, f"{name}.y": y}
    body = dict(options=options(), map=MAP_SIZE, thumb=THUMB_SIZE, docs=documentation()[0])
    return encode("hello", body, arrays)


def state(session):
    """What the controls show."""
    live, pinned, table = session.live.state, session.pinned, session.table
    body = dict(
        values={name: field.write(getattr(live, name)) for name, field in FIELDS.items()},
        query=write_query(live, pinned and pinned.state),
        pinned=None if pinned is None else pinned.state.written(live),
        playing=session.playing,
        messages=session.notes,
        table=table
        and dict(name=table.name, numeric=table.numeric, columns=[*table.frame.columns]),
    )
    return encode("state", body)


def data(session):
    """Points, and the seven features' own pictures."""
    body, arrays = {}, {}
    for name, run in session.runs.items():
        rows = run.data
        body[name] = dict(
            axes=rows.axes,
            labels=rows.labels,
            is_regression=rows.is_regression,
            n_train=rows.n_train,
        )
        arrays |= {f"{name}.points": rows.plane, f"{name}.y": rows.y}
    return encode("data", body, arrays | dict(features=_FEATURE_PICTURES))


def closed(session):
    """The linear model's path, where there is no hidden layer."""
    live = session.live
    if live.state.hidden or len(live.data.labels) > 2:
        return encode("closed", dict(shown=False))
    figures, arrays = closed_form(live.state, live.data)
    figures |= dict(shown=True, features=live.state.features, alpha=live.alpha)
    return encode("closed", figures, arrays)


def frame(session):
    """Everything that moves. A frame is complete: none of them must arrive."""
    live, look = session.live, session.look
    body, arrays = dict(playing=session.playing, look=look), {}
    for name, run in session.runs.items():
        body[name] = run.figures()
        looked_at = look if look and run is live else ()
        arrays |= {f"{name}.map": run.picture(*looked_at), f"{name}.curve": run.curve_array()}
    arrays |= dict(thumbs=live.thumbnails(), weights=live.weights, biases=live.biases)
    return encode("frame", body, arrays)


def code(session):
    """What was done, from the data to the last epoch."""
    live, table = session.live, session.table
    first = live.segments or [[live.parameters, 0]]
    usual = type(live.model)().get_params()
    body = dict(
        name=type(live.model).__name__,
        n_train=live.data.n_train,
        labels=live.data.labels,
        is_regression=live.data.is_regression,
        table=table and table.name,
        segments=first,
        usual={name: usual[name] for name in first[0][0]},
    )
    return encode("code", body)


#: What is shown, in the order in which the page wants it.
PICTURES = ("state", "data", "closed", "frame")

#: By kind.
VIEWS = {write.__name__: write for write in (state, data, closed, frame, code)}
