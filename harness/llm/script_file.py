"""The file of a scripted model: a list of what it says, in YAML or JSON. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from harness.domain.errors import OwnerError
from harness.domain.message import Finish, ModelRequest, ToolCall, Usage
from harness.workspace.located import KeyPath
from harness.workspace.located_yaml import read_located_yaml
from harness.workspace.report import Report, suggestion

_CALL_NUMBER = re.compile(r"model-(\d+)$")
_KEYS = ("when", "text", "calls", "finish", "usage")
_CALL_KEYS = ("name", "arguments", "id")
_COUNTS: Mapping[str, str] = {
    "input": "input_tokens",
    "cached": "cached_tokens",
    "output": "output_tokens",
    "cache_write": "cache_write_tokens",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: what is said, at which line of the file it stands, and `when`: only in answer to such words."""

    line: int
    when: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    usage: Usage | None = None


def read_script(path: str, text: str) -> tuple[Line, ...]:
    """Return the entries of the file in their order. Raises OwnerError for the first thing that is wrong."""
    report = Report(path)
    read = read_located_yaml(text, report, name="the script")
    for entry in report.entries:
        raise OwnerError(path, entry.finding.line, entry.finding.problem, entry.finding.fix, failure="rejected")
    if read is None or read.is_empty:
        return ()
    if not isinstance(read.value, list):
        raise _wrong(path, read.lines[()], "the script is not a list", "begin each entry with a dash: - text: Hello")
    return tuple(_Entry(path, read.lines, (number,), value).line() for number, value in enumerate(read.value))


def line_for(lines: tuple[Line, ...], request: ModelRequest, number: int) -> Line | None:
    """Return the entry for the run's call of that number, counted from 1; None if there is none.

    That is the first whose `when` stands in what the model was last told, else as many of the others down.
    """
    told = request.messages[-1].content if request.messages else ""
    for line in lines:
        if line.when and line.when in told:
            return line
    in_order = [line for line in lines if not line.when]
    return in_order[number - 1] if 0 < number <= len(in_order) else None


def call_number(request: ModelRequest) -> int | None:
    """Return which of its run's calls the request is, counted from 1; None outside of a run."""
    counted = _CALL_NUMBER.search(request.key)
    return int(counted[1]) if counted else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value of the file that is to be a mapping, and where it stands."""

    path: str
    lines: Mapping[KeyPath, int]
    at: KeyPath
    value: Any

    def line(self) -> Line:
        if isinstance(self.value, str):
            return Line(self._line(), text=self.value)
        self._check_keys(_KEYS)
        calls = tuple(
            _Entry(self.path, self.lines, (*self.at, "calls", number), value).call(number)
            for number, value in enumerate(self._of("calls", list, []))
        )
        finish = self.value.get("finish", "tool_calls" if calls else "stop")
        if finish not in get_args(Finish):
            raise self.wrong(f"finish is {finish!r}", suggestion(str(finish), get_args(Finish)), "finish")
        if (finish == "tool_calls") != bool(calls):
            raise self.wrong(f"finish is {finish} and there are {len(calls)} calls", "take finish out", "finish")
        if not self.value.get("text") and not calls and finish == "stop":
            raise self.wrong("the entry says nothing", "give it a text or calls")
        return Line(self._line(), self._of("when", str, ""), self._of("text", str, ""), calls, finish, self._usage())

    def call(self, number: int) -> ToolCall:
        self._check_keys(_CALL_KEYS)
        name = self._of("name", str, "")
        if not name:
            raise self.wrong("a call has no name", "name the tool: name: web.read")
        arguments = self.value.get("arguments", {})
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call_id = self._of("id", str, f"call_{self.at[0] + 1}_{number + 1}" if isinstance(self.at[0], int) else "")
        return ToolCall(call_id, name, written)

    def _usage(self) -> Usage | None:
        if "usage" not in self.value:
            return None
        usage = _Entry(self.path, self.lines, (*self.at, "usage"), self.value["usage"])
        usage._check_keys(tuple(_COUNTS))
        counts = {_COUNTS[key]: usage._of(key, int, 0) for key in usage.value}
        if wrong := next((key for key in usage.value if usage.value[key] < 0), None):
            raise usage.wrong(f"{wrong} is below zero", "count what is there", wrong)
        return Usage(**counts)

    def _check_keys(self, known: tuple[str, ...]) -> None:
        if not isinstance(self.value, dict):
            raise self.wrong(f"here should be one of {', '.join(known)}", "write key: value")
        for key in self.value:
            if key not in known:
                raise self.wrong(f"unknown key {key!r}", suggestion(key, known), key)

    def _of(self, key: str, kind: type, default: Any) -> Any:
        value = self.value.get(key, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            names = {str: "text", list: "a list", int: "a whole number"}
            raise self.wrong(f"{key} is not {names[kind]}", f"write {key} as {names[kind]}", key)
        return value

    def wrong(self, problem: str, fix: str, key: str = "") -> OwnerError:
        """Return the error that says so, with the line of the key, or of the whole."""
        return _wrong(self.path, self.lines.get((*self.at, key), self._line()), problem, fix)

    def _line(self) -> int:
        return self.lines.get(self.at, 1)


def _wrong(path: str, line: int, problem: str, fix: str) -> OwnerError:
    return OwnerError(path, line, problem, fix, failure="rejected")
