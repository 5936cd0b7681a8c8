"""Looking at the world."""

from __future__ import annotations

from pathlib import Path

from harness.daemon.health.gathering import gather_facts
from harness.daemon.health.judgement import judge_health
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.store.address import file_address
from harness.store.state_folder import StateFolder
from tests.daemon.health.sample_facts import NOW, ZONE, fingerprint


def test_state_that_never_was_is_gathered_without_an_error(tmp_path: Path) -> None:
    facts = gather_facts(
        StateFolder(tmp_path / "not" / "there"),
        file_address(tmp_path / "not" / "there" / "harness.db"),
        Workspace(tmp_path, Settings()),
        zone=ZONE,
        file_findings=(),
        fingerprint=fingerprint,
        audit_problem=lambda _: None,
        now=NOW,
    )
    assert judge_health(facts) == ()
    assert facts.liveness.state == "absent"
