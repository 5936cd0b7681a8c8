"""`roundtable:` of a job file: read with its defaults, and each mistake named on its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.seating import Roundtable
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.files import load
from harness.workspace.load import Loaded

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
JOB = "agents/scout/jobs/table.md"


def loaded(root: Path, line: str, *, others: tuple[str, ...] = ("macro", "trading"), more: str = "") -> Loaded:
    files: dict[str, str | None] = {JOB: f"---\nschedule: sat 10:00\n{line}\n{more}---\nConclude.\n"}
    for name in others:
        files |= {f"agents/{name}/{file}": SAMPLE_FILES[f"agents/scout/{file}"] for file in ("SOUL.md", "AGENTS.md")}
        files[f"agents/{name}/agent.toml"] = f'description = "the {name}"\n'
    return load(write_workspace_files(root, files), {}, now=NOW)


def findings(found: Loaded) -> list[tuple[str, str]]:
    return [(str(one), one.severity) for one in found.findings if JOB in str(one)]


def test_who_speaks_is_enough_and_the_rest_has_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, "roundtable: {speakers: [macro, trading]}")
    assert findings(found) == []
    assert found.workspace.job("scout/table").roundtable == Roundtable(("macro", "trading"), 2, 1200, 1, "")
    assert found.workspace.job("scout/morning").roundtable is None


def test_every_key_can_be_set(tmp_path: Path) -> None:
    keys = 'speakers: [macro, trading], rounds: 3, due: 45m, quorum: 2, question: "Where do rates go?"'
    found = loaded(tmp_path, f"roundtable: {{{keys}}}")
    assert findings(found) == []
    wanted = Roundtable(("macro", "trading"), 3, 2700, 2, "Where do rates go?")
    assert found.workspace.job("scout/table").roundtable == wanted


def test_speakers_that_were_left_out_are_a_warning_and_the_job_stays(tmp_path: Path) -> None:
    found = loaded(tmp_path, "roundtable: {speakers: [macro, trading]}", others=())
    assert [(severity, "there is no agent" in words) for words, severity in findings(found)] == [("warning", True)] * 2
    assert all(words.startswith(f"{JOB}:3: ") for words, _ in findings(found))
    table = found.workspace.job("scout/table").roundtable
    assert table is not None
    assert table.speakers == ("macro", "trading")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("roundtable: {speakers: [macro, scout]}", "scout is the chair, and cannot speak at its own table"),
        ("roundtable: {speakers: [macro, macro]}", "roundtable.speakers names macro 2 times"),
        ("roundtable: {speakers: [macro], quorum: 2}", "roundtable.quorum is 2, and there are only 1 speakers"),
        ("roundtable: {speakers: [macro], due: 30s}", "roundtable.due is 30 s"),
        ("roundtable: {speakers: [macro], due: 2d}", "roundtable.due is 172800 s"),
        ("roundtable: {speakers: []}", "roundtable.speakers"),
        ("roundtable: {rounds: 2}", "roundtable.speakers is missing"),
        ("roundtable: {speakers: [macro], rounds: 6}", "roundtable.rounds is 6: too large"),
        ("roundtable: {speakers: [macro], turns: 2}", "unknown key 'roundtable.turns'"),
    ],
)
def test_what_makes_no_table_is_named_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    (finding, severity), *_ = findings(loaded(tmp_path, line))
    assert severity == "error"
    assert finding.startswith(f"{JOB}:3: ")
    assert words in finding


def test_a_table_is_concluded_by_a_model_or_a_template_and_not_by_an_action(tmp_path: Path) -> None:
    found = loaded(tmp_path, "roundtable: {speakers: [macro]}", more="action: self-check\n")
    assert any("not by the action self-check" in words for words, _ in findings(found))


@pytest.mark.parametrize(
    ("line", "limit"), [("max_open_per_agent = 3", 3), ("", None), ("max_open_per_agent = 0", None)]
)
def test_how_much_an_agent_may_have_open_at_another_is_read(tmp_path: Path, line: str, limit: int | None) -> None:
    files: dict[str, str | None] = {"agents/scout/agent.toml": f"{line}\n{SAMPLE_FILES['agents/scout/agent.toml']}"}
    found = load(write_workspace_files(tmp_path, files), {}, now=NOW)
    wrong = [str(finding) for finding in found.findings if "max_open_per_agent" in str(finding)]
    assert len(wrong) == (1 if line.endswith("0") else 0)
    assert wrong or found.workspace.agents["scout"].max_open_per_agent == limit
