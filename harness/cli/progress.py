"""A progress bar on stderr, where a person is watching; nothing elsewhere."""

from __future__ import annotations

import sys
from datetime import datetime
from types import TracebackType
from zoneinfo import ZoneInfo

from harness.cli.output import draw, is_terminal
from harness.cli.table import terminal_width

_BAR = 30
_CLEAR_LINE = "\r\x1b[K"


class RehearsalProgress:
    """Draws where a rehearsal is: the virtual time, and how many fires are done."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._is_drawn = is_terminal(sys.stderr)

    def __enter__(self) -> RehearsalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_drawn:
            draw(_CLEAR_LINE)

    def __call__(self, moment: datetime, done: int, expected: int) -> None:
        """Show that `done` of `expected` fires are over at the virtual `moment`."""
        if self._is_drawn:
            line = progress_line(moment.astimezone(self._zone), done, expected)
            draw(_CLEAR_LINE + line[: terminal_width() - 1])


def progress_line(local: datetime, done: int, expected: int) -> str:
    """Return the bar: `Fri 07:40 [#########---------------------] 18/57 fires`."""
    filled = _BAR if expected <= 0 else min(_BAR, _BAR * done // expected)
    return f"{local:%a %H:%M} [{'#' * filled}{'-' * (_BAR - filled)}] {done}/{expected} fires"
