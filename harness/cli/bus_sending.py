"""`harness bus send`: a request put into words on the command line or in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from harness.cli.bus_orders import send_order
from harness.cli.completion import agent_names, complete_job, complete_party
from harness.cli.failures import Misused, UnknownName
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.domain.job import PRIORITIES
from harness.domain.request import SYSTEM, USER, RequestState

SEND_EXAMPLES = """\b
Examples:
  harness bus send scout "Has the release feed lost its dates?" --due 2h
  harness bus send --file request.md
  harness bus send system "the export is there" --watch-file "out/*.csv"

\b
JSON: request, state, is_new (false: the same was sent before with its key).
Exit code 1 if a rule refuses it."""

DueOption = Annotated[
    str | None,
    typer.Option("--due", metavar="WHEN", help="2h, 17:00, 2026-12-05 or 2026-12-05 17:00.", show_default=False),
]
BackgroundOption = Annotated[
    str, typer.Option("--background", metavar="TEXT", help="What one must know to do it.", show_default=False)
]
ExpectOption = Annotated[
    str, typer.Option("--expect", metavar="TEXT", help="What should come of it.", show_default=False)
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="TEXT", help="What it is judged by; repeatable.", show_default=False),
]
InputOption = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="PATH|URL", help="What it is about; repeatable.", show_default=False),
]
PriorityOption = Annotated[str, typer.Option("--priority", metavar="P", help="high, normal or low.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="The same key is the same request, sent once.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Wish:
    """A request as it stands on the command line."""

    to: str
    task: str
    due: str | None = None
    background: str = ""
    expect: str = ""
    accept: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    priority: str = "normal"
    key: str | None = None


def send_request(
    to: Annotated[
        str | None, typer.Argument(metavar="[TO]", show_default=False, autocompletion=complete_party)
    ] = None,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", show_default=False)] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE.md", help="Take it from a Markdown file.", show_default=False),
    ] = None,
    sender: Annotated[
        str,
        typer.Option("--from", metavar="PARTY", help="Who asks; the answer is theirs.", autocompletion=complete_party),
    ] = USER,
    due: DueOption = None,
    background: BackgroundOption = "",
    expect: ExpectOption = "",
    accept: AcceptOption = None,
    inputs: InputOption = None,
    fallback: Annotated[
        str, typer.Option("--fallback", metavar="TEXT", help="What is done if nothing comes.", show_default=False)
    ] = "",
    priority: PriorityOption = "normal",
    key: KeyOption = None,
    watch_file: Annotated[
        str | None,
        typer.Option("--watch-file", metavar="GLOB", help="Final when such a file appears.", show_default=False),
    ] = None,
    watch_job: Annotated[
        str | None,
        typer.Option(
            "--watch-job", metavar="AGENT/JOB", help="Final when a run of it ends.", autocompletion=complete_job,
            show_default=False,
        ),
    ] = None,
    watch_at: Annotated[
        str | None, typer.Option("--watch-at", metavar="WHEN", help="Final at that moment.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Ask an agent for something, and do not wait for it.

    With a watch nobody works on it: it becomes final by itself, and no model is called. TO is then who the matter is
    of, usually system. A file holds the same in its front matter, as in the inbox folder.
    """
    place = find_place(workspace)
    if file is not None:
        if to is not None or task is not None:
            raise Misused("give either TO and TASK or --file, not both")
        order = order_of_file(place, file)
    else:
        if to is None or task is None:
            raise Misused('say whom to ask and what: harness bus send AGENT "what to do", or --file FILE.md')
        wish = Wish(to, task, due, background, expect, tuple(accept or ()), tuple(inputs or ()), priority, key)
        watch = _watch(place, watch_file, watch_job, watch_at)
        check_party(place, to, is_watch=watch is not None)
        check_party(place, sender, is_watch=True)
        order = {**order_of(place, wish), "sender": sender, "fallback": fallback, "watch": watch}
    answer = send_order(place, order)
    if as_json:
        emit_json({name: answer[name] for name in ("request", "state", "is_new")})
        return
    say(_sent_words(answer, order))


