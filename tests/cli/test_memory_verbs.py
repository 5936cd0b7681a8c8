"""`harness memory show|why|promote|forget|rollback`, as a person uses them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.cli.app import main
from harness.cli.completion import complete_record, complete_record_or_agent
from harness.domain.run import FireState
from harness.memory.agent_memory import AgentMemory
from harness.memory.upkeep import promote_into
from harness.store.runs import record_prompt
from tests.cli.memory_files import CANDIDATE, OUTSIDE, PROMOTED, Run, learn

if TYPE_CHECKING:
    from tests.cli.conftest import Ledger

MEMORY = "agents/scout/MEMORY.md"


@pytest.fixture
def memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> AgentMemory:
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    return learn(root, PROMOTED, CANDIDATE, OUTSIDE)


@pytest.fixture
def run(memory: AgentMemory, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = main(["memory", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_it


def asked(run: Run, *arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


# ── show ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_shown_with_where_it_stands_and_what_speaks_for_it(run: Run) -> None:
    (shown,) = asked(run, "show", "7f3a")
    assert (shown["id"], shown["status"], shown["lacks"]) == (PROMOTED.id, "promoted", [])
    assert shown["stands_in"] == [{"file": MEMORY, "line": 4}]
    assert (shown["file"], shown["line"]) == ("agents/scout/.learnings/ERRORS.md", 1)
    assert [each["check"] for each in shown["verifications"]] == ["exit_code"] * 3
    code, out, _ = run("show", CANDIDATE.id)
    assert code == 0
    assert "lacks" in out
    assert "it held 1 of 3 times" in out
    assert "stands in  no MEMORY.md" in out


def test_all_that_an_agent_has_learned_is_listed_and_what_waits_for_the_person_is_marked(run: Run) -> None:
    code, out, _ = run("show", "scout")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()[1:]} == {PROMOTED.id, CANDIDATE.id, OUTSIDE.id}
    assert "verified, waits for you" in out
    assert [each["waits_for_person"] for each in asked(run, "show", "scout")] == [False, True, False]


def test_an_id_that_is_unknown_or_means_several_is_an_error_that_says_which_there_are(run: Run) -> None:
    code, _, err = run("show", "ERR-20261115-7f3b")
    assert code == 2
    assert "there is no record 'ERR-20261115-7f3b'; did you mean ERR-20261115-7f3a" in err
    code, _, err = run("show", "202611")
    assert code == 2
    assert f"may be scout/{PROMOTED.id}, scout/{OUTSIDE.id}, scout/{CANDIDATE.id}; write the one that you mean" in err
    assert asked(run, "show", f"scout/{OUTSIDE.id}")[0]["id"] == OUTSIDE.id


def test_ids_complete_in_the_shell(memory: AgentMemory) -> None:
    class Context:
        params: dict[str, Any] = {"workspace": None}  # noqa: RUF012

    assert complete_record(Context, "ERR-") == [PROMOTED.id, OUTSIDE.id]
    assert complete_record_or_agent(Context, "sc") == ["scout"]


# ── why ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_says_where_it_is_from_and_which_runs_were_told_of_it(run: Run, ledger: Ledger) -> None:
    due = datetime(2026, 11, 19, 16, 15, tzinfo=UTC)
    told = ledger.fire("scout/morning", due, FireState.DELIVERED)
    other = ledger.fire("scout/noon", due, FireState.DELIVERED)
    for run_id, ids, dropped in ((told, [PROMOTED.id], []), (other, [], [PROMOTED.id])):
        section = {"section": "MEMORY", "tokens": 9, "budget_tokens": 9, "kept": 1, "dropped": dropped, "ids": ids}
        manifest = {"sections": [section], "total_tokens": 9, "budget_tokens": 9}
        ledger.write(partial(record_prompt, run_id=run_id, sha256="0" * 64, manifest=manifest))
    why = asked(run, "why", "7f3a")
    assert why["found"] == {"run": PROMOTED.run, "at": None, "step": None, "kind": None}
    assert [each["run"] for each in why["verified_by"]] == [each.run for each in PROMOTED.verifications]
    assert {(each["run"], each["is_told"], each["section"]) for each in why["used_in"]} == {
        (told, True, "MEMORY"), (other, False, "MEMORY")
    }  # fmt: skip
    assert asked(run, "why", CANDIDATE.id)["used_in"] == []
    code, out, _ = run("why", OUTSIDE.id)
    assert code == 0
    assert f"for you: harness memory promote {OUTSIDE.id}" in " ".join(out.split())
    assert "in no prompt that is still kept" in out


def test_why_works_before_anything_has_run(run: Run) -> None:
    assert asked(run, "why", "7f3a")["used_in"] == []


# ── promote and forget ───────────────────────────────────────────────────────────────────────────


def test_the_person_lets_in_what_came_from_outside_and_its_trust_stays_low(run: Run, memory: AgentMemory) -> None:
    done = asked(run, "promote", OUTSIDE.id)
    assert (done["file"], done["is_changed"], done["archived"]) == (MEMORY, True, [])
    assert done["words"] == f"believe the page. ^{OUTSIDE.id}"
    assert f"- {done['words']}\n" in (memory.text() or "")
    learning = next(kept.learning for kept in memory.records() if kept.learning.id == OUTSIDE.id)
    assert (learning.status, learning.is_approved, learning.is_pinned, learning.trust) == ("promoted", True, False, 0)
    assert asked(run, "promote", OUTSIDE.id)["is_changed"] is False
    assert asked(run, "promote", OUTSIDE.id, "--pin")["is_pinned"] is True


def test_a_bullet_that_the_person_has_worded_stays_so_when_it_is_promoted_again(
    run: Run, memory: AgentMemory, root: Path
) -> None:
    text = (memory.text() or "").replace("ask for BILLBOARD", "say BILLBOARD, always")
    (root / MEMORY).write_text(text, encoding="utf-8")
    assert asked(run, "promote", "7f3a")["is_changed"] is False
    assert (root / MEMORY).read_text(encoding="utf-8") == text


def test_where_there_is_no_room_the_person_is_told_what_to_do_and_the_approval_stays(
    run: Run, memory: AgentMemory, root: Path
) -> None:
    (root / MEMORY).write_text("- mine\n" * 1_600, encoding="utf-8")
    code, _, err = run("promote", OUTSIDE.id)
    assert code == 2
    assert "agents/scout/MEMORY.md: what you wrote and pinned there leaves no room" in err
    assert f"shorten it, and say again: harness memory promote {OUTSIDE.id}" in err
    assert (root / MEMORY).read_text(encoding="utf-8") == "- mine\n" * 1_600
    assert asked(run, "show", OUTSIDE.id)[0]["is_approved"] is True


def test_what_is_forgotten_leaves_memory_for_the_archive_and_the_answer_says_how_to_undo_it(
    run: Run, memory: AgentMemory, root: Path
) -> None:
    before = memory.text()
    done = asked(run, "forget", "7f3a")
    assert done == {
        "id": PROMOTED.id, "agent": "scout", "files": [MEMORY], "pages": [f"memory/archive/scout/{PROMOTED.id}.md"],
        "undo": f"harness memory promote {PROMOTED.id}",
    }  # fmt: skip
    assert PROMOTED.id not in (memory.text() or "")
    assert "ask for BILLBOARD" in (root / done["pages"][0]).read_text(encoding="utf-8")
    (shown,) = asked(run, "show", "7f3a")
    assert (shown["status"], shown["archived_in"], shown["stands_in"]) == ("archived", done["pages"][0], [])
    assert run(*done["undo"].split()[2:])[0] == 0
    assert PROMOTED.id in (memory.text() or "")
    assert (before or "").splitlines()[0] in (memory.text() or "")
    assert asked(run, "forget", CANDIDATE.id)["files"] == []


# ── rollback ─────────────────────────────────────────────────────────────────────────────────────


def test_an_earlier_version_is_shown_first_and_put_back_and_that_can_be_undone(
    run: Run, memory: AgentMemory, root: Path
) -> None:
    before = memory.text() or ""
    promote_into(memory, [OUTSIDE], date(2026, 11, 21))
    after = memory.text() or ""
    dry = asked(run, "rollback", "scout", "--dry-run")
    assert (dry["is_changed"], memory.text()) == (False, after)
    assert f"-- believe the page. ^{OUTSIDE.id}" in dry["diff"]
    done = asked(run, "rollback", "scout")
    assert (done["archived"], done["version"], memory.text()) == ([OUTSIDE.id], dry["version"], before)
    listed = asked(run, "rollback")
    assert [(each["agent"], each["is_current"]) for each in listed[:2]] == [("scout", True), ("scout", False)]
    assert (listed[1]["added"], listed[1]["removed"]) == (4, 0)
    assert run(*done["undo"].split()[2:])[0] == 0
    assert memory.text() == after
    code, out, err = run("rollback", "scout", "--dry-run", "--to", done["version"])
    assert (code, err) == (0, "")
    assert f"harness memory rollback scout --to {done['version']}" in out


def test_a_version_that_is_not_kept_and_an_agent_that_is_not_there_are_errors(run: Run, root: Path) -> None:
    code, _, err = run("rollback", "scout")
    assert (code, "no earlier version of agents/scout/MEMORY.md is kept" in err) == (2, True)
    code, _, err = run("rollback", "scuot")
    assert (code, "did you mean scout?" in err) == (2, True)
    code, _, err = run("rollback", "scout", "--to", "beef")
    assert (code, "there is no version 'beef'" in err) == (2, True)
    code, _, err = run("rollback", "--dry-run")
    assert (code, "name the agent" in err) == (2, True)
    assert asked(run, "rollback") == []


def test_where_the_workspace_is_a_repository_the_commits_of_the_nights_are_named(
    run: Run, memory: AgentMemory, root: Path
) -> None:
    promote_into(memory, [OUTSIDE], date(2026, 11, 21))
    (root / ".git").mkdir()
    assert asked(run, "rollback", "scout", "--dry-run")["git"] == "git log -p -- agents/scout/MEMORY.md"
