"""Handing a task to a conversation of its own, below the one in which the tool is called."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.domain.errors import ToolError
from harness.domain.tool import Delegate, Told
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool

DELEGATE = "delegate"

NOT_LENT = frozenset({"ask", "progress", "finish", "reject", "handoff"})
"""What speaks for the run to others, or ends it, is its own to call."""


class DelegateArguments(Arguments):
    task: str
    expected_output: str = ""
    tools: Annotated[list[str], Field(description="of yours, for it")]


def delegate_tools() -> tuple[Tool, ...]:
    """Return the tool that delegates: what it asks for, the run carries out."""
    description = "Have a task done in a fresh context; you get its result."
    return (define_tool(DELEGATE, description, DelegateArguments, _delegate, Traits(effect="read")),)


async def _delegate(arguments: DelegateArguments, caller: Caller) -> Told:
    if not arguments.task.strip():
        raise ToolError("task: say what is to be done; nothing of this conversation is seen there")
    lendable = caller.tools - NOT_LENT - {DELEGATE}
    wrong = sorted(set(arguments.tools) - lendable)
    if wrong:
        yours = ", ".join(sorted(lendable)) or "none"
        raise ToolError(f"tools: {', '.join(wrong)[:200]} cannot be lent; there are: {yours}")
    tools = tuple(dict.fromkeys(arguments.tools))
    return Told("handed over", Delegate(arguments.task, arguments.expected_output, tools))
