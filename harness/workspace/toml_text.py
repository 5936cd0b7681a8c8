"""TOML files, read with the lines on which their keys stand."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from harness.workspace.located import KeyPath, Located
from harness.workspace.report import Report

_TABLE = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def read_toml(text: str, report: Report) -> Located | None:
    """Return the values of a TOML text, or None with the reason in the report."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _report_syntax(str(error), text, report)
        return None
    return Located(values, _key_lines(text, values))


def _report_syntax(message: str, text: str, report: Report) -> None:
    place = _PLACE.search(message)
    lines = text.split("\n")
    number = int(place[1]) if place and place[1] else len(lines)
    source = lines[min(number, len(lines)) - 1]
    key, table = _KEY.match(source), _TABLE.fullmatch(source)
    if "twice" in message or "overwrite" in message:
        name = key[1] if key else f"[{table[1]}]" if table else "a key"
        report.error(number, f"{name} is given twice", "keep one of them")
    elif "Invalid value" in message and key:
        report.error(number, f"cannot read the value of {key[1]}", f'put texts in quotes: {key[1]} = "…"')
    else:
        report.error(number, f"not TOML: {_PLACE.sub('', message)}", 'write settings as key = "text" or key = 5')


def _key_lines(text: str, values: dict[str, Any]) -> dict[KeyPath, int]:
    """Return the lines of keys, tables and the items of lists, found by their looks.

    It errs only for keys inside of texts of several lines, and then a finding names another line.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    inside_list: KeyPath | None = None
    for number, source in enumerate(text.split("\n"), 1):
        heading, key = _TABLE.fullmatch(source), _KEY.match(source)
        if inside_list is None and heading:
            table = _split_key(heading[1])
            _note(lines, table, number)
            continue
        rest = source
        if inside_list is None and key:
            path = (*table, *_split_key(key[1]))
            _note(lines, path, number)
            rest = source[key.end() :]
            if isinstance(_value_at(values, path), list):
                inside_list = path
        if inside_list is not None:
            inside_list = _note_items(lines, inside_list, _value_at(values, inside_list), rest, number)
    return lines


def _note(lines: dict[KeyPath, int], path: KeyPath, number: int) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], number)


def _note_items(lines: dict[KeyPath, int], path: KeyPath, items: list[Any], rest: str, number: int) -> KeyPath | None:
    """Note the list's items on this line; return the list's path, or None once all are found."""
    missing = [position for position in range(len(items)) if (*path, position) not in lines]
    for position in missing:
        item = items[position]
        quoted = re.search(rf"[\"']{re.escape(item)}[\"']", rest) if isinstance(item, str) else None
        if quoted is None:
            break
        lines[(*path, position)] = number
        rest = rest[quoted.end() :]
    is_done = all((*path, position) in lines for position in range(len(items)))
    return None if is_done or re.search(r"\]\s*(#.*)?$", rest) else path


def _split_key(key: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"[\w-]+|\"[^\"]*\"|'[^']*'", key))


def _value_at(values: Any, path: KeyPath) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values
