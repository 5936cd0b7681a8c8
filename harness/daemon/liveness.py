"""Is a daemon there? Judged from its heartbeat and its process, without asking it. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from harness.store.heartbeat import Heartbeat

STALE_AFTER_S = 30.0
"""The heartbeat is written every 5 s; six in a row are not lost by chance. Whoever judges a daemon from outside
uses this, for its file and for its row in the database. Other daemons are quicker to take its runs: what they have
declared lost is not waited for (`harness.runs.nodes`)."""

_GRACE_S = 60
_GRACE_WITHOUT_DAEMON_S = 15
"""The operating system starts a daemon that died again after 10 s."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """`starting`: alive and not ready yet. `draining`: it stops, and lets runs in flight end. `stalled`: a
    part of it does not answer its own watchdog. `silent`: its process is there and its heartbeat has stopped,
    or the others have declared it lost. `dead`: its process is gone. `absent`: no heartbeat at all.
    `elsewhere`: there is none here, and one on another machine. `executors` are those that are at work
    anywhere, as the database knows them."""

    state: Literal["alive", "starting", "draining", "stalled", "silent", "dead", "absent", "elsewhere"]
    heartbeat: Heartbeat | None = None
    executors: frozenset[str] = frozenset()

    @property
    def is_alive(self) -> bool:
        return self.state in ("alive", "starting", "draining", "elsewhere")

    def holds(self, owner: str | None) -> bool:
        """Say whether an executor that lives has a fire of that owner in its hands, or will take it."""
        if owner is None:
            return self.is_alive
        is_own = self.heartbeat is not None and owner == self.heartbeat.executor_id
        return owner in self.executors or (is_own and self.is_alive and self.state != "elsewhere")

    @property
    def grace_s(self) -> int:
        """How old a slot may be before it is a fault that nothing fired it.

        A daemon that is there may be busy for a moment; where there is none, nothing is waited for.
        """
        return _GRACE_S if self.is_alive else _GRACE_WITHOUT_DAEMON_S

    @property
    def last_beat_at(self) -> datetime | None:
        return None if self.heartbeat is None else datetime.fromtimestamp(self.heartbeat.at, UTC)


def has_process(pid: int) -> bool:
    """Return whether a process of that number exists and has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """A process whose parent has not noticed its end, as in a container without an init, still has a number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # no /proc here, or it is gone by now; the heartbeat decides
    return stat.rpartition(")")[2].split()[:1] == ["Z"]


def daemon_liveness(
    heartbeat: Heartbeat | None, now: datetime, *, has_process: Callable[[int], bool] = has_process
) -> Liveness:
    """Return what the last heartbeat is worth at `now`."""
    if heartbeat is None:
        return Liveness("absent")
    if not has_process(heartbeat.pid):
        return Liveness("dead", heartbeat)
    if heartbeat.silent_parts:
        return Liveness("stalled", heartbeat)
    if now.timestamp() - heartbeat.at > STALE_AFTER_S:
        return Liveness("silent", heartbeat)
    if heartbeat.is_draining:
        return Liveness("draining", heartbeat)
    return Liveness("alive" if heartbeat.is_ready else "starting", heartbeat)
