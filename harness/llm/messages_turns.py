"""A conversation as the turns of the Messages format, which knows two roles that take turns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from harness.domain.message import Message
from harness.domain.settings import Profile
from harness.llm.thoughts import unpack
from harness.llm.tool_names import numbered, plain, sendable_object

FORMAT = "messages"

Blocks = list[dict[str, Any]]


@dataclass(slots=True)
class Turn:
    """What one side says at once, in blocks."""

    role: Literal["user", "assistant"]
    blocks: Blocks = field(default_factory=list)


def turns_of(
    messages: Sequence[Message], names: Mapping[str, str], profile: Profile, *, is_thoughtless: bool = False
) -> tuple[Blocks, list[Turn]]:
    """Return the blocks of the system prompt, and the turns after it.

    All results of one turn's calls stand in one turn, in the order of the calls, before whatever else is said in it.
    Texts of nothing are left out: the API refuses them. Ids that it does not take, or has had before, are replaced.
    """
    leading = list(takewhile(lambda message: message.role == "system", messages))
    system = [block for message in leading for block in _text(message.content)]
    scribe = _Scribe(names, profile, is_thoughtless)
    for message in messages[len(leading) :]:
        scribe.take_down(message)
    return system, scribe.turns


class _Scribe:
    """Takes messages down one after the other, and remembers by which ids the last calls went."""

    def __init__(self, names: Mapping[str, str], profile: Profile, is_thoughtless: bool) -> None:
        self.turns: list[Turn] = []
        self._names = names
        self._profile = profile
        self._is_thoughtless = is_thoughtless
        self._ids: dict[str, str] = {}
        self._used: set[str] = set()

    def take_down(self, message: Message) -> None:
        if message.role == "assistant":
            self._say("assistant", self._answer(message))
        elif message.role == "tool":
            self._say("user", [self._result(message)])
            self._order_results(self.turns[-1].blocks)
        else:
            self._say("user", _text(message.content))

    def _say(self, role: Literal["user", "assistant"], blocks: Blocks) -> None:
        if not blocks:
            return
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role))
        self.turns[-1].blocks.extend(blocks)

    def _answer(self, message: Message) -> Blocks:
        if not message.tool_calls:
            return _text(message.content)
        whole = self._with_thoughts(message)
        self._ids = {}
        for call in message.tool_calls:
            self._ids[call.id] = numbered(plain(call.id), self._used)
            self._used.add(self._ids[call.id])
        if whole is not None:
            return whole
        calls: Blocks = [
            {
                "type": "tool_use",
                "id": self._ids[call.id],
                "name": self._names.get(call.name) or plain(call.name),
                "input": sendable_object(call.arguments),
            }
            for call in message.tool_calls
        ]
        return [*_text(message.content), *calls]

    def _with_thoughts(self, message: Message) -> Blocks | None:
        """Return the answer as it came, thoughts and all, if it is still the one that the message tells of."""
        whole = None if self._is_thoughtless else unpack(FORMAT, self._profile, message.thinking)
        if whole is None:
            return None
        ids = [block["id"] for block in whole if block["type"] == "tool_use"]
        is_same = ids == [call.id for call in message.tool_calls] and not self._used.intersection(ids)
        return whole if is_same else None

    def _result(self, message: Message) -> dict[str, Any]:
        asked = message.tool_call_id or ""
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._ids.get(asked, plain(asked))}
        text = _text(message.content)
        return {**result, "content": text} if text else result

    def _order_results(self, blocks: Blocks) -> None:
        places = {wire_id: place for place, wire_id in enumerate(self._ids.values())}
        blocks.sort(key=lambda block: places.get(str(block.get("tool_use_id")), len(places)))


def _text(content: str) -> Blocks:
    return [{"type": "text", "text": content}] if content.strip() else []
