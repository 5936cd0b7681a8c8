"""A request, or the answer to one, as a Markdown file: settings between `---` lines, and the words below.

    ---
    to: ainews
    due: 2h
    accept: [every item has a link]
    ---
    Look whether the release feed has lost its dates.

This is what `harness bus send --file` and the inbox folder read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator

from harness.bus.sending import Ask
from harness.domain.errors import Finding, OwnerError
from harness.domain.job import Priority
from harness.domain.request import USER, Final, Watch
from harness.domain.workspace import Workspace
from harness.workspace.fields import Text, Texts
from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.located import Located
from harness.workspace.quantities import BadValue, parse_duration
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, check_shape

_DUE_FIX = 'write 2h, 17:00, 2026-12-05, or 2026-12-05 17:00; a moment may end in its offset, as in "2026-12-05T17:00Z"'
_LATEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class AskFile:
    """A file that asks for something. `ask.key` is empty where the file names no idempotency key."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """A file that answers a request which waits for the person. `evidence` are paths, not looked at yet."""

    request_id: str
    final: Final
    evidence: tuple[str, ...] = ()


class WatchShape(Shape):
    file: Text | None = None
    job: Text | None = None
    at: Text | None = None


def _as_text(value: object) -> str:
    # A bare number is a likely slip, and deserves the words that say how a moment is written.
    if not isinstance(value, str):
        raise BadValue(f"{value!r} is not a moment", _DUE_FIX)
    return value


class AskShape(Shape):
    to: Text
    sender: Annotated[Text, Field(alias="from")] = USER
    due: Annotated[str | None, PlainValidator(_as_text)] = None
    priority: Priority = "normal"
    background: Text | None = None
    expect: Text | None = None
    accept: Texts = Field(default_factory=list)
    inputs: Texts = Field(default_factory=list)
    fallback: Text | None = None
    key: Text | None = None
    watch: WatchShape | None = None


class AnswerShape(Shape):
    answers: Text
    result: Literal["done", "rejected", "failed"] = "done"
    evidence: Texts = Field(default_factory=list)
    actions: Texts = Field(default_factory=list)


def parse_request_file(text: str, path: str, workspace: Workspace, now: datetime) -> AskFile | AnswerFile:
    """Return what the file asks or answers. Raises OwnerError with its first finding, and how many more there are."""
    report = Report(path)
    parsed = read_request_file(text, workspace, report, now=now)
    errors = [entry.finding for entry in report.entries if entry.finding.severity == "error"]
    if parsed is not None and not errors:
        return parsed
    first = errors[0] if errors else Finding(path, None, "says nothing", "write what is asked for")
    more = f" ({len(errors) - 1} more: {'; '.join(map(str, errors[1:]))})" if len(errors) > 1 else ""
    raise OwnerError(first.path, first.line, first.problem, first.fix + more)


def read_request_file(text: str, workspace: Workspace, report: Report, *, now: datetime) -> AskFile | AnswerFile | None:
    """Return what the file asks or answers; what is wrong with it is in the report.

    None if it cannot be used at all. Times without a zone are of the workspace's home zone.
    """
    matter = read_front_matter(text.removeprefix("\ufeff").replace("\r\n", "\n"), report)
    if matter is None:
        return None
    if "answers" in matter.located.values:
        return _read_answer(matter, report)
    return _read_ask(matter, workspace, report, now)


def parse_due(value: str, now: datetime, zone: str) -> datetime:
    """Return the moment (aware UTC) of `2h`, `17:00`, `2026-12-05`, `2026-12-05 17:00`, or one with its offset.

    A time alone is the next one that comes; a day alone is its last minute. Raises BadValue, also for what has
    passed or is more than a year away.
    """
    moment = _moment(value.strip(), now, ZoneInfo(zone))
    if moment <= now:
        raise BadValue(f"{value!r} has passed", "name a moment that is still to come")
    if moment > now + _LATEST:
        raise BadValue(f"{value!r} is more than a year away", "name an earlier moment")
    return moment.astimezone(UTC)


def _moment(value: str, now: datetime, zone: ZoneInfo) -> datetime:
    here = now.astimezone(zone)
    try:
        if value[-1:] in "smhd" and value[:1].isdigit() and "-" not in value:
            return now + timedelta(seconds=parse_duration(value))
        if len(value) in (4, 5) and ":" in value:
            clock = datetime.strptime(value, "%H:%M").replace(tzinfo=UTC).timetz().replace(tzinfo=None)
            today = datetime.combine(here.date(), clock, zone)
            return today if today > now else datetime.combine(here.date() + timedelta(days=1), clock, zone)
        if len(value) == 10:
            return datetime.fromisoformat(value).replace(hour=23, minute=59, tzinfo=zone)
        moment = datetime.fromisoformat(value)
    except BadValue:
        raise
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{value!r} is not a moment", _DUE_FIX) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _read_answer(matter: FrontMatter, report: Report) -> AnswerFile | None:
    shape = check_shape(AnswerShape, matter.located, report)
    if not matter.body.strip():
        report.error(matter.body_line, "the answer says nothing", "write what it came to below the second line ---")
    if shape is None or report.has_errors:
        return None
    final = Final(shape.result, matter.body.strip(), actions=tuple(shape.actions))
    return AnswerFile(shape.answers, final, tuple(shape.evidence))


def _read_ask(matter: FrontMatter, workspace: Workspace, report: Report, now: datetime) -> AskFile | None:
    located = matter.located
    shape = check_shape(AskShape, located, report)
    if not matter.body.strip():
        report.error(matter.body_line, "nothing is asked for", "write the task below the second line ---")
    if shape is None:
        return None
    parties = (*workspace.agents, USER)
    report.check_name(located.line("to"), "agent", shape.to, parties)
    report.check_name(located.line("from"), "agent", shape.sender, parties)
    if shape.to == shape.sender:
        report.error(located.line("to"), f"{shape.to} would ask itself", "ask another, or leave out from")
    zone = workspace.settings.home_zone
    due_at = _in_file(shape.due, located, ("due",), report, now, zone)
    watch = _watch(shape.watch, located, workspace, report, now)
    if report.has_errors:
        return None
    return AskFile(
        Ask(
            sender=shape.sender,
            receiver=shape.to,
            task=matter.body.strip(),
            key=shape.key or "",
            due_at=due_at,
            background=shape.background or "",
            inputs=tuple(shape.inputs),
            expected_output=shape.expect or "",
            acceptance=tuple(shape.accept),
            fallback=shape.fallback or "",
            priority=shape.priority,
            watch=watch,
        )
    )


def _watch(
    shape: WatchShape | None, located: Located, workspace: Workspace, report: Report, now: datetime
) -> Watch | None:
    if shape is None:
        return None
    given: Mapping[str, str] = {key: value for key, value in shape if value is not None}
    if len(given) != 1:
        report.error(located.line("watch"), "watch names not exactly one thing", "give it one of file, job, at")
        return None
    if shape.job is not None:
        jobs = [job.id for job in workspace.jobs()]
        report.check_name(located.line("watch", "job"), "job", shape.job, jobs)
    if shape.file is not None and (shape.file.startswith(("/", "~")) or ".." in shape.file.split("/")):
        report.error(located.line("watch", "file"), f"{shape.file!r} lies outside of the workspace", "name one inside")
    at = _in_file(shape.at, located, ("watch", "at"), report, now, workspace.settings.home_zone)
    return Watch(shape.file, shape.job, at)


def _in_file(
    value: str | None, located: Located, path: tuple[str, ...], report: Report, now: datetime, zone: str
) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_due(value, now, zone)
    except BadValue as error:
        report.error(located.line(*path), f"{path[-1]}: {error.problem}", error.fix)
        return None
