"""What the harness paused, left alone or holds open is told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from harness.daemon.health.judgement import judge_health
from harness.domain.breaker import Breaker
from harness.domain.pause import THE_HARNESS, PauseRow
from harness.domain.run import FireState
from harness.store.records import OpenIncident
from tests.daemon.health.sample_facts import NOW, WELL, codes, fire, only_finding


def test_job_that_the_harness_paused_is_a_finding_until_it_is_resumed() -> None:
    pause = PauseRow("job:ainews/arxiv", THE_HARNESS, "failed 10 times in a row, the last: x", NOW.timestamp(), True)
    incident = OpenIncident("disabled ainews/arxiv", "paused", NOW.timestamp(), NOW.timestamp(), 1, None)
    facts = replace(WELL, pauses=(pause,), incidents=(incident,))
    (finding,) = judge_health(facts)
    assert (finding.code, finding.severity) == ("paused", "error")
    assert finding.message.startswith("ainews/arxiv is paused by the harness since ")
    assert finding.fix == "when its cause is gone: harness jobs resume ainews/arxiv"


def test_pause_of_the_person_is_a_note_from_the_eighth_day_on() -> None:
    def findings(days: float) -> list[str]:
        pause = PauseRow("all", "Sam", "on holiday", (NOW - timedelta(days=days)).timestamp())
        return [finding.severity for finding in judge_health(replace(WELL, pauses=(pause,)))]

    assert findings(6.9) == []
    assert findings(7.1) == ["note"]


def test_endpoint_that_is_left_alone_is_told_once_with_its_next_try() -> None:
    endpoint = "api.example.org:443"
    breaker = Breaker(endpoint, "open", 7, NOW - timedelta(minutes=4), NOW + timedelta(minutes=2), "HTTP 503")
    incident = OpenIncident(f"endpoint {endpoint}", "down", NOW.timestamp(), NOW.timestamp(), 7, None)
    text = only_finding(replace(WELL, open_breakers=(breaker,), incidents=(incident,)), "breaker")
    assert text.startswith("api.example.org:443 is left alone since 09:14 (4 min ago), as it has not answered 7 times")
    assert "HTTP 503; it is tried again 09:20 (in 2 min)" in text
    probing = replace(breaker, state="half-open")
    assert "with the next call" in only_finding(replace(WELL, open_breakers=(probing,)), "breaker")


def test_incident_that_several_jobs_share_names_them() -> None:
    jobs = tuple(f"agent/job-{number}" for number in range(8))
    shared = OpenIncident("network", "nobody answers", NOW.timestamp(), NOW.timestamp(), 9, None, jobs)
    text = only_finding(replace(WELL, incidents=(shared,)), "incident")
    assert "9 times; agent/job-0, agent/job-1" in text
    assert "agent/job-5 and 2 more" in text
    own = OpenIncident("job a/x", "a/x: no", NOW.timestamp(), NOW.timestamp(), 1, None, ("a/x",))
    assert "a/x" not in only_finding(replace(WELL, incidents=(own,)), "incident").replace("a/x: no", "", 1)


def test_budget_that_is_spent_leads_to_what_it_was_spent_on() -> None:
    spent = OpenIncident("budget the team", "it is spent", NOW.timestamp(), NOW.timestamp(), 4, "cron:a/x:1", ("a/x",))
    text = only_finding(replace(WELL, incidents=(spent,)), "incident")
    assert text.startswith("it is spent (since ")
    assert text.endswith("; a/x); harness cost; a larger budget holds from the next run on")


def test_failure_is_not_told_a_second_time_as_its_incident() -> None:
    incident = OpenIncident("job ainews/arxiv", "it failed", NOW.timestamp() - 60, NOW.timestamp(), 1, None)
    facts = replace(WELL, recently_closed=(fire(FireState.FAILED, reason="x"),), incidents=(incident,))
    assert codes(facts) == ["failed"]
    assert codes(replace(WELL, incidents=(incident,))) == ["incident"]
