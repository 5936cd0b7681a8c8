"""`harness prompt`: what a model is sent."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.cli.completion import complete_run
from harness.cli.lazy_group import noun_app
from harness.cli.loading import find_job
from harness.cli.log_lines import log_lines
from harness.cli.options import JobArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say, write_exactly
from harness.cli.place import find_place
from harness.cli.run_comparison import FullOption, parts_json, recording_of, say_parts
from harness.cli.table import table_lines, terminal_width
from harness.daemon.once import show_prompt
from harness.domain.errors import OwnerError
from harness.prompt.assemble import AssembledPrompt
from harness.prompt.manifest import Manifest, ManifestRow, manifest_from_json
from harness.runs.comparison import compare_prompt
from harness.runs.recording import Recording

app = noun_app("What a job would send to its model, byte by byte.")

_EXAMPLES = """\b
Examples:
  harness prompt show ainews/morning-digest
  harness prompt show ainews/morning-digest 2> /dev/null | wc -c
  harness prompt show ainews/morning-digest --diff RUN

\b
JSON: sha256, messages [{role, content}], tools [{name, description,
parameters}], manifest {total_tokens, budget_tokens, sections [{section,
tokens, budget_tokens, kept, dropped [name], ids [record of memory]}]}.
With --diff: run, same, sha256 {recorded, now}, revision (of the run's
workspace, or null), sections [{section, recorded, now}] (tokens, or null
where it was not there), parts [{part, same, missing, changes [line]}]; a line
begins with - (what the run was sent), + (what it would be sent now) or a
space."""

DiffOption = Annotated[
    str | None,
    typer.Option(
        "--diff",
        metavar="RUN",
        autocompletion=complete_run,
        help="Show what differs from what that run was sent, in place of the text.",
    ),
]


@app.command("show", epilog=_EXAMPLES)
def show(
    job: JobArgument,
    diff: DiffOption = None,
    full: FullOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect a job's inputs, assemble its prompt, and print it; nothing is sent.

    The exact text of the messages goes to stdout, the table of tokens to stderr: what each part costs
    and what was left out for lack of room. Tokens are estimated. With --diff you see instead what an edit, or the
    news of today, changed against a run of this job: what stands in its first message is what a provider's cache
    can serve as long as it stays the same.
    """
    place = find_place(workspace)
    find_job(place, job)
    recorded = None if diff is None else _run_of_job(recording_of(place, diff), job)
    with log_lines():
        prompt = show_prompt(place.root, place.environ, job)
    if recorded is not None:
        _show_difference(recorded, prompt, as_json=as_json, full=full)
    elif as_json:
        emit_json(_prompt_json(prompt))
    else:
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


def _prompt_json(prompt: AssembledPrompt) -> dict[str, Any]:
    return {
        "sha256": prompt.sha256,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "tools": [
            {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
            for tool in prompt.tools
        ],
        "manifest": prompt.manifest.to_json(),
    }


def _run_of_job(recorded: Recording, job: str) -> Recording:
    run = recorded.run
    if run.job_id != job:
        raise OwnerError(run.id, None, f"it is a run of {run.job_id}", f"harness prompt show {run.job_id} --diff RUN")
    return recorded


def _show_difference(recorded: Recording, prompt: AssembledPrompt, *, as_json: bool, full: bool) -> None:
    run = recorded.run
    parts = compare_prompt(recorded, prompt)
    is_same = all(part.is_same for part in parts)
    sections = _section_tokens(run.manifest, prompt.manifest)
    if as_json:
        emit_json(
            {
                "run": run.id,
                "same": is_same,
                "sha256": {"recorded": run.prompt_sha256, "now": prompt.sha256},
                "revision": run.revision or None,
                "sections": [{"section": name, "recorded": then, "now": now} for name, then, now in sections],
                "parts": parts_json(parts),
            }
        )
        return
    width = terminal_width()
    if run.revision:
        say(f"{run.id} was made from revision {run.revision}")
    rows = [(name, _count(then), _count(now), _change(then, now)) for name, then, now in sections]
    for line in table_lines(rows, width, ("section", "tokens then", "now", "")):
        say(line)
    say()
    say_parts(parts, f"- what {run.id} was sent, + what it would be sent now", full=full)


def _section_tokens(then: Any, now: Manifest) -> list[tuple[str, int | None, int | None]]:
    """Return each section with its tokens then and now, in the order of the prompt."""
    before = {} if then is None else _by_name(manifest_from_json(then).rows)
    after = _by_name(now.rows)
    return [(name, before.get(name), after.get(name)) for name in dict.fromkeys((*after, *before))]


def _by_name(rows: tuple[ManifestRow, ...]) -> dict[str, int]:
    return {row.section: row.tokens for row in rows}


def _count(tokens: int | None) -> str:
    return "-" if tokens is None else f"{tokens:,}"


def _change(then: int | None, now: int | None) -> str:
    change = (now or 0) - (then or 0)
    return f"{change:+,}" if change else ""
