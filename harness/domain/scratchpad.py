"""The scratchpad of a conversation: named notes that the model keeps for itself, whatever else is forgotten.

It is kept nowhere but in the conversation: a fold over the calls of the tool that were answered well, from the last
place on at which the whole pad was written out. So it is there again after a crash, in a run that goes on after it
waited, and after old parts of the conversation were taken out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.domain.errors import ToolError
from harness.domain.message import Message, ToolCall

SCRATCHPAD = "scratchpad"
"""The name of the tool."""
NOTE_TITLE = "# From here on the conversation goes on; what came before was condensed by the harness"
TITLE = "# Your scratchpad"
"""The line below which the whole pad is written out, an entry a line."""
NOTED = "noted:"
"""How the answer to a call begins that changed the pad."""

MAX_ENTRIES = 40
MAX_ENTRY_CHARS = 1_500
MAX_CHARS = 8_000
MAX_NAME_CHARS = 60

Kind = Literal["plan", "fact", "todo", "decision"]
Action = Literal["set", "append", "remove"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One note."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one call does to the pad. Without a `kind` an entry keeps its own, and a new one is a fact."""

    action: Action
    name: str
    text: str = ""
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Scratchpad:
    """Notes by name, in the order in which they were first made."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def chars(self) -> int:
        """How many characters it takes, names included."""
        return sum(len(name) + len(entry.text) for name, entry in self.entries.items())

    def changed(self, change: Change) -> Scratchpad:
        """Return the pad with the change. Raises ToolError, naming the cap, where it is not to be had."""
        if change.action == "remove" and change.name not in self.entries:
            raise ToolError(f"there is no entry {change.name!r}; there are: {', '.join(self.entries) or 'none'}")
        if not 0 < len(change.name.strip()) <= MAX_NAME_CHARS:
            raise ToolError(f"name: give the entry a name of at most {MAX_NAME_CHARS} characters")
        pad = self.with_change(change)
        entry = pad.entries.get(change.name)
        if entry is not None and not entry.text.strip():
            raise ToolError(f"entry {change.name!r} would be empty; give it a text, or remove it")
        if entry is not None and len(entry.text) > MAX_ENTRY_CHARS:
            length = f"{len(entry.text):,} characters, over {MAX_ENTRY_CHARS:,}"
            raise ToolError(f"entry {change.name!r} would have {length}; say it shorter")
        if len(pad.entries) > MAX_ENTRIES:
            raise ToolError(f"there are {MAX_ENTRIES} entries already; remove one first")
        if pad.chars > MAX_CHARS and pad.chars > self.chars:
            raise ToolError(f"the pad would have {pad.chars:,} characters, over {MAX_CHARS:,}; remove an entry first")
        return pad

    def with_change(self, change: Change) -> Scratchpad:
        """Return the pad with a change that was allowed when it was made, under whatever caps there were then."""
        if change.action == "remove":
            return replace(self, entries={name: kept for name, kept in self.entries.items() if name != change.name})
        before = self.entries.get(change.name)
        appends = change.action == "append" and before is not None
        text = f"{before.text}\n{change.text}" if before is not None and appends else change.text
        kind = change.kind or (before.kind if before is not None else "fact")
        return replace(self, entries={**self.entries, change.name: Entry(kind, text)})

    def rendered(self) -> str:
        """Return the whole pad as text: its title, and an entry a line."""
        lines = (
            json.dumps({"name": name, "kind": entry.kind, "text": entry.text}, ensure_ascii=False)
            for name, entry in self.entries.items()
        )
        return "\n".join((TITLE, *lines))


def pad_of(messages: Sequence[Message]) -> Scratchpad:
    """Return the pad as it is at the end of the conversation."""
    pad = Scratchpad()
    answers: dict[str, str] = {}
    # From the end: providers number calls anew in each reply, and an answer belongs to the last call before it.
    found: list[Message | ToolCall] = []
    for message in reversed(messages):
        if message.role == "tool" and message.tool_call_id is not None:
            answers.setdefault(message.tool_call_id, message.content)
        elif message.tool_calls:
            found += [
                call
                for call in reversed(message.tool_calls)
                if call.name == SCRATCHPAD and answers.get(call.id, "").startswith(NOTED)
            ]
            answers.clear()
        elif is_note(message):
            found.append(message)
            break
    for one in reversed(found):
        pad = _written_pad(one.content) if isinstance(one, Message) else _with_call(pad, one)
    return pad


def is_note(message: Message) -> bool:
    """Say whether the harness wrote the message in the place of what it took out; it begins with the pad.

    Nothing else can be taken for it: it begins a message of its own, and no text from outside does that.
    """
    return message.role == "user" and message.content.startswith(f"{NOTE_TITLE}\n{TITLE}\n")


def _with_call(pad: Scratchpad, call: ToolCall) -> Scratchpad:
    arguments: Mapping[str, Any] = json.loads(call.arguments)
    change = Change(arguments["action"], arguments["name"], arguments.get("text", ""), arguments.get("kind"))
    return pad.with_change(change)


def _written_pad(note: str) -> Scratchpad:
    return Scratchpad(dict(_entries(note.split("\n")[2:])))


def _entries(lines: Iterable[str]) -> Iterable[tuple[str, Entry]]:
    for line in lines:
        if not line.startswith("{"):
            return  # what follows the pad
        kept = json.loads(line)
        yield kept["name"], Entry(kept["kind"], kept["text"])
