"""`harness bus`: the requests between the person, the agents and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from harness.cli.bus_ending import (
    ANSWER_EXAMPLES,
    CANCEL_EXAMPLES,
    DROP_EXAMPLES,
    RESEND_EXAMPLES,
    answer_request,
    cancel_request,
    drop_request,
    resend_request,
)
from harness.cli.bus_lines import (
    drop_command,
    find_request,
    first_line,
    record_json,
    request_lines,
    resend_command,
)
from harness.cli.bus_orders import note_read
from harness.cli.bus_sending import SEND_EXAMPLES, check_party, send_request
from harness.cli.bus_story import situation_words, story_json, story_lines, tell_story
from harness.cli.completion import complete_party
from harness.cli.fires import iso
from harness.cli.lazy_group import noun_app
from harness.cli.options import JsonOption, RequestArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import terminal_width, wrap
from harness.cli.table_story import is_table_name, table_story_json, table_story_lines, tell_table
from harness.daemon.nodes import liveness_now
from harness.daemon.wording import ago
from harness.domain.request import RequestState, Standing, fold
from harness.store.peek import peek
from harness.store.request_records import RequestRecord

app = noun_app("The requests between you and the agents.")

_RECORD_KEYS = """request, from, to, task, state, result, verdict,
is_dead, is_watched, priority, note, why_waiting, due_at, made_at, news_at,
closed_at, told_at,
run, parent"""
_LIST_EXAMPLES = f"""\b
Examples:
  harness bus
  harness bus list --agent scout --all
  harness bus list --json | jq '.[] | select(.to == "user")'

\b
JSON: [{{{_RECORD_KEYS}}}]; what is open comes first, the soonest due first."""
_SHOW_EXAMPLES = f"""\b
Examples:
  harness bus show r-4mq2t7xkpa
  harness bus show 4mq
  harness bus show t-c5jq3hc2lq

\b
JSON: {_RECORD_KEYS}, background, inputs,
expected_output, acceptance, fallback, key, depth, is_untrusted, watch {{file,
job, at}} or null, resend_of, resent_as, dropped, situation (null once its
sender was told), dead, final {{result, verdict, conclusion, evidence [{{path,
size_bytes, sha256}}], actions}} or null, log [{{number, at, by, kind, words}}],
runs [{{run, state, outcome, reason}}], waiting [{{run, continued_as}}], above
[request], below [request], advice [sentence], roundtable {{table, round}} or
null. Of a roundtable: table, chair, task, snapshot_sha256, run, rounds
[{{round, is_open, called_at, due_at, voices [{{speaker, request, state, note,
closed_at, final}}]}}]."""
_DEAD_EXAMPLES = """\b
Examples:
  harness bus dead
  harness bus dead --json | jq -r '.[].resend'

\b
JSON: [{request, from, to, task, reason, situation, since, resend, drop}]; the
last two are the commands."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_requests(
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent", metavar="AGENT", help="Only what it asked or has.", autocompletion=complete_party,
            show_default=False,
        ),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(
            "--sender", metavar="PARTY", help="Only what this one asked.", autocompletion=complete_party,
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        RequestState | None,
        typer.Option("--state", metavar="STATE", help="requested, delivered, confirmed or final.", show_default=False),
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Also what is over and done with.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """List the requests, what is open first.

    Dead letters ended without having been worked to their end; they stand here until you settle them.
    """
    place = find_place(workspace)
    for name in (agent, sender):
        if name is not None:
            check_party(place, name, is_watch=True)
    is_all = show_all or state is not None
    with peek(place.database) as look:
        found: tuple[RequestRecord, ...] = ()
        if look is not None:
            found = look.requests.listed(
                agent=agent, sender=sender, state=state, waiting=None if is_all else "unsettled", limit=limit + 1
            )
    records = found[:limit]
    if as_json:
        emit_json([record_json(record) for record in records])
    elif not records:
        say("no request like that" if is_all else "nothing is open; what is over shows with: harness bus list --all")
    else:
        for line in request_lines(records, place, terminal_width()):
            say(line)
        if len(found) > limit:
            say(f"and more: harness bus list --limit {limit * 5}")


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_request(request: RequestArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one request in full, and what to do about it.

    What was asked and what came of it, its log, the requests above and below it, and the runs. The beginning of
    an id is enough where no other one begins so. Of a roundtable (t-…) it shows the rounds, and what was said.
    """
    place = find_place(workspace)
    if is_table_name(request):
        show_table(place, request, as_json=as_json)
        return
    with peek(place.database) as look:
        request_id = find_request(place, look, request)
        assert look is not None, "a request was found in it"
        story = tell_story(look, request_id)
        liveness = liveness_now(place.state, look, place.now)
    if as_json:
        emit_json(story_json(story, liveness))
    else:
        for line in story_lines(place, story, liveness, terminal_width()):
            say(line)
    note_read(place, story.record)


def show_table(place: Place, name: str, *, as_json: bool) -> None:
    """Show one roundtable in full; the person may look at any time."""
    with peek(place.database) as look:
        story = tell_table(look, name)
    if as_json:
        emit_json(table_story_json(story))
    else:
        for line in table_story_lines(place, story, terminal_width()):
            say(line)


@app.command("dead", epilog=_DEAD_EXAMPLES)
def list_dead_letters(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List what ended without having been worked to its end.

    Each dead letter names its reason and what is known of the work. It waits until it is sent again or given up.
    Sending it again is refused where work may be done twice.
    """
    place = find_place(workspace)
    with peek(place.database) as look:
        letters = () if look is None else look.requests.listed(waiting="dead")
        standings = [] if look is None else [fold(look.requests.log(letter.id)) for letter in letters]
    if as_json:
        emit_json([_dead_json(letter, standing) for letter, standing in zip(letters, standings, strict=True)])
    elif not letters:
        say("no dead letters")
    else:
        blocks = [
            "\n".join(_dead_lines(place, letter, standing, terminal_width()))
            for letter, standing in zip(letters, standings, strict=True)
        ]
        say("\n\n".join(blocks))


def _dead_lines(place: Place, letter: RequestRecord, standing: Standing, width: int) -> list[str]:
    assert standing.dead is not None, "it is listed as a dead letter"
    since = datetime.fromtimestamp(letter.closed_at or letter.made_at, UTC)
    lines = [f"{letter.id} {letter.sender} → {letter.receiver}, dead {ago(since, place.now)}"]
    indented = [
        first_line(letter.task),
        f"reason: {standing.dead.reason}",
        situation_words(standing),
        f"-> {resend_command(letter.id)}",
        f"-> {drop_command(letter.id)}",
    ]
    for text in indented:
        lines += [f"  {line}" for line in wrap(text, width - 2)]
    return lines


def _dead_json(letter: RequestRecord, standing: Standing) -> dict[str, Any]:
    assert standing.dead is not None, "it is listed as a dead letter"
    return {
        "request": letter.id,
        "from": letter.sender,
        "to": letter.receiver,
        "task": letter.task,
        "reason": standing.dead.reason,
        "situation": str(standing.situation),
        "since": iso(letter.closed_at),
        "resend": resend_command(letter.id),
        "drop": drop_command(letter.id),
    }


app.command("send", epilog=SEND_EXAMPLES)(send_request)
app.command("answer", epilog=ANSWER_EXAMPLES)(answer_request)
app.command("cancel", epilog=CANCEL_EXAMPLES)(cancel_request)
app.command("resend", epilog=RESEND_EXAMPLES)(resend_request)
app.command("drop", epilog=DROP_EXAMPLES)(drop_request)
