from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.daemon.log_file import LogFile


@pytest.fixture
def full() -> Iterator[LogFile]:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    log = LogFile("/dev/full", maxBytes=0)
    yield log
    log.close()


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("harness", logging.INFO, "", 0, text, None, None)


def test_log_on_a_full_disk_says_so_in_one_line_and_raises_nothing(
    full: LogFile, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        full.handle(record(f"line {number}"))
    assert (
        capsys.readouterr().err == "/dev/full: the log cannot be written (No space left on device); free some space\n"
    )


def test_log_that_could_be_written_again_tells_the_next_trouble_too(
    full: LogFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing = full.stream
    with (tmp_path / "harness.log").open("w") as good:
        for stream in (refusing, refusing, good, refusing):
            full.stream = stream
            full.handle(record("a line"))
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert (tmp_path / "harness.log").read_text() == "a line\n"


def test_what_is_no_trouble_of_the_disk_is_shown_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = LogFile(tmp_path / "harness.log")
    log.handle(logging.LogRecord("harness", logging.INFO, "", 0, "%d", ("no number",), None))
    log.close()
    assert "Traceback" in capsys.readouterr().err
