"""Each dependency has its reason and stands in the locks, with hashes and without an address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
GROUPS = PROJECT["dependency-groups"]
BUILD = [Requirement(text) for text in GROUPS["build"]]
POSTGRES = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["postgres"]]
LITELLM = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["litellm"]]
PAGES = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["pages"]]
DEV = [Requirement(text) for text in GROUPS["dev"] if isinstance(text, str)]
LOCKS = ["runtime", "dev", "build", "litellm", "pages"]
EXPLAINED = [*RUNTIME, *POSTGRES, *LITELLM, *PAGES, *BUILD, *DEV]


def pins_of(lock: str) -> dict[str, str]:
    """Return name → version of everything that the lock holds."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("requirement", EXPLAINED, ids=lambda requirement: requirement.name)
def test_every_dependency_says_why_it_is_there(requirement: Requirement) -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {re.escape(requirement.name)} \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)


def test_nothing_is_explained_that_is_no_dependency() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| ([\w.-]+) \|", text, re.MULTILINE)) - {"library", "---"}
    assert explained == {requirement.name for requirement in EXPLAINED}


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("runtime", [*RUNTIME, *POSTGRES]),
        ("dev", [*RUNTIME, *POSTGRES, *BUILD, *DEV]),
        ("build", BUILD),
        ("litellm", [*RUNTIME, *LITELLM]),
        ("pages", [*RUNTIME, *PAGES]),
    ],
    ids=LOCKS,
)
def test_the_lock_satisfies_what_the_project_asks_for(lock: str, requirements: list[Requirement]) -> None:
    pins = pins_of(lock)
    for requirement in requirements:
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"make lock: {requirement.name} is missing"
        assert requirement.specifier.contains(version, prereleases=True), f"make lock: {requirement.name}"


def test_the_locks_agree_with_each_other() -> None:
    dev, runtime = pins_of("dev"), pins_of("runtime")
    for lock in ("runtime", "build"):
        assert {name: version for name, version in pins_of(lock).items() if dev.get(name) != version} == {}
    # What an extra brings goes on top of the runtime, never beside the tools to work on it.
    assert {
        name: version for name, version in runtime.items() if pins_of("litellm").get(name, version) != version
    } == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_hashed_and_no_address_stands_in_the_lock(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?:|file:|--(?:extra-)?index-url|--find-links", text) == []
