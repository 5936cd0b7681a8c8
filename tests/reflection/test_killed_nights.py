"""A night that is killed anywhere: the next attempt comes to what a night comes to that nobody disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2]


# Every point is gone through by `python -m tests.reflection.killed_night FOLDER`; that takes some ten minutes.


def kill_nights(folder: Path, step: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_night.py")), str(folder), str(step)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def check(found: dict[str, Any]) -> None:
    assert found["points"] > 100
    assert "1 promoted" in found["reason"]
    assert found["commits"].count("Reflect on 2026-11-24 for zoe") == 1
    assert found["wrong"] == []


def test_a_night_that_is_killed_at_some_points_is_gone_on_with_to_the_same_end(tmp_path: Path) -> None:
    check(kill_nights(tmp_path, 59))


@pytest.mark.slow
def test_a_night_that_is_killed_at_every_fifth_point_is_gone_on_with_to_the_same_end(tmp_path: Path) -> None:
    check(kill_nights(tmp_path, 5))
