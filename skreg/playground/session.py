"""One tab of the page: the live run, the pinned one beside it, and what was asked of them."""

import copy
from dataclasses import replace

from skreg.playground.data import CsvTable, DataError, make_data
from skreg.playground.run import Run
from skreg.playground.state import DATA_FIELDS, RESTARTS, State, read_query
from skreg.playground.sweep import Sweep
from skreg.playground.views import PICTURES, VIEWS, hello
from skreg.playground.wire import encode

_OF_PAGE = ("stop", "speed", "discrete", "show_test")  # of the page, not of one run


class Session:
    """Takes commands and returns messages; it knows nothing of browsers and sockets.

    It is for one thread at a time. A command is a dict with ``do``, the name of a ``do_…`` method,
    and its arguments; `advance` does one round of what takes time.
    """

    def __init__(self):
        self.table = None
        self.playing, self.look, self.sweep = False, None, None
        self.notes, self.stale, self.outbox = [], set(), []
        self.live, self.pinned = self._run(State()), None

    @property
    def runs(self):
        """The live run and, where there is one, the pinned, by name."""
        runs = dict(live=self.live, pinned=self.pinned)
        return {name: run for name, run in runs.items() if run is not None}

    @property
    def has_work(self):
        """Whether `advance` has something to do."""
        return self.playing or self.sweep is not None

    def handle(self, command):
        """Do what a command says, and return messages for the page.

        Raises
        ------
        ValueError
            If there is no such command.
        """
        method = getattr(self, f"do_{command.get('do')}", None)
        if method is None:
            raise ValueError(f"no command {command.get('do')!r}")
        try:
            method(**{name: value for name, value in command.items() if name != "do"})
        except DataError as error:
            self._say(str(error))
        return self._collect()

    def advance(self):
        """Train by a few epochs, or do the sweep's next λ; return messages for the page."""
        if self.playing:
            goes_on = self.live.train(self.live.state.speed)
            if self.pinned is not None:
                self.pinned.train(self.live.epoch - self.pinned.epoch)
            if not goes_on:
                self._stop_playing()
            self._touch("frame")
        if self.sweep is not None:
            self.sweep.advance()
            self.outbox.append(encode("sweep", *self.sweep.message()))
            if self.sweep.is_done:
                self.sweep = None
        return self._collect()

    # Commands ------------------------------------------------------------------------------------

    def do_hello(self):
        """Say what the page's lists hold."""
        self.outbox.append(hello())

    def do_open(self, query):
        """Take the state of a URL."""
        state, pinned, notes = read_query(str(query))
        self.notes += notes
        self.playing, self.sweep = False, None
        self.live = self._run_or_default(state)
        self.pinned = None if pinned is None else self._run_or_default(_seen(pinned, state))
        self._touch(*PICTURES)

    def do_set(self, values):
        """Change settings, given as text; training goes on where it can."""
        before = self.live.state
        texts = {str(name): str(text) for name, text in values.items()}
        state, notes = before.with_texts(texts)
        self.notes += notes
        if state.differs(before, RESTARTS):
            self._restart_with(state)
        else:
            self.live.change(state)
        if self.pinned is not None:
            self.pinned.change(_seen(self.pinned.state, state))
        if _seen(before, state) != state:
            self._touch("closed")
        self._touch("state", "frame")

    def do_play(self):
        """Train from now on; from a stop on to the next one."""
        state = self.live.state
        if state.stop and self.live.epoch >= state.stop:
            self.do_reset()
        self.playing = True
        self._touch("state")

    def do_pause(self):
        """Train no more."""
        self.playing = False
        self._touch("state", "frame")

    def do_step(self):
        """One epoch."""
        self.playing = False
        self.live.train(1)
        if self.pinned is not None:
            self.pinned.train(self.live.epoch - self.pinned.epoch)
        self._touch("state", "frame")

    def do_reset(self):
        """Both runs back to epoch 0."""
        self.playing = False
        for run in self.runs.values():
            run.restart()
        self._touch("state", "frame")

    def do_new_start(self):
        """Other first weights and shuffles."""
        self.do_set({"start": str((self.live.state.start + 1) % 2**31)})

    def do_regenerate(self):
        """Other data of the same kind."""
        self.do_set({"seed": str((self.live.state.seed + 1) % 2**31)})

    def do_pin(self):
        """Keep the live run as it is; from now on both train in step."""
        self.pinned = copy.deepcopy(self.live)
        self._touch("state", "data", "frame")

    def do_unpin(self):
        """Let the pinned run go."""
        self.pinned = None
        self._touch("state", "data", "frame")

    def do_swap(self):
        """The pinned run becomes the live one, and the other way round."""
        if self.pinned is not None:
            self.live, self.pinned = self.pinned, self.live
            self._touch(*PICTURES)

    def do_sweep(self):
        """Train a network for each of many λ; another network or other data stop it."""
        state = self.live.state
        if state.penalty == "none":
            state = replace(state, penalty="l2")
            self._say("Without a penalty there is no λ: the sweep takes L2.")
        self.sweep = Sweep(state, self.live.data, self.live.epoch)

    def do_look(self, layer=None, unit=0):
        """Show a hidden neuron in the large picture; None shows the output."""
        hidden = self.live.state.hidden
        good = isinstance(layer, int) and isinstance(unit, int)
        good = good and 0 <= layer < len(hidden) and 0 <= unit < hidden[layer]
        self.look = (layer, unit) if good else None
        self._touch("frame")

    def do_weight(self, index, value):
        """Set one weight of the live run; training goes on from there."""
        try:
            self.live.set_weight(int(index), float(value))
        except ValueError as error:
            self._say(str(error))
        self._touch("frame")

    def do_code(self):
        """Tell what the live run is, for the page to write it as Python."""
        self._touch("code")

    def do_table(self, name, text):
        """Take a CSV file, and show its first columns."""
        before, self.table = self.table, CsvTable(str(name), str(text))
        known = self.live.state
        columns = dict(
            x1_column=known.x1_column, x2_column=known.x2_column, y_column=known.y_column
        )
        if not {*columns.values()} <= {*self.table.frame.columns}:
            columns = self.table.default_columns()
        try:
            self._restart_with(replace(known, data="csv", **columns), is_new_table=True)
        except DataError:
            self.table = before
            raise
        self._touch("state", "closed", "frame")

    # Inside --------------------------------------------------------------------------------------

    def _collect(self):
        """Messages that wait, and what the page does not know yet."""
        news = [write(self) for kind, write in VIEWS.items() if kind in self.stale]
        messages, self.outbox, self.notes = self.outbox + news, [], []
        self.stale.clear()
        return messages

    def _run(self, state):
        return Run(state, make_data(state, self.table))

    def _run_or_default(self, state):
        """A run of the state, with the page's first data where its own are not to be had."""
        try:
            return self._run(state)
        except DataError as error:
            self._say(str(error))
            given = {name: getattr(State(), name) for name in DATA_FIELDS}
            return self._run(replace(state, **given))

    def _restart_with(self, state, is_new_table=False):
        """A new live run; raises before anything has changed."""
        if is_new_table or state.differs(self.live.state, DATA_FIELDS):
            data = make_data(state, self.table)
            self._touch("data")
        else:
            data = self.live.data
        self.live, self.sweep = Run(state, data), None
        if self.pinned is not None:
            self.pinned.restart()
        self.look = None

    def _stop_playing(self):
        self.playing = False
        if self.live.error:
            self._say(self.live.error)
        self._touch("state")

    def _say(self, note):
        self.notes.append(note)
        self._touch("state")

    def _touch(self, *kinds):
        self.stale |= {*kinds}


def _seen(state, live):
    """A state under the view of the live one."""
    return replace(state, **{name: getattr(live, name) for name in _OF_PAGE})
