"""What goes wrong beside a command's own work, as single lines on stderr."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from harness.cli.failures import line_about
from harness.cli.output import note

_NOT_AGAIN_FOR_S = 60


@contextmanager
def log_lines() -> Iterator[None]:
    """Show warnings and errors of the log as one line each; HARNESS_DEBUG=1 shows their tracebacks.

    The same line is shown once a minute at most: a daemon on a full disk fails every second. That the
    log's own file has no room for it is not said as well.
    """
    root = logging.getLogger()
    handler = _Lines(logging.WARNING)
    before = logging.raiseExceptions
    root.addHandler(handler)
    logging.raiseExceptions = False
    try:
        yield
    finally:
        root.removeHandler(handler)
        logging.raiseExceptions = before


class _Lines(logging.Handler):
    """Passes each record on as a note."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._shown_at: dict[str, float] = {}
        if os.environ.get("HARNESS_DEBUG") == "1":
            self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        else:
            self.setFormatter(_OneLine())

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        recent = {told: at for told, at in self._shown_at.items() if record.created - at < _NOT_AGAIN_FOR_S}
        if line not in recent:
            recent[line] = record.created
            note(line)
        self._shown_at = recent


class _OneLine(logging.Formatter):
    """The message, and of an exception what it means instead of where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        message = next(iter(record.getMessage().splitlines()), "").rstrip(": ")
        error = record.exc_info[1] if record.exc_info else None
        return message if error is None else f"{message}: {line_about(error)}"
