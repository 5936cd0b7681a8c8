"""`make screenshots`: pictures of a page, or one line that says what is missing."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "make_screenshots.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome-headless-shell")


def make(page: Path, out: Path, path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--page", str(page), "--out", str(out)]
    environ = {**os.environ, "PATH": path}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    written = tmp_path / "page.html"
    written.write_text("<!doctype html><title>A page</title><h1>A page</h1>")
    return written


def test_without_a_browser_it_says_which_one_to_install(page: Path, tmp_path: Path) -> None:
    ended = make(page, tmp_path / "images", str(tmp_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "make screenshots: no Chromium or Chrome on the PATH; install one, such as the package chromium\n"
    )


def test_a_browser_that_draws_nothing_is_no_success(page: Path, tmp_path: Path) -> None:
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\necho 'no display' >&2\n")
    fake.chmod(0o755)
    ended = make(page, tmp_path / "images", f"{tmp_path}:/bin:/usr/bin")
    assert ended.returncode == 2
    assert "drew nothing of" in ended.stderr
    assert "no display" in ended.stderr


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="no Chromium or Chrome on this machine")
def test_it_draws_phone_and_desktop_within_the_limit(page: Path, tmp_path: Path) -> None:
    ended = make(page, tmp_path / "images", os.environ["PATH"])
    assert ended.returncode == 0, ended.stderr
    pictures = {path.name: path for path in (tmp_path / "images").iterdir()}
    widths = {name: struct.unpack(">I", path.read_bytes()[16:20])[0] for name, path in pictures.items()}
    assert widths == {"day-phone.png": 390, "day-phone-dark.png": 390, "day-desktop.png": 1200}
    assert all(path.stat().st_size <= 300_000 for path in pictures.values())
