"""Nothing of the machine on which a change was made gets into the repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INDEX = "pypi" + r"\.org|python" + r"hosted\.org|index-url *="
MAX_BYTES = 500_000


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing is tracked")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_path_of_a_machine_and_no_address_of_an_index_is_tracked() -> None:
    places = "|".join(re.escape(place) for place in {str(ROOT), sys.prefix} if place.count("/") > 1)
    foreign = re.compile(rf"{INDEX}|(?:{places})(?![\w-])")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked_files()
        if (match := foreign.search(path.read_bytes().decode("utf-8", "replace")))
    ]
    assert found == []


def test_runtime_state_and_environments_are_not_tracked() -> None:
    parts = {part for path in tracked_files() for part in path.relative_to(ROOT).parts}
    assert parts & {".harness", ".venv", "day", "dist", "__pycache__"} == set()


def test_no_tracked_file_is_large() -> None:
    assert [path.name for path in tracked_files() if path.stat().st_size > MAX_BYTES] == []
