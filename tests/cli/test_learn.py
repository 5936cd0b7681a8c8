"""`harness learn add`: what the person says is written at once, once, and where it is found."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.domain.learning import Learning, judge_promotion
from harness.memory.learnings import parse_learnings
from harness.pytest_plugin import NOW, Workbench
from harness.store.node_name import VARIABLE
from harness.testing.workspace import write_workspace_files

FIELD = "The field is BILLBOARD_BUY_AMT, not BUY_AMT"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    root = write_workspace_files(tmp_path / "team")
    monkeypatch.chdir(root)
    return root


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["learn", "add", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def records(root: Path, agent: str = "scout") -> list[Learning]:
    text = (root / f"agents/{agent}/.learnings/LEARNINGS.md").read_text(encoding="utf-8")
    return [found.learning for found in parse_learnings(text).found]


def test_what_is_said_is_a_record_that_counts_as_proven(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "scout", FIELD, "--wrong", "BUY_AMT", "--why", "the feed was renamed")
    (learning,) = records(team)
    assert (code, err) == (0, "")
    assert out == f"{learning.id}: noted for scout, in agents/scout/.learnings/LEARNINGS.md\n"
    assert (learning.title, learning.right, learning.wrong, learning.why) == (
        FIELD,
        FIELD,
        "BUY_AMT",
        "the feed was renamed",
    )
    assert (learning.origin, learning.trust, learning.scope) == ("human", 3, "agent/scout")
    assert judge_promotion(learning).is_due
    (note,) = (team / "memory/scout").iterdir()
    assert note.read_text(encoding="utf-8") == f"- {learning.id} was said: {FIELD}\n"


def test_said_again_in_other_signs_it_is_no_second_record(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scout", FIELD)
    before = records(team)
    code, out, _ = run(capsys, "scout", f"  {FIELD.lower()}! ", "--json")
    said = json.loads(out)
    assert (code, said["is_new"], said["id"], said["run"]) == (0, False, before[0].id, None)
    assert records(team) == before


def test_the_persons_word_speaks_for_what_an_agent_found(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scout", FIELD)
    path = team / "agents/scout/.learnings/LEARNINGS.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("origin: human", "origin: external").replace("trust: 3", "trust: 0"), encoding="utf-8")
    code, out, _ = run(capsys, "scout", FIELD, "--json")
    (learning,) = records(team)
    assert (code, json.loads(out)["verifications"]) == (0, 1)
    assert [each.check for each in learning.verifications] == ["person"]
    assert (learning.is_approved, learning.trust) == (True, 0)


def test_what_is_shared_lies_with_the_agent_that_is_named(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scout", FIELD)
    code, out, _ = run(capsys, "scout", FIELD, "--shared")
    assert (code, out.split(": ")[1][:20]) == (0, "noted for all agents")
    assert [(each.scope, each.author) for each in records(team)] == [("agent/scout", None), ("shared", "scout")]
    assert len({each.id for each in records(team)}) == 2


def test_a_reply_to_a_digest_keeps_of_which_run_it_was_said(
    workbench: Workbench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    place = ("--workspace", str(workbench.root))
    code, _, err = run(capsys, "--digest", "scout/morning", "Item 3 was old news", *place)
    assert (code, err) == (
        2,
        "scout/morning has told nothing yet; leave --digest away, and name the agent\n",
    )
    workbench.serve_stories(4)
    workbench.system.workspace.reload()
    workbench.tick_at(NOW + timedelta(minutes=1))
    (fire,) = workbench.fires()
    code, out, _ = run(capsys, "--digest", "scout/morning", "Item 3 was old news", "--json", *place)
    assert (code, json.loads(out)["run"]) == (0, fire.run_id)
    (learning,) = records(workbench.root)
    assert (learning.run, learning.trigger, learning.why) == (
        fire.run_id,
        "writing the digest of scout/morning",
        "said of the digest of 2026-11-21",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((FIELD,), 'say to whom: harness learn add AGENT "TEXT"'),
        (("scout", "the", "field"), "say it in one text, in quotes"),
        (("scout", "  "), "the text says nothing"),
        (("scot", FIELD), "there is no agent 'scot'; did you mean scout?"),
        (("--digest", "scout/mornin", FIELD), "there is no job 'scout/mornin'; did you mean scout/morning?"),
    ],
)
def test_what_is_not_understood_is_named_with_its_fix(
    team: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert not (team / "agents/scout/.learnings").exists()


def test_a_record_that_cannot_be_read_is_named_and_left_alone(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "scout", FIELD)
    path = team / "agents/scout/.learnings/LEARNINGS.md"
    broken = path.read_text(encoding="utf-8").replace("trust: 3", "trust: a lot")
    path.write_text(broken, encoding="utf-8")
    code, _, err = run(capsys, "scout", FIELD)
    assert code == 2
    assert err.startswith(f"{path}:") and "its trust is 'a lot'" in err
    assert path.read_text(encoding="utf-8") == broken


def test_an_agent_that_is_at_home_elsewhere_is_taught_there(
    team: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = team / "agents/scout/agent.toml"
    toml.write_text(f'{toml.read_text(encoding="utf-8")}\non = "mac"\n', encoding="utf-8")
    assert run(capsys, "scout", FIELD)[0] == 0, "alone, it is at home wherever it is"
    monkeypatch.setenv(VARIABLE, "studio")
    monkeypatch.setenv("HARNESS_DATABASE_URL", f"sqlite:///{team.parent / 'shared.db'}")
    code, _, err = run(capsys, "scout", "Round to cents")
    assert (code, err) == (2, "the files of scout are on the node mac, and this is studio; say it there\n")
