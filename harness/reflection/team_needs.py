"""What the team has to do tomorrow, as follow-ups: each said once, by the same words every night. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from harness.bus.files.follow_ups import FOLDER, FollowUps, Importance, count_same, read_follow_ups
from harness.domain.cause import job_named_by
from harness.domain.request import USER
from harness.gate.sanitise import in_short, one_line
from harness.store.days_of_agents import Incident

_OPEN_TOO_LONG = timedelta(days=1)
_FAILED_AGAIN = 3
_MOST = 12
_WORDS_CHARS = 160


@dataclass(frozen=True, slots=True)
class Need:
    """One follow-up. Its words stay the same from night to night: by them it is known."""

    owner: str
    importance: Importance
    words: str
    since: date
    evidence: str = ""


def needs_of(
    incidents: Iterable[Incident],
    waiting: Mapping[str, Sequence[str]],
    agents: Sequence[str],
    chair: str,
    now: datetime,
) -> tuple[Need, ...]:
    """Return what is to be done: incidents that last, failures that repeat, records that only the person can promote.

    `waiting` are the latter's ids by agent. `chair` is who looks after what is nobody's.
    """
    found = []
    for each in incidents:
        since = datetime.fromtimestamp(each.first_at, now.tzinfo)
        job = job_named_by(each.cause)
        named = (job or "").partition("/")[0]
        owner = named if named in agents else chair
        if each.is_open and now - since > _OPEN_TOO_LONG:
            words = f"End what has been wrong for more than a day: {_in_code(each.cause)}"
            found.append(Need(owner, "P1", in_short(words, _WORDS_CHARS), since.date()))
        elif each.is_open and each.occurrences >= _FAILED_AGAIN:
            words = f"Find out what fails again and again: {_in_code(each.cause)}"
            found.append(Need(owner, "P1", in_short(words, _WORDS_CHARS), since.date()))
    for agent, ids in sorted(waiting.items()):
        for learning_id in ids:
            words = f"Decide whether {learning_id} of {agent} is to be remembered: harness memory promote {learning_id}"
            found.append(Need(USER, "P2", words, now.date(), f"agents/{agent}/.learnings"))
    return tuple(found[:_MOST])


def with_needs(text: str, needs: Iterable[Need], day: date, known: FollowUps) -> str:
    """Return the text of the day's file with an entry for each need that is none yet, there or in `known`."""
    taken = count_same(read_follow_ups(text, "")) + count_same(known)
    for need in needs:
        if taken[need.owner.casefold(), " ".join(need.words.split())]:
            continue
        text = text or f"# Follow-ups of {day.isoformat()}\n\n"
        lines = [f"- [open] {need.importance} {need.owner}: {one_line(need.words)}", f"  - since: {need.since}"]
        lines += [f"  - evidence: {need.evidence}"] if need.evidence else []
        text = f"{text}{'' if text.endswith(chr(10)) else chr(10)}{chr(10).join(lines)}\n"
    return text


def follow_ups_path(day: date) -> str:
    """Return the file of a day's follow-ups, relative to the workspace."""
    return f"{FOLDER}/{day.isoformat()}.md"


def _in_code(cause: str) -> str:
    return f"`{one_line(cause).replace('`', chr(39))}`"
