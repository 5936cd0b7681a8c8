"""The daemon here, the nodes that others wait for, and the clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from harness.daemon.health.facts import HealthFacts
from harness.daemon.health.finding import HealthFinding
from harness.daemon.nodes import waiting_in_words
from harness.daemon.set_back_clock import CAUSE, clock_problem
from harness.daemon.wording import local_time
from harness.domain.sizes import counted


def judge_daemon(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return whether the daemon here works, as far as anybody needs it."""
    last = facts.liveness.last_beat_at
    heard = "" if last is None else f" since {facts.moment(last)}"
    match facts.liveness.state:
        case "stalled":
            yield from _judge_silent_parts(facts)
        case "silent":
            pid = 0 if facts.liveness.heartbeat is None else facts.liveness.heartbeat.pid
            yield HealthFinding(
                "silent-daemon",
                f"pid {pid}",
                f"the daemon (pid {pid}) has given no sign of life{heard}",
                f"stop it and start it again: kill {pid}, then harness up",
                last,
            )
        case "dead" | "absent" if facts.scheduled_jobs:
            jobs = f"{counted(facts.scheduled_jobs, 'job')} {'waits' if facts.scheduled_jobs == 1 else 'wait'}"
            upcoming = ""
            if facts.next_slot is not None:
                job_id, slot = facts.next_slot
                upcoming = f", the next is {job_id} at {local_time(slot, facts.zone, facts.now)}"
            how = f"the daemon died, last heard of {facts.moment(last)}" if last else "no daemon is running"
            yield HealthFinding("no-daemon", "daemon", f"{how}: {jobs} for it{upcoming}", "start it: harness up", last)


def _judge_silent_parts(facts: HealthFacts) -> Iterable[HealthFinding]:
    assert facts.liveness.heartbeat is not None, "only a daemon that has beaten can stall"
    pid = facts.liveness.heartbeat.pid
    for silent in facts.liveness.heartbeat.silent_parts:
        since = datetime.fromtimestamp(silent.since, UTC)
        yield HealthFinding(
            "stalled-daemon",
            silent.part,
            f"{silent.part} has not answered since {facts.moment(since)} (pid {pid})",
            f"harness logs says what it hangs in; if it stays so: kill -9 {pid}, then harness up",
            since,
        )


def judge_waiting(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return which nodes are not there that agents or jobs are bound to."""
    if not facts.liveness.is_alive:
        return  # then everything waits, which is told already
    for waiting in facts.waiting:
        message = waiting_in_words(waiting, facts.zone, facts.now)
        since = None if waiting.node is None else waiting.node.seen_at
        fix = f"start the daemon there: harness up; or take away the `on:` that names {waiting.name}"
        yield HealthFinding("waiting", waiting.name, message, fix, since)


def judge_clock(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return whether the clock stands behind the ledger."""
    problem = clock_problem(facts.now, facts.written_at, facts.zone)
    if problem is not None:
        yield HealthFinding("clock", CAUSE, problem, "compare it with another clock: date -u", facts.written_at)
