from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from harness.cli.fires import counts_in_words, fire_json, iso, ledger_lines, local_day, outcome_of
from harness.domain.run import Fire, FireKind, FireState

ZONE = "America/Los_Angeles"
MIDNIGHT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def fire(
    state: FireState,
    *,
    hours: float = 0,
    job_id: str = "zoe/self-check",
    reason: str = "",
    items: int | None = None,
    gaps: int | None = None,
) -> Fire:
    due_at = MIDNIGHT + timedelta(hours=hours)
    return Fire(job_id, due_at, FireKind.CRON, state, reason=reason, items=items, gaps=gaps)


def test_fires_are_shown_by_local_time_with_what_came_of_them() -> None:
    fires = [
        fire(FireState.DEGRADED, hours=7.25, job_id="ainews/arxiv", items=9, gaps=1, reason="one feed is gone"),
        fire(FireState.DELIVERED, hours=6, job_id="ainews/scan", items=1),
    ]
    assert ledger_lines(fires, ZONE, 80) == [
        "Fri 20 Nov 2026, America/Los_Angeles",
        "06:00  ainews/scan   delivered  1 item",
        "07:15  ainews/arxiv  degraded   9 items, 1 gap: one feed is gone",
    ]


def test_forty_eight_silent_fires_are_one_line_and_all_of_them_with_all() -> None:
    fires = [fire(FireState.SILENT, hours=half / 2, reason="all well") for half in range(48)]
    assert ledger_lines(fires, ZONE, 80)[1:] == [
        "00:00  zoe/self-check  silent  48 times until 23:30, always: all well"
    ]
    assert len(ledger_lines(fires, ZONE, 80, show_all=True)) == 49


def test_failures_are_never_folded() -> None:
    fires = [fire(FireState.FAILED, hours=hour, reason="broken") for hour in range(12)]
    assert len(ledger_lines(fires, ZONE, 80)) == 13


def test_each_local_day_has_its_heading() -> None:
    lines = ledger_lines([fire(FireState.SILENT, hours=-1), fire(FireState.SILENT, hours=1)], ZONE, 80)
    assert [line for line in lines if "2026" in line] == [
        "Thu 19 Nov 2026, America/Los_Angeles",
        "Fri 20 Nov 2026, America/Los_Angeles",
    ]


def test_local_day_is_23_and_25_hours_long_when_the_clock_changes() -> None:
    def hours(day: date) -> float:
        start, end = local_day(day, ZONE)
        return (end - start) / timedelta(hours=1)

    assert (hours(date(2026, 3, 8)), hours(date(2026, 11, 1)), hours(date(2026, 11, 20))) == (23, 25, 24)


def test_json_of_a_fire_keeps_its_keys() -> None:
    assert list(fire_json(fire(FireState.PLANNED))) == [
        "job", "due_at", "kind", "state", "run", "reason", "closed_at", "artifact", "items", "gaps",
    ]  # fmt: skip
    assert fire_json(fire(FireState.PLANNED))["due_at"] == "2026-11-20T08:00:00Z"
    assert iso(MIDNIGHT.timestamp()) == "2026-11-20T08:00:00Z"


def test_words_about_what_came_of_a_fire() -> None:
    assert outcome_of(fire(FireState.DELIVERED)) == ""
    assert outcome_of(fire(FireState.SILENT, reason="nothing new")) == "nothing new"
    assert counts_in_words([FireState.FAILED, FireState.DELIVERED, FireState.FAILED]) == "1 delivered, 2 failed"
    assert counts_in_words([]) == "nothing"
