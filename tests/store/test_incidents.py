from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.domain.cause import disabled_cause, endpoint_cause, job_cause, missed_cause
from harness.store.database import Database
from harness.store.incidents import (
    last_told,
    mark_alerted,
    mark_over_told,
    open_incident,
    open_incidents,
    over_and_untold,
    resolve_incident,
    resolve_incidents_of,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DOWN = endpoint_cause("api.example.org:443")


def test_jobs_that_fail_for_the_same_cause_are_one_incident_that_names_them(database: Database) -> None:
    with database.write() as connection:
        assert open_incident(connection, DOWN, "no connection", NOW, "cron:a/x:1", job_id="a/x")
        assert not open_incident(connection, DOWN, "no answer", NOW + timedelta(hours=1), "cron:b/y:2", job_id="b/y")
        assert not open_incident(connection, DOWN, "no answer", NOW + timedelta(hours=2), "cron:a/x:3", job_id="a/x")
        (incident,) = open_incidents(connection)
    assert (incident.occurrences, incident.jobs, incident.message) == (3, ("a/x", "b/y"), "no answer")
    assert (incident.first_at, incident.last_at) == (NOW.timestamp(), NOW.timestamp() + 7200)


def test_a_run_that_says_it_twice_counts_once(database: Database) -> None:
    with database.write() as connection:
        for _ in range(2):
            open_incident(connection, DOWN, "no connection", NOW, "cron:a/x:1", job_id="a/x")
        assert open_incidents(connection)[0].occurrences == 1


def test_a_cause_that_goes_on_is_counted_also_after_the_clock_was_set_back(database: Database) -> None:
    earlier = NOW - timedelta(days=1)
    with database.write() as connection:
        open_incident(connection, DOWN, "no connection", NOW, "cron:a/x:1", job_id="a/x")
        resolve_incident(connection, DOWN, NOW)
        for seconds in range(3):
            open_incident(connection, DOWN, "no answer", earlier + timedelta(seconds=seconds), f"cron:a/x:{seconds}")
        (incident,) = open_incidents(connection)
    assert (incident.first_at, incident.occurrences) == (earlier.timestamp(), 3)


def test_a_cause_that_comes_back_is_a_new_incident(database: Database) -> None:
    with database.write() as connection:
        open_incident(connection, job_cause("a/x"), "broken", NOW)
        assert resolve_incident(connection, job_cause("a/x"), NOW + timedelta(hours=1))
        assert not resolve_incident(connection, job_cause("a/x"), NOW + timedelta(hours=1))
        assert open_incident(connection, job_cause("a/x"), "broken", NOW + timedelta(hours=2))
        (incident,) = open_incidents(connection)
    assert (incident.occurrences, incident.first_at) == (1, NOW.timestamp() + 7200)


def test_a_cause_that_comes_back_at_the_same_moment_goes_on(database: Database) -> None:
    with database.write() as connection:
        open_incident(connection, job_cause("a/x"), "broken", NOW)
        resolve_incident(connection, job_cause("a/x"), NOW)
        assert open_incident(connection, job_cause("a/x"), "broken again", NOW)
        (incident,) = open_incidents(connection)
    assert (incident.occurrences, incident.message, incident.resolved_at) == (2, "broken again", None)


def test_a_success_ends_every_incident_that_the_job_failed_for_and_no_other(database: Database) -> None:
    kept = [job_cause("a/xx"), disabled_cause("a/x"), endpoint_cause("other:1"), "disk", "file agents/a/SOUL.md"]
    with database.write() as connection:
        for cause in (job_cause("a/x"), missed_cause("a/x"), *kept):
            open_incident(connection, cause, "broken", NOW)
        open_incident(connection, DOWN, "no connection", NOW, job_id="a/x")
        open_incident(connection, "disk", "full", NOW, job_id="b/y")
        open_incident(connection, "network", "down", NOW, job_id="a/x")
        over = resolve_incidents_of(connection, "a/x", NOW, but="network")
        assert set(over) == {job_cause("a/x"), missed_cause("a/x"), DOWN}
        assert {row.cause for row in open_incidents(connection)} == {*kept, "network"}


def test_what_the_person_believes_is_remembered_over_the_end_of_an_incident(database: Database) -> None:
    with database.write() as connection:
        open_incident(connection, DOWN, "no connection", NOW)
        open_incident(connection, "disk", "full", NOW)
        told = next(row for row in open_incidents(connection) if row.cause == DOWN)
        mark_alerted(connection, told, NOW)
        for cause in (DOWN, "disk"):
            resolve_incident(connection, cause, NOW + timedelta(hours=1))
        (over,) = over_and_untold(connection)
        assert (over.cause, over.alerts, over.alerted_occurrences) == (DOWN, 1, 1)
        open_incident(connection, DOWN, "no connection", NOW + timedelta(hours=2))
        assert last_told(connection) == {DOWN: NOW.timestamp()}
        mark_over_told(connection, DOWN, NOW + timedelta(hours=3))
        assert over_and_untold(connection) == []
        assert last_told(connection) == {}


def test_what_the_person_ended_themselves_is_not_told_to_be_over(database: Database) -> None:
    with database.write() as connection:
        open_incident(connection, disabled_cause("a/x"), "paused", NOW)
        mark_alerted(connection, open_incidents(connection)[0], NOW)
        resolve_incident(connection, disabled_cause("a/x"), NOW, is_told=True)
        assert over_and_untold(connection) == []
