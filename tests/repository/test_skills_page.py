"""What docs/skills.md says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from harness.domain.skill import Applies, Needs
from harness.prompt.skill_choice import FOUND_TOKENS, LISTED_TOKENS
from harness.tools.skills import MOST_LOADED, PAGE_CHARS, USE_SKILL
from harness.workspace.report import Report
from harness.workspace.skill_folder import MOST_BYTES, MOST_FILES
from harness.workspace.skill_keys import APPLIES, NEEDS, UNDERSTOOD
from harness.workspace.skill_lint import LONGEST_BODY_LINES, LONGEST_BODY_TOKENS
from harness.workspace.skill_pins import COPIES_FOLDER
from harness.workspace.skills import LONGEST_COMPATIBILITY, LONGEST_DESCRIPTION, LONGEST_NAME, read_skill
from harness.workspace.snapshot import PINS_FILE

PAGE = (Path(__file__).parents[2] / "docs" / "skills.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())


def test_every_key_that_means_something_is_named() -> None:
    assert {key for key in UNDERSTOOD if f"`{key}`" not in PAGE} == set()


def test_the_numbers_are_those_that_hold() -> None:
    assert f"at most {LONGEST_NAME} characters" in WORDS
    assert f"at most {LONGEST_DESCRIPTION:,} characters" in WORDS
    assert f"at most {LONGEST_COMPATIBILITY} characters" in WORDS
    assert f"in pages of {PAGE_CHARS:,} characters" in WORDS
    assert f"at most {LISTED_TOKENS} tokens of a prompt" in WORDS and f"in at most {FOUND_TOKENS} tokens more" in WORDS
    assert f"at most {MOST_FILES:,} files and {MOST_BYTES:,} bytes" in WORDS
    assert f"more than {LONGEST_BODY_LINES} lines or about {LONGEST_BODY_TOKENS:,} tokens" in WORDS
    assert (MOST_LOADED, USE_SKILL) == (3, "use_skill") and "At most three skills are loaded in a run" in WORDS
    assert f"`{PINS_FILE}`" in PAGE and f"`{COPIES_FOLDER}/`" in PAGE


def test_the_examples_are_read_as_they_are_explained() -> None:
    needs, applies = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    report = Report("x")
    skill = read_skill("x", f"---\nname: x\ndescription: Do it.\n{needs}{applies}---\nDo it.\n", report)
    assert skill is not None and report.entries == []
    assert skill.needs == Needs(("jq",), (("curl", "wget"),), ("GITHUB_TOKEN",), ("linux", "macos"), ("web.read",))
    assert skill.applies == Applies(
        ("feeds/*", "docs/**/*.md"), ("ainews/*",), ("ainews",), ("digest", "press release")
    )
    assert tuple(yaml.safe_load(needs)["requires"]) == NEEDS
    assert tuple(yaml.safe_load(applies)["when"]) == APPLIES
