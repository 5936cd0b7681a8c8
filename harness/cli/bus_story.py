"""One request in full: what was asked, how it stands, its log line by line, what hangs together with it, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from harness.cli.bus_lines import (
    answer_command,
    drop_command,
    first_line,
    record_json,
    resend_command,
    standing_words,
)
from harness.cli.fires import iso
from harness.cli.place import Place
from harness.cli.table import display_width, table_lines, wrap
from harness.daemon.liveness import Liveness
from harness.daemon.wording import when
from harness.domain.request import (
    USER,
    Confirmed,
    DeadLettered,
    Delivered,
    Dropped,
    Event,
    Final,
    Finished,
    HandedOff,
    Noticed,
    Progressed,
    Requested,
    Resent,
    Situation,
    Standing,
    fold,
)
from harness.domain.roundtable import seat_of
from harness.store.peek import Peek
from harness.store.request_records import RequestRecord, WaitingRun, WorkRun


@dataclass(frozen=True, slots=True)
class RequestStory:
    """All that is known of one request. `above` has the nearest first."""

    record: RequestRecord
    standing: Standing
    log: tuple[Event, ...]
    runs: tuple[WorkRun, ...]
    waiting: tuple[WaitingRun, ...]
    above: tuple[RequestRecord, ...]
    below: tuple[RequestRecord, ...]


def tell_story(look: Peek, request_id: str) -> RequestStory:
    """Return the story of a request that is known to be there."""
    requests = look.requests
    record, log = requests.record(request_id), requests.log(request_id)
    assert record is not None, "its id was found in the same view"
    return RequestStory(
        record,
        fold(log),
        log,
        requests.work_on(request_id, {receiver for _, receiver in receivers(log)}),
        requests.waiting_for(request_id),
        requests.above(request_id),
        requests.below(request_id),
    )


def story_lines(place: Place, story: RequestStory, liveness: Liveness, width: int) -> Iterator[str]:
    """Yield the story as the person reads it."""
    yield from table_lines([*_asked_rows(place, story), *_standing_rows(place, story)], width)
    final = story.standing.final
    if final is not None:
        yield ""
        yield from final_lines(final, width)
    yield ""
    rows = [(_clock(place, event), event.by, words) for event, words in _log_below_final(story)]
    yield from table_lines(rows, width, ("when", "who", "what"))
    relatives = list(_relatives(story))
    if relatives:
        yield ""
        yield from table_lines(relatives, width)
    yield ""
    for sentence in advise(story, liveness):
        yield from wrap(f"-> {sentence}", width)


def _log_below_final(story: RequestStory) -> Iterator[tuple[Event, str]]:
    """Yield each event with what it says; the conclusion stands above the log already."""
    final = story.standing.final
    for event, words in log_in_words(story.log):
        match event.body:
            case Finished(final=ended):
                yield event, result_words(ended)
            case DeadLettered(reason=reason) if final is not None and reason == final.conclusion:
                yield event, "dead letter"
            case _:
                yield event, words


def final_lines(final: Final, width: int) -> Iterator[str]:
    """Yield what a request came to: the conclusion, of which only longer lines are wrapped, evidence, next actions."""
    for line in final.conclusion.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        is_short = display_width(line) <= width
        yield from [line] if is_short else [f"{indent}{part}" for part in wrap(line, width - len(indent))]
    yield from result_rows(final, width)


def result_rows(final: Final, width: int) -> Iterator[str]:
    """Yield the evidence and the next actions, below a blank line; nothing if there are none."""
    rows = [
        ("evidence" if number == 0 else "", f"{one.path} ({one.size_bytes:,} bytes)")
        for number, one in enumerate(final.evidence)
    ]
    rows += [("next" if number == 0 else "", action) for number, action in enumerate(final.actions)]
    if rows:
        yield ""
        yield from table_lines(rows, width)


def result_words(final: Final) -> str:
    """Return what the request came to in a word: `done (PASS)`, `timed out`."""
    verdict = f" ({final.verdict})" if final.verdict is not None else ""
    return f"{final.result.replace('_', ' ')}{verdict}"


def log_in_words(log: tuple[Event, ...]) -> Iterator[tuple[Event, str]]:
    """Yield each event with what it says."""
    for event, receiver in receivers(log):
        yield event, event_words(event, receiver)


def receivers(log: tuple[Event, ...]) -> Iterator[tuple[Event, str]]:
    """Yield each event with who has the request by it."""
    receiver = ""
    for event in log:
        match event.body:
            case Requested(request=asked):
                receiver = asked.receiver
            case HandedOff(receiver=next_one):
                receiver = next_one
        yield event, receiver


def event_words(event: Event, receiver: str) -> str:
    """Return what an event says; `receiver` is who has the request by it."""
    match event.body:
        case Requested(request=asked):
            again = f", again, as {asked.resend_of} was not worked to its end" if asked.resend_of else ""
            return f"asked {asked.receiver}{again}"
        case Delivered(token=token, run_id=run_id):
            number = f" (delivery {token})" if token > 1 else ""
            return f"given to {receiver}{number}" + (f" as run {run_id}" if run_id else "")
        case Confirmed():
            return "waits for you" if receiver == USER else f"{receiver} has it"
        case Progressed(note=note, by_harness=by_harness):
            return f"the harness looked: {note}" if by_harness else note
        case HandedOff(reason=reason):
            return f"passed on to {receiver}: {reason}"
        case Finished(final=final):
            return f"{result_words(final)}: {first_line(final.conclusion)}"
        case Noticed(how=how):
            return "you know of it" if how == USER else f"whoever asked was told: {how}"
        case DeadLettered(reason=reason):
            return f"dead letter: {first_line(reason)}"
        case Resent(request_id=again_as):
            return f"sent again as {again_as}"
        case Dropped(reason=reason):
            return f"given up: {reason}"


def situation_words(standing: Standing) -> str:
    """Return in a sentence what it means that nothing has come, or has come too late."""
    receiver = standing.receiver
    match standing.situation:
        case Situation.NEVER_DELIVERED if standing.request.watch is not None and standing.is_open:
            return "watching: nobody works on it"
        case Situation.NEVER_DELIVERED:
            return f"never delivered: {receiver} knows nothing of it"
        case Situation.NOT_CONFIRMED:
            return f"delivered, not confirmed: {receiver} was given it, and may have begun"
        case Situation.WORKING if receiver == USER:
            return "confirmed: it waits for you"
        case Situation.WORKING:
            tense = "has" if standing.is_open else "had"
            return f"confirmed, still working: {receiver} {tense} it"
        case Situation.NOTICE_LOST if standing.dead is None:
            return _heard_of_it(standing)
        case _:
            return "done, notice lost: it was worked to its end"


def _heard_of_it(standing: Standing) -> str:
    """Return who knows that it is final; empty for the person, who sees it in this moment."""
    sender = standing.request.sender
    if sender == USER:
        return ""
    return f"{sender} {'hears of it in its next prompt' if standing.noticed_at is None else 'was told'}"


def advise(story: RequestStory, liveness: Liveness) -> tuple[str, ...]:
    """Return what the person can do now, the most urgent first; never empty."""
    return tuple(_advice(story, liveness)) or ("nothing to do",)


def _advice(story: RequestStory, liveness: Liveness) -> Iterator[str]:
    record, standing = story.record, story.standing
    if standing.is_dead_letter:
        yield f"send it again, which is refused where work may be done twice: {resend_command(record.id)}"
        yield f"or give it up: {drop_command(record.id)}"
        return
    if isinstance(standing.settled, Resent):
        yield f"it goes on as: harness bus show {standing.settled.request_id}"
    if not standing.is_open:
        return
    if record.waits_for_person:
        yield f"answer it: {answer_command(record.id)}"
        return
    if not liveness.is_alive:
        yield "no daemon is there to go on with it: harness up"
    if record.is_watched:
        yield f"it becomes final by itself when {standing.request.watch}"
    for asked in story.below:
        if asked.waits_for_person:
            yield f"answer what {asked.sender} asks you: {answer_command(asked.id)}"
    for run in story.runs[-1:]:
        if run.state != "ended":
            yield f"look at the work: harness runs show {run.id}"
    yield f"if it is not wanted any more: harness bus cancel {record.id}"


def _asked_rows(place: Place, story: RequestStory) -> Iterator[tuple[str, str]]:
    asked = story.standing.request
    yield "request", asked.id
    yield "from", f"{asked.sender}, {when(asked.made_at, place.zone, place.now)}"
    handed_on = f", first to {asked.receiver}" if story.standing.receiver != asked.receiver else ""
    yield "to", f"{story.standing.receiver}{handed_on}"
    yield "task", asked.task
    for label, text in (
        ("background", asked.background),
        ("expected", asked.expected_output),
        ("otherwise", asked.fallback),
    ):
        if text:
            yield label, text
    for number, criterion in enumerate(asked.acceptance):
        yield "accept" if number == 0 else "", criterion
    for number, path in enumerate(asked.inputs):
        yield "inputs" if number == 0 else "", path
    if asked.watch is not None:
        yield "watches", f"until {asked.watch}"
    if asked.resend_of is not None:
        yield "repeats", asked.resend_of
    if (seat := seat_of(asked)) is not None:
        yield "roundtable", f"round {seat.round}: harness bus show {seat.table}"


def _standing_rows(place: Place, story: RequestStory) -> Iterator[tuple[str, str]]:
    record, standing = story.record, story.standing
    urgency = "" if standing.request.priority == "normal" else f", priority {standing.request.priority}"
    yield "due", f"{when(standing.request.due_at, place.zone, place.now)}{urgency}"
    result = "" if standing.final is None else result_words(standing.final)
    yield "state", "; ".join(filter(None, (result, situation_words(standing))))
    if record.why_waiting and standing.is_open:
        yield "waits", record.why_waiting
    if standing.final is not None and standing.dead is not None and standing.dead.reason != standing.final.conclusion:
        yield "dead", standing.dead.reason
    if standing.note and standing.is_open:
        yield "news", standing.note


def _relatives(story: RequestStory) -> Iterator[tuple[str, str]]:
    for number, record in enumerate(story.above):
        yield "asked for" if number == 0 else "", _in_a_line(record)
    for number, record in enumerate(story.below):
        yield "asks" if number == 0 else "", _in_a_line(record)
    for number, run in enumerate(story.runs):
        how = run.outcome or run.state
        reason = f", {first_line(run.reason)}" if run.reason else ""
        yield "work" if number == 0 else "", f"harness runs show {run.id} ({how}{reason})"
    for number, waits in enumerate(story.waiting):
        on = f"; it went on as {waits.continued_as}" if waits.continued_as else ""
        yield "waited for" if number == 0 else "", f"harness runs show {waits.id}{on}"


def _in_a_line(record: RequestRecord) -> str:
    return f"{record.id} {record.sender} → {record.receiver}, {standing_words(record)}: {first_line(record.task, 60)}"


def _clock(place: Place, event: Event) -> str:
    return f"{event.at.astimezone(ZoneInfo(place.zone)):%a %d %b %H:%M:%S}"


def story_json(story: RequestStory, liveness: Liveness) -> dict[str, Any]:
    """Return the same as data."""
    standing, asked = story.standing, story.standing.request
    settled = standing.settled
    return {
        **record_json(story.record),
        "background": asked.background,
        "inputs": list(asked.inputs),
        "expected_output": asked.expected_output,
        "acceptance": list(asked.acceptance),
        "fallback": asked.fallback,
        "key": asked.key,
        "depth": asked.depth,
        "is_untrusted": asked.is_untrusted,
        "watch": None
        if asked.watch is None
        else {"file": asked.watch.file, "job": asked.watch.job, "at": iso(asked.watch.at)},
        "resend_of": asked.resend_of,
        "resent_as": settled.request_id if isinstance(settled, Resent) else None,
        "dropped": settled.reason if isinstance(settled, Dropped) else None,
        # Once its sender was told, nothing is left to explain; a dead letter goes on to say what is known of the work.
        "situation": None if standing.noticed_at is not None and standing.dead is None else str(standing.situation),
        "dead": None if standing.dead is None else standing.dead.reason,
        "final": None if standing.final is None else final_json(standing.final),
        "log": [
            {"number": event.number, "at": iso(event.at), "by": event.by, "kind": event.body.kind, "words": words}
            for event, words in log_in_words(story.log)
        ],
        "runs": [
            {"run": run.id, "state": run.state, "outcome": run.outcome, "reason": run.reason} for run in story.runs
        ],
        "waiting": [{"run": waits.id, "continued_as": waits.continued_as} for waits in story.waiting],
        "above": [record.id for record in story.above],
        "below": [record.id for record in story.below],
        "advice": list(advise(story, liveness)),
        "roundtable": None if (seat := seat_of(asked)) is None else {"table": seat.table, "round": seat.round},
    }


def final_json(final: Final) -> dict[str, Any]:
    """Return the final with stable keys."""
    return {
        "result": final.result,
        "verdict": final.verdict,
        "conclusion": final.conclusion,
        "evidence": [asdict(one) for one in final.evidence],
        "actions": list(final.actions),
    }
