"""The plugin as pytest finds it: in a fresh workspace, in other people's projects, and in the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.testing.workspace import write_workspace_files

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"
HEAVY = ("pydantic", "sqlalchemy", "dbos", "httpx2", "feedparser", "jinja2", "markdown_it", "typer", "harness.domain")
ONE_JOB = """
def test_the_job(harness_job):
    result = harness_job("scout/morning", cassette="morning.yaml", inputs={"feeds/ai": [("A fact", "https://a.example/")]})
    assert [item.title for item in result.items] == ["A fact"]
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with what an installer writes for the package: its name, and where pytest finds the plugin."""
    folder = tmp_path / "site"
    metadata = folder / "agent_team_harness-0.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: agent-team-harness\nVersion: 0.0\n")
    plugins = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][
        "pytest11"
    ]
    lines = "".join(f"{name} = {module}\n" for name, module in plugins.items())
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{lines}")
    return folder


def run_pytest(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": f"{installed}{os.pathsep}{ROOT}", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_examples_of_the_documentation_pass_in_a_fresh_workspace(installed: Path, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "harness", "init", "team", "--home-zone", "Europe/Berlin"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert example.count("def test_") == 2
    tests = tmp_path / "team" / "tests"
    tests.mkdir()
    (tests / "test_digest.py").write_text(example, encoding="utf-8")
    files = sorted((tmp_path / "team").rglob("*"))
    ended = run_pytest(installed, tmp_path / "team")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout
    left = [path for path in sorted((tmp_path / "team").rglob("*")) if "__pycache__" not in path.parts]
    assert left == files


def test_a_cassette_is_recorded_with_the_option_and_never_without(installed: Path, tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path / "team")
    (root / "test_job.py").write_text(ONE_JOB, encoding="utf-8")
    without = run_pytest(installed, root)
    assert without.returncode == 1
    assert "there is no such cassette; record it once with: pytest --harness-record" in without.stdout
    assert not (root / "morning.yaml").exists()
    recording = run_pytest(installed, root, "--harness-record")
    assert recording.returncode == 0, recording.stdout
    tape = (root / "morning.yaml").read_bytes()
    played = run_pytest(installed, root)
    assert played.returncode == 0, played.stdout
    assert (root / "morning.yaml").read_bytes() == tape
    assert str(tmp_path).encode() not in tape


def test_other_projects_pay_nothing_for_it(installed: Path, tmp_path: Path) -> None:
    project = tmp_path / "other"
    project.mkdir()
    (project / "test_other.py").write_text(
        "import sys\n\n\ndef test_nothing_of_it_is_loaded():\n"
        "    assert 'harness.job_tests.plugin' in sys.modules\n"
        f"    assert [name for name in {HEAVY!r} if name in sys.modules] == []\n",
        encoding="utf-8",
    )
    ended = run_pytest(installed, project)
    assert ended.returncode == 0, ended.stdout


def test_a_test_outside_of_every_workspace_is_told_what_is_missing(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_job.py").write_text("def test_it(harness_job):\n    harness_job('a/b')\n", encoding="utf-8")
    ended = run_pytest(installed, tmp_path, "test_job.py")
    assert ended.returncode == 1
    assert "no harness.toml here or in a folder above" in ended.stdout


def test_it_is_one_plugin_also_where_it_is_asked_for_by_name(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
    ended = run_pytest(installed, tmp_path, "-p", "harness.job_tests.plugin", "test_it.py")
    assert ended.returncode == 0, ended.stdout + ended.stderr
