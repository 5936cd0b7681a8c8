from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.domain.pause import PauseRow, covers, pause_of, scope_name, scopes_of, why_paused

MONDAY = datetime(2026, 11, 16, 9, 10, tzinfo=UTC).timestamp()


def _row(scope: str, reason: str = "on holiday") -> PauseRow:
    return PauseRow(scope, "Sam", reason, MONDAY)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["all"], "paused (everything) by Sam since Mon 16 Nov 09:10 UTC: all"),
        (["all", "agent:ainews"], "paused (all of ainews) by Sam since Mon 16 Nov 09:10 UTC: agent:ainews"),
        (["all", "agent:ainews", "job:ainews/arxiv"], "paused by Sam since Mon 16 Nov 09:10 UTC: job:ainews/arxiv"),
        (["agent:ain", "agent:ainews2", "job:ainews/arxiv2", "job:arxiv"], None),
        ([], None),
    ],
)
def test_the_most_specific_pause_says_why(scopes: list[str], expected: str | None) -> None:
    pauses = {scope: _row(scope, reason=scope) for scope in scopes}
    assert why_paused(pauses, "ainews/arxiv") == expected


def test_the_time_of_a_pause_is_told_in_the_persons_zone() -> None:
    pauses = {"job:zoe/backup": _row("job:zoe/backup", reason="")}
    assert why_paused(pauses, "zoe/backup", "Europe/Berlin") == "paused by Sam since Mon 16 Nov 10:10"


def test_a_job_that_nothing_covers_has_no_pause() -> None:
    assert pause_of({"agent:zoe": _row("agent:zoe")}, "ainews/arxiv") is None


def test_a_scope_is_named_as_the_command_that_resumes_it_takes_it() -> None:
    assert [scope_name(scope) for scope in scopes_of("zoe/backup")] == ["zoe/backup", "zoe", "--all"]
    assert [covers(scope) for scope in scopes_of("zoe/backup")] == ["zoe/backup", "all of zoe", "everything"]
