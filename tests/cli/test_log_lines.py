from __future__ import annotations

import errno
import logging

import pytest

from harness.cli.log_lines import log_lines

LOG = logging.getLogger("harness.test")


def test_failure_is_one_line_with_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    with log_lines():
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/x")
        except OSError:
            LOG.exception("run %s broke\nsee the manual", "manual:a/b:1")
        LOG.info("not worth a line")
    assert capsys.readouterr().err == (
        "run manual:a/b:1 broke: /x: no space left on device; free some space; nothing already written is lost\n"
    )


def test_what_fails_every_second_is_not_said_every_second(capsys: pytest.CaptureFixture[str]) -> None:
    with log_lines():
        for _ in range(3):
            LOG.error("tick failed: the disk is full")
            LOG.error("heartbeat failed: the disk is full")
        later = LOG.makeRecord(LOG.name, logging.ERROR, __file__, 1, "tick failed: the disk is full", (), None)
        later.created += 60
        LOG.handle(later)
    assert capsys.readouterr().err.splitlines() == [
        "tick failed: the disk is full",
        "heartbeat failed: the disk is full",
        "tick failed: the disk is full",
    ]


def test_log_is_as_it_was_when_the_command_is_over() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), logging.raiseExceptions)
    with log_lines():
        assert (list(root.handlers), logging.raiseExceptions) != before
    assert (list(root.handlers), logging.raiseExceptions) == before
