"""`harness inbox`: everything that waits for the person, in one list, each with the command that settles it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from harness.cli.bus_lines import answer_command, drop_command, first_line, resend_command, standing_words
from harness.cli.completion import record_ids
from harness.cli.fires import iso
from harness.cli.lazy_group import new_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.cli.table import terminal_width, wrap
from harness.daemon.liveness import Liveness
from harness.daemon.nodes import liveness_now
from harness.daemon.wording import ago
from harness.domain.cause import disabled_cause, happens_once, profile_named_by, tells_of_dead_letters
from harness.domain.learning import Learning, judge_promotion, verifications_in_force
from harness.domain.pause import scope_name
from harness.domain.request import SYSTEM, USER, Situation, fold
from harness.domain.sizes import counted
from harness.store.peek import Peek, peek
from harness.store.records import OpenIncident

app = new_app()

_EXAMPLES = """\b
Examples:
  harness inbox
  harness inbox --json | jq -r '.[].command'

\b
JSON: [{kind, subject, text, detail, since, due_at, command}]. kind is
request, answer, dead-letter, paused, file, learned, skill, delivery or
incident; they come in this order, the soonest due or the latest first."""
_FILE_CAUSE = "file "
HEADINGS: Mapping[str, str] = {
    "request": "asked of you",
    "answer": "answers to you",
    "dead-letter": "dead letters: not worked to their end",
    "paused": "paused, as it kept failing",
    "file": "files of yours that are held back",
    "learned": "proven, and from outside: only you let it into memory",
    "skill": "skills proposed of what was learned",
    "delivery": "never delivered",
    "incident": "broken",
}
_LASTING = ("paused", "file", "incident")
"""What goes on; of the others it is told when they happened."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits. `text` says what, `detail` why or from whom; times are epoch seconds."""

    kind: str
    subject: str
    text: str
    detail: str
    since: float
    command: str
    due_at: float | None = None


