"""A recorded run as one file that can be read, compared, kept in git, and played again without its database.

It holds what the world said: what was collected, what the model was asked and answered, what tools gave back, how
links answered, and what time it was; and what the run made of it, to compare with. Secrets are taken out. The same
run gives the same bytes. Format 1; a format that is changed gets a new number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.domain.errors import OwnerError
from harness.domain.run import Fire, FireKind, FireState
from harness.ports import Json, RecordedStep
from harness.runs.plan import RunPlan
from harness.runs.recording import Recording
from harness.runs.tape import Asked, message_asked, what_is_asked
from harness.store.json_codec import from_json
from harness.store.records import RunRecord
from harness.store.step_records import error_from_json, error_to_json
from harness.store.yaml_text import parse_yaml, render_yaml

FORMAT = 1
MAX_BYTES = 64_000_000

_LEFT_OUT = frozenset({"deliver", "close"})
"""What a run does to its own ledger is done again by every run."""

_PROMPT = "prompt"
_RUN_ID = re.compile(r"[a-z]+:[\w-][\w.-]*(?:/[\w-][\w.-]*)*:[\w.~-]+")


@dataclass(frozen=True, slots=True)
class Cassette:
    """A run that has ended, and what was asked in its steps, as far as that is known."""

    recording: Recording
    asked: Asked = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """The moment at which the run began, aware UTC."""
        plan = self.recording.value("begin")
        return datetime.fromtimestamp(self.recording.run.due_at, UTC) if plan is None else _moment(plan["begun_at"])

    @property
    def unknown(self) -> tuple[str, ...]:
        """The model calls of which nobody knows what was asked: they are recognised by their place alone."""
        models = (step for step in self.recording.steps if step.kind == "model")
        return tuple(step.call_id for step in models if (step.kind, step.call_id) not in self.asked)


def render_cassette(cassette: Cassette, redact: Callable[[str], str]) -> str:
    """Return the cassette as text; `redact` takes the secrets out of everything that stands in it."""
    recording = cassette.recording
    run, fire = recording.run, recording.fire
    steps = [step for step in recording.steps if step.kind not in _LEFT_OUT]
    asked = {name: _without(what_is_asked(name[0], args), redact) for name, args in cassette.asked.items()}
    bases = _Conversations()
    document = {
        "cassette": FORMAT,
        "job": run.job_id,
        "run": {
            "id": run.id,
            "kind": run.kind,
            "lane": run.lane,
            "due_at": datetime.fromtimestamp(run.due_at, UTC).isoformat(),
            "inputs": dict(run.inputs),
            "options": {name: value for name, value in run.options.items() if value not in (None, False)},
        },
        "ended": {
            "state": None if fire is None else str(fire.state),
            "reason": "" if fire is None else fire.reason,
            "stop": run.stop,
            "outcome": run.outcome,
        },
    }
    document = _without(document, redact)
    document["steps"] = [_step(step, asked, bases, redact) for step in steps]
    if recording.digest is not None:
        document["digest"] = redact(recording.digest)
    return render_yaml(document)


def read_cassette(path: Path) -> Cassette:
    """Return what the file holds. Raises OwnerError for a file that is no cassette, or cannot be read."""
    fix = "write it again: harness runs show RUN --cassette FILE"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise OwnerError(path, None, f"is longer than {MAX_BYTES // 1_000_000} MB", fix)
        return parse_cassette(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OwnerError(path, None, f"cannot be read: {(error.strerror or 'failed').lower()}", fix) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else next(iter(str(error).splitlines()), "")
        raise OwnerError(path, None, f"is no cassette: {problem}", fix) from error


def parse_cassette(text: str) -> Cassette:
    """Return the cassette that the text holds. Raises ValueError, KeyError or TypeError where it holds none."""
    document = parse_yaml(text)
    found = document.get("cassette") if isinstance(document, dict) else None
    if found != FORMAT:
        raise ValueError(
            "it does not begin with `cassette: 1`" if found is None else f"format {found} is not known here"
        )
    run, ended = document["run"], document["ended"]
    bases, asked, steps = _Conversations(), {}, []
    for position, entry in enumerate(document["steps"], start=1):
        step = _step_of(entry, position)
        steps.append(step)
        bases.note_prompt(step)
        if "asked" in entry:
            asked[(step.kind, step.call_id)] = bases.whole(step, entry["asked"])
    plan = next((step.value for step in steps if step.kind == "begin" and step.failure is None), None)
    _check_name(run["id"], plan)
    due_at = _moment(run["due_at"])
    record = RunRecord(
        id=run["id"],
        job_id=document["job"],
        lane=run["lane"],
        kind=run["kind"],
        due_at=int(due_at.timestamp()),
        state="ended",
        inputs=run["inputs"],
        owner=None,
        created_at=due_at.timestamp(),
        started_at=None,
        ended_at=None,
        stop=ended["stop"],
        prompt_sha256=None,
        manifest=None,
        outcome=ended["outcome"],
        options=run["options"],
    )
    fire = None
    if ended["state"] is not None:
        kind, state = FireKind(run["kind"]), FireState(ended["state"])
        fire = Fire(record.job_id, due_at, kind, state, record.id, ended["reason"])
    return Cassette(Recording(record, fire, tuple(steps), digest=document.get("digest")), asked)


def _check_name(run_id: str, plan: Json) -> None:
    """Raise ValueError for a plan that is none, and for a run whose id is no name: a folder is made of it."""
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is no id of a run")
    if plan is not None and from_json(RunPlan, plan).run_id != run_id:
        raise ValueError(f"its plan is of {plan['run_id']!r}, not of {run_id!r}")


def _step(step: RecordedStep, asked: Asked, bases: _Conversations, redact: Callable[[str], str]) -> Json:
    entry: dict[str, Json] = {"step": step.kind}
    if step.call_id != step.kind:
        entry["call"] = step.call_id
    value = _without(_shortened(step), redact)
    shown = RecordedStep(step.position, step.kind, step.call_id, "", value, failure=step.failure)
    bases.note_prompt(shown)
    question = asked.get((step.kind, step.call_id))
    if question is not None:
        entry["asked"] = bases.since(shown, question)
    if step.failure is not None:
        return {**entry, "error": _without(error_to_json(step.failure), redact)}
    return {**entry, "value": value}


def _shortened(step: RecordedStep) -> Json:
    """Return what is kept of a step's value: not twice the same, and no more digits of a second than say something."""
    value = step.value
    if step.failure is not None or not isinstance(value, dict):
        return value
    if step.kind == "publish":
        return {**value, "digest": ""}
    if step.kind == "collect":
        return {**value, "items": [_named(item, value["collected"]) for item in value["items"]]}
    return {**value, "elapsed_s": round(value["elapsed_s"], 3)} if "elapsed_s" in value else value


