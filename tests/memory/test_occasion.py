"""What somebody's own words name of the call that they are about."""

from __future__ import annotations

from typing import Any

import pytest

from harness.memory.occasion import with_occasion
from harness.memory.transcript import ToolUse

EXPORTS = ToolUse(3, "files.remove", {"folder": "exports", "keep": 7})


def use(position: int, **arguments: Any) -> ToolUse:
    return ToolUse(position, "t.call", arguments)


@pytest.mark.parametrize(
    ("trigger", "arguments", "added"),
    [
        ("cleaning up the exports", {"folder": "exports", "keep": 7}, ', only with folder "exports"'),
        ("comparing Shell's estimates", {"company": "SHEL"}, ', only with company "SHEL"'),
        ("asking anybody to change shifts", {"about": "shifts", "to": "foreman"}, ', only with about "shifts"'),
        ("writing to the works council.", {"to": "works council"}, ', only with to "works council"'),
        ("rounding prices", {"folder": "exports"}, ""),
        ("asking for a day in May", {"month": "ma", "day": "2026-05-01", "count": 3}, ""),
        ("", {"folder": "exports"}, ""),
    ],
    ids=["the same word", "a ticker", "one of two", "two words", "names nothing", "too short, changing", "no words"],
)
def test_what_the_words_name_of_the_call_is_added_to_them(trigger: str, arguments: dict[str, Any], added: str) -> None:
    told = with_occasion(trigger, [use(1, **arguments)])
    assert told == (f"{trigger.rstrip('.')}{added}" if added else trigger)


def test_the_last_call_that_is_named_is_the_one_that_is_meant() -> None:
    uses = [use(1, folder="exports old"), EXPORTS, use(7, folder="drafts")]
    assert with_occasion("cleaning up the exports", uses) == 'cleaning up the exports, only with folder "exports"'


def test_a_trigger_that_says_where_it_holds_is_left_as_it_is() -> None:
    said = with_occasion("cleaning up the exports", [EXPORTS])
    assert with_occasion(said, [use(9, folder="cleaning")]) == said


def test_a_secret_that_the_words_name_does_not_reach_the_record() -> None:
    told = with_occasion("signing in as kettledrum", [use(1, name="kettledrum")], ["kettledrum"])
    assert told == 'signing in as kettledrum, only with name "[redacted]"'
