"""The YAML between `---` lines at the top of a Markdown file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.workspace.located import Located
from harness.workspace.located_yaml import read_located_yaml
from harness.workspace.report import Report

_FENCE = re.compile(r"---[ \t]*")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """`body` is what stands below, without blank lines around it; `body_line` is its first line."""

    located: Located
    body: str
    body_line: int


def read_front_matter(text: str, report: Report) -> FrontMatter | None:
    """Return the front matter and the body of a Markdown file, or None with the reason in the report.

    Of a key that is given twice the first value is returned, and the second is in the report.
    """
    lines = text.split("\n")
    if not _FENCE.fullmatch(lines[0]):
        report.error(1, "the file has no front matter", "begin it with a line ---, the settings, and a line ---")
        return None
    end = next((number for number, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), None)
    if end is None:
        report.error(1, "the front matter has no end", "close it with a line ---")
        return None
    located = _read_yaml("\n".join(lines[1:end]), report)
    if located is None:
        return None
    start = next((number for number, line in enumerate(lines[end + 1 :], end + 1) if line.strip()), len(lines))
    return FrontMatter(located, "\n".join(lines[start:]).rstrip(), min(start + 1, len(lines)))


def _read_yaml(text: str, report: Report) -> Located | None:
    read = read_located_yaml(text, report, name="the front matter", first_line=2)
    if read is None:
        return None
    if read.is_empty:
        return Located({}, first_line=1)
    if not isinstance(read.value, dict):
        problem = "the front matter is not a list of settings"
        report.error(read.lines[()], problem, "write lines such as schedule: daily 08:00")
        return None
    return Located(read.value, read.lines)
