"""What a person does with runs, on the command line, without a daemon."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.domain.run import FireState

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

DUE = datetime(2026, 11, 20, 15, 15, tzinfo=UTC)
FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>Example News</title><link>https://news.example.org</link><description>n</description>
<item><title>A compiler learns to explain itself</title><link>https://news.example.org/compiler</link>
<description>The new release explains each error in a sentence.</description></item>
<item><title>Databases get smaller</title><link>https://news.example.org/databases</link>
<description>A team halves the size of its index and measures what it costs.</description></item>
</channel></rss>
"""


@pytest.fixture
def done(harness: CommandLine, root: Path) -> str:
    """A run that delivered two items from a file."""
    (root / "feed.xml").write_text(FEED)
    ended = harness("run", "scout/morning", "--input", "feeds=feed.xml", "--json")
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)["run"])


def document(harness: CommandLine, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = harness(*arguments, "--json")
    assert ended.returncode == code, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


# ── Show ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_shows_its_steps_by_number_and_how_to_fork_from_one(harness: CommandLine, done: str) -> None:
    text = harness("runs", "show", done).stdout
    steps = document(harness, "runs", "show", done)["steps"]
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    assert [step["kind"] for step in steps][:3] == ["begin", "collect", "assemble"]
    assert steps[1]["detail"] == "2 items"
    assert "2     collect" in text
    publish = next(step["step"] for step in steps if step["kind"] == "publish")
    assert f"fork from one of steps 1 to {publish}: harness runs fork {done} --step N" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines() if done not in line and "/" not in line) <= 80


# ── Cancel ───────────────────────────────────────────────────────────────────────────────────────


def test_a_queued_run_is_cancelled_with_who_and_why(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.PLANNED)
    found = document(harness, "runs", "cancel", run_id, "--reason", "not today")
    assert (found["became"], found["fire"]["state"]) == ("cancelled", "cancelled")
    assert found["fire"]["reason"] == "cancelled by Sam: not today"


def test_a_run_that_is_cancelled_already_is_what_was_asked_for(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.PLANNED)
    document(harness, "runs", "cancel", run_id, "--reason", "not today")
    again = harness("runs", "cancel", run_id, "--reason", "again")
    assert (again.returncode, again.stdout) == (0, f"{run_id} cancelled by Sam: not today\n")
    assert document(harness, "runs", "cancel", run_id)["became"] == "cancelled"


def test_a_run_that_has_ended_cannot_be_cancelled(harness: CommandLine, done: str) -> None:
    ended = harness("runs", "cancel", done)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "delivered: 2 items; there is nothing to cancel" in ended.stderr
    assert document(harness, "runs", "cancel", done, code=1)["became"] == "ended"


@pytest.mark.parametrize("verb", ["cancel", "retry", "fork", "replay"])
def test_an_unknown_run_is_exit_code_2_with_the_one_that_may_be_meant(
    harness: CommandLine, ledger: Ledger, verb: str
) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.DELIVERED)
    ended = harness("runs", verb, f"{run_id}9")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"did you mean {run_id}?" in ended.stderr


# ── Doing it over ────────────────────────────────────────────────────────────────────────────────


def test_a_retry_and_a_fork_end_like_a_run_and_say_what_they_repeat(harness: CommandLine, done: str) -> None:
    retried = document(harness, "runs", "retry", done)
    assert (retried["kind"], retried["state"], retried["items"]) == ("retry", "delivered", 2)
    forked = harness("runs", "fork", done, "--step", "4")
    assert (forked.returncode, forked.stdout.splitlines()[0]) == (0, "scout/morning delivered: 2 items"), forked.stderr
    newest = max(json.loads(harness("runs", "--json").stdout), key=lambda run: run["due_at"])["run"]
    assert f"fork of      {done}, from step 4" in harness("runs", "show", newest).stdout
    assert document(harness, "runs", "show", retried["run"])["source_run"] == done


def test_a_run_that_is_open_is_refused_with_the_way_out(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.PLANNED)
    for verb in ("retry", "fork", "replay"):
        ended = harness("runs", verb, run_id)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "it has not ended, it is queued" in ended.stderr


def test_a_step_that_cannot_be_forked_from_is_exit_code_2(harness: CommandLine, done: str) -> None:
    ended = harness("runs", "fork", done, "--step", "99")
    assert ended.returncode == 2
    assert "name a step from 1 to" in ended.stderr


def test_what_retention_deleted_is_named_with_the_day_and_the_setting(
    harness: CommandLine, ledger: Ledger, done: str
) -> None:
    ledger.write(lambda connection: forget_everything(connection, done))
    words = "deleted by retention on 2026-11-20 ([retention] runs in harness.toml)"
    for arguments in (("fork", done), ("replay", done)):
        ended = harness("runs", *arguments)
        assert ended.returncode == 2
        assert words in ended.stderr
        assert f"harness runs retry {done}" in ended.stderr
    assert words.partition(" (")[0] in harness("runs", "show", done).stdout
    assert words in " ".join(harness("runs", "diff", done, done).stdout.split())


