"""Progress bars on stderr, where a person is watching; nothing elsewhere."""

from __future__ import annotations

import sys
from datetime import datetime
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from harness.cli.output import draw, is_terminal
from harness.cli.table import terminal_width

_BAR = 30
_CLEAR_LINE = "\r\x1b[K"


class _Bar:
    """A line that is drawn anew, and gone in the end."""

    def __init__(self) -> None:
        self._is_drawn = is_terminal(sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_drawn:
            draw(_CLEAR_LINE)

    def _show(self, line: str) -> None:
        if self._is_drawn:
            draw(_CLEAR_LINE + line[: terminal_width() - 1])


class RehearsalProgress(_Bar):
    """Draws where a rehearsal is: the virtual time, and how many fires are done."""

    def __init__(self, zone: str) -> None:
        super().__init__()
        self._zone = ZoneInfo(zone)

    def __call__(self, moment: datetime, done: int, expected: int) -> None:
        """Show that `done` of `expected` fires are over at the virtual `moment`."""
        self._show(progress_line(moment.astimezone(self._zone), done, expected))


class WorkProgress(_Bar):
    """Draws how far a long piece of work is, part by part."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` of this part are over."""
        self._show(work_line(what, done, total))


def progress_line(local: datetime, done: int, expected: int) -> str:
    """Return the bar: `Fri 07:40 [#########---------------------] 18/57 fires`."""
    return f"{local:%a %H:%M} {_drawn(done, expected)} {done}/{expected} fires"


def work_line(what: str, done: int, total: int) -> str:
    """Return the bar: `[#########---------------------] files`."""
    return f"{_drawn(done, total)} {what}"


def _drawn(done: int, total: int) -> str:
    filled = _BAR if total <= 0 else min(_BAR, _BAR * done // total)
    return f"[{'#' * filled}{'-' * (_BAR - filled)}]"