def order_of(place: Place, wish: Wish) -> dict[str, Any]:
    """Return the wish as the daemon is told it. Raises Misused for what cannot be meant."""
    if not wish.task.strip():
        raise Misused("the task is empty; say what is to be done")
    if wish.priority not in PRIORITIES:
        raise Misused(f"--priority {wish.priority!r} is none; write {', '.join(PRIORITIES)}")
    return {
        "receiver": wish.to,
        "task": wish.task,
        "key": wish.key or uuid4().hex,
        "due_at": None if wish.due is None else iso_of(place, "--due", wish.due),
        "background": wish.background,
        "inputs": list(wish.inputs),
        "expected_output": wish.expect,
        "acceptance": list(wish.accept),
        "priority": wish.priority,
    }


def order_of_file(place: Place, file: Path) -> dict[str, Any]:
    """Return what the file asks for, as the daemon is told it. Raises OwnerError with the line that is wrong."""
    # Only now, because they bring the libraries that read front matter.
    from harness.bus.files.request_file import AnswerFile, parse_request_file
    from harness.bus.sending import Ask
    from harness.cli.loading import load_workspace
    from harness.store.json_codec import to_json

    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Misused(f"{file}: there is no such file; name one that is there") from error
    except UnicodeDecodeError as error:
        raise Misused(f"{file}: it is no text in UTF-8; save it as that") from error
    parsed = parse_request_file(text, str(file), load_workspace(place), place.now)
    if isinstance(parsed, AnswerFile):
        raise Misused(f"{file}: it answers {parsed.request_id}; use: harness bus answer {parsed.request_id} TEXT")
    order: dict[str, Any] = to_json(Ask, parsed.ask)
    return {**order, "key": parsed.ask.key or uuid4().hex}


def check_party(place: Place, name: str, *, is_watch: bool = False) -> None:
    """Raise UnknownName, with the names that are near, if nobody of that name can be asked."""
    names = (*agent_names(place.root), USER)
    if name == SYSTEM and not is_watch:
        watches = "--watch-file, --watch-job or --watch-at"
        raise Misused(f"nobody works on what is asked of {SYSTEM}; give it a watch: {watches}, or ask an agent")
    if name not in names and name != SYSTEM:
        raise UnknownName("agent", name, names, "harness agents")


def iso_of(place: Place, option: str, text: str) -> str:
    """Return the moment that an option names, in ISO 8601. Raises Misused for what is no moment to come."""
    # Only now, because it brings the library that checks files.
    from harness.bus.files.request_file import parse_due
    from harness.workspace.quantities import BadValue

    try:
        return parse_due(text, place.now, place.zone).isoformat()
    except BadValue as error:
        raise Misused(f"{option}: {error}") from error


def _watch(place: Place, file: str | None, job: str | None, at: str | None) -> dict[str, Any] | None:
    given = [option for option in (file, job, at) if option is not None]
    if not given:
        return None
    if len(given) > 1:
        raise Misused("a request watches one thing: give one of --watch-file, --watch-job, --watch-at")
    return {"file": file, "job": job, "at": None if at is None else iso_of(place, "--watch-at", at)}


def _sent_words(answer: dict[str, Any], order: dict[str, Any]) -> str:
    request_id, receiver = answer["request"], order["receiver"]
    if not answer["is_new"]:
        return f"{request_id} was sent before with this key, and is {answer['state']}"
    if order.get("watch") is not None:
        return f"{request_id} watches; see it with: harness bus show {request_id}"
    if answer["state"] == RequestState.REQUESTED:
        return f"{request_id} waits to be given to {receiver}; why: harness bus show {request_id}"
    return f"{request_id} is confirmed: {receiver} has it; see it with: harness bus show {request_id}"
