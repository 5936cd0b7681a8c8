"""A process that has everything loaded and forks daemons: a life begins in a tenth of the time.

For loops of many short lives. It is told on stdin, word by word, and answers each with a line on stdout:
`start` (the pid), `poll` (the exit code, or `-`), `wait` (the exit code).

    python -m chaos.nursery WORKSPACE WORDS
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.daemon.serving import serve


class Nursery:
    """Forks one daemon after the other; `close` ends it."""

    def __init__(self, root: Path, words: Path, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.nursery", str(root), str(words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True,
        )  # fmt: skip

    def start(self) -> ForkedProcess:
        """Begin a life; the one before must have ended."""
        return ForkedProcess(self, int(self.ask("start")))

    def ask(self, word: str) -> str:
        """Return the answer to one word."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End it; its daemon must have ended."""
        self._process.communicate(timeout=30)


class ForkedProcess:
    """A daemon in a nursery, as `subprocess.Popen` would show it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, or None while it lives."""
        if self._code is None:
            answer = self._nursery.ask("poll")
            self._code = None if answer == "-" else int(answer)
        return self._code

    def wait(self, timeout: float) -> int:
        """Return its exit code as soon as it has ended, however long that takes."""
        if self._code is None:
            self._code = int(self._nursery.ask("wait"))
        return self._code

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self.poll() is None:
            os.kill(self.pid, 9)


def main(root: Path, words: Path) -> None:
    """Do what is asked for on stdin until it ends."""
    pid = 0
    while word := sys.stdin.readline().strip():
        if word == "start":
            pid = os.fork()
            if pid == 0:
                _live(root, words)
            print(pid, flush=True)
        else:
            ended, status = os.waitpid(pid, os.WNOHANG if word == "poll" else 0)
            print(os.waitstatus_to_exitcode(status) if ended else "-", flush=True)


def _live(root: Path, words: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, descriptor in enumerate((nothing, nothing, said)):
        os.dup2(descriptor, number)
    code = 1
    try:
        code = serve(root, os.environ, echo=lambda line: print(line, file=sys.stderr, flush=True))
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
