"""What a person gets who installs the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PREFIX = "harness/_workspace/"


def build(kind: str, folder: Path) -> zipfile.ZipFile:
    """Build the wheel (`build_wheel`) or the editable install (`build_editable`) as an installer does."""
    code = f"import sys, hatchling.build; print(hatchling.build.{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return zipfile.ZipFile(folder / done.stdout.split()[-1])


def test_the_wheel_carries_the_workspace_as_it_stands_in_the_repository(tmp_path: Path) -> None:
    with build("build_wheel", tmp_path) as wheel:
        carried = {name.removeprefix(PREFIX): wheel.read(name) for name in wheel.namelist() if name.startswith(PREFIX)}
    assert {"harness.toml", "USER.md", "agents/zoe/SOUL.md", "agents/ainews/.learnings/ERRORS.md"} <= set(carried)
    assert [name for name, content in carried.items() if (ROOT / name).read_bytes() != content] == []
    jobs = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("agents/*/jobs/*.md")}
    assert jobs <= set(carried)


def test_an_editable_install_uses_the_original_and_carries_no_copy(tmp_path: Path) -> None:
    with build("build_editable", tmp_path) as wheel:
        names = wheel.namelist()
    assert [name for name in names if name.startswith("harness/")] == []
    assert any(name.endswith(".pth") for name in names)
