"""`harness audit`: the record of every tool call."""

from __future__ import annotations

import typer

from harness.cli.failures import DONE, FAILED
from harness.cli.lazy_group import noun_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import find_place
from harness.gate.audit import audit_files, count_lines, verify_audit

app = noun_app("Check that the record of every tool call is unbroken.")

_EXAMPLES = """\b
Examples:
  harness audit verify

\b
JSON: path, files, lines (of all files), findings [{path, line, problem}].
Exit code 1 if a line was changed, removed or inserted."""


@app.command("verify", epilog=_EXAMPLES)
def verify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check the audit log's chain: each line carries the hash of the line before.

    A line that was changed, removed or inserted anywhere but at the end is found, also in the files that were rotated.
    """
    path = find_place(workspace).state.audit_log
    findings = tuple(verify_audit(path))
    files = audit_files(path)
    lines = sum(count_lines(file) for file in files)
    if as_json:
        emit_json(
            {
                "path": str(path),
                "files": len(files),
                "lines": lines,
                "findings": [
                    {"path": str(finding.path), "line": finding.line, "problem": finding.problem}
                    for finding in findings
                ],
            }
        )
    else:
        for finding in findings:
            say(f"{finding.path}:{finding.line}: {finding.problem}")
        if not findings:
            in_files = f" in {len(files)} files" if len(files) > 1 else ""
            say(f"{path}: {lines} lines{in_files}, unbroken" if lines else f"{path}: no tool call was recorded yet")
    raise typer.Exit(FAILED if findings else DONE)
