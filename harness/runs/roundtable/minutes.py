"""The minutes of a table: who was asked what and when, what each said word for word, who was absent, the conclusion.

The harness writes them, and quotes: what somebody said begins no heading of the minutes, and no conclusion can drop it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.bus.files.seal import UNSEALED, is_sealed, seal
from harness.bus.roundtables import absences, snapshot_hash
from harness.delivery.commonmark import write_quote
from harness.domain.errors import OwnerError, Refused, ToolError
from harness.domain.roundtable import Round, Table, Voice
from harness.gate.sanitise import one_line, sanitise
from harness.gate.tree import read_file, replace_file

FOLDER = ("shared-context", "roundtables")
NOT_YET = "The chair has not concluded. If it never does, the ledger says why: harness why "

_MAX_BYTES = 20_000_000
_MOST_COPIES = 100


@dataclass(frozen=True, slots=True)
class Sitting:
    """Whose minutes these are; `held_at` (aware UTC) is when the table was called, `snapshot_file` where it lies."""

    title: str
    job_id: str
    run_id: str
    table_id: str
    zone: str
    held_at: datetime
    snapshot: str
    snapshot_file: str

    @property
    def name(self) -> str:
        """The name of the file, by the local day and the job."""
        day = self.held_at.astimezone(ZoneInfo(self.zone)).date()
        return f"{day.isoformat()}-{self.job_id.partition('/')[2]}"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the chair delivered, and who wrote it; or why there is nothing."""

    text: str
    made_by: str = ""


def minutes_of(
    sitting: Sitting, table: Table, conclusion: Conclusion | None, redact: Callable[[str], str] = lambda text: text
) -> str:
    """Return the minutes as Markdown; without a conclusion they say that there is none.

    `redact` takes secrets out of what was said.
    """
    title = f"{_head(sitting.table_id)}\n# Roundtable: {one_line(sitting.title)}"
    parts = [title, "\n".join(_facts(sitting, table)), "## Conclusion"]
    if conclusion is None:
        parts.append(f"{NOT_YET}{sitting.job_id}")
    else:
        parts += [f"By {sitting.job_id.partition('/')[0]} ({one_line(conclusion.made_by)}):"] * bool(conclusion.made_by)
        parts.append(_quoted(conclusion.text))
    for held in reversed(table.rounds):
        parts += _round(held, sitting)
    return seal(redact("\n\n".join(parts) + "\n"))


def write_minutes(root: Path, sitting: Sitting, text: str) -> str:
    """Write the minutes below the workspace and return their path there; writing the same again changes nothing.

    They take the place of what the harness wrote of this table before, and of nothing else: minutes of another table,
    and what somebody has edited, stay as they are, and these get another name.
    Raises OwnerError if they cannot be written.
    """
    for name in _names(sitting):
        path = (*FOLDER, f"{name}.md")
        try:
            present = read_file(root, path, _MAX_BYTES) if root.joinpath(*path).exists() else None
            if present is not None and not _is_of(present, sitting.table_id):
                continue
            replaces = None if present is None else hashlib.sha256(present).hexdigest()
            replace_file(root, path, text.encode(), replaces=replaces)
        except Refused as refused:
            if refused.rule == "overwrite":
                continue  # somebody wrote it in this moment
            raise OwnerError("/".join(path), None, refused.reason, "move it away") from refused
        except (ToolError, OSError) as error:
            problem = f"cannot be written: {error}"
            raise OwnerError("/".join(path), None, problem, "make room, and let it be written") from error
        return "/".join(path)
    raise OwnerError("/".join(FOLDER), None, f"holds {_MOST_COPIES} minutes of one table", "move some of them away")


def _names(sitting: Sitting) -> Iterator[str]:
    yield sitting.name
    yield f"{sitting.name}-{sitting.table_id}"
    for number in range(2, _MOST_COPIES):
        yield f"{sitting.name}-{sitting.table_id}-{number}"


def _is_of(present: bytes, table_id: str) -> bool:
    """Say whether the harness wrote this of the same table, and nobody has edited it since."""
    text = present.decode("utf-8", "replace")
    return is_sealed(text) and text.startswith(_head(table_id).partition("\n")[0])


def _head(table_id: str) -> str:
    return (
        f"<!-- Minutes of table {table_id}, written by the harness from its requests.\n"
        f"     An edit stays: what is written later gets another name. Seal {UNSEALED} -->"
    )


# ── What they say ────────────────────────────────────────────────────────────────────────────────


def _facts(sitting: Sitting, table: Table) -> Iterator[str]:
    rules = table.rules
    local = sitting.held_at.astimezone(ZoneInfo(sitting.zone))
    size = len(sitting.snapshot.encode())
    yield f"- held: {local:%Y-%m-%d %H:%M %Z}; all times are those of {sitting.zone}"
    yield f"- chair: {sitting.job_id.partition('/')[0]}; job {sitting.job_id}, run {sitting.run_id}"
    yield f"- table: {sitting.table_id}; all of it: `harness bus show {sitting.table_id}`"
    yield f"- speakers: {', '.join(rules.speakers)}"
    held = f"{len(table.rounds)} of {rules.rounds}, each due after {rules.due_s // 60} min"
    yield f"- rounds: {held}; for the table to go on at least {rules.quorum} had to speak in one"
    yield f"- snapshot: sha256 {snapshot_hash(sitting.snapshot)}, {size:,} bytes, {sitting.snapshot_file}"
    away = absences(table.rounds)
    for sentence in away:
        yield f"- absent: {one_line(sentence)}"
    if not away:
        yield "- absent: nobody"


def _round(held: Round, sitting: Sitting) -> list[str]:
    asked = next((voice.request for voice in held.voices if voice.request is not None), None)
    called = "" if asked is None else f", called {_clock(asked.made_at, sitting)}, due {_clock(asked.due_at, sitting)}"
    parts = [f"## Round {held.number}{called}"]
    for voice in held.voices:
        parts += [f"### {_heading(voice, sitting)}"]
        if not voice.has_spoken or voice.final is None:
            parts.append(f"Absent: {one_line(voice.absence)}")
            continue
        parts.append(_quoted(voice.final.conclusion))
        if voice.final.actions:
            parts.append("\n".join(f"- next: {one_line(action)}" for action in voice.final.actions))
    return parts


def _heading(voice: Voice, sitting: Sitting) -> str:
    at = "" if voice.closed_at is None else f", {_clock(voice.closed_at, sitting)}"
    judged = None if voice.final is None else voice.final.verdict
    verdict = "" if judged is None else f", in its own judgement {judged}"
    name = "" if voice.request is None else f" ({voice.request.id})"
    return f"{voice.speaker}{at}{name}{verdict}"


def _clock(moment: datetime, sitting: Sitting) -> str:
    local, day = moment.astimezone(ZoneInfo(sitting.zone)), sitting.held_at.astimezone(ZoneInfo(sitting.zone)).date()
    return f"{local:%H:%M:%S}" if local.date() == day else f"{local:%a} {local.day} {local:%b} {local:%H:%M:%S}"


def _quoted(text: str) -> str:
    return write_quote(sanitise(text).strip())
