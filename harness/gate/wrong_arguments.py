"""What is said to a model whose arguments do not fit: where, what was expected, and what it gave. Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

MAX_PROBLEMS = 5
_EXCERPT_CHARS = 24
_PLACE = re.compile(r"line (\d+) column (\d+)")
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength")
_MAX_NAME_CHARS = 60
_LONG_NUMBER = 10**15


def problems_in(error: ValidationError, text: str, properties: Mapping[str, Any]) -> str:
    """Return what is wrong with the arguments, a few problems at most: first what is no JSON, and where.

    Of what was given only the type is repeated, or a number: the rest may be long, or what must not be said twice.
    """
    problems = error.errors(include_url=False)
    said = [_problem(dict(problem), text, properties) for problem in problems[:MAX_PROBLEMS]]
    more = len(problems) - len(said)
    return "; ".join([*said, *([f"and {more} more"] if more > 0 else [])])


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that was most likely meant, or an empty text."""
    by_folded = {_folded(one): one for one in known}
    found = difflib.get_close_matches(_folded(name[:_MAX_NAME_CHARS]), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""


def short_form(name: str, parameters: Mapping[str, Any]) -> str:
    """Return how a tool is called in one line: `files.read(path: string, offset?: integer, minimum 0)`."""
    required = parameters.get("required", ())
    fields = (
        f"{field}{'' if field in required else '?'}: {_type(schema)}"
        for field, schema in parameters.get("properties", {}).items()
    )
    return f"{name}({', '.join(fields)})"


def _problem(problem: Mapping[str, Any], text: str, properties: Mapping[str, Any]) -> str:
    place: Sequence[Any] = problem["loc"]
    if not place:
        return _no_object(problem, text)
    where, field = ".".join(str(part) for part in place), str(place[0])
    if problem["type"] == "extra_forbidden":
        meant = nearest(field, properties)
        hint = f", did you mean {meant}?" if meant else ";"
        return f"{where}: no such field{hint} there are: {', '.join(properties) or 'none'}"
    expected = _type(properties.get(field, {})) if len(place) == 1 else ""
    given = "" if problem["type"] == "missing" else f", given {_given(problem['input'])}"
    return f"{where}: {problem['msg']}{f'; expected {expected}' if expected else ''}{given}"


def _no_object(problem: Mapping[str, Any], text: str) -> str:
    said = f"the arguments must be one JSON object: {problem['msg']}"
    found = _PLACE.search(str(problem["msg"]))
    if found is None:
        return said if problem["type"] == "json_invalid" else f"{said}, given {_given(problem['input'])}"
    lines = text.split("\n")
    line = lines[min(int(found[1]), len(lines)) - 1].encode("utf-8", "replace")
    # Columns are counted in bytes.
    before = line[: int(found[2])].decode("utf-8", "ignore")[-_EXCERPT_CHARS:]
    cut = "; they end too early: if your answer was cut, send less at a time" if "EOF" in problem["msg"] else ""
    return f"{said}, right after {json.dumps(before, ensure_ascii=False)}{cut}"


def _given(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # Python writes out no number of more than some thousand digits.
        return str(value) if abs(value) < _LONG_NUMBER else "a number of many digits"
    return f"{'an' if isinstance(value, list | dict) else 'a'} {_JSON_TYPES.get(type(value), 'unknown value')}"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    of = f" of {schema['items']['type']}s" if "type" in schema.get("items", {}) else ""
    limits = "".join(f", {_in_words(limit)} {schema[limit]}" for limit in _LIMITS if limit in schema)
    return f"{schema.get('type', 'another type')}{of}{limits}"


def _in_words(limit: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f" {found[1].lower()}", limit)


def _folded(name: str) -> str:
    """Names differ for a model in case, in the sign between their words, and in the order of those, if at all."""
    return ".".join(sorted(re.findall(r"[a-z0-9]+", name.casefold())))
