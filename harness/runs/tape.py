"""What the world said in a run, to be said again: each answer for the request that it was given to. Pure.

A request is recognised by what the model reads: messages and tools. A model that is asked something else today is
answered from the place of the call, and that is noted; a tool that is called with something else is not answered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from harness.ports import Json, RecordedStep
from harness.runs.recording import find_step, step_name
from harness.turn.limits import same_arguments

ASKING_KINDS = frozenset({"model", "tool"})
"""The steps in which somebody is asked something that can be compared."""

Asked = Mapping[tuple[str, str], Json]
"""What was asked in a run's steps, by kind and call id; a step of which nobody knows is not in it."""

_CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class Stray:
    """Something that was asked today and is not on the tape.

    `nearest` is the recorded request that is most like it, None if nothing of its kind is recorded; `then` and `now`
    are the two as lines of text. `is_answered`: the answer of its place was given all the same.
    """

    name: str
    nearest: str | None
    then: tuple[str, ...]
    now: tuple[str, ...]
    is_answered: bool

    @property
    def changes(self) -> tuple[str, ...]:
        """What differs, each line with `-` (on the tape), `+` (today) or a space."""
        return _changes(self.then, self.now)

    def __str__(self) -> str:
        if self.nearest is None:
            return f"{self.name} is not on the tape, and nothing like it"
        given = "it was given that one's answer" if self.is_answered else "it was given no answer"
        return f"{self.name} is not on the tape as it was asked; the nearest is {self.nearest}; {given}"


class Tape:
    """The recorded steps of one run, and what was asked in them.

    `asked` None means that nobody knows, of no step: then each answer belongs to its place, whatever is asked.
    """

    def __init__(self, steps: Sequence[RecordedStep], asked: Asked | None = None) -> None:
        self._steps = steps
        self.word = "record" if asked is None else "tape"
        """What it is called where something is not on it."""
        self._asked = {} if asked is None else {name: what_is_asked(name[0], args) for name, args in asked.items()}
        self._used: set[tuple[str, str]] = set()
        self._noted: set[str] = set()
        self.strays: list[Stray] = []
        """What was asked today and is not on the tape, in order."""

    def answer(self, kind: str, call_id: str, args: Json) -> RecordedStep | None:
        """Return the recorded step that answers this one, or None; each answers once."""
        step = self._find(kind, call_id, args)
        if step is not None:
            self._used.add((step.kind, step.call_id))
        return step

    def compare_inputs(self, reads: Sequence[str]) -> None:
        """Note it where the job reads something else today: what is on the tape is all that it is given."""
        collect = find_step(self._steps, "collect")
        if self.word == "record" or collect is None or collect.failure is not None:
            return
        then = [one["read"] for one in collect.value["collected"]]
        if sorted(then) != sorted(reads):
            self.strays.append(Stray("collect", "collect", tuple(then), tuple(reads), is_answered=True))

    def _find(self, kind: str, call_id: str, args: Json) -> RecordedStep | None:
        placed = find_step(self._steps, kind, call_id)
        if kind not in ASKING_KINDS or not self._asked:
            return placed
        asked = what_is_asked(kind, args)
        same = [name for name, then in self._asked.items() if then == asked and name not in self._used]
        if (kind, call_id) in same:
            return placed
        if same:
            return find_step(self._steps, *same[0])
        if placed is not None and (kind, call_id) not in self._asked:
            return placed
        if (kind, call_id) in self._used or kind == "tool":
            placed = None
        self._note(kind, call_id, asked, is_answered=placed is not None)
        return placed

    def _note(self, kind: str, call_id: str, asked: Json, *, is_answered: bool) -> None:
        lines = ask_lines(asked)
        recorded = {name: ask_lines(then) for name, then in self._asked.items() if name[0] == kind}
        if is_answered:
            nearest = (kind, call_id)
        else:
            nearest = max(recorded, key=lambda name: _likeness(recorded[name], lines), default=("", ""))
        then = recorded.get(nearest)
        changed = {line for line in _changes(then or (), lines) if line.startswith(("-", "+"))}
        # The next call repeats the conversation: what was changed in the first one is told once.
        if is_answered and changed <= self._noted:
            return
        self._noted |= changed
        nearest_name = None if then is None else step_name(*nearest)
        self.strays.append(
            Stray(step_name(kind, call_id), nearest_name, tuple(then or ()), tuple(lines), is_answered=is_answered)
        )


def what_is_asked(kind: str, args: Json) -> Json:
    """Return the part of a step's arguments by which it is recognised, in one form for all versions of the harness."""
    if kind == "tool":
        return {"name": args["name"], "arguments": same_arguments(args["arguments"])}
    return {
        "messages": [message_asked(message) for message in args["messages"]],
        "tools": [{key: tool[key] for key in ("name", "description", "parameters")} for tool in args.get("tools", ())],
    }


def message_asked(message: Json) -> Json:
    """Return what a model reads of a message; what is empty is left out."""
    calls = [{key: call[key] for key in ("id", "name", "arguments")} for call in message.get("tool_calls") or ()]
    shown = {"role": message["role"], "content": message["content"]}
    shown |= {"tool_calls": calls} if calls else {}
    return shown | ({"tool_call_id": message["tool_call_id"]} if message.get("tool_call_id") else {})


def ask_lines(asked: Json) -> list[str]:
    """Return what is asked as lines of text, for a person to compare."""
    if "messages" not in asked:
        return [f"{asked['name']} {asked['arguments']}"]
    lines: list[str] = []
    for message in asked["messages"]:
        lines += [f"[{message['role']}]", *message["content"].splitlines()]
        lines += [f"[calls] {call['name']} {call['arguments']}" for call in message.get("tool_calls", ())]
    return [*lines, *(f"[tool] {json.dumps(tool, sort_keys=True, ensure_ascii=False)}" for tool in asked["tools"])]


def _changes(then: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    lines = list(unified_diff(list(then), list(now), lineterm="", n=_CONTEXT_LINES))[2:]
    return tuple(line for line in lines if not line.startswith("@@"))


def _likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Return how much of two texts is the same, 0 to 1: lines where there are several, else characters."""
    if len(one) == len(other) == 1:
        one, other = one[0], other[0]
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / max(1, len(one) + len(other))
