from __future__ import annotations

import re
from pathlib import Path

from typer.main import get_command

from harness.cli.app import COMMANDS, app
from harness.cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_reference_in_the_docs_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "python -m harness.cli.reference > docs/cli.md"


def test_every_command_shows_an_example_and_fits_into_eighty_columns() -> None:
    for block in re.findall(r"## (harness [^\n]+)\n\n```text\n(.*?)```", reference(), re.DOTALL):
        name, text = block
        assert max(len(line) for line in text.splitlines()) <= 80, name
        if "Commands:" not in text:
            assert re.search(r"Examples:\n +harness ", text), name


def test_every_command_that_prints_data_documents_its_json() -> None:
    for name, text in re.findall(r"## (harness [^\n]+)\n\n```text\n(.*?)```", reference(), re.DOTALL):
        assert ("--json" in text.partition("Examples:")[0]) == ("JSON: " in text), name


def test_every_command_of_the_first_screen_is_there_and_says_what_it_does() -> None:
    root = get_command(app)
    for entry in COMMANDS:
        command = root.commands[entry.name]  # type: ignore[attr-defined]
        assert command.help, entry.name
        assert entry.summary.endswith("."), entry.name
