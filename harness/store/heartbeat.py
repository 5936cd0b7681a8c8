"""Reading the daemon's heartbeat file. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import OwnerError


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the daemon last said of itself; `at` and `started_at` are epoch seconds."""

    pid: int
    executor_id: str
    at: float
    started_at: float
    is_ready: bool
    running: int
    held_back: tuple[str, ...] = ()


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
        )
    except PermissionError as error:
        raise OwnerError(path, None, "the heartbeat cannot be read", "run this as the user of the daemon") from error
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        # Absent, or half written when the machine lost power: either way nobody vouches for a daemon.
        return None
