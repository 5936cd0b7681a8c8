"""One daemon with a state folder of its own, that can be killed, stopped, frozen and thawed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from chaos.nursery import ForkedProcess, Nursery
from chaos.team import KEY_VARIABLE
from harness.store.address import URL_VARIABLE, DatabaseAddress
from harness.store.state_folder import StateFolder

_REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Interruption:
    """A moment (epoch seconds) at which a node could not end what it had begun; `until` is when it could again."""

    node: str
    at: float
    until: float
    how: str


class Node:
    """`harness up` on a workspace that others share, as often as it is started; what it says lies in its folder.

    `is_forked`: its lives begin in a process that has everything loaded, and so much sooner.
    """

    def __init__(
        self, name: str, root: Path, folder: Path, address: DatabaseAddress, *, is_forked: bool = False
    ) -> None:
        self.name = name
        self.state = StateFolder(folder)
        self.interruptions: list[Interruption] = []
        self.starts = 0
        self.codes: list[int] = []
        """How it ended, each time."""
        self._root = root
        self._environ = {
            **os.environ,
            "HARNESS_HOME": str(folder),
            "HARNESS_NODE": name,
            URL_VARIABLE: address.url,
            KEY_VARIABLE: name,
            "PYTHONPATH": str(_REPOSITORY),
        }
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._frozen_at: float | None = None
        self._asked_at: float | None = None
        self._said_before = 0
        folder.mkdir(parents=True)
        self._nursery = Nursery(root, self.words, self._environ) if is_forked else None

    @property
    def words(self) -> Path:
        """The file with what its lives have said."""
        return self.state.root / "said.txt"

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether this life has said so."""
        with self.words.open("rb") as words:
            words.seek(self._said_before)
            return b"ready:" in words.read()

    @property
    def is_stopping(self) -> bool:
        return self._asked_at is not None or self._frozen_at is not None

    @property
    def pid(self) -> int:
        assert self._process is not None, "a node that was never started has no process"
        return self._process.pid

    def start(self) -> None:
        """Begin a life, and do not wait for it to be ready."""
        assert not self.is_up, "one life at a time"
        self._bury()
        with self.words.open("ab") as words:
            self._said_before = words.tell()
            self._process = self._nursery.start() if self._nursery is not None else subprocess.Popen(
                [sys.executable, "-m", "harness", "up", "--workspace", str(self._root)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, env=self._environ,
            )  # fmt: skip
        self.starts += 1

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        at = time.time()
        os.kill(self.pid, signal.SIGKILL)
        self.wait(30)
        self.interruptions.append(Interruption(self.name, at, time.time(), "kill -9"))

    def terminate(self) -> None:
        """Ask it to stop; it lets runs in flight end for a while, and parks the rest."""
        self._asked_at = time.time()
        os.kill(self.pid, signal.SIGTERM)

    def freeze(self) -> None:
        """Let it stand still, as on a machine that sleeps."""
        self._frozen_at = time.time()
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._frozen_at is not None
        self.interruptions.append(Interruption(self.name, self._frozen_at, time.time(), "SIGSTOP"))
        self._frozen_at = None
        os.kill(self.pid, signal.SIGCONT)

    def wait(self, timeout_s: float) -> int:
        """Return its exit code. Raises subprocess.TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def remove(self) -> None:
        """End it if it lives, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
        self._bury()
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def _bury(self) -> None:
        if self._process is None:
            return
        self.codes.append(self._process.wait(0))
        self._process = None
        if self._asked_at is not None:
            # Also what it began after it was asked may have been broken off, when its patience ended.
            self.interruptions.append(Interruption(self.name, self._asked_at, time.time(), "SIGTERM"))
            self._asked_at = None
