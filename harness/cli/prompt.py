"""`harness prompt`: what a model is sent."""

from __future__ import annotations

from harness.cli.lazy_group import noun_app
from harness.cli.loading import find_job
from harness.cli.log_lines import log_lines
from harness.cli.options import JobArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, write_exactly
from harness.cli.place import find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.once import show_prompt
from harness.prompt.assemble import AssembledPrompt

app = noun_app("What a job would send to its model, byte by byte.")

_EXAMPLES = """\b
Examples:
  harness prompt show ainews/morning-digest
  harness prompt show ainews/morning-digest 2> /dev/null | wc -c

\b
JSON: sha256, messages [{role, content}], tools [{name, description,
parameters}], manifest {total_tokens, budget_tokens, sections [{section,
tokens, budget_tokens, kept, dropped [name]}]}."""


@app.command("show", epilog=_EXAMPLES)
def show(job: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Collect a job's inputs, assemble its prompt, and print it; nothing is sent.

    The exact text of the messages goes to stdout, the table of tokens to stderr: what each part costs
    and what was left out for lack of room. Tokens are estimated.
    """
    place = find_place(workspace)
    find_job(place, job)
    with log_lines():
        prompt = show_prompt(place.root, place.environ, job)
    if as_json:
        emit_json(
            {
                "sha256": prompt.sha256,
                "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
                "tools": [
                    {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
                    for tool in prompt.tools
                ],
                "manifest": prompt.manifest.to_json(),
            }
        )
        return
    for message in prompt.messages:
        write_exactly(f"=== {message.role} ===\n{message.content}\n")
    for line in token_lines(prompt, terminal_width()):
        note(line)


def token_lines(prompt: AssembledPrompt, width: int) -> list[str]:
    """Return the table of tokens."""
    rows = [
        (row.section, f"{row.tokens:,}", f"{row.budget_tokens:,}", str(row.kept), ", ".join(row.dropped) or "-")
        for row in prompt.manifest.rows
    ]
    manifest = prompt.manifest
    return [
        *table_lines(rows, width, ("section", "tokens", "of", "kept", "left out")),
        f"about {manifest.total_tokens:,} tokens of {manifest.budget_tokens:,}, tool schemas included;"
        f" sha256 {prompt.sha256[:12]}",
    ]
