"""Where a lesson in somebody's own words holds: what these words name of the call that they are about. Pure.

Who says "clean up the exports another way" after a call with folder "exports" speaks of that folder, and a later reader
of these few words cannot know it: `cleaning up the exports, only with folder "exports"` says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.gate.redact import redact
from harness.memory.tool_calls import lasting
from harness.memory.transcript import ToolUse

ONLY_WITH = ", only with "
"""What begins the circumstances that the harness adds to a trigger."""

_MOST = 3
_ALIKE_CHARS = 4
_WORD = re.compile(r"[^\W_]+")


def with_occasion(trigger: str, uses: Iterable[ToolUse], secrets: Iterable[str] = ()) -> str:
    """Return the trigger with the arguments that it names of the run's last such call; as it is, if it names none."""
    if ONLY_WITH in trigger:
        return trigger
    for use in sorted(uses, key=lambda use: -use.position):
        named = _named(trigger, use.arguments or {})
        if named:
            said = (f"{name} {json.dumps(redact(value, secrets), ensure_ascii=False)}" for name, value in named.items())
            return f"{trigger.rstrip(' .')}{ONLY_WITH}{', '.join(said)}"
    return trigger


def _named(trigger: str, arguments: Mapping[str, Any]) -> dict[str, str]:
    words = [word.casefold() for word in _WORD.findall(trigger)]
    values = {name: said for name, value in arguments.items() if (said := lasting(value))}
    named = {name: said for name, said in values.items() if _is_named(said, words)}
    return dict(list(named.items())[:_MOST])


def _is_named(value: str, words: Iterable[str]) -> bool:
    parts = [part.casefold() for part in _WORD.findall(value)]
    return bool(parts) and all(any(_is_alike(part, word) for word in words) for part in parts)


def _is_alike(part: str, word: str) -> bool:
    """Say whether the two are one name: the same, or one begins with the other, as `exports` and a ticker do."""
    shorter, longer = sorted((part, word), key=len)
    return part == word or (len(shorter) >= _ALIKE_CHARS and longer.startswith(shorter))
