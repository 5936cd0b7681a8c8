"""robots.txt as RFC 9309 has it: which paths a robot is asked not to read. Pure, and linear in what a host sends.

The standard library's parser knows no wildcards before Python 3.15, and libraries that make regular expressions of
them can be held up for minutes by rules that mean to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

PRODUCT = "agent-team-harness"
"""The word by which a group of rules names this reader."""

MAX_BYTES = 512_000
"""How much of a robots.txt counts, as the RFC asks for at least."""

_MOST_RULES = 5_000
_MOST_OF_A_PATH = 2_000
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Za-z_-]+|\*")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_ASCII = "".join(map(chr, range(33, 127)))


@dataclass(frozen=True, slots=True)
class RobotsRule:
    """One rule: paths that match `pattern` may be read, or may not."""

    pattern: str
    is_allowed: bool


def read_robots(text: str, product: str = PRODUCT) -> tuple[RobotsRule, ...]:
    """Return the rules for the product: those of all groups that name it, or else of those for every robot."""
    groups: dict[str, list[RobotsRule]] = {}
    # Of the other robots nothing is kept: thousands of names before thousands of rules would fill the memory.
    for agents, rule in _grouped(text, frozenset((product.lower(), "*"))):
        for agent in agents:
            groups.setdefault(agent, []).append(rule)
    own = groups.get(product.lower())
    chosen = own if own is not None else groups.get("*", [])
    return tuple(rule for rule in chosen[:_MOST_RULES] if rule.pattern)


def may_read(rules: tuple[RobotsRule, ...], path: str) -> bool:
    """Return whether the rules let the path (with its query) be read: the longest pattern that matches decides.

    Between two of the same length the one that allows does. robots.txt itself may always be read.
    """
    normal = _normal(path[:_MOST_OF_A_PATH] or "/")
    if normal == "/robots.txt":
        return True
    matching = [rule for rule in rules if _matches(rule.pattern, normal)]
    if not matching:
        return True
    return max(matching, key=lambda rule: (len(rule.pattern), rule.is_allowed)).is_allowed


def _grouped(text: str, wanted: frozenset[str]) -> Iterator[tuple[frozenset[str], RobotsRule]]:
    """Yield every rule with those of the wanted agents that its group names; each that is named gets an empty one."""
    agents: frozenset[str] = frozenset()
    has_rules = False
    for line in text.removeprefix("\ufeff").splitlines():
        name, _, value = line[: 2 * _MOST_OF_A_PATH].partition("#")[0].partition(":")
        field, value = name.strip().lower(), value.strip()
        if field == "user-agent":
            if has_rules:
                agents, has_rules = frozenset(), False
            token = _NAME.match(value)
            named = wanted & {token.group().lower() if token else value.lower()}
            agents |= named
            # A group that says nothing lets everything be read, and is not the one for every robot.
            yield named, RobotsRule("", is_allowed=True)
        elif field in ("allow", "disallow"):
            has_rules = True
            if agents:
                yield agents, RobotsRule(_normal(value)[:_MOST_OF_A_PATH], field == "allow")


def _normal(path: str) -> str:
    """Return the path with the same characters percent-encoded, whoever wrote it."""
    return _ESCAPE.sub(_as_needed, quote(path, safe=_ASCII))


def _as_needed(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape.group().upper()


def _matches(pattern: str, path: str) -> bool:
    is_anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not is_anchored or path == first
    position = len(first)
    for part in others[:-1]:
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    last = others[-1]
    if is_anchored:
        return len(path) - len(last) >= position and path.endswith(last)
    return path.find(last, position) >= 0
