"""The fast reader of requests reads exactly what the bus has written, over both kinds of database."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.domain.request import (
    Body,
    Confirmed,
    DeadLettered,
    Delivered,
    Dropped,
    Evidence,
    Final,
    Finished,
    HandedOff,
    Noticed,
    Progressed,
    Request,
    Requested,
    RequestState,
    Resent,
    Situation,
    Watch,
    fold,
)
from harness.store.database import Database
from harness.store.json_codec import to_json
from harness.store.peek import peek
from harness.store.request_bodies import body_of
from harness.store.request_log import events_of
from harness.store.request_records import RequestCounts
from harness.store.suspensions import Awaited, suspend_for
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")

_texts = st.text(max_size=20)
_paths = st.lists(_texts, max_size=3).map(tuple)
_moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 aware by timezones
_watches = st.one_of(
    st.builds(Watch, file=_texts), st.builds(Watch, job=_texts), st.builds(Watch, at=_moments), st.none()
)
_requests = st.builds(
    Request, _texts, _texts, _texts, _texts, _moments, _moments, _texts, inputs=_paths, acceptance=_paths,
    watch=_watches, priority=st.sampled_from(("high", "normal")), parent=st.none() | _texts,
    is_untrusted=st.booleans(), files_since=st.none() | _moments,
)  # fmt: skip
_finals = st.builds(
    Final,
    st.sampled_from(("done", "failed", "timed_out")),
    _texts,
    st.lists(st.builds(Evidence, _texts, st.integers(0), _texts), max_size=2).map(tuple),
    _paths,
    st.sampled_from(("PASS", None)),
)
_bodies: st.SearchStrategy[Any] = st.one_of(
    st.builds(Requested, _requests),
    st.builds(Delivered, st.integers(1), st.none() | _texts),
    st.builds(Confirmed, st.integers(1)),
    st.builds(Progressed, st.integers(1), _texts, st.booleans()),
    st.builds(HandedOff, st.integers(1), _texts, _texts),
    st.builds(Finished, _finals, st.none() | st.integers(1)),
    st.builds(Noticed, _texts),
    st.builds(DeadLettered, _texts, st.sampled_from(Situation)),
    st.builds(Resent, _texts),
    st.builds(Dropped, _texts),
)


@given(body=_bodies)
def test_every_event_is_read_back_as_it_was_written(body: Any) -> None:
    assert body_of(body.kind, json.loads(json.dumps(to_json(Body, body)))) == body


def test_every_kind_of_event_there_is_can_be_read() -> None:
    for body in get_args(Body):
        (kind,) = (str(field.default) for field in fields(body) if field.name == "kind")
        with pytest.raises(KeyError):
            body_of(kind, {})  # it is known, and misses its fields
    with pytest.raises(ValueError, match="no event of a request is called 'invented'"):
        body_of("invented", {})


def sent(database: Database, *args: str, **fields: Any) -> str:
    with database.write(alone=True) as connection:
        return send(connection, ask(*args, **fields), TEAM, NOW).standing.request.id


def test_the_log_as_it_is_read_folds_to_what_the_bus_knows(database: Database) -> None:
    request_id = sent(database, "zoe", "scout", inputs=("a.md",), acceptance=("short",), watch=None)
    with database.write(alone=True) as connection:
        append(connection, standing_of(connection, request_id), Progressed(1, "half"), by="scout", now=NOW)
    with database.read() as connection, peek(database.address) as look:
        assert look is not None
        assert look.requests.log(request_id) == tuple(events_of(connection, request_id))
        assert fold(look.requests.log(request_id)) == standing_of(connection, request_id)


def test_what_is_open_comes_first_and_each_filter_holds(database: Database) -> None:
    over = sent(database, "user", "scout", "over")
    late = sent(database, "user", "zoe", "late", due_at=NOW + timedelta(hours=5))
    soon = sent(database, "zoe", "scout", "soon", due_at=NOW + timedelta(hours=1))
    mine = sent(database, "zoe", "user", "mine", due_at=NOW + timedelta(hours=9))
    with database.write(alone=True) as connection:
        done = Finished(Final("failed", "it could not be reached"))
        standing = append(connection, standing_of(connection, over), done, by="system", now=NOW)
        append(connection, standing, DeadLettered("late", Situation.WORKING), by="system", now=NOW)
    with peek(database.address) as look:
        assert look is not None
        requests = look.requests
        assert [row.id for row in requests.listed()] == [soon, late, mine, over]
        assert [row.id for row in requests.listed(agent="zoe")] == [soon, late, mine]
        assert [row.id for row in requests.listed(sender="user")] == [late, over]
        assert [row.id for row in requests.listed(receiver="user", waiting="open")] == [mine]
        assert [row.id for row in requests.listed(waiting="dead")] == [over]
        assert [row.id for row in requests.listed(state=RequestState.FINAL)] == [over]
        assert [row.id for row in requests.listed(limit=2)] == [soon, late]
        assert requests.counts() == RequestCounts(open=3, for_person=1, dead=1)
        assert requests.ids(2) == (soon, late)
        assert requests.record("r-nothing") is None


def test_an_id_is_found_by_its_beginning_with_and_without_its_r(database: Database) -> None:
    request_id = sent(database, "zoe", "scout")
    with peek(database.address) as look:
        assert look is not None
        assert look.requests.ids_beginning(request_id[:5]) == (request_id,)
        assert look.requests.ids_beginning(request_id[2:6]) == (request_id,)
        assert look.requests.ids_beginning("%") == ()


def test_the_chain_the_runs_and_who_waits_are_found(database: Database) -> None:
    above = sent(database, "user", "zoe", "above")
    below = sent(database, "zoe", "scout", "below", parent=above, parent_run=f"bus:{above}:1")
    with database.write(alone=True) as connection:
        suspend_for(connection, f"bus:{above}:1", [Awaited(below, "call-1")], "[]", NOW)
    with peek(database.address) as look:
        assert look is not None
        requests = look.requests
        assert [row.id for row in requests.below(above)] == [below]
        assert [row.id for row in requests.above(below)] == [above]
        (run,) = requests.work_on(below, {"scout"})
        assert (run.id, run.state, run.outcome) == (f"bus:{below}:1", "queued", "planned")
        (waits,) = requests.waiting_for(below)
        assert (waits.id, waits.continued_as) == (f"bus:{above}:1", None)
