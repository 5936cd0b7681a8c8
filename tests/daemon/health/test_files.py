"""Sources, files, disk and audit log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from harness.daemon.disk_watch import least_free
from harness.daemon.health.facts import DiskFacts
from harness.daemon.health.judgement import judge_health
from harness.domain.errors import Finding
from harness.store.records import FailingSource, OpenIncident
from tests.daemon.health.sample_facts import NOW, WELL, codes

TOTAL = 100 * 10**9


class Room(NamedTuple):
    total: int
    free: int


def usage(free: int) -> Room:
    return Room(TOTAL, free)


def test_sources_files_disk_and_audit_are_judged() -> None:
    facts = replace(
        WELL,
        failing_sources=(FailingSource("https://a.example/feed", 4, None, "HTTP 404"),),
        file_findings=(
            Finding("agents/a/jobs/b.md", 3, "hour 25 is out of range", "use 0-23"),
            Finding("agents/a/jobs/c.md", None, "is long", "shorten it", severity="warning"),
        ),
        held_back=("agents/a/jobs/b.md", "USER.md"),
        disk=DiskFacts(Path("/state"), usage(free=5_000_000), is_writable=False),
        audit_problem="line 7 does not continue line 6",
    )
    assert codes(facts) == ["source", "file", "file", "file", "disk", "disk", "audit"]
    notes = [finding.message for finding in judge_health(facts) if finding.severity == "note"]
    assert notes == ["agents/a/jobs/c.md: is long"]
    assert "agents/a/jobs/b.md:3: hour 25 is out of range; use 0-23" in [str(f) for f in judge_health(facts)]


def test_disk_is_short_for_the_check_where_it_is_for_the_daemon() -> None:
    least = int(least_free(TOTAL))
    state = Path("/state")
    assert codes(replace(WELL, disk=DiskFacts(state, usage(free=least), is_writable=True))) == []
    (finding,) = judge_health(replace(WELL, disk=DiskFacts(state, usage(free=least - 1), is_writable=True)))
    assert str(finding) == (
        "only 2.0 GB of 100.0 GB are free on the disk of /state; free some space, before nothing can be written"
    )


def test_full_disk_is_told_once_with_since_when() -> None:
    began = NOW.timestamp() - 3600
    incident = OpenIncident("disk", "only 400.0 MB are free", began, began, 3, None, ("scout/morning",))
    full = replace(WELL, disk=DiskFacts(Path("/state"), usage(free=5_000_000), is_writable=True), incidents=(incident,))
    (finding,) = judge_health(full)
    assert (finding.code, finding.since) == ("disk", datetime.fromtimestamp(began, UTC))
    # The disk of the state folder has room: then the incident is about another one.
    roomy = replace(full, disk=DiskFacts(Path("/state"), usage(free=TOTAL // 2), is_writable=True))
    (finding,) = judge_health(roomy)
    assert (finding.code, finding.subject) == ("incident", "disk")
