"""Notes that a model keeps for itself through a long run; see `harness.domain.scratchpad`."""

from __future__ import annotations

from harness.domain.scratchpad import NOTED, SCRATCHPAD, Action, Change, Kind, pad_of
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool


class ScratchpadArguments(Arguments):
    action: Action
    name: str
    text: str = ""
    kind: Kind | None = None


def scratchpad_tools() -> tuple[Tool, ...]:
    """Return the tool that changes the scratchpad of the conversation in which it is called."""
    # It touches nothing but the conversation; each call counts on the ones before it.
    traits = Traits(effect="read", claims=lambda arguments: None)
    return (define_tool(SCRATCHPAD, "Keep a named note through this run.", ScratchpadArguments, _note, traits),)


async def _note(arguments: ScratchpadArguments, caller: Caller) -> str:
    change = Change(arguments.action, arguments.name, arguments.text, arguments.kind)
    pad = pad_of(caller.conversation).changed(change)
    return f"{NOTED} {len(pad.entries)} on the pad: {', '.join(pad.entries) or 'none'}"
