"""`harness check`: every file of the workspace, all findings at once."""

from __future__ import annotations

import typer

from harness.cli.failures import DONE, MUST_FIX
from harness.cli.lazy_group import new_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import find_place
from harness.wiring.files import check as check_workspace

app = new_app()

_EXAMPLES = """\b
Examples:
  harness check
  harness check --workspace ~/my-team && harness up

\b
JSON: findings [{path, line, problem, fix, severity}], errors, warnings.
Exit code 2 if there are errors; warnings alone are 0."""


@app.command(epilog=_EXAMPLES)
def check(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Validate every file of the workspace.

    Each finding says which file and line, what is wrong, and how to fix it. A running team goes on with
    the last good version of a file until it is right again.
    """
    place = find_place(workspace)
    findings = check_workspace(place.root, now=place.now)
    errors = sum(1 for finding in findings if finding.severity == "error")
    if as_json:
        emit_json(
            {
                "findings": [
                    {
                        "path": finding.path,
                        "line": finding.line,
                        "problem": finding.problem,
                        "fix": finding.fix,
                        "severity": finding.severity,
                    }
                    for finding in findings
                ],
                "errors": errors,
                "warnings": len(findings) - errors,
            }
        )
    else:
        for finding in findings:
            say(f"{finding}{' (warning)' if finding.severity == 'warning' else ''}")
        if not findings:
            say(f"{place.root}: no findings")
    raise typer.Exit(MUST_FIX if errors else DONE)