def _named(item: Json, collected: Sequence[Json]) -> Json:
    """Return the link of an item that stands among the collected ones as it is, and nowhere otherwise."""
    of_that_link = [one for part in collected for one in part["items"] if one["url"] == item["url"]]
    return item["url"] if of_that_link and all(one == item for one in of_that_link) else item


def _whole(item: Json, collected: Sequence[Json]) -> Json:
    """Return the item of which `_named` returned this. Raises ValueError for a link that was not collected."""
    if not isinstance(item, str):
        return item
    found = next((one for part in collected for one in part["items"] if one["url"] == item), None)
    if found is None:
        raise ValueError(f"{item} is named among the items, and was not collected")
    return found


def _step_of(entry: Mapping[str, Any], position: int) -> RecordedStep:
    kind, value = str(entry["step"]), entry.get("value")
    error = None if "error" not in entry else error_from_json(dict(entry["error"]))
    if error is None and "value" not in entry:
        raise ValueError(f"step {position} ({kind}) has neither value nor error")
    if kind == "collect" and value is not None:
        value = {**value, "items": [_whole(item, value["collected"]) for item in value["items"]]}
    return RecordedStep(
        position,
        kind,
        str(entry.get("call", kind)),
        args_hash="",
        value=value,
        error=None if error is None else str(error),
        failure=error,
    )


class _Conversations:
    """What was said up to each model call, so that each of them is written down once."""

    def __init__(self) -> None:
        self._ends: dict[str, Json] = {}

    def note_prompt(self, step: RecordedStep) -> None:
        """Remember the prompt with which a conversation begins, if the step is the one that made it."""
        if (step.kind, step.call_id) == ("assemble", _PROMPT) and step.failure is None:
            self._ends[_PROMPT] = what_is_asked("model", step.value)

    def since(self, step: RecordedStep, asked: Json) -> Json:
        """Return what the call asks beyond what was said before, with the name of what it goes on from."""
        if step.kind != "model":
            return asked
        shown = asked
        for name, end in reversed(self._ends.items()):
            count = len(end["messages"])
            if asked["messages"][:count] == end["messages"] and asked["tools"] == end["tools"]:
                shown = {"after": name, "messages": asked["messages"][count:]}
                break
        self._end(step, asked)
        return shown

    def whole(self, step: RecordedStep, shown: Json) -> Json:
        """Return the request of which `since` returned this."""
        asked = shown
        if step.kind == "model" and "after" in shown:
            end = self._ends[shown["after"]]
            asked = {"messages": [*end["messages"], *shown["messages"]], "tools": end["tools"]}
        if step.kind == "model":
            self._end(step, asked)
        return what_is_asked(step.kind, asked)

    def _end(self, step: RecordedStep, asked: Json) -> None:
        reply = step.value["reply"] if step.failure is None and isinstance(step.value, dict) else None
        if reply is not None:
            said = message_asked({"role": "assistant", "content": reply["text"], "tool_calls": reply["tool_calls"]})
            self._ends[step.call_id] = {"messages": [*asked["messages"], said], "tools": asked["tools"]}


def _without(value: Json, redact: Callable[[str], str]) -> Any:
    """Return the value with the secrets taken out of all of its texts."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _without(inner, redact) for key, inner in value.items()}
        case list() | tuple():
            return [_without(inner, redact) for inner in value]
        case _:
            return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.astimezone(UTC)
