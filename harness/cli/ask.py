"""`harness ask`: a request from the person, and the wait for what comes of it."""

from __future__ import annotations

import sys
from itertools import chain
from threading import Event as Pause
from typing import Annotated, Any

import typer

from harness.cli.bus_following import Followed
from harness.cli.bus_orders import note_read, send_order, send_through_daemon
from harness.cli.bus_sending import (
    AcceptOption,
    BackgroundOption,
    DueOption,
    ExpectOption,
    InputOption,
    KeyOption,
    PriorityOption,
    Wish,
    order_of,
)
from harness.cli.bus_story import final_lines, result_rows, result_words, story_json, tell_story
from harness.cli.completion import check_agent
from harness.cli.failures import DONE, FAILED
from harness.cli.lazy_group import new_app
from harness.cli.options import AgentArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, is_terminal, note, say
from harness.cli.place import Place, find_place
from harness.cli.table import terminal_width
from harness.daemon.control_client import NoDaemon
from harness.daemon.nodes import liveness_now
from harness.domain.errors import HarnessError
from harness.domain.request import Final
from harness.store.peek import peek

app = new_app()

_LOOK_EVERY_S = 0.3
_EXAMPLES = """\b
Examples:
  harness ask scout "Has the release feed lost its dates?"
  harness ask scout "Compare the two papers" --input a.pdf --input b.pdf
      --expect "one page" --accept "every claim has its page number" --due 2h
  harness ask scout "Tidy up the radar" --no-wait

\b
JSON: see harness bus show; with --no-wait request, state, is_new.
Exit code 0 if it was done, 1 for everything else that it came to."""


@app.command(epilog=_EXAMPLES)
def ask(
    agent: AgentArgument,
    task: Annotated[str, typer.Argument(metavar="TASK", show_default=False)],
    due: DueOption = None,
    background: BackgroundOption = "",
    expect: ExpectOption = "",
    accept: AcceptOption = None,
    inputs: InputOption = None,
    priority: PriorityOption = "normal",
    key: KeyOption = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Leave as soon as it is sent.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask an agent for something, and wait until it is done or cannot be done.

    A running daemon does it; otherwise it is done here. News of the work goes to stderr, what it came to to stdout.
    Ctrl-C leaves the request open.
    """
    place = find_place(workspace)
    check_agent(place.root, agent)
    wish = Wish(agent, task, due, background, expect, tuple(accept or ()), tuple(inputs or ()), priority, key)
    order = order_of(place, wish)
    if no_wait:
        _say_sent(send_order(place, order), as_json=as_json)
        return
    followed = Followed(place)
    try:
        _see_through(place, order, followed)
    except (KeyboardInterrupt, HarnessError):
        followed.tell_how_to_go_on()
        raise
    _end(place, followed, as_json=as_json)


def _see_through(place: Place, order: dict[str, Any], followed: Followed) -> None:
    """Send it and wait for its final; what happens meanwhile is told."""
    try:
        sent = send_through_daemon(place, order)
    except NoDaemon:
        # Only now, because it brings everything that a run needs.
        from harness.cli.log_lines import log_lines
        from harness.daemon.asking import ask_once

        with log_lines():
            ask_once(
                place.root, place.environ, order, began=followed.begin, is_over=followed.is_over, echo=note,
                out=sys.stderr,
            )  # fmt: skip
        return
    followed.begin(sent["request"], is_new=sent["is_new"])
    pause = Pause()
    while not followed.is_over_for_sure():
        pause.wait(_LOOK_EVERY_S)


def _say_sent(sent: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json({name: sent[name] for name in ("request", "state", "is_new")})
    else:
        say(sent["request"])


def _end(place: Place, followed: Followed, *, as_json: bool) -> None:
    assert followed.request_id is not None, "it was sent"
    with peek(place.database) as look:
        assert look is not None, "the request is in it"
        story = tell_story(look, followed.request_id)
        liveness = liveness_now(place.state, look, place.now)
    final = story.standing.final
    assert final is not None, "it was waited for"
    if as_json:
        emit_json(story_json(story, liveness))
    else:
        _say_final(followed.request_id, final)
    note_read(place, story.record)
    raise typer.Exit(DONE if final.is_success else FAILED)


def _say_final(request_id: str, final: Final) -> None:
    note(f"{request_id}: {result_words(final)}; its whole story: harness bus show {request_id}")
    if is_terminal(sys.stdout):
        lines = final_lines(final, terminal_width())
    else:  # into a file it goes as it was written
        lines = chain(final.conclusion.splitlines(), result_rows(final, terminal_width()))
    for line in lines:
        say(line)
