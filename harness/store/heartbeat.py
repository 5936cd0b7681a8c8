"""Reading the daemon's heartbeat file. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import OwnerError


@dataclass(frozen=True, slots=True)
class SilentPart:
    """A part of the daemon that has not answered its own watchdog since `since`, in epoch seconds."""

    part: str
    since: float


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the daemon last said of itself; `at` and `started_at` are epoch seconds.

    While it stops, and lets the runs that are `in_flight` end, it `is_draining`. `silent_parts` are what
    hangs in it.
    """

    pid: int
    executor_id: str
    at: float
    started_at: float
    is_ready: bool
    running: int
    held_back: tuple[str, ...] = ()
    is_draining: bool = False
    in_flight: int = 0
    silent_parts: tuple[SilentPart, ...] = ()


def read_heartbeat(path: Path) -> Heartbeat | None:
    """Return what the daemon last said, or None if there is no heartbeat that can be read.

    Raises OwnerError if the file is there and is not ours to read.
    """
    try:
        beat = json.loads(path.read_bytes())
        return Heartbeat(
            pid=int(beat["pid"]),
            executor_id=str(beat["executor_id"]),
            at=float(beat["at"]),
            started_at=float(beat["started_at"]),
            is_ready=bool(beat["ready"]),
            running=int(beat["running"]),
            held_back=tuple(str(name) for name in beat.get("held_back", ())),
            is_draining=bool(beat.get("draining", False)),
            in_flight=int(beat.get("in_flight", 0)),
            silent_parts=tuple(
                SilentPart(str(silent["part"]), float(silent["since"])) for silent in beat.get("silent_parts", ())
            ),
        )
    except PermissionError as error:
        raise OwnerError(path, None, "the heartbeat cannot be read", "run this as the user of the daemon") from error
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        # Absent, or half written when the machine lost power: either way nobody vouches for a daemon.
        return None
