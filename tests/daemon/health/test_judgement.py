"""The independent check. Each test is one way in which a team could be broken without anybody noticing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from harness.daemon.health.facts import Unfired
from harness.daemon.health.judgement import judge_health, overdue_line
from harness.daemon.liveness import Liveness
from harness.domain.run import FireState
from harness.store.records import Delivery
from tests.daemon.health.sample_facts import ARXIV_DUE, BEAT, DEAD, NOW, WELL, fire, open_fire


def test_team_that_is_well_has_no_findings() -> None:
    assert judge_health(WELL) == ()


def test_every_finding_says_what_to_do() -> None:
    facts = replace(
        DEAD,
        unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)),),
        open_fires=(open_fire(FireState.RUNNING, "me", timedelta(hours=2)),),
        recently_closed=(fire(FireState.MISSED, reason="late"),),
        deliveries=(
            Delivery("d", "r", "digest", "dead", 12, NOW.timestamp() - 3600, NOW.timestamp(), None, None, "no"),
        ),
    )
    assert len(judge_health(facts)) == 5
    assert all(finding.fix for finding in judge_health(facts))


def test_overdue_line_names_the_oldest() -> None:
    later = Unfired("zoe/daily-digest", (ARXIV_DUE + timedelta(hours=1),))
    assert overdue_line(WELL) is None
    assert overdue_line(replace(WELL, unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)),))) == (
        "1 job is overdue: ainews/arxiv since 07:15 (2 h 3 min ago)"
    )
    both = replace(WELL, unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)), later))
    assert overdue_line(both) == "2 jobs are overdue, the oldest ainews/arxiv since 07:15 (2 h 3 min ago)"


@pytest.mark.parametrize("state", ["dead", "silent"])
def test_overdue_line_tells_of_a_daemon_that_died_before_anything_is_late(state: str) -> None:
    line = overdue_line(replace(DEAD, liveness=Liveness(state, BEAT)))  # type: ignore[arg-type]
    assert line is not None
    assert line.startswith("nothing is overdue yet, but the daemon ")
    assert "\n" not in line


def test_overdue_line_is_quiet_about_a_daemon_that_was_stopped_or_has_nothing_to_do() -> None:
    assert overdue_line(replace(WELL, liveness=Liveness("absent"))) is None
    assert overdue_line(replace(DEAD, scheduled_jobs=0)) is None
    assert overdue_line(replace(WELL, liveness=Liveness("elsewhere", BEAT))) is None
