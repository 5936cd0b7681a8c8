"""A disk that fills up is told before it is full, and as one incident, whatever suffers from it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, Protocol

from harness.domain.cause import DISK
from harness.domain.sizes import in_bytes

_LEAST_FREE = 500_000_000
_LEAST_SHARE = 0.02
_ENOUGH_ANYWHERE = 5_000_000_000
FIX = "free some space, before nothing can be written"
_ROOM_AGAIN = 1.2
"""What is free at the threshold comes and goes; it is over when there is a fifth more."""


class OpenIncidents(Protocol):
    """The incidents, with a way to ask which are open."""

    def open(self, cause: str, message: str) -> None: ...

    def resolve(self, cause: str) -> None: ...

    def open_causes(self, prefix: str) -> list[str]: ...


class Usage(Protocol):
    """What `shutil.disk_usage` returns, in bytes."""

    @property
    def total(self) -> int: ...

    @property
    def free(self) -> int: ...


class DiskWatch:
    """Looks at the disks that the daemon writes to, again and again.

    `folders` lie on them; one that is not there is looked for above. `trouble` says whether a duty of the daemon
    fails because of a disk now, when it is not over, whatever is free; or has done so since this was last asked.
    """

    def __init__(
        self,
        incidents: OpenIncidents,
        folders: Callable[[], Iterable[Path]],
        *,
        trouble: Callable[[], Literal["now", "over", "none"]],
        usage: Callable[[Path], Usage] = shutil.disk_usage,
    ) -> None:
        self._incidents = incidents
        self._folders = folders
        self._trouble = trouble
        self._usage = usage
        # What an earlier life of the daemon has told may be over by now.
        self._has_told = True
        self.is_short = False
        """Whether the last look found too little room."""

    def look(self) -> None:
        """Tell of a disk with too little room, and that it is over. Raises as the incidents do."""
        short = next(filter(None, (self._judge(folder) for folder in self._folders())), None)
        self.is_short = short is not None
        trouble = self._trouble()
        self._has_told = self._has_told or self.is_short or trouble != "none"
        is_open = DISK in self._incidents.open_causes(DISK)
        if short is not None:
            if not is_open:
                self._incidents.open(DISK, short)
        elif self._has_told and trouble != "now":
            if is_open:
                self._incidents.resolve(DISK)
            self._has_told = False

    def _judge(self, folder: Path) -> str | None:
        place = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        problem = room_problem(folder, self._usage(place), margin=_ROOM_AGAIN if self.is_short else 1)
        return problem and f"{problem}; {FIX}"


def room_problem(folder: Path, usage: Usage, *, margin: float = 1) -> str | None:
    """Return what to tell the person if the disk of `folder` has less than `margin` times what should be free."""
    if usage.free >= least_free(usage.total) * margin:
        return None
    return f"only {in_bytes(usage.free)} of {in_bytes(usage.total)} are free on the disk of {folder}"


def least_free(total: int) -> float:
    """Return how many bytes should be free on a disk of that size: 500 MB or 2 %, and 5 GB are enough anywhere."""
    return min(max(_LEAST_FREE, _LEAST_SHARE * total), _ENOUGH_ANYWHERE)
