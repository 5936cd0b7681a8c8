"""What the run that works on a request has read: where the numbers of its answer may come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.domain.message import Message
from harness.domain.request import Request
from harness.domain.scratchpad import SCRATCHPAD

OWN_WORDS = frozenset({"finish", "reject", "progress", "handoff", "learn", "files.write", SCRATCHPAD})
"""Tools whose results repeat what the model itself wrote: a number is not known by being said twice."""

_ANSWERED = re.compile(r"(?ms)^<<<DATA [^\n]*\n(.*?)^<<<END ")
"""What another said in the answer to a request; around it stands what the model itself had asked."""
_KEPT = re.compile(r".+-[0-9a-f]{8}\.txt")
"""The names of the files in which results lie whole that were too long, or taken out to make room."""


def texts_read(request: Request, conversation: Sequence[Message], folder: Path) -> tuple[str, ...]:
    """Return what was asked, and every tool result that was read; in `folder`, the run's, long ones lie whole."""
    asked = (request.task, request.background, request.expected_output, *request.inputs, *request.acceptance)
    return (*filter(None, asked), *_results(conversation), *_kept(folder))


def results_in(conversation: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """Yield each tool result of a conversation, with the name of its tool before it."""
    tools: dict[str | None, str] = {}
    for message in conversation:
        # Some models begin to count their calls anew in each reply.
        tools.update((call.id, call.name) for call in message.tool_calls)
        if message.role == "tool":
            yield tools.get(message.tool_call_id, ""), message.content


def _results(conversation: Sequence[Message]) -> Iterator[str]:
    for tool, result in results_in(conversation):
        if tool == "ask":
            yield from _ANSWERED.findall(result)
        elif tool not in OWN_WORDS:
            yield result


def _kept(folder: Path) -> Iterator[str]:
    own = tuple(f"{tool}-" for tool in (*OWN_WORDS, "ask"))
    for path in sorted(folder.glob("*.txt")):
        if _KEPT.fullmatch(path.name) and not path.name.startswith(own) and not path.is_symlink():
            yield path.read_text(encoding="utf-8", errors="replace")
