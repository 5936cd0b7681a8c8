"""`requirements/install`, as make calls it: with a real interpreter, and a uv that only writes down its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "awk", "cat", "cksum", "dirname", "env", "grep", "mv", "printf", "rm", "sed", "tail", "tee")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder whose name has a space in it."""
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def fake_uv(folder: Path, then: str = "") -> Path:
    uv = folder / "fake-uv"
    uv.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{folder}/calls"\n{then}\n', encoding="utf-8")
    uv.chmod(0o755)
    return uv


def install(checkout: Path, uv: Path, level: str = "runtime") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "requirements/install", level],
        cwd=checkout,
        env={**os.environ, "PYTHON": sys.executable, "UV": str(uv)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def calls(checkout: Path) -> list[str]:
    log = checkout / "calls"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_packages_come_from_the_hashed_locks_and_the_project_without_its_dependencies(checkout: Path) -> None:
    assert install(checkout, fake_uv(checkout)).returncode == 0
    packages, project = calls(checkout)
    assert packages.endswith("--require-hashes -r requirements/runtime.txt -r requirements/build.txt")
    assert "--no-deps" in project
    assert "--editable ." in project


def test_a_second_call_installs_nothing_and_says_nothing(checkout: Path) -> None:
    uv = fake_uv(checkout)
    install(checkout, uv)
    second = install(checkout, uv)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(calls(checkout)) == 2


def test_a_changed_lock_is_installed_anew(checkout: Path) -> None:
    uv = fake_uv(checkout)
    install(checkout, uv)
    with (checkout / "requirements" / "runtime.txt").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    install(checkout, uv)
    assert len(calls(checkout)) == 4


def test_an_install_that_was_killed_is_repaired_by_the_next_call(checkout: Path) -> None:
    killed = install(checkout, fake_uv(checkout, then="kill -KILL $PPID"))
    assert killed.returncode != 0
    assert install(checkout, fake_uv(checkout)).returncode == 0
    assert len(calls(checkout)) == 3


def test_a_development_environment_serves_the_runtime_as_well(checkout: Path) -> None:
    uv = fake_uv(checkout)
    install(checkout, uv, "dev")
    install(checkout, uv, "runtime")
    assert len(calls(checkout)) == 2


def test_an_environment_that_moved_with_its_checkout_is_made_anew(checkout: Path) -> None:
    uv = fake_uv(checkout)
    install(checkout, uv)
    moved = checkout.rename(checkout.with_name("moved"))
    second = install(moved, fake_uv(moved))
    assert second.returncode == 0
    assert "Making .venv" in second.stderr


def test_a_machine_without_python_is_told_what_to_do(checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (folder / tool).symlink_to(found)
    bare = subprocess.run(
        [str(folder / "sh"), "requirements/install", "runtime"],
        cwd=checkout,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert bare.returncode == 2
    assert bare.stderr.startswith("No usable Python 3.11 or newer was found.")
    assert "make PYTHON=/path/to/python3" in bare.stderr
    assert not (checkout / ".venv").exists()
