"""The warning before a tool call that failed the last time: the records of agents, looked up by the very call.

Files are the truth here too: what a person writes, corrects or takes out counts for the next call. Where there are no
records, a call costs a look at a few names that are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

from harness.domain.learning import SHARED, TRUST, Kind, Learning, age_in_words, verifications_in_force
from harness.domain.message import ToolCall
from harness.gate.caller import Caller
from harness.gate.outside import RECALLED_OWN, fence
from harness.gate.registry import KNOWN_MISTAKE
from harness.memory.learnings import learnings_path, parse_learnings
from harness.memory.tool_calls import Mending, mending_in, read_arguments
from harness.store.durable_file import read_if_there

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    learning: Learning
    mending: Mending


class KnownMistakes:
    """The mistakes that may be made again, of one workspace. `agents` returns the names of its agents."""

    def __init__(self, root: Path, agents: Callable[[], Iterable[str]], today: Callable[[], date]) -> None:
        self._root = root
        self._agents = agents
        self._today = today
        self._read: dict[Path, tuple[Stamp, tuple[_Known, ...]]] = {}

    def before(self, call: ToolCall, caller: Caller) -> str | None:
        """Return what is to be told instead of making the call; None if it is to be made.

        Each record is told once in a conversation: whoever repeats the call knows what they do.
        """
        arguments = None
        for known in self._of(caller.agent):
            if known.mending.tool != call.name:
                continue
            arguments = read_arguments(call.arguments) if arguments is None else arguments
            is_again = arguments is not None and known.mending.is_wrong_call(call.name, arguments)
            if is_again and not _was_told(known.learning, caller):
                return self._words(known.learning)
        return None

    def _of(self, agent: str) -> Iterator[_Known]:
        """Yield what the agent may be told: its own records, and those for all; the most trusted first."""
        found = [
            known for name in {*self._agents(), agent} for kind in get_args(Kind) for known in self._in(name, kind)
        ]
        told = (each for each in found if each.learning.scope in (SHARED, f"agent/{agent}"))
        yield from sorted(told, key=lambda each: (-each.learning.trust, each.learning.id))

    def _in(self, agent: str, kind: Kind) -> tuple[_Known, ...]:
        path = self._root / learnings_path(agent, kind)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        before = self._read.get(path)
        if before is None or before[0] != stamp:
            before = (stamp, tuple(_known_in(path)))
            self._read[path] = before
        return before[1]

    def _words(self, learning: Learning) -> str:
        age = age_in_words(learning.last_verified, self._today())
        says = (("Wrong", learning.wrong), ("Right", learning.right), ("Why", learning.why))
        quoted = "\n".join(f"{name}: {words}" for name, words in says if words)
        return (
            f"not done: the same call failed before ({learning.id}, first seen {learning.first_seen}, {age}). What is "
            "known of it is quoted here. Do as it says if that fits, or repeat the call unchanged to make it anyway.\n"
            f"{fence(quoted, f'{RECALLED_OWN} {learning.id}')}"
        )


def _known_in(path: Path) -> Iterator[_Known]:
    """Yield the mistakes of a file that are believed; a file that cannot be read warns of nothing.

    What it is that cannot be read, who writes there says.
    """
    try:
        text = read_if_there(path) or ""
    except (OSError, UnicodeDecodeError):
        return
    for found in parse_learnings(text).found:
        learning = found.learning
        mending = mending_in(learning)
        if mending is not None and _is_believed(learning):
            yield _Known(learning, mending)


def _is_believed(learning: Learning) -> bool:
    """Say whether the record is told: not what waits for the person's word, nor what was contradicted last."""
    is_outside = learning.origin == "external" or learning.trust == TRUST["external"]
    was_contradicted = bool(learning.contradictions) and not verifications_in_force(learning)
    return learning.is_in_force and not was_contradicted and (learning.is_approved or not is_outside)


def _was_told(learning: Learning, caller: Caller) -> bool:
    mark = f"refused ({KNOWN_MISTAKE})"
    return any(
        message.role == "tool" and message.content.startswith(mark) and learning.id in message.content
        for message in caller.conversation
    )
