"""`harness bus answer`, `cancel`, `resend` and `drop`: how the person ends a request, or has it done again."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.bus_lines import request_named, standing_words, when_words
from harness.cli.bus_orders import give_order, note_read, tell_if_nobody_goes_on
from harness.cli.failures import Misused
from harness.cli.options import (
    DeadLetterArgument,
    JsonOption,
    OpenRequestArgument,
    QuestionArgument,
    WorkspaceOption,
)
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.domain.errors import HarnessError, Refused
from harness.domain.request import RequestState
from harness.store.peek import peek

_RESULTS = ("done", "failed", "rejected")
_VERDICTS = ("PASS", "FAIL", "NEEDS_WORK")

ANSWER_EXAMPLES = """\b
Examples:
  harness bus answer r-4mq2t7xkpa "Take the second one."
  harness bus answer 4mq "No: it costs too much." --result rejected

\b
JSON: request, state.
Exit code 1 if it is not yours to answer, or is final already."""
CANCEL_EXAMPLES = """\b
Examples:
  harness bus cancel r-4mq2t7xkpa --reason "found it myself"

\b
JSON: request, state. Exit code 1 if it is final already."""
RESEND_EXAMPLES = """\b
Examples:
  harness bus resend r-4mq2t7xkpa
  harness bus resend r-4mq2t7xkpa --force

\b
JSON: request (the new one), state, is_new.
Exit code 1 if it is refused, or is no dead letter."""
DROP_EXAMPLES = """\b
Examples:
  harness bus drop r-4mq2t7xkpa --reason "the release is out by now"

\b
JSON: request, state. Exit code 1 if it is no dead letter."""


def answer_request(
    request: QuestionArgument,
    answer: Annotated[str, typer.Argument(metavar="TEXT", show_default=False)],
    result: Annotated[str, typer.Option("--result", metavar="R", help="done, failed or rejected.")] = "done",
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            "--evidence", metavar="PATH", help="A file of the workspace that shows it; repeatable.", show_default=False
        ),
    ] = None,
    actions: Annotated[
        list[str] | None,
        typer.Option("--next", metavar="TEXT", help="What should happen next; repeatable.", show_default=False),
    ] = None,
    verdict: Annotated[
        str | None,
        typer.Option("--verdict", metavar="V", help="PASS, FAIL or NEEDS_WORK.", show_default=False),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a request that waits for you.

    Whoever asked goes on with your answer. A request has one answer; it cannot be taken back.
    """
    place = find_place(workspace)
    _check_choice("--result", result, _RESULTS)
    if verdict is not None:
        _check_choice("--verdict", verdict, _VERDICTS)
    if not answer.strip():
        raise Misused("the answer is empty; say in a sentence what it came to")
    request_id = _open_request(place, request)
    order = {"conclusion": answer, "result": result, "evidence": evidence, "actions": actions, "verdict": verdict}
    answered = give_order(place, "bus_answer", request=request_id, **order)
    tell_if_nobody_goes_on(place)
    _end(answered, f"{request_id} is answered: {result}", as_json=as_json)


def cancel_request(
    request: OpenRequestArgument,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in its log.", show_default=False)
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a request, and stop the run that works on it.

    It is final as cancelled; whoever waits for it is told and goes on.
    """
    place = find_place(workspace)
    request_id = _open_request(place, request)
    ended = give_order(place, "bus_cancel", request=request_id, reason=reason)
    _end(ended, f"{request_id} is cancelled", as_json=as_json)


def resend_request(
    request: DeadLetterArgument,
    force: Annotated[bool, typer.Option("--force", help="Also where work may be done twice.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a dead letter again, as another request.

    It gets as much time as the first had. Without --force this is refused unless its log shows that nobody began
    to work on it; the refusal names what may be done twice.
    """
    place = find_place(workspace)
    request_id = request_named(place, request)
    try:
        sent = give_order(place, "bus_resend", request=request_id, force=force)
    except Refused as refused:
        if refused.rule != "may-do-twice":
            raise
        choices = f"look at it: harness bus show {request_id}, or risk it: harness bus resend {request_id} --force"
        raise Refused(refused.rule, f"{refused.reason}; {choices}") from refused
    _note_settled(place, request_id)
    if as_json:
        emit_json({name: sent[name] for name in ("request", "state", "is_new")})
    else:
        how = "waits to be delivered" if sent["state"] == RequestState.REQUESTED else "is confirmed"
        say(f"{request_id} is sent again as {sent['request']}, which {how}")


def drop_request(
    request: DeadLetterArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in its log.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a dead letter up, with the reason.

    Nobody does it any more, and it waits for you no longer.
    """
    place = find_place(workspace)
    if not reason.strip():
        raise Misused("the reason is empty; say why it is given up")
    request_id = request_named(place, request)
    dropped = give_order(place, "bus_drop", request=request_id, reason=reason)
    _note_settled(place, request_id)
    _end(dropped, f"{request_id} is given up: {reason.strip()}", as_json=as_json)


def _open_request(place: Place, name: str) -> str:
    """Return the id that is meant. Raises HarnessError, with what it came to, for a request that is over."""
    request_id = request_named(place, name)
    with peek(place.database) as look:
        record = None if look is None else look.requests.record(request_id)
    if record is not None and not record.is_open:
        over = f"{standing_words(record)}, {when_words(record, place)}"
        raise HarnessError(f"{request_id} is over already: {over}; see: harness bus show {request_id}")
    return request_id


def _note_settled(place: Place, request_id: str) -> None:
    """Write down that the person knows of the end of what they have settled, so that it is no news to them."""
    with peek(place.database) as look:
        record = None if look is None else look.requests.record(request_id)
    if record is not None:
        note_read(place, record)


def _end(answer: dict[str, str], words: str, *, as_json: bool) -> None:
    if as_json:
        emit_json({name: answer[name] for name in ("request", "state")})
    else:
        say(words)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise Misused(f"{option} {value!r} is none; write {' or '.join(choices)}")
