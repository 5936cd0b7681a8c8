"""What a rehearsed team must have kept beside its ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from harness.bus.files.follow_ups import read_follow_ups
from harness.domain.digest import Digest, DigestItem, Section
from harness.domain.job import Job
from harness.domain.request import RequestState
from harness.domain.run import Fire, FireKind, FireState
from harness.domain.source import canonical_url
from harness.rehearsal.promises import Evidence, Made, broken_promises
from harness.rehearsal.wall_time import wall_moment
from harness.store.requests import RequestRow

ZONE = "America/Los_Angeles"
DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)


def at(hours: float, day: date = DAY) -> datetime:
    return wall_moment(day, ZONE, hours)


def job(job_id: str, action: str) -> Job:
    agent, _, name = job_id.partition("/")
    return Job(agent, name, f"agents/{agent}/jobs/{name}.md", (), ZONE, action=action)


def request(due_at: datetime, closed_at: datetime | None) -> RequestRow:
    closed = None if closed_at is None else closed_at.timestamp()
    return RequestRow(
        id="r-1", sender="zoe", receiver="ainews", state=RequestState.REQUESTED, version=1, token=1, run_id=None,
        priority=1, due_at=due_at.timestamp(), made_at=0.0, updated_at=0.0, news_at=None, closed_at=closed,
        noticed_at=None, result=None, verdict=None, is_dead=False, is_watched=False, depth=0, parent=None,
        parent_run=None, key="k", task="Look", note="", deliveries_failed=0, deliver_after=None, why_waiting="",
    )  # fmt: skip


EVIDENCE = Evidence(end=at(24), zone=ZONE)
DISPATCHED = replace(
    EVIDENCE,
    end=at(24, NEXT),
    jobs={"zoe/followup-dispatch": job("zoe/followup-dispatch", "followup-dispatch")},
    expected={"zoe/followup-dispatch": [at(9.5), at(9.5, NEXT)]},
)


@pytest.mark.parametrize(
    ("due", "closed", "is_kept"),
    [
        (at(20), at(20), True),
        (at(20), at(23.9), True),
        (at(20), None, False),
        (at(20), at(24.5), False),
        (at(24.5), None, True),  # due beyond the rehearsed day
    ],
)
def test_a_request_without_its_final_on_the_day_it_was_due_is_a_broken_promise(
    due: datetime, closed: datetime | None, is_kept: bool
) -> None:
    broken = broken_promises(replace(EVIDENCE, requests=(request(due, closed),)))
    assert [str(one) for one in broken] == (
        [] if is_kept else ["every request has a final: r-1 of zoe to ainews, due Fri 20 Nov 20:00, had none that day"]
    )


@pytest.mark.parametrize("state", [FireState.FAILED, FireState.SKIPPED, FireState.MISSED, FireState.SILENT])
def test_a_night_without_a_reflection_that_came_to_its_end_is_a_broken_promise(state: FireState) -> None:
    jobs = {"zoe/reflection": job("zoe/reflection", "reflect"), "zoe/backup": job("zoe/backup", "backup")}
    fires = tuple(Fire(name, at(22), FireKind.CRON, state, reason="why") for name in jobs)
    broken = broken_promises(replace(EVIDENCE, jobs=jobs, fires=fires))
    told = [] if state.is_success else [f"every night is reflected on: zoe/reflection of Fri 20 Nov {state}: why"]
    assert [str(one) for one in broken] == told


@pytest.mark.parametrize(
    ("entry", "is_kept"),
    [
        ("- [open] P1 ainews: Find it\n  - since: 2026-11-20\n", False),
        ("- [asked] P0 ainews: Find it\n  - since: 2026-11-20\n  - request: r-1\n", True),
        ("- [open] P2 ainews: Find it\n  - since: 2026-11-20\n", True),
        ("- [done] P1 ainews: Find it\n  - since: 2026-11-20\n", True),
        ("- [open] P1 ainews: Find it\n  - since: 2026-11-21\n", True),  # written after that morning
        ("- [open] P1 ainews: Find it\n  - since: 2026-11-20\n  - moved to: 2026-11-22\n", True),
    ],
)
def test_what_the_night_wrote_down_and_the_morning_did_not_ask_for_is_a_broken_promise(
    entry: str, is_kept: bool
) -> None:
    follow_ups = {NEXT: read_follow_ups(f"# Follow-ups\n\n{entry}", "")}
    broken = broken_promises(replace(DISPATCHED, follow_ups=follow_ups))
    assert [one.detail for one in broken] == (
        [] if is_kept else ["shared-context/followups/2026-11-21.md:3: P1 ainews: Find it"]
    )
    beyond = {NEXT + timedelta(days=1): follow_ups[NEXT]}
    assert not broken_promises(replace(DISPATCHED, follow_ups=beyond))


def test_a_link_that_nothing_told_the_run_was_invented() -> None:
    links = ("http://a.sample.test/1?utm_source=x", "http://a.sample.test/2", "http://b.org/3")
    items = tuple(DigestItem(f"Item {n}", link) for n, link in enumerate(links))
    digest = Digest("T", "ainews/wrap", "run", datetime(2026, 11, 20, tzinfo=UTC), ZONE, "recorded", "delivered",
                    (Section("S", items=items),))  # fmt: skip
    made = Made(digest, frozenset({canonical_url("http://a.sample.test/1")}), "See http://a.sample.test/2 for more.")
    assert [one.detail for one in broken_promises(replace(EVIDENCE, made=(made,)))] == [
        "ainews/wrap, run run: http://b.org/3"
    ]
