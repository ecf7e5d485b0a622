"""The page's settings: in the URL and back, and whatever a URL may hold."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skreg.datasets import PlaygroundFeatures, make_playground
from skreg.playground.fields import Choice, Flag, LayerSizes, Name, Number, Subset
from skreg.playground.state import (
    FEATURES,
    FIELDS,
    PROBLEMS,
    REGRESSIONS,
    State,
    read_query,
    write_query,
)


def values(field):
    """What a field may hold."""
    match field:
        case Choice(options):
            return st.sampled_from(options)
        case Number(low, high, whole=True):
            return st.integers(int(low), int(high))
        case Number(low, high):
            return st.floats(low, high)
        case Flag():
            return st.booleans()
        case Subset(options):
            chosen = st.sets(st.sampled_from(options), min_size=1)
            return chosen.map(lambda some: tuple(o for o in options if o in some))
        case LayerSizes(most, largest):
            return st.lists(st.integers(1, largest), max_size=most).map(tuple)
        case Name(longest):
            text = st.characters(exclude_categories=["Cs"])
            return st.text(text, max_size=min(longest, 20))


STATES = st.builds(State, **{name: values(field) for name, field in FIELDS.items()})


@given(STATES, st.none() | STATES)
def test_url_gives_the_same_states_back(state, pinned):
    assert read_query("?" + write_query(state, pinned)) == (state, pinned, [])


@given(st.text(max_size=200))
def test_any_query_is_read(query):
    state, _, messages = read_query(query)
    assert isinstance(state, State)
    assert all(isinstance(message, str) for message in messages)


@given(st.sampled_from(sorted(FIELDS)), st.text(st.characters(exclude_categories=["Cs"])))
def test_bad_value_is_the_default_and_a_message(name, text):
    state, messages = State().with_texts({name: text})
    if messages:
        assert state == State()
        assert len(messages) == 1
        assert name in messages[0]
    else:
        assert FIELDS[name].read(FIELDS[name].write(getattr(state, name))) == getattr(state, name)


def test_what_messages_say():
    state, pinned, messages = read_query("noise=900&hidden=9&color=red&batch=8&pin.alpha=nan")
    assert (state, pinned) == (State(batch=8), State(batch=8))
    assert messages == [
        "noise=900 is not a number from 0 to 100; 0 is used.",
        "hidden=9 is not up to 6 whole numbers from 1 to 8, joined by commas; 4,2 is used.",
        "color is not a setting; it is ignored.",
        "Pinned run: alpha=nan is not a number from 0 to 1000; 0 is used.",
    ]


def test_too_long_a_query_is_answered():
    state, pinned, messages = read_query("&".join(["a=1"] * 200))
    assert (state, pinned) == (State(), None)
    assert "too much" in messages[0]


def test_page_as_it_opens_needs_no_query():
    assert write_query(State()) == ""
    assert read_query("") == (State(), None, [])
    assert write_query(State(), State()) == "pin.same=1"


def test_lists_are_those_of_the_datasets():
    assert (
        tuple(PlaygroundFeatures("all").fit(np.zeros((2, 2))).get_feature_names_out()) == FEATURES
    )
    for name in PROBLEMS:
        kind = make_playground(name, n_samples=30, random_state=0)[1].dtype.kind
        assert (kind == "f") == (name in REGRESSIONS)


def test_differs():
    state = State()
    assert not state.differs(replace(state, speed=5), ("noise", "seed"))
    assert state.differs(replace(state, seed=5), ("noise", "seed"))
