"""The daemon's log on the disk, which may be full."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler

from harness.gate.redact import redact
from harness.store.state_folder import StateFolder

LOG_BYTES = 5_000_000
LOG_FILES = 4


def log_to_file(state: StateFolder) -> logging.Handler:
    """Send the log to `logs/harness.log`, kept to four files of 5 MB, without secrets, and return the handler."""
    state.logs.mkdir(parents=True, exist_ok=True)
    handler = LogFile(state.logs / "harness.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8")
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.INFO)
    logging.getLogger().addHandler(handler)
    logging.getLogger("harness").setLevel(logging.INFO)
    # It warns of each beat that came late, as after a sleep, by the names of our functions; the watchdog and the
    # ledger say what that meant.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return handler


class _RedactingFormatter(logging.Formatter):
    """The one writer of the log takes out what is shaped like a secret, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class LogFile(RotatingFileHandler):
    """A log that is kept to a few files; where the disk takes nothing more it says so once, and nothing stops."""

    _has_failed = False
    _is_told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        self._has_failed = False
        super().emit(record)
        if not self._has_failed:
            self._is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is that of the library
        """Say in one line that the disk refuses, instead of a traceback for every record that is lost."""
        self._has_failed = True
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_told and sys.stderr is not None:
            self._is_told = True
            sys.stderr.write(f"{self.baseFilename}: the log cannot be written ({error.strerror}); free some space\n")

    def close(self) -> None:
        """Close the file; what it does not take any more is lost."""
        try:
            super().close()
        except OSError as error:
            if sys.stderr is not None:
                sys.stderr.write(f"{self.baseFilename}: the end of the log is lost ({error.strerror})\n")
