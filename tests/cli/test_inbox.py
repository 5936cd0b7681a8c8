"""`harness inbox`: whatever waits for the person stands there, once, with the command that settles it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from harness.bus.ending import answer
from harness.bus.finals import bury
from harness.bus.log import standing_of
from harness.bus.radar.coder import rejection
from harness.bus.sending import send
from harness.cli.completion import (
    complete_dead_letter,
    complete_open_request,
    complete_question,
    complete_request,
)
from harness.domain.cause import dead_letter_cause, disabled_cause, profile_cause
from harness.domain.pause import THE_HARNESS, PauseRow
from harness.domain.request import Final, Situation
from harness.domain.run import FireState
from harness.memory.proposed_skills import write_proposals
from harness.memory.skill_proposals import propose_skills
from harness.store.incidents import open_incident
from harness.store.outbox import promise
from harness.store.pauses import add_pause
from harness.store.tables import outbox
from tests.bus.team_of import ask, team_of
from tests.cli.memory_files import CANDIDATE, OUTSIDE, PROMOTED, learn
from tests.memory.test_skill_proposals import TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from harness.store.state_folder import StateFolder
    from tests.cli.conftest import CommandLine, Ledger

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>Example News</title><link>https://news.example.org</link><description>n</description>
<item><title>A compiler learns to explain itself</title><link>https://news.example.org/compiler</link>
<description>The new release explains each error in a sentence.</description></item>
</channel></rss>
"""
NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
TEAM = team_of("zoe", "scout")


def sent(ledger: Ledger, *parties: str, **fields: Any) -> str:
    made: list[str] = []
    ledger.write(
        lambda connection: made.append(send(connection, ask(*parties, **fields), TEAM, NOW).standing.request.id)
    )
    return made[0]


