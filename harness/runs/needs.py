"""What waits for the person, as a digest shows it: questions, dead letters, pauses, learnings, skills, deliveries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.digest import Need
from harness.domain.learning import judge_promotion, verifications_in_force
from harness.domain.pause import scope_name
from harness.domain.request import USER, Situation, fold
from harness.domain.sizes import counted
from harness.memory.agent_memory import all_records
from harness.memory.proposed_skills import proposals_of
from harness.store.address import DatabaseAddress
from harness.store.peek import Peek, peek

_TASK_CHARS = 160

log = logging.getLogger("harness.needs")


def needs_of(address: DatabaseAddress, root: Path, state: Path) -> tuple[Need, ...]:
    """Return what waits, in the order of `harness inbox`, each with the command that settles it.

    `root` is the workspace, `state` the state folder. A record that cannot be read is told in the log.
    """
    with peek(address) as look:
        if look is None:
            return (*_learned(root, state), *_proposed(root))
        return (
            *_requests(look),
            *_dead_letters(look),
            *_pauses(look),
            *_learned(root, state),
            *_proposed(root),
            *_deliveries(look),
        )


def _requests(look: Peek) -> Iterator[Need]:
    for record in look.requests.listed(receiver=USER, waiting="open"):
        if record.waits_for_person:
            due_at = datetime.fromtimestamp(record.due_at, UTC)
            command = f'harness bus answer {record.id} "…"'
            yield Need("request", _one_line(record.task), f"asked by {record.sender}", command, due_at)


def _dead_letters(look: Peek) -> Iterator[Need]:
    for record in look.requests.listed(waiting="dead"):
        # Only what nobody was given is sent again without a question; of the rest it must be seen what was done.
        is_untouched = fold(look.requests.log(record.id)).situation is Situation.NEVER_DELIVERED
        verb = "resend" if is_untouched else "show"
        result = (record.result or "").replace("_", " ")
        text = f"{record.sender} → {record.receiver}: {_one_line(record.task)}"
        detail = f"dead letter: {result}" if result else "dead letter"
        yield Need("dead-letter", text, detail, f"harness bus {verb} {record.id}")


def _pauses(look: Peek) -> Iterator[Need]:
    for pause in look.pauses().values():
        if pause.is_automatic:
            name = scope_name(pause.scope)
            yield Need("paused", f"{name} is paused: {pause.reason}", "", f"harness jobs resume {name}")


def _learned(root: Path, state: Path) -> Iterator[Need]:
    for kept in all_records(root, state, log.warning):
        learning = kept.learning
        if learning.status != "promoted" and judge_promotion(learning).waits_for_person:
            detail = f"learned by {kept.agent}, held {counted(len(verifications_in_force(learning)), 'time')}"
            command = f"harness memory promote {learning.id}"
            yield Need("learned", _one_line(learning.title or learning.right), detail, command)


def _proposed(root: Path) -> Iterator[Need]:
    for proposed in proposals_of(root, log.warning):
        command = f"harness skills review {proposed.name}"
        yield Need("skill", f"the skill {proposed.name} is proposed", f"learned: {proposed.key}", command)


def _deliveries(look: Peek) -> Iterator[Need]:
    for row in look.unacknowledged_deliveries():
        # An alert that reached nobody is not done again: what it told of stands here itself.
        is_of_run = look.run(row.run_id) is not None
        if row.state == "dead" and is_of_run and not look.was_delivered_by_retry(row.run_id, row.channel):
            text = f"never delivered to {row.channel}: {row.run_id}"
            yield Need("delivery", text, row.last_error or "", f"harness runs retry {row.run_id}")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TASK_CHARS else f"{line[:_TASK_CHARS].rstrip()}…"
