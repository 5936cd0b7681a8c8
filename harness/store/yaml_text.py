"""Plain JSON values as YAML that a person can read and compare: texts of several lines stand as they are written.

The same value gives the same text, byte for byte and on every machine: keys stay in their order, nothing is
wrapped, and whatever YAML could take for something else than text is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from harness.ports import Json
from harness.store.yaml_schema import TAG, resolve_core_schema, scalar_value

_PLAIN = re.compile(r"[A-Za-z][\w./+@%*()-]*(?:[ ,:;](?! )[\w./+@%*()-]+| [\w./+@%*()-]+|, [\w./+@%*()-]+)*", re.ASCII)
_NO_TEXT = re.compile(r"(?:true|false|null|yes|no|on|off|y|n|nan|inf)", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def render_yaml(value: Json) -> str:
    """Return the value as YAML that `parse_yaml` reads back as the same value."""
    return "\n".join(_lines(value)) + "\n"


def parse_yaml(text: str) -> Json:
    """Return the value that the text holds, by the rules of YAML 1.2.

    Raises ValueError, naming the line, for what is not YAML, for a key that is given twice, and for aliases.
    """
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that resolves less than that
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise ValueError(f"{where}{error.problem or error.context or 'cannot be read'}") from error
    except yaml.YAMLError as error:
        raise ValueError(next(iter(str(error).splitlines()), "cannot be read")) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _refuse_aliases(value, set())
    return value


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────


def _lines(value: Json, indent: str = "") -> Iterator[str]:
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from _entry(f"{indent}{_scalar(str(key))}:", inner, indent)
        case list() if value:
            for inner in value:
                yield from _item(inner, indent)
        case _:
            yield f"{indent}{_scalar(value)}"


def _entry(head: str, value: Json, indent: str) -> Iterator[str]:
    if isinstance(value, str) and _is_block(value):
        yield f"{head} {_block_mark(value)}"
        yield from _block(value, indent)
    elif isinstance(value, dict | list) and value:
        yield head
        yield from _lines(value, f"{indent}  ")
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Json, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        inner = _lines(value, f"{indent}  ")
        yield f"{indent}- {next(inner)[len(indent) + 2 :]}"
        yield from inner
    else:
        yield from _entry(f"{indent}-", value, indent)


def _is_block(text: str) -> bool:
    """Say whether the text can stand as it is, over several lines, and come back as the same."""
    return "\n" in text.strip("\n") and text[0] not in " \t\n" and not _UNPRINTABLE.search(text) and "\r" not in text


def _block_mark(text: str) -> str:
    if not text.endswith("\n"):
        return "|-"
    return "|+" if text.endswith("\n\n") else "|"


def _block(text: str, indent: str) -> Iterator[str]:
    for line in text.removesuffix("\n").split("\n"):
        yield f"{indent}  {line}" if line else ""


def _scalar(value: Json) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _NO_TEXT.fullmatch(value):
            return value
        if '"' in value and not _UNPRINTABLE.search(value) and not set(value) & set("'\n\t"):
            return f"'{value}'"  # JSON within YAML stays legible
        quoted = json.dumps(value, ensure_ascii=False)
        return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    return json.dumps(value)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────

# The one in C reads a megabyte in a tenth of a second, the other one in seconds.
_SafeLoader: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Resolves plain scalars by the core schema of YAML 1.2, and refuses keys that are given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != f"{TAG}str":
                raise yaml.MarkedYAMLError(problem="a key is not a word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))


resolve_core_schema(_Loader)
for _tag in ("null", "bool", "int", "float"):
    _Loader.add_constructor(TAG + _tag, lambda loader, node: scalar_value(node.tag, node.value))


def _refuse_aliases(value: Json, seen: set[int]) -> None:
    """Raise ValueError if a part of the value stands in two places: few lines could name endless text that way."""
    if not isinstance(value, dict | list) or not value:
        return
    if id(value) in seen:
        raise ValueError("an alias (*name) is used; write the value out")
    seen.add(id(value))
    for inner in value.values() if isinstance(value, dict) else value:
        _refuse_aliases(inner, seen)
