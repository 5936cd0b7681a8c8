"""YAML that a person writes, read by the rules of YAML 1.2, with the line of every value.

Plain PyYAML follows YAML 1.1: it reads `NO` as False and `12:30:45` as a number, makes dates of dates,
and lets the last of two equal keys win. Here texts stay texts, and equal keys are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from harness.store.yaml_schema import resolve_core_schema, scalar_value
from harness.workspace.located import KeyPath
from harness.workspace.report import Report

_KEY_AND_VALUE = re.compile(r"\s*(?:-\s+)?([\w-]+)\s*:\s+(.*\S)\s*")


@dataclass(frozen=True, slots=True)
class LocatedYaml:
    """What the text says. `lines` maps the paths of values to lines, that of the whole is the empty path; `is_empty`:
    the text says nothing."""

    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    is_empty: bool = True


def read_located_yaml(text: str, report: Report, *, name: str, first_line: int = 1) -> LocatedYaml | None:
    """Return what the text says, or None with the reason in the report.

    `name` is what the text is called there, `first_line` its first line in the file. Of a key that is given twice the
    first value is returned, and the second is in the report.
    """
    try:
        node = yaml.compose(text, Loader=_Yaml12Loader)
    except yaml.MarkedYAMLError as error:
        _report_syntax(error, text, report, name, first_line)
        return None
    except yaml.YAMLError as error:
        report.error(first_line, f"{name} is not YAML: {error}", "remove that character")
        return None
    if node is None:
        return LocatedYaml()
    builder = _Builder(report, {}, first_line)
    return LocatedYaml(builder.build_whole(node), builder.lines, is_empty=False)


class _Yaml12Loader(yaml.SafeLoader):
    """Composes nodes whose plain scalars are resolved by the core schema of YAML 1.2; refuses aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "found an alias", event.start_mark)
        return super().compose_node(parent, index)


resolve_core_schema(_Yaml12Loader)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns nodes into values and notes their lines."""

    report: Report
    lines: dict[KeyPath, int]
    first_line: int

    def build_whole(self, node: yaml.Node) -> Any:
        self.lines[()] = self._line(node)
        return self.build(node, ())

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.lines[(*path, position)] = self._line(item)
            return [self.build(item, (*path, position)) for position, item in enumerate(node.value)]
        return self._build_scalar(node)

    def _build_mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.report.error(self._line(key_node), "a key is not a plain word", "put the value in quotes")
                continue
            key = key_node.value
            if key in values:
                first = self.lines[(*path, key)]
                self.report.error(
                    self._line(key_node), f"{key} is given twice, first in line {first}", "keep one of them"
                )
                continue
            self.lines[(*path, key)] = self._line(key_node)
            values[key] = self.build(value_node, (*path, key))
        return values

    def _build_scalar(self, node: yaml.Node) -> Any:
        try:
            return scalar_value(node.tag, str(node.value))
        except KeyError:
            self.report.error(self._line(node), f"the tag {node.tag} is not used here", "remove it")
            return None

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + self.first_line


def _report_syntax(error: yaml.MarkedYAMLError, text: str, report: Report, name: str, first_line: int) -> None:
    mark = error.problem_mark or error.context_mark
    line = 0 if mark is None else mark.line
    source = (text.split("\n") or [""])[min(line, text.count("\n"))]
    problem = error.problem or error.context or "cannot be read"
    pair = _KEY_AND_VALUE.fullmatch(source)
    needs_quotes = "alias" in f"{error.context} {problem}" or re.search(
        r"cannot start any token|values are not", problem
    )
    if pair and pair[2].startswith(("{", "[")):
        pair = None
    if "\\t" in problem:
        report.error(line + first_line, "a line begins with a tab", "use spaces")
    elif needs_quotes and pair:
        key, value = pair[1], re.sub(r"\s+#.*", "", pair[2]).replace('"', "'")
        report.error(
            line + first_line,
            f"YAML reads the value of {key} as something else than text",
            f'quote it: {key}: "{value}"',
        )
    elif needs_quotes:
        report.error(line + first_line, f"YAML cannot read {source.strip()!r} as text", "quote it")
    else:
        report.error(line + first_line, f"{name} is not YAML: {problem}", "correct this line or the one above")
