"""What the documents say is held against what is there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from harness.cli.app import COMMANDS
from harness.domain.contract import Contract
from harness.domain.run import STOP_REASONS, FireState
from harness.domain.settings import Profile
from harness.workspace.agents import AgentShape
from harness.workspace.jobs import JobShape

ROOT = Path(__file__).parents[2]
IGNORED = {".venv", ".harness", "day", "dist", "build", "node_modules"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
OF_A_JOB = re.compile(r"^agents/.+/jobs/|^skills/")


def documents() -> list[Path]:
    """The Markdown that speaks to readers; jobs and skills show links as examples to a model."""
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.md") if not IGNORED & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts[:-1]))


def table_keys(document: str) -> set[str]:
    """Return the code words of the first column of every table of the document."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for cell in rows for word in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("document", [path for path in documents() if not OF_A_JOB.match(path.as_posix())], ids=str)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = FENCE.sub("", (ROOT / document).read_text(encoding="utf-8"))
    targets = [re.sub(r"#.*$", "", link) for link in LINK.findall(re.sub(r"`[^`]*`", "", text))]
    relative = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [target for target in relative if not (ROOT / document.parent / target).exists()] == []


def test_every_page_is_listed_in_the_index_of_the_documentation() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages == set(LINK.findall(index))


def test_make_alone_explains_every_target_in_one_line() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    for target in set(phony[1].split()) - {"runtime", "dev"}:
        assert re.search(rf"^  make {target} +\S.+$", listed, re.MULTILINE), target


def test_every_make_command_in_the_documents_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) | {"runtime", "dev"}
    for document in documents():
        text = (ROOT / document).read_text(encoding="utf-8")
        shown = "\n".join(FENCE.findall(text)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
        commands = re.findall(r"^make ((?:[A-Z]+=\S* )*)(\w+)", shown, re.MULTILINE)
        assert {target for _, target in commands} - targets == set(), document


def test_the_ledger_page_explains_every_state_that_a_fire_can_end_in() -> None:
    closed = {state.value for state in FireState if not state.is_open}
    assert closed <= table_keys("ledger.md")


def test_the_models_page_names_every_reason_for_which_a_run_ends() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert [reason for reason in STOP_REASONS if f"`{reason}`" not in text] == []


def test_the_models_page_explains_every_key_of_a_profile() -> None:
    keys = {field.name.removesuffix("_s") for field in fields(Profile)} - {"name", "adapter"}
    assert keys - table_keys("models.md") == set()


def test_the_contracts_page_explains_every_promise() -> None:
    text = " ".join(table_keys("contracts.md"))
    keys = {field.name.removesuffix("_s") for field in fields(Contract)}
    assert {key for key in keys if key not in text} == set()


def test_the_workspace_page_explains_every_key_of_a_job_and_of_an_agent() -> None:
    assert set(JobShape.model_fields) - table_keys("workspace.md") == set()
    example = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "workspace.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    assert set(tomllib.loads(example[1])) == set(AgentShape.model_fields)


def test_every_harness_command_in_the_documents_exists() -> None:
    known = {entry.name for entry in COMMANDS} | {"COMMAND"}
    for document in documents():
        text = (ROOT / document).read_text(encoding="utf-8")
        shown = "\n".join(FENCE.findall(text)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
        used = set(re.findall(r"^(?:\.venv/bin/)?harness ([a-zA-Z]+)", shown, re.MULTILINE))
        assert used - known == set(), document


def test_the_shipped_settings_show_every_key_of_a_profile() -> None:
    shipped = (ROOT / "harness.toml").read_text(encoding="utf-8")
    keys = {field.name.removesuffix("_s") for field in fields(Profile)} - {"name"}
    assert {key for key in keys if not re.search(rf"^#? ?{key} = ", shipped, re.MULTILINE)} == set()


def test_the_architecture_page_shows_the_layers_that_the_linter_holds() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rows = [re.sub(r"\([^)]*\)", "", row) for row in contract[0]["layers"]]
    linted = [sorted(re.findall(r"\w+", row)) for row in rows]
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert [sorted(re.findall(r"\w+", cell)) for cell in cells] == [row for row in linted if row]