@app.command(epilog=_EXAMPLES)
def inbox(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show everything that waits for you, each with the command that settles it.

    Requests to you, answers that you have not seen, dead letters, jobs that the harness paused because they kept
    failing, files of yours that are held back, what was learned and waits for your approval, proposed skills,
    deliveries that were given up, and what else is broken.
    """
    place = find_place(workspace)
    items = all_waiting(place)
    if as_json:
        emit_json([item_json(item) for item in items])
    elif not items:
        say("nothing waits for you")
    else:
        say("\n".join(inbox_lines(items, place, terminal_width())))


def all_waiting(place: Place) -> tuple[Item, ...]:
    """Return everything that waits for the person of the workspace."""
    with peek(place.database) as look:
        liveness = liveness_now(place.state, look, place.now)
        learned = (*_learned(place), *_proposed(place))
        return learned if look is None else waiting_items(look, liveness, learned)


def waiting_items(look: Peek, liveness: Liveness, learned: Sequence[Item] = ()) -> tuple[Item, ...]:
    """Return everything that waits for the person, by kind, the most urgent first; `learned` is what agents learned."""
    return (
        *_requests(look),
        *_answers(look),
        *_dead_letters(look),
        *_pauses(look),
        *_files(look, liveness),
        *learned,
        *_deliveries(look),
        *_incidents(look),
    )


def inbox_lines(items: Sequence[Item], place: Place, width: int) -> Iterator[str]:
    """Yield the items under their headings."""
    for kind, heading in HEADINGS.items():
        of_kind = [item for item in items if item.kind == kind]
        if not of_kind:
            continue
        if items[0].kind != kind:
            yield ""
        yield f"{heading} ({len(of_kind)})"
        for item in of_kind:
            yield from _item_lines(item, place, width)


def _item_lines(item: Item, place: Place, width: int) -> Iterator[str]:
    when = ago(datetime.fromtimestamp(item.since, UTC), place.now)
    if item.kind in _LASTING:
        when = f"for {when.removesuffix(' ago')}"
    if item.due_at is not None:
        when = f"due {ago(datetime.fromtimestamp(item.due_at, UTC), place.now)}"
    detail = f" ({item.detail}, {when})" if item.detail else f" ({when})"
    first, *others = wrap(f"{item.text}{detail}", width - 4)
    yield f"  - {first}"
    yield from (f"    {line}" for line in others)
    yield f"    {item.command}"
    if item.kind == "dead-letter":
        yield f"    or: {drop_command(item.subject)}"
    if item.kind == "learned":
        yield f"    or: harness memory forget {item.subject}"


def _requests(look: Peek) -> Iterator[Item]:
    for record in look.requests.listed(receiver=USER, waiting="open"):
        if record.waits_for_person:
            yield Item(
                "request",
                record.id,
                first_line(record.task),
                f"from {record.sender}",
                record.made_at,
                answer_command(record.id),
                record.due_at,
            )


def _answers(look: Peek) -> Iterator[Item]:
    for record in look.requests.listed(sender=USER, waiting="untold"):
        text = f"{record.receiver}, {standing_words(record)}: {first_line(record.task)}"
        since = record.closed_at or record.made_at
        yield Item("answer", record.id, text, "", since, f"harness bus show {record.id}")


def _dead_letters(look: Peek) -> Iterator[Item]:
    for record in look.requests.listed(waiting="dead"):
        text = f"{record.sender} → {record.receiver}: {first_line(record.task)}"
        result = (record.result or "").replace("_", " ")
        since = record.closed_at or record.made_at
        # Only what nobody was given is sent again without a question; of the rest it must be seen what was done.
        standing = fold(look.requests.log(record.id))
        is_untouched = standing.situation is Situation.NEVER_DELIVERED
        if standing.final is not None and record.receiver == SYSTEM:
            result = f"{result}: {standing.final.conclusion}"  # nobody could have worked on it: the reason is all
        command = resend_command(record.id) if is_untouched else f"harness bus show {record.id}"
        yield Item("dead-letter", record.id, text, result, since, command)


def _pauses(look: Peek) -> Iterator[Item]:
    for pause in look.pauses().values():
        if pause.is_automatic:
            name = scope_name(pause.scope)
            yield Item("paused", name, f"{name}: {pause.reason}", "", pause.paused_at, f"harness jobs resume {name}")


def _files(look: Peek, liveness: Liveness) -> Iterator[Item]:
    known = {}
    for incident in look.open_incidents():
        path = _file_of(incident.cause)
        if path is not None:
            known[path] = incident
            yield Item("file", path, incident.message, "", incident.first_at, "harness check")
    beat = liveness.heartbeat
    for path in () if beat is None else beat.held_back:
        if path not in known:
            text = f"{path}: the version before your last edit is in force"
            yield Item("file", path, text, "", beat.at if beat else 0.0, "harness check")


def _learned(place: Place) -> Iterator[Item]:
    """Yield what waits for approval, the latest that held first; a record that cannot be read is told on stderr."""
    if not record_ids(place.root):
        return
    # Records are YAML: where there are none, nothing is loaded for them.
    from harness.memory.agent_memory import all_records

    records = all_records(place.root, place.state.root, note)
    waiting = [
        kept
        for kept in records
        if kept.learning.status != "promoted" and judge_promotion(kept.learning).waits_for_person
    ]
    for kept in sorted(waiting, key=lambda each: (-_last(each.learning), each.learning.id)):
        learning = kept.learning
        text = f"{learning.id}: {learning.title or learning.right}"
        detail = f"of {kept.agent}, held {counted(len(verifications_in_force(learning)), 'time')}"
        yield Item("learned", learning.id, text, detail, _last(learning), f"harness memory promote {learning.id}")


def _proposed(place: Place) -> Iterator[Item]:
    """Yield the skills that were proposed; one that cannot be read is told on stderr."""
    if next((place.root / "skills" / ".proposed").glob("[!.]*/SKILL.md"), None) is None:
        return
    # As for records: the format of skills is loaded where there is a proposal.
    from harness.memory.proposed_skills import FOLDER, proposals_of

    for proposed in proposals_of(place.root, note):
        since = (place.root / FOLDER / proposed.name / "SKILL.md").stat().st_mtime
        command = f"harness skills review {proposed.name}"
        yield Item("skill", proposed.name, proposed.name, f"learned: {proposed.key}", since, command)


def _last(learning: Learning) -> float:
    """Return the day on which it held last, epoch seconds."""
    return datetime.combine(learning.last_verified or learning.first_seen, time(), UTC).timestamp()


def _deliveries(look: Peek) -> Iterator[Item]:
    for row in look.unacknowledged_deliveries():
        # An alert that reached nobody is not done again: what it told of stands here itself.
        is_of_run = look.run(row.run_id) is not None
        if row.state == "dead" and is_of_run and not look.was_delivered_by_retry(row.run_id, row.channel):
            text = f"{row.run_id} to {row.channel}: {row.last_error or 'no error was recorded'}"
            detail = f"given up after {'1 try' if row.attempts == 1 else f'{row.attempts} tries'}"
            yield Item("delivery", row.id, text, detail, row.created_at, f"harness runs retry {row.run_id}")


def _incidents(look: Peek) -> Iterator[Item]:
    """Yield what is broken and stands under no other heading."""
    told = {disabled_cause(scope_name(pause.scope)) for pause in look.pauses().values() if pause.is_automatic}
    for incident in look.open_incidents():
        is_told = incident.cause in told or tells_of_dead_letters(incident.cause)
        if not is_told and _file_of(incident.cause) is None:
            times = "" if incident.occurrences == 1 else f"{incident.occurrences} times"
            yield Item("incident", incident.cause, incident.message, times, incident.first_at, _command(incident))


def _file_of(cause: str) -> str | None:
    """Return the file whose bad edit is held back, if that is the cause."""
    path = cause.removeprefix(_FILE_CAUSE)
    return path if path != cause else None


def _command(incident: OpenIncident) -> str:
    if happens_once(incident.cause):  # what became of a request, of which nobody had heard
        return f"harness bus show {incident.cause.rpartition(' ')[2]}"
    profile = profile_named_by(incident.cause)
    if profile is not None:
        return f"harness try profile {profile}"
    if incident.jobs:
        return f"harness why {incident.jobs[0]}"
    return f"harness runs show {incident.run_id}" if incident.run_id else "harness doctor"


def item_json(item: Item) -> dict[str, Any]:
    """Return the item with stable keys; times are ISO 8601 in UTC."""
    return {
        "kind": item.kind,
        "subject": item.subject,
        "text": item.text,
        "detail": item.detail,
        "since": iso(item.since),
        "due_at": iso(item.due_at),
        "command": item.command,
    }
