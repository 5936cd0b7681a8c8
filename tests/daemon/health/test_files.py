"""Sources, files, disk and audit log."""

from __future__ import annotations

from dataclasses import replace

from harness.daemon.health.facts import DiskFacts
from harness.daemon.health.judgement import judge_health
from harness.domain.errors import Finding
from harness.store.records import FailingSource
from tests.daemon.health.sample_facts import WELL, codes


def test_sources_files_disk_and_audit_are_judged() -> None:
    facts = replace(
        WELL,
        failing_sources=(FailingSource("https://a.example/feed", 4, None, "HTTP 404"),),
        file_findings=(
            Finding("agents/a/jobs/b.md", 3, "hour 25 is out of range", "use 0-23"),
            Finding("agents/a/jobs/c.md", None, "is long", "shorten it", severity="warning"),
        ),
        held_back=("agents/a/jobs/b.md", "USER.md"),
        disk=DiskFacts("/state", 5_000_000, is_writable=False),
        audit_problem="line 7 does not continue line 6",
    )
    assert codes(facts) == ["source", "file", "file", "file", "disk", "disk", "audit"]
    notes = [finding.message for finding in judge_health(facts) if finding.severity == "note"]
    assert notes == ["agents/a/jobs/c.md: is long"]
    assert "agents/a/jobs/b.md:3: hour 25 is out of range; use 0-23" in [str(f) for f in judge_health(facts)]
