"""What could be better about a skill, all of it at once: also what does not keep it from being used."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.domain.errors import Finding
from harness.domain.tokens import estimate_tokens
from harness.workspace.report import Report
from harness.workspace.skill_folder import Files, is_hidden
from harness.workspace.skill_keys import foreign_keys
from harness.workspace.skills import SKILL_FILE, read_skill, read_skill_matter

LONGEST_BODY_LINES = 500
LONGEST_BODY_TOKENS = 5_000
_LEAST_DESCRIPTION_CHARS = 20

_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
_MENTION = re.compile(r"(?<![\w./-])(?:\./)?((?:scripts|references|assets)/[\w.-]+(?:/[\w.-]+)*)")
_COMMAND = re.compile(r"!`[^`]+`|^!\w", re.MULTILINE)
_ARGUMENTS = re.compile(r"\$ARGUMENTS|\$\{?CLAUDE_\w+|\{baseDir\}")


def lint(name: str, files: Files, place: str) -> tuple[Finding, ...]:
    """Return what there is to say of the skill in the folder `place`, by file and line.

    Errors keep it from being used, or from doing what it says; a note is nothing to fix.
    """
    report = Report(f"{place}/{SKILL_FILE}")
    others: list[Finding] = []
    if SKILL_FILE not in files:
        report.error(None, "the file is missing", "write it; see: harness skills new")
    else:
        _lint_text(name, files, report)
    for path in sorted(files):
        others += _lint_file(path, files, Report(f"{place}/{path}"))
    findings = [entry.finding for entry in report.entries]
    return (*sorted(findings, key=lambda finding: finding.line or 0), *others)


def _lint_text(name: str, files: Files, report: Report) -> None:
    try:
        text = files[SKILL_FILE].content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        report.error(None, "it is no UTF-8 text", "save it as UTF-8")
        return
    skill = read_skill(name, text, report)
    matter = read_skill_matter(text, Report(""))
    if skill is None or matter is None:
        return
    foreign_keys(matter.located, report)
    if 0 < len(skill.description) < _LEAST_DESCRIPTION_CHARS:
        line = matter.located.line("description")
        report.warning(
            line, "the description is very short", "say what it does and when to use it: it is chosen by that"
        )
    lines, tokens = matter.body.count("\n") + 1, estimate_tokens(matter.body)
    if lines > LONGEST_BODY_LINES or tokens > LONGEST_BODY_TOKENS:
        problem = f"the instructions have {lines:,} lines and about {tokens:,} tokens, all of which a run pays for"
        fix = f"keep {LONGEST_BODY_LINES} lines and {LONGEST_BODY_TOKENS:,} tokens, and move the rest to references/"
        report.warning(matter.body_line, problem, fix)
    _lint_references(matter.body, matter.body_line, files, report)
    _lint_placeholders(matter.body, matter.body_line, report)


def _lint_references(body: str, first_line: int, files: Files, report: Report) -> None:
    for number, line, is_code in _lines(body, first_line):
        linked = set() if is_code else {target for link in _LINK.findall(line) if (target := _own_path(link))}
        for target in sorted(linked - files.keys()):
            if not any(path.startswith(f"{target.rstrip('/')}/") for path in files):
                report.error(number, f"it refers to {target}, which is not there", "correct the path, or add the file")
        for mentioned in _MENTION.findall(line):
            path = mentioned.rstrip(".-")
            if path in linked or path in files or any(file.startswith(f"{path}/") for file in files):
                continue
            if "." in path.rpartition("/")[2]:
                report.warning(number, f"it names {path}, which is not there", "correct the path, or add the file")


def _own_path(link: str) -> str:
    """Return the path of a link inside of the skill; empty for one that leads elsewhere or is only an example."""
    path = link.partition("#")[0].partition("?")[0].removeprefix("./")
    is_elsewhere = not path or path.startswith(("/", "..", "<", "$")) or ":" in path or any(c in path for c in "*{<…")
    return "" if is_elsewhere or not re.search(r"[./]", path) else path


def _lint_placeholders(body: str, first_line: int, report: Report) -> None:
    for number, line, is_code in _lines(body, first_line):
        if not is_code and _COMMAND.search(line):
            report.note(number, "a command that its maker's program runs when it loads this", "here it is read as text")
        if _ARGUMENTS.search(line):
            report.note(number, "a word that its maker's program fills in", "here it is read as it stands")


def _lines(body: str, first_line: int) -> Iterator[tuple[int, str, bool]]:
    """Yield the number and text of each line, and whether it stands in a block of code."""
    fence = ""
    for number, line in enumerate(body.split("\n"), first_line):
        found = _FENCE.match(line)
        if found is not None and fence in ("", found[1]):
            fence = "" if fence else found[1]
            yield number, "", True
        else:
            yield number, line, bool(fence)


def _lint_file(path: str, files: Files, report: Report) -> list[Finding]:
    file = files[path]
    if is_hidden(path):
        report.note(None, "a hidden file", "agents are not shown it")
    elif path.startswith("scripts/") and "/" not in path.removeprefix("scripts/"):
        if not file.content.startswith(b"#!") and not path.endswith((".md", ".txt", ".json", ".toml", ".yaml")):
            report.warning(
                1, "the script does not say what runs it", "begin it with a line such as #!/usr/bin/env python3"
            )
        elif file.content.startswith(b"#!") and not file.is_executable:
            report.warning(None, "the script is not executable", f"chmod +x {report.path}")
    elif path.startswith("references/") and not _is_text(file.content):
        report.warning(
            None, "it is no UTF-8 text, so no agent can be shown it", "save it as UTF-8, or move it to assets/"
        )
    return [entry.finding for entry in report.entries]


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
