"""The protocol as one table, and what holds of every log that it accepts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.bus.log import append, open_log, standing_of
from harness.domain.errors import HarnessError, TransientError
from harness.domain.request import (
    TRANSITIONS,
    Body,
    Confirmed,
    DeadLettered,
    Delivered,
    Dropped,
    Event,
    Evidence,
    Final,
    Finished,
    HandedOff,
    IllegalTransition,
    Noticed,
    Progressed,
    Request,
    Requested,
    RequestState,
    Resent,
    Situation,
    Standing,
    Superseded,
    Watch,
    fold,
    follow,
)
from harness.store.database import Database
from harness.store.request_log import events_of
from tests.bus.expected_row import assert_row_tells
from tests.bus.team_of import NOW

REQUEST = Request("r-1", "zoe", "scout", "count the kettles", NOW + timedelta(hours=1), NOW, "kettles")
DONE = Final("done", "there are six")

TABLE = """
              requested delivered confirmed progress  handed_off final noticed      dead      resent       dropped
(nothing)     requested -         -         -         -          -     -            -         -            -
requested     -         delivered -         -         -          final -            -         -            -
delivered     -         -         confirmed -         -          final -            -         -            -
confirmed     -         -         -         confirmed requested  final -            -         -            -
final         -         -         -         -         -          -     told         dead      -            -
told          -         -         -         -         -          -     -            told-dead -            -
dead          -         -         -         -         -          -     told-dead    -         settled      settled
told-dead     -         -         -         -         -          -     -            -         told-settled told-settled
settled       -         -         -         -         -          -     told-settled -         -            -
told-settled  -         -         -         -         -          -     -            -         -            -
"""
"""What a request is (left) becomes what by which event; `-` is refused. `told`: its sender was told; `settled`: it
was a dead letter, and the person has decided."""

BODIES: dict[str, Callable[[int], Body]] = {
    "requested": lambda token: Requested(REQUEST),
    "delivered": lambda token: Delivered(token + 1, f"bus:r-1:{token + 1}"),
    "confirmed": Confirmed,
    "progress": lambda token: Progressed(token, "half of them"),
    "handed_off": lambda token: HandedOff(token, "clerk", "clerk knows kettles"),
    "final": lambda token: Finished(DONE),
    "noticed": lambda token: Noticed("bus:r-0:1.2"),
    "dead": lambda token: DeadLettered("nobody came", Situation.NEVER_DELIVERED),
    "resent": lambda token: Resent("r-2"),
    "dropped": lambda token: Dropped("not needed any more"),
}
"""One event of each kind, by whoever holds this token; `delivered` is the next delivery."""

WAYS: dict[str, tuple[str, ...]] = {
    "requested": ("requested",),
    "delivered": ("requested", "delivered"),
    "confirmed": ("requested", "delivered", "confirmed"),
    "final": ("requested", "delivered", "confirmed", "final"),
    "told": ("requested", "final", "noticed"),
    "dead": ("requested", "final", "dead"),
    "told-dead": ("requested", "final", "noticed", "dead"),
    "settled": ("requested", "final", "dead", "resent"),
    "told-settled": ("requested", "final", "dead", "dropped", "noticed"),
}
"""One way to each place of the table."""

NAMES = {
    "requested": "requested",
    "delivered": "delivered",
    "confirmed": "confirmed",
    "progress": "confirmed with progress",
    "handed_off": "requested of another receiver",
    "final": "final",
    "noticed": "final with its sender told",
    "dead": "a dead letter",
    "resent": "a dead letter that was sent again",
    "dropped": "a dead letter that was given up",
}
"""What an event makes of a request, in the words of an error."""


def cells() -> list[tuple[str, str, str]]:
    """Return the cells of the table: place, event, and what comes of it."""
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return [(row[0], kind, after) for row in rows for kind, after in zip(head, row[1:], strict=True)]


def log_of(kinds: Sequence[str]) -> list[Event]:
    """Return a log with these events, a minute apart, each by whoever may."""
    events: list[Event] = []
    for kind in kinds:
        token = fold(events).token if events else 0
        events.append(next_event(events, BODIES[kind](token)))
    return events


def next_event(events: Sequence[Event], body: Body) -> Event:
    return Event("r-1", len(events) + 1, NOW + timedelta(minutes=len(events)), "system", body)


def place_of(standing: Standing) -> str:
    """Return where in the table a request is."""
    if standing.state is not RequestState.FINAL:
        return str(standing.state)
    is_told = standing.noticed_at is not None
    if standing.settled is not None:
        return "told-settled" if is_told else "settled"
    if standing.dead is not None:
        return "told-dead" if is_told else "dead"
    return "told" if is_told else "final"


def test_the_table_names_every_event_and_every_place_once() -> None:
    assert {kind for _, kind, _ in cells()} == set(BODIES) == set(NAMES) == {*TRANSITIONS, "requested"}
    assert {place for place, _, _ in cells()} == {"(nothing)", *WAYS}
    assert all(place_of(fold(log_of(way))) == place for place, way in WAYS.items())


@pytest.mark.parametrize(("place", "kind", "after"), cells())
def test_an_event_leads_where_the_table_says_or_is_refused_with_both_states_named(
    place: str, kind: str, after: str
) -> None:
    events = log_of(WAYS.get(place, ()))
    token = fold(events).token if events else 0
    new = next_event(events, BODIES[kind](token))
    if after != "-":
        assert place_of(fold([*events, new])) == after
        return
    with pytest.raises(IllegalTransition) as refused:
        fold([*events, new])
    was = "unknown" if place == "(nothing)" else str(fold(events).state)
    assert refused.value.kind == kind
    assert refused.value.state.startswith((was, "final", "a dead letter"))
    assert str(refused.value).startswith("request r-1: it is ")
    assert str(refused.value).endswith(f", and cannot become {NAMES[kind]}")


def bodies_with_token(token: int) -> dict[str, Body]:
    """Return what a worker says of a delivery, by its kind."""
    return {
        "confirmed": Confirmed(token),
        "progress": Progressed(token, "late news"),
        "handed_off": HandedOff(token, "clerk", "late"),
        "final": Finished(DONE, token),
    }


TWICE_DELIVERED = ("requested", "delivered", "confirmed", "handed_off", "delivered", "confirmed")
NOT_YET_CONFIRMED = TWICE_DELIVERED[:-1]
PASSED_ON = TWICE_DELIVERED[:4]


@pytest.mark.parametrize("token", [0, 1, 3])
@pytest.mark.parametrize("kind", ["confirmed", "progress", "handed_off", "final"])
def test_a_word_of_any_delivery_but_the_last_one_is_refused_as_superseded(kind: str, token: int) -> None:
    events = log_of(NOT_YET_CONFIRMED if kind == "confirmed" else TWICE_DELIVERED)
    with pytest.raises(Superseded, match=f"request r-1 was passed on .delivery 2.; delivery {token} is void"):
        fold([*events, next_event(events, bodies_with_token(token)[kind])])


def test_a_worker_that_passed_the_request_on_cannot_end_it_before_the_next_one_has_it() -> None:
    events = log_of(PASSED_ON)
    with pytest.raises(Superseded, match="delivery 1 is void"):
        fold([*events, next_event(events, Finished(DONE, 1))])


def test_nobody_ends_what_was_never_delivered_in_the_name_of_a_delivery() -> None:
    events = log_of(["requested"])
    with pytest.raises(Superseded, match="delivery 0 is void"):
        fold([*events, next_event(events, Finished(DONE, 0))])


@pytest.mark.parametrize("kinds", [("requested", "delivered", "confirmed"), PASSED_ON, TWICE_DELIVERED])
def test_the_harness_may_end_it_whoever_has_it(kinds: Sequence[str]) -> None:
    events = log_of(kinds)
    assert fold([*events, next_event(events, Finished(DONE))]).final == DONE


@pytest.mark.parametrize("token", [0, 1, 3])
def test_the_next_delivery_has_the_next_number(token: int) -> None:
    events = log_of(PASSED_ON)
    with pytest.raises(Superseded):
        fold([*events, next_event(events, Delivered(token))])
    assert fold([*events, next_event(events, Delivered(2))]).token == 2


def test_a_second_delivery_is_not_confirmed_by_the_confirmation_of_the_first() -> None:
    standing = fold(log_of(NOT_YET_CONFIRMED))
    assert standing.delivered_at is not None
    assert (standing.confirmed_at, standing.handed_off_by) == (None, ("scout",))


@pytest.mark.parametrize("missing", range(len(TWICE_DELIVERED)))
def test_a_log_that_lacks_an_event_is_refused(missing: int) -> None:
    events = log_of([*TWICE_DELIVERED, "final"])
    with pytest.raises(HarnessError, match=r"does not follow its event|it is unknown"):
        fold(events[:missing] + events[missing + 1 :])


@pytest.mark.parametrize("kinds", WAYS.values())
def test_a_log_that_has_an_event_twice_is_refused(kinds: Sequence[str]) -> None:
    events = log_of(kinds)
    with pytest.raises(HarnessError, match="does not follow its event"):
        fold([*events, events[-1]])


def test_an_event_of_another_request_is_refused() -> None:
    events = log_of(["requested"])
    stray = Event("r-2", 2, NOW, "system", Delivered(1))
    with pytest.raises(HarnessError, match="event 2 of r-2 does not follow its event 1"):
        fold([*events, stray])


def test_a_log_without_events_is_no_request() -> None:
    with pytest.raises(HarnessError, match="log is empty"):
        fold([])


# ── Any log ──────────────────────────────────────────────────────────────────────────────────────

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
"""What a database can keep: PostgreSQL takes no NUL."""
TOKENS = st.one_of(st.none(), st.integers(min_value=0, max_value=4))
FINALS = st.builds(
    Final,
    st.sampled_from(["done", "failed", "rejected", "timed_out", "cancelled", "superseded"]),
    WORDS,
    st.lists(st.builds(Evidence, WORDS, st.integers(0, 2**40), WORDS), max_size=2).map(tuple),
    st.lists(WORDS, max_size=2).map(tuple),
    st.sampled_from([None, "PASS", "FAIL", "NEEDS_WORK"]),
)
BY_TOKEN = st.integers(min_value=0, max_value=4)
ANY_BODY: st.SearchStrategy[Body] = st.one_of(
    st.builds(Delivered, BY_TOKEN, st.one_of(st.none(), WORDS)),
    st.builds(Confirmed, BY_TOKEN),
    st.builds(Progressed, BY_TOKEN, WORDS, st.booleans()),
    st.builds(HandedOff, BY_TOKEN, st.sampled_from(["scout", "clerk"]), WORDS),
    st.builds(Finished, FINALS, TOKENS),
    st.builds(Noticed, WORDS),
    st.builds(DeadLettered, WORDS, st.sampled_from(Situation)),
    st.builds(Resent, WORDS),
    st.builds(Dropped, WORDS),
    st.just(Requested(REQUEST)),
)
LIKELY = st.sampled_from([kind for kind in BODIES if kind != "requested"])
"""Kinds of which the body is then made for the token that holds; chance alone hardly ever gets far."""
ATTEMPTS = st.lists(st.one_of(LIKELY, LIKELY, ANY_BODY), max_size=25)


def body_of(attempt: str | Body, standing: Standing) -> Body:
    return BODIES[attempt](standing.token) if isinstance(attempt, str) else attempt


@given(ATTEMPTS)
def test_whatever_is_accepted_has_at_most_one_final_and_as_many_events_as_its_version(
    attempts: list[str | Body],
) -> None:
    log = log_of(["requested"])
    standing = fold(log)
    for attempt in attempts:
        new = next_event(log, body_of(attempt, standing))
        try:
            after = follow(standing, new)
        except HarnessError:
            continue
        log.append(new)
        assert after == fold(log)
        assert after.token - standing.token == int(isinstance(new.body, Delivered))
        standing = after
    kinds = [event.body.kind for event in log]
    assert standing.version == len(log)
    assert kinds.count("final") == int(not standing.is_open) <= 1
    assert kinds.count("noticed") <= 1
    assert kinds.count("dead") <= 1
    assert kinds.count("resent") + kinds.count("dropped") <= kinds.count("dead")
    assert standing.token == kinds.count("delivered")
    assert all(before != "final" for before, after in itertools.pairwise(kinds) if after in ("progress", "delivered"))


REQUESTS = st.builds(
    Request,
    id=st.just(""),
    sender=st.sampled_from(["zoe", "user"]),
    receiver=st.sampled_from(["scout", "user"]),
    task=WORDS,
    due_at=st.integers(-(10**6), 10**6).map(lambda s: NOW + timedelta(seconds=s)),
    made_at=st.integers(0, 10**6).map(lambda s: NOW + timedelta(milliseconds=s)),
    key=st.just(""),
    background=WORDS,
    inputs=st.lists(WORDS, max_size=2).map(tuple),
    priority=st.sampled_from(["high", "normal", "low"]),
    parent=st.one_of(st.none(), WORDS),
    parent_run=st.one_of(st.none(), WORDS),
    depth=st.integers(0, 9),
    is_untrusted=st.booleans(),
    watch=st.one_of(st.none(), st.builds(Watch, file=WORDS), st.builds(Watch, at=st.just(NOW))),
    files_since=st.one_of(st.none(), st.just(NOW)),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REQUESTS, ATTEMPTS)
def test_what_is_written_is_what_was_said_and_the_row_is_the_fold(
    database: Database, request: Request, attempts: list[str | Body]
) -> None:
    with database.write() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM request").scalar_one()
        request = replace(request, id=f"r-{count}", key=f"key {count}")
        standing = open_log(connection, request, "zoe", NOW)
        assert standing is not None
        for minutes, attempt in enumerate(attempts):
            at = NOW + timedelta(minutes=minutes, microseconds=1)
            try:
                standing = append(connection, standing, body_of(attempt, standing), by="scout", now=at)
            except HarnessError:
                continue
    with database.read() as connection:
        assert standing_of(connection, request.id) == standing
        assert_row_tells(connection, standing)
        assert [event.number for event in events_of(connection, request.id)] == list(range(1, standing.version + 1))


def test_of_two_that_write_the_same_next_event_one_is_told_to_try_again(database: Database) -> None:
    with database.write() as connection:
        standing = open_log(connection, REQUEST, "zoe", NOW)
        assert standing is not None
        append(connection, standing, Finished(DONE), by="zoe", now=NOW)
    with pytest.raises(TransientError, match="r-1 was changed at the same moment"), database.write() as connection:
        append(connection, standing, Delivered(1), by="system", now=NOW)
    with database.read() as connection:
        assert len(events_of(connection, "r-1")) == 2
