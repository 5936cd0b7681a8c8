from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.breaker import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    OPENS_AFTER,
    PROBE_S,
    Breaker,
    after_answer,
    after_failure,
    after_no_verdict,
    is_held_back,
    let_through,
)

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
ENDPOINT = "api.example.org:443"


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def _opened() -> Breaker:
    breaker = Breaker(ENDPOINT)
    for _ in range(OPENS_AFTER):
        breaker = after_failure(breaker, NOW, "no connection")
    return breaker


def test_calls_go_through_until_it_has_failed_often_enough_in_a_row() -> None:
    breaker = Breaker(ENDPOINT)
    for number in range(1, OPENS_AFTER):
        breaker = after_failure(breaker, NOW, "no connection")
        assert (breaker.state, breaker.failures_in_a_row) == ("closed", number)
        assert not is_held_back(breaker, NOW)
    opened = after_failure(breaker, NOW, "no answer within 120 s")
    assert opened == Breaker(
        ENDPOINT, "open", OPENS_AFTER, NOW, NOW + _seconds(FIRST_PAUSE_S), "no answer within 120 s"
    )


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(ENDPOINT, failures_in_a_row=OPENS_AFTER - 1)
    assert after_answer(breaker).is_new
    assert after_failure(after_answer(breaker), NOW, "").state == "closed"


def test_after_the_pause_one_call_is_let_through_and_the_others_wait_for_it() -> None:
    breaker = _opened()
    later = NOW + _seconds(FIRST_PAUSE_S)
    assert is_held_back(breaker, later - _seconds(1))
    assert not is_held_back(breaker, later)
    probing = let_through(breaker, later)
    assert probing.state == "half-open"
    assert is_held_back(probing, later + _seconds(PROBE_S - 1))
    # Whoever probed may have died: nobody waits for it for ever.
    assert not is_held_back(probing, later + _seconds(PROBE_S))


@pytest.mark.parametrize(("failed_probes", "pause_s"), [(0, 30), (1, 60), (2, 120), (4, 480), (5, 900), (60, 900)])
def test_the_pause_doubles_up_to_a_quarter_of_an_hour(failed_probes: int, pause_s: int) -> None:
    breaker, now = _opened(), NOW
    for _ in range(failed_probes):
        assert breaker.retry_at is not None
        now = breaker.retry_at
        breaker = after_failure(let_through(breaker, now), now, "no connection")
    assert breaker.retry_at == now + _seconds(pause_s)
    assert breaker.opened_at == NOW


def test_an_answer_closes_it() -> None:
    probing = let_through(_opened(), NOW + _seconds(FIRST_PAUSE_S))
    assert after_answer(probing) == Breaker(ENDPOINT)


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_pause() -> None:
    late = after_failure(_opened(), NOW + _seconds(10), "cut")
    assert (late.retry_at, late.failures_in_a_row) == (_opened().retry_at, OPENS_AFTER)


def test_a_probe_without_a_verdict_gives_its_place_to_the_next() -> None:
    later = NOW + _seconds(FIRST_PAUSE_S)
    again = after_no_verdict(let_through(_opened(), later), later)
    assert again.state == "open"
    assert not is_held_back(again, later)
    closed = Breaker(ENDPOINT, failures_in_a_row=2)
    assert after_no_verdict(closed, later) == closed


Event = st.tuples(st.sampled_from(["answer", "failure", "nothing"]), st.floats(0, 4000))


@given(st.lists(Event, max_size=60))
def test_whatever_happens_it_is_tried_again_and_one_answer_closes_it(events: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(ENDPOINT), NOW
    for what, passes_s in events:
        now += _seconds(passes_s)
        if is_held_back(breaker, now):
            assert breaker.retry_at is not None
            assert breaker.retry_at <= now + _seconds(max(LONGEST_PAUSE_S, PROBE_S))
            continue
        breaker = let_through(breaker, now)
        if what == "answer":
            breaker = after_answer(breaker)
            assert not is_held_back(breaker, now)
        elif what == "failure":
            breaker = after_failure(breaker, now, "no connection")
            assert (breaker.state == "open") == (breaker.failures_in_a_row >= OPENS_AFTER)
            assert is_held_back(breaker, now) == (breaker.state == "open")
        else:
            breaker = after_no_verdict(breaker, now)
            assert not is_held_back(breaker, now)
