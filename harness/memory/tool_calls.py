"""Two calls of a tool, one that failed and one that mended it: how a record tells of them, and knows them again. Pure.

    Wrong: feeds.table {"field": "BUY_AMT", "day": "2026-11-21"}
    Right: feeds.table {"field": "BILLBOARD_BUY_AMT", "day": "2026-11-21"}

The words of a record are all that is kept: a person may write or correct them, and they are in force as they stand.
What both calls have in common may differ in its numbers, times and ids the next time; what differs between them is
what the mistake is about.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Any

from harness.domain.learning import Learning
from harness.gate.redact import redact
from harness.gate.sanitise import in_short, one_line
from harness.memory.fingerprints import normalised

Arguments = Mapping[str, Any]

SEEN_WITH = ", seen with "
"""What begins the names of the arguments of two calls that have nothing else in common."""

_DIFFERING_CHARS = 240
_COMMON_CHARS = 60
_MOST_CHARS = 900
_SIMILAR = 0.5
_MOST_CIRCUMSTANCES = 3
_NAME_WORDS = 4
_MOST_NAMES = 6
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?([^\s/:?#]+)", re.IGNORECASE)
_CALL = re.compile(r"(?P<tool>[a-z_][\w.-]*) (?P<arguments>\{.*\})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mending:
    """A call that failed, and the call of the same tool that was right: the arguments of both, as they are shown.

    `differing` are the names of those that the two do not have in common, in the order of the wrong call.
    """

    tool: str
    wrong: Arguments
    right: Arguments
    differing: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = dict.fromkeys((*self.wrong, *self.right))
        differing = tuple(name for name in names if not _has_same(name, self.wrong, self.right))
        object.__setattr__(self, "differing", differing)

    def is_wrong_call(self, tool: str, arguments: Arguments) -> bool:
        """Say whether the call is the one that failed, made again."""
        return tool == self.tool and self._repeats(arguments, self.wrong, self.right, is_whole=True)

    def is_right_call(self, tool: str, arguments: Arguments) -> bool:
        """Say whether the call does as the record says, in what the two calls differ in."""
        if tool != self.tool:
            return False
        # Where nothing was put in the place of what was wrong, calls that never had it are no sign of anything.
        is_whole = not any(name in self.right for name in self.differing)
        return self._repeats(arguments, self.right, self.wrong, is_whole=is_whole)

    def _repeats(self, call: Arguments, told: Arguments, other: Arguments, *, is_whole: bool) -> bool:
        """Say whether the call is what is told, in all that differs from the other; `is_whole`: in all else as well."""
        if is_whole and call.keys() != told.keys():
            return False
        if not all(_is_like(name, call, told, other) for name in self.differing):
            return False
        return not is_whole or all(_recurs(call[name], told[name]) for name in told if name not in self.differing)

    def words(self) -> tuple[str, str] | None:
        """Return what stands after `Wrong:` and `Right:`; None if that would be too long to be told."""
        said = (_written(self.tool, self.wrong), _written(self.tool, self.right))
        return said if max(map(len, said)) <= _MOST_CHARS else None

    def circumstances(self, error: str) -> str:
        """Return where the lesson holds, as ` with table "billboard"`: what both calls have in common, and the place
        that the wrong one went to, as far as that is likely to be the same the next time.

        Where the error names some of these, they are what it is about. Where there are none, the names of the
        arguments that the two calls had: whoever makes one with others can tell that it is another.
        """
        common = {
            name: said
            for name, value in self.wrong.items()
            if (said := lasting(value)) and (name not in self.differing or _is_place(value))
        }
        named = {name: said for name, said in common.items() if _names(error, said)}
        told = [f"{name} {json.dumps(said, ensure_ascii=False)}" for name, said in (named or common).items()]
        if told:
            return f" with {', '.join(told[:_MOST_CIRCUMSTANCES])}"
        names = tuple(dict.fromkeys((*self.wrong, *self.right)))
        return f"{SEEN_WITH}{', '.join(names)}" if 0 < len(names) <= _MOST_NAMES else ""

    def summary(self) -> str:
        """Return what differs, in a line."""
        name, *more = self.differing
        values = " → ".join(
            in_short(json.dumps(call[name], ensure_ascii=False), 40) if name in call else f"no {name}"
            for call in (self.wrong, self.right)
        )
        return f"{self.tool}, {name}: {values}{f' and {len(more)} more' if more else ''}"


def read_arguments(text: str) -> Arguments | None:
    """Return the arguments of a call as a model wrote them; None if they are no JSON object."""
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def mending_of(tool: str, wrong: Arguments, right: Arguments, secrets: Iterable[str] = ()) -> Mending | None:
    """Return the two calls as a record shows them: capped, and without secrets. None if nothing is seen to differ."""
    secrets = tuple(secrets)
    names = {name for name in (*wrong, *right) if not _has_same(name, wrong, right)}
    shown = tuple(
        {name: _shown(call[name], secrets, name in names) for name in (*_first(call, names), *_rest(call, names))}
        for call in (wrong, right)
    )
    return Mending(tool, *shown) if _text(shown[0]) != _text(shown[1]) else None


def mending_in(learning: Learning) -> Mending | None:
    """Return the two calls of which the record tells; None if its words are of something else."""
    return _mending_in(learning.wrong, learning.right)


@lru_cache(maxsize=4_096)
def _mending_in(wrong_words: str, right_words: str) -> Mending | None:
    wrong, right = (_CALL.fullmatch(words.strip()) for words in (wrong_words, right_words))
    if wrong is None or right is None or wrong["tool"] != right["tool"]:
        return None
    was, became = read_arguments(wrong["arguments"]), read_arguments(right["arguments"])
    return None if was is None or became is None or _text(was) == _text(became) else Mending(wrong["tool"], was, became)


def is_meant_alike(wrong: Arguments | None, right: Arguments, *, was_invalid: bool) -> bool:
    """Say whether the later call does what the failed one was to do, and not something else.

    A call whose form was wrong is mended by the next that is right. Otherwise the two have an argument in common, or
    what differs is like the other.
    """
    if was_invalid or wrong is None:
        return True
    if any(_has_same(name, wrong, right) for name in wrong):
        return True
    return difflib.SequenceMatcher(None, _values(wrong), _values(right), autojunk=False).ratio() >= _SIMILAR


def _is_like(name: str, call: Arguments, told: Arguments, other: Arguments) -> bool:
    """Say whether the call is in one argument what is told of it, and not what the other was."""
    if name not in told or name not in other:
        return (name in call) == (name in told)
    if name not in call:
        return False
    if type(told[name]) is not type(other[name]):
        return type(call[name]) is type(told[name])
    return _text(_shown(call[name], (), True)) == _text(_one_lined(told[name]))


def _recurs(value: Any, told: Any) -> bool:
    """Say whether the value is the one told, but for what is another each time; other folders are other things."""
    shown = _shown(value, (), False)
    return _loose(shown) == _loose(told) and lasting(shown).casefold() == lasting(told).casefold()


def _has_same(name: str, one: Arguments, other: Arguments) -> bool:
    # 1 and true are equal here, and not in JSON.
    return name in one and name in other and _text(one[name]) == _text(other[name])


def lasting(value: Any) -> str:
    """Return what of an argument may be the same the next time: a short name, a host, a folder; empty if nothing is."""
    if not isinstance(value, str) or len(value) > _COMMON_CHARS:
        return ""
    if _is_place(value):
        host = _HOST.match(value)
        folders = value.split("/")[:-1] if "/" in value else [value]
        return host[1].lower() if host else "/".join(takewhile(lambda part: not re.search(r"\d", part), folders))
    return value if 0 < len(value.split()) <= _NAME_WORDS and not re.search(r"\d", value) else ""


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and " " not in value and ("/" in value or "://" in value)


def _names(error: str, said: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(said)}(?!\w)", error, re.IGNORECASE) is not None


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: Any, secrets: Iterable[str], is_differing: bool) -> Any:
    """Return a value as a record shows it: as it is, or in short as text."""
    limit = _DIFFERING_CHARS if is_differing else _COMMON_CHARS
    if isinstance(value, str):
        return in_short(redact(value, secrets), limit)
    said = redact(json.dumps(_one_lined(value), ensure_ascii=False), secrets)
    kept = read_arguments(f'{{"value": {said}}}') if len(said) <= limit else None
    return in_short(said, limit) if kept is None else kept["value"]


def _one_lined(value: Any) -> Any:
    """Return the value as it stands in a file of records, where nothing goes over two lines."""
    match value:
        case str():
            return one_line(value)
        case list():
            return [_one_lined(each) for each in value]
        case dict():
            return {one_line(name): _one_lined(each) for name, each in value.items()}
        case _:
            return value


def _loose(value: Any) -> str:
    return normalised(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _values(call: Arguments) -> str:
    said = " ".join(json.dumps(value, ensure_ascii=False) for value in call.values())
    return re.sub(r"https?://", "", said)[:_MOST_CHARS]


def _first(call: Arguments, names: set[str]) -> list[str]:
    return [name for name in call if name in names]


def _rest(call: Arguments, names: set[str]) -> list[str]:
    return [name for name in call if name not in names]


def _written(tool: str, call: Arguments) -> str:
    return f"{tool} {json.dumps(call, ensure_ascii=False)}"
