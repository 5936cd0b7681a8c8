"""Reporting a better way: what an agent found out, for its later runs.

The tool writes nothing. What it was called with is recorded like every call, and becomes a candidate when the run has
ended, with the trust of what the run had read by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from harness.domain.errors import ToolError
from harness.domain.message import Message
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.memory.capture import LEARN
from harness.memory.recalled_text import without_recalled


class LearnArguments(Arguments):
    title: str
    right: str
    wrong: str = ""
    trigger: str = ""
    why: str = ""


def learn_tools() -> tuple[Tool, ...]:
    """Return the tool with which an agent reports a better way."""
    description = "Report a better way you found, for later runs."
    return (define_tool(LEARN, description, LearnArguments, _learn, Traits(effect="read")),)


async def _learn(arguments: LearnArguments, caller: Caller) -> str:
    if not arguments.title.strip() or not arguments.right.strip():
        raise ToolError("say in title what it is about, and in right what to do the next time")
    if _words(arguments.right) in " ".join(map(_words, _recalled(caller.conversation))):
        raise ToolError("that was recalled for you: it is known already, and nothing was noted")
    return "noted; it is kept as a candidate, and has to prove itself"


def _recalled(conversation: Iterable[Message]) -> Iterator[str]:
    """Yield the lines that were told from memory."""
    for message in conversation:
        kept = without_recalled(message.content)
        if kept != message.content:
            lines = zip(message.content.split("\n"), kept.split("\n"), strict=True)
            yield from (line for line, rest in lines if line != rest)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