def items(harness: CommandLine) -> list[dict[str, Any]]:
    done = harness("inbox", "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def commands(harness: CommandLine) -> list[tuple[str, str]]:
    return [(item["kind"], item["command"]) for item in items(harness)]


def test_an_empty_inbox_says_so_also_before_anything_ever_ran(harness: CommandLine) -> None:
    assert harness("inbox").stdout == "nothing waits for you\n"
    assert items(harness) == []


def test_requests_to_the_person_come_first_the_soonest_due_first(harness: CommandLine, ledger: Ledger) -> None:
    later = sent(ledger, "zoe", "user", "later", due_at=NOW + timedelta(hours=3))
    soon = sent(ledger, "scout", "user", "soon", due_at=NOW + timedelta(hours=1))
    sent(ledger, "zoe", "scout", "not theirs")
    assert commands(harness) == [
        ("request", f'harness bus answer {soon} "…"'),
        ("request", f'harness bus answer {later} "…"'),
    ]
    shown = harness("inbox").stdout
    assert shown.startswith("asked of you (2)\n  - soon (from scout, due ")
    assert harness("bus", "answer", soon, "yes").returncode == 0
    assert [item["subject"] for item in items(harness)] == [later]


def test_an_answer_waits_until_the_person_has_looked_at_it(harness: CommandLine, ledger: Ledger) -> None:
    request_id = sent(ledger, "user", "zoe", "count")

    def finish(connection: Connection) -> None:
        standing = standing_of(connection, request_id)
        answer(connection, request_id, Final("done", "two"), by=standing.receiver, now=NOW)

    ledger.write(finish)
    assert commands(harness) == [("answer", f"harness bus show {request_id}")]
    assert "zoe, done: count" in harness("inbox").stdout
    assert "two" in harness("bus", "show", request_id).stdout
    assert items(harness) == []


def test_a_dead_letter_stands_there_once_although_it_is_an_incident_too(harness: CommandLine, ledger: Ledger) -> None:
    request_id = sent(ledger, "zoe", "scout", "count")

    def die(connection: Connection) -> None:
        standing = standing_of(connection, request_id)
        bury(connection, standing, Final("timed_out", "late"), Situation.WORKING, by="system", now=NOW)
        open_incident(connection, dead_letter_cause(request_id), "zoe asked scout", NOW)

    ledger.write(die)
    assert commands(harness) == [("dead-letter", f"harness bus show {request_id}")]
    shown = harness("inbox").stdout
    assert " ago)\n" in shown
    assert f'    or: harness bus drop {request_id} --reason "…"\n' in shown
    assert harness("bus", "drop", request_id, "--reason", "not needed").returncode == 0
    assert items(harness) == []


def test_what_nobody_was_given_is_sent_again_and_what_somebody_had_is_looked_at_first(
    harness: CommandLine, ledger: Ledger
) -> None:
    offered = {}
    for situation in Situation:
        request_id = sent(ledger, "zoe", "scout", f"count, {situation}")

        def die(connection: Connection, request_id: str = request_id, situation: Situation = situation) -> None:
            bury(
                connection,
                standing_of(connection, request_id),
                Final("timed_out", "late"),
                situation,
                by="system",
                now=NOW,
            )

        ledger.write(die)
        offered[situation] = request_id
    said = {item["subject"]: item["command"] for item in items(harness)}
    for situation, request_id in offered.items():
        verb = "resend" if situation is Situation.NEVER_DELIVERED else "show"
        assert said[request_id] == f"harness bus {verb} {request_id}"


def test_what_the_radar_asked_for_without_a_coder_says_so_within_eighty_columns(
    harness: CommandLine, ledger: Ledger
) -> None:
    made: list[str] = []

    def decide(connection: Connection) -> None:
        task = f"Tech Radar, adopt (use it): {'a technology with a long name ' * 4}"
        wanted = ask("zoe", "system", task, key="radar lantern adopt cron:zoe/radar:1")
        made.append(send(connection, wanted, TEAM, NOW, rejected=rejection(TEAM)).standing.request.id)

    ledger.write(decide)
    (request_id,) = made
    assert commands(harness) == [("dead-letter", f"harness bus resend {request_id}")]
    shown = harness("inbox").stdout
    assert "(rejected: no coder configured, " in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    again = harness("bus", "resend", request_id)
    assert again.returncode == 1
    assert 'no coder configured; name an agent that writes code in harness.toml: [radar] coder = "AGENT"' in " ".join(
        again.stderr.split()
    )
    settings = harness.root / "harness.toml"
    settings.write_text(f'{settings.read_text()}\n[radar]\ncoder = "scout"\n')
    assert harness("bus", "resend", request_id).returncode == 0
    assert items(harness) == []


@pytest.mark.parametrize("settle", [["drop", "--reason", "not needed"], ["resend", "--force"]])
def test_what_the_person_settled_does_not_come_back_as_an_answer_to_them(
    harness: CommandLine, ledger: Ledger, settle: list[str]
) -> None:
    request_id = sent(ledger, "user", "scout", "count")

    def die(connection: Connection) -> None:
        standing = standing_of(connection, request_id)
        bury(connection, standing, Final("timed_out", "late"), Situation.WORKING, by="system", now=NOW)

    ledger.write(die)
    assert commands(harness) == [("dead-letter", f"harness bus show {request_id}")]
    assert harness("bus", settle[0], request_id, *settle[1:]).returncode == 0
    assert [item for item in items(harness) if item["subject"] == request_id] == []


def test_what_the_harness_paused_stands_there_and_what_the_person_paused_does_not(
    harness: CommandLine, ledger: Ledger
) -> None:
    automatic = PauseRow("job:scout/morning", THE_HARNESS, "failed 10 times in a row", NOW.timestamp(), True)
    ledger.write(lambda connection: add_pause(connection, automatic))
    ledger.write(lambda connection: add_pause(connection, PauseRow("agent:zoe", "sam", "on holiday", NOW.timestamp())))
    ledger.write(lambda connection: open_incident(connection, disabled_cause("scout/morning"), "paused", NOW))
    assert commands(harness) == [("paused", "harness jobs resume scout/morning")]
    assert harness("jobs", "resume", "scout/morning").returncode == 0
    assert items(harness) == []


def test_files_deliveries_and_what_else_is_broken_each_have_their_heading(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", NOW, FireState.DELIVERED)

    def break_things(connection: Connection) -> None:
        open_incident(connection, "file agents/scout/agent.toml", "agents/scout/agent.toml:2: no such tool", NOW)
        open_incident(connection, "job scout/morning", "it failed", NOW, job_id="scout/morning")
        open_incident(connection, "disk", "the disk is full", NOW)
        promise(connection, run_id=run_id, channel="digest", digest="{}", now=NOW)
        connection.execute(outbox.update().values(state="dead", attempts=3, last_error="no such folder"))

    ledger.write(break_things)
    assert commands(harness) == [
        ("file", "harness check"),
        ("delivery", f"harness runs retry {run_id}"),
        ("incident", "harness doctor"),
        ("incident", "harness why scout/morning"),
    ]
    shown = harness("inbox").stdout
    for heading in ("files of yours that are held back (1)", "never delivered (1)", "broken (2)"):
        assert heading in shown


def test_a_delivery_that_was_given_up_is_settled_by_a_retry_that_arrived(
    harness: CommandLine, root: Path, ledger: Ledger
) -> None:
    (root / "feed.xml").write_text(FEED)
    first = ledger.fire("scout/morning", NOW, FireState.DELIVERED)

    def give_up(connection: Connection) -> None:
        for run_id in (first, "alert:1"):
            promise(connection, run_id=run_id, channel="digest", digest="{}", now=NOW)
        connection.execute(outbox.update().values(state="dead", attempts=3, last_error="no such folder"))

    ledger.write(give_up)
    assert commands(harness) == [("delivery", f"harness runs retry {first}")]
    (root / "agents/scout/jobs/morning.md").write_text(
        "---\nschedule: daily 08:00\nread: [feed.xml]\ndeliver: digest\n---\nRank.\n"
    )
    retried = harness("runs", "retry", first)
    assert retried.returncode == 0, retried.stderr
    assert items(harness) == []


def test_ids_of_requests_complete_in_the_shell(
    root: Path, state: StateFolder, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = sent(ledger, "zoe", "scout", "count")
    monkeypatch.delenv("HARNESS_HOME", raising=False)

    class Context:
        params = {"workspace": str(root)}  # noqa: RUF012 as the command line library keeps them

    assert complete_request(Context(), request_id[:5]) == [request_id]
    assert complete_request(Context(), "x") == []
    question, late = sent(ledger, "zoe", "user", "which?"), sent(ledger, "zoe", "scout", "late")

    def die(connection: Connection) -> None:
        standing = standing_of(connection, late)
        bury(connection, standing, Final("timed_out", "late"), Situation.WORKING, by="system", now=NOW)

    ledger.write(die)
    assert set(complete_request(Context(), "r-")) == {request_id, question, late}
    assert set(complete_open_request(Context(), "r-")) == {request_id, question}
    assert complete_question(Context(), "r-") == [question]
    assert complete_dead_letter(Context(), "r-") == [late]


def test_a_profile_that_is_wrong_leads_to_a_trial_of_it(harness: CommandLine, ledger: Ledger) -> None:
    ledger.write(
        lambda connection: open_incident(connection, profile_cause("cheap"), "wrong key", NOW, job_id="scout/x")
    )
    assert commands(harness) == [("incident", "harness try profile cheap")]
    assert "see whether it answers: harness try profile cheap" in harness("doctor").stdout


def test_what_was_learned_from_outside_and_is_proven_waits_for_the_person_and_nothing_else_does(
    harness: CommandLine,
) -> None:
    learn(harness.root, PROMOTED, CANDIDATE, OUTSIDE)
    with (harness.root / "agents/scout/.learnings/ERRORS.md").open("a", encoding="utf-8") as file:
        file.write("\n## ERR-20261118-dead · broken while it was edited\n\nno block\n")
    (item,) = items(harness)
    assert (item["kind"], item["subject"]) == ("learned", OUTSIDE.id)
    assert item["command"] == f"harness memory promote {OUTSIDE.id}"
    shown = harness("inbox")
    assert "only you let it into memory (1)" in shown.stdout
    assert f"or: harness memory forget {OUTSIDE.id}" in shown.stdout
    assert "ERRORS.md:" in shown.stderr
    assert harness(*item["command"].split()[1:]).returncode == 0
    assert items(harness) == []


def test_a_proposed_skill_waits_until_the_person_decides(harness: CommandLine) -> None:
    write_proposals(harness.root, harness.root / ".harness", propose_skills(TABLE))
    (item,) = items(harness)
    assert (item["kind"], item["subject"], item["detail"]) == (
        "skill", "using-feeds-table", "learned: tool feeds.table"
    )  # fmt: skip
    assert harness(*item["command"].split()[1:], "--reject").returncode == 0
    assert items(harness) == []