def forget_everything(connection: Any, run_id: str) -> None:
    connection.exec_driver_sql("DELETE FROM operation_outputs WHERE workflow_uuid = ?", (run_id,))
    connection.exec_driver_sql("UPDATE run SET forgotten_at = ? WHERE id = ?", (DUE.timestamp(), run_id))


# ── Comparing ────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_tells_what_an_edit_would_have_changed(harness: CommandLine, root: Path, done: str) -> None:
    unchanged = harness("runs", "replay", done)
    assert unchanged.returncode == 0, unchanged.stderr
    assert [line.split()[-1] for line in unchanged.stdout.splitlines()] == ["same"] * 4
    (root / "agents/scout/SOUL.md").write_text("You are terse, and you say so in a line that is longer than a row.\n")
    edited = harness("runs", "replay", done)
    assert edited.returncode == 1
    assert "+You are terse, and" in edited.stdout
    assert max(len(line) for line in edited.stdout.splitlines()) <= 80
    found = document(harness, "runs", "replay", done, code=1)
    assert (found["same"], [part["same"] for part in found["parts"]]) == (False, [False, True, True, True])
    assert found["prompt_sha256"]["recorded"] != found["prompt_sha256"]["today"]
    assert document(harness, "runs", "show", done)["prompt_sha256"] == found["prompt_sha256"]["recorded"]


def test_a_run_that_was_written_to_a_file_is_replayed_where_nothing_is_known_of_it(
    harness: CommandLine, root: Path, done: str, tmp_path: Path
) -> None:
    cassette = tmp_path / "morning.yaml"
    written = harness("runs", "show", done, "--cassette", str(cassette))
    assert written.returncode == 0, written.stderr
    assert f"{cassette}: 1 model call, " in written.stderr
    first = cassette.read_bytes()
    assert harness("runs", "show", done, "--cassette", str(cassette)).returncode == 0
    assert cassette.read_bytes() == first
    for file in sorted((root / ".harness").glob("*.db*")):
        file.unlink()
    unchanged = harness("runs", "replay", "--cassette", str(cassette))
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    assert [line.split()[0] for line in unchanged.stdout.splitlines()] == [
        "requests", "prompt", "contract", "outcome", "digest",
    ]  # fmt: skip
    (root / "agents/scout/SOUL.md").write_text("You are terse.\n")
    edited = harness("runs", "replay", "--cassette", str(cassette))
    assert edited.returncode == 1
    assert "+model model-1 is not on the tape as it was asked" in edited.stdout
    assert "+You are terse." in edited.stdout
    found = document(harness, "runs", "replay", "--cassette", str(cassette), code=1)
    assert (found["run"], [part["part"] for part in found["parts"]][:2]) == (done, ["requests", "model model-1"])
    assert list((root / ".harness").glob("*.db*")) == []


def test_a_cassette_is_not_written_over_a_file_of_another_kind(harness: CommandLine, done: str, root: Path) -> None:
    before = (root / "USER.md").read_text()
    ended = harness("runs", "show", done, "--cassette", "USER.md")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "USER.md: is there already, and is no cassette; name another file" in ended.stderr
    assert (root / "USER.md").read_text() == before


def test_a_replay_is_of_a_run_or_of_a_file_and_not_of_both(harness: CommandLine, done: str) -> None:
    for arguments in ((), (done, "--cassette", "USER.md")):
        ended = harness("runs", "replay", *arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "name a run, or a file with --cassette" in ended.stderr
    ended = harness("runs", "replay", "--cassette", "USER.md")
    assert ended.returncode == 2
    assert "USER.md: is no cassette: it does not begin with `cassette: 1`" in ended.stderr


def test_two_runs_are_compared_part_by_part(harness: CommandLine, root: Path, done: str) -> None:
    (root / "feed.xml").write_text(
        FEED.replace("Databases get smaller", "Databases grow").replace("/databases", "/grow")
    )
    second = str(document(harness, "runs", "retry", done)["run"])
    found = document(harness, "runs", "diff", done, second)
    parts = {part["part"]: part for part in found["parts"]}
    assert parts["inputs"]["changes"] == [
        "-Databases get smaller  https://news.example.org/databases",
        "+Databases grow  https://news.example.org/grow",
    ]
    assert (parts["job"]["same"], found["same"]) == (True, False)
    text = harness("runs", "diff", done, second).stdout
    assert "+Databases grow" in text
    assert max(len(line) for line in text.splitlines() if ":scout/" not in line) <= 80
