"""How long to wait before trying again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.llm.backoff import LONGEST_ASKED_WAIT_S, LONGEST_BACKOFF_S, asked_wait_s, wait_s


def test_waits_double_up_to_a_cap() -> None:
    assert [wait_s(failures, None, 0.0) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_jitter_takes_away_up_to_half() -> None:
    assert wait_s(3, None, 0.5) == 3.0
    assert wait_s(3, None, 1.0) == 2.0


def test_what_the_endpoint_asks_for_is_a_lower_bound() -> None:
    assert wait_s(1, 7.0, 0.0) == 7.0
    assert wait_s(4, 7.0, 0.0) == 8.0


def test_what_the_endpoint_asks_for_is_capped() -> None:
    assert wait_s(1, 3600.0, 0.0) == LONGEST_ASKED_WAIT_S


@given(
    failures=st.integers(min_value=1, max_value=100_000),
    asked=st.none() | st.floats(min_value=0, allow_infinity=False),
    jitter=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_a_wait_is_never_negative_nor_longer_than_the_caps(failures: int, asked: float | None, jitter: float) -> None:
    assert 0 < wait_s(failures, asked, jitter) <= max(LONGEST_ASKED_WAIT_S, LONGEST_BACKOFF_S)


def test_seconds_are_read() -> None:
    assert asked_wait_s({"retry-after": "7"}) == 7.0
    assert asked_wait_s({"retry-after": " 1.5 "}) == 1.5


def test_a_date_is_read_against_the_date_of_the_response() -> None:
    headers = {"retry-after": "Sun, 01 Mar 2026 08:00:09 GMT", "date": "Sun, 01 Mar 2026 08:00:00 GMT"}
    assert asked_wait_s(headers) == 9.0


def test_a_date_that_has_passed_asks_for_nothing() -> None:
    headers = {"retry-after": "Sun, 01 Mar 2026 07:00:00 GMT", "date": "Sun, 01 Mar 2026 08:00:00 GMT"}
    assert asked_wait_s(headers) == 0.0


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "Sun, 01 Mar 2026 08:00:09 GMT"])
def test_what_cannot_be_understood_asks_for_nothing(text: str) -> None:
    assert asked_wait_s({"retry-after": text}) is None


@pytest.mark.parametrize("year", ["99999", "9" * 30, "9" * 5000])
def test_a_year_that_is_none_asks_for_nothing(year: str) -> None:
    headers = {"retry-after": f"Mon, 01 Jan {year} 00:00:00 GMT", "date": "Sun, 01 Mar 2026 08:00:00 GMT"}
    assert asked_wait_s(headers) is None


@given(st.text(), st.text())
def test_no_header_however_broken_raises(retry_after: str, date: str) -> None:
    asked = asked_wait_s({"retry-after": retry_after, "date": date})
    assert asked is None or asked >= 0
