"""A run played again: what the world said then is played back, what the harness does is done by today's code.

Nothing here reaches the world. Models and tools are steps whose work is never done, links answer as they
were recorded to, and the services are made for the occasion: see `harness.wiring.playback`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.domain.errors import HarnessError, TransientError
from harness.domain.run import Outcome
from harness.domain.workspace import Workspace
from harness.memory.recall import Hit
from harness.ports import Json, RecordedStep, Step, WebResponse
from harness.runs.answer import Draft
from harness.runs.only_if import Ruling
from harness.runs.plan import RunPlan
from harness.runs.reachability import Reach
from harness.runs.recording import Recording, find_step, step_name
from harness.runs.services import RunServices
from harness.runs.tape import ASKING_KINDS, Asked, Tape
from harness.runs.verdict import Verdict
from harness.runs.workflows import RunWorkflow
from harness.store.json_codec import from_json, to_json
from harness.store.state_folder import StateFolder
from harness.store.step_records import args_hash

_DONE_ANEW = frozenset({"assemble", "check", "publish", "keep"})
"""The work of the harness itself; every other step is the world's answer."""


class RecordEnds(TransientError):
    """Today's code asks the world for something that it was not asked for then.

    For the run it is a model or a tool that cannot be had: where it can do without, it goes on.
    """


async def replay(recording: Recording, services: RunServices, tape: Tape | None = None) -> Recording:
    """Do the run again with the answers of then, and return it as if it had been recorded.

    `services` must lead nowhere, and write only where it does not matter. The plan is that of then, with the
    job as it is today. `tape` holds the recording's steps and notes what is asked today and was not asked then;
    without one each answer belongs to its place, whatever is asked.
    Raises HarnessError if the job is gone.
    """
    # What was remembered then is the world's as well: since, memory has grown.
    services = replace(services, recall=lambda workspace, agent, question, today: _recalled_then(recording))
    tape = tape or Tape(recording.steps)
    plan = _plan_today(recording, services.workspace())
    if plan is not None and plan["request"] is None:
        tape.compare_inputs(services.workspace().job(recording.run.job_id).inputs)
    steps = PlaybackSteps(tape, plan=plan)
    draft = await RunWorkflow(services).decide(recording.run.id, steps)
    assert draft is not None, "a ledger in which the run does not stand cannot say that it is over"
    run = replace(
        recording.run, outcome=_outcome_of(recording, draft), stop=draft.stop, manifest=None, artifacts_deleted_at=None
    )
    return Recording(run, None, tuple(steps.done), digest=_digest_of(draft, services.state))


def _recalled_then(recording: Recording) -> tuple[Hit, ...]:
    prompt = recording.value("assemble", "prompt") or {}
    return from_json(tuple[Hit, ...], prompt.get("recalled", ()))


async def what_was_asked(recording: Recording, services: RunServices) -> Asked:
    """Return what was asked in the run's steps, which their records keep only as a hash; `services` as in `replay`.

    It is found by taking the run's way once more over all of its records. A step is left out where today's code
    comes to something else there than was asked then.
    """
    steps = _ListeningSteps(recording.steps)
    await RunWorkflow(services).decide(recording.run.id, steps)
    return steps.asked


class PlaybackSteps:
    """Steps in memory that do the harness's own work and play back everything else."""

    def __init__(self, tape: Tape, *, plan: Json) -> None:
        self._tape = tape
        self._plan = plan
        self._places = 0
        self.done: list[RecordedStep] = []
        """What today's pass came to, in the order in which it ended."""

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        """Reserve the next place."""
        self._places += 1
        return _PlaybackStep(self, RecordedStep(self._places, kind, call_id, args_hash(args)), args)

    async def take(self, step: RecordedStep, args: Json, work: Callable[[], Awaitable[Json]]) -> Json:
        """Return the step's value, of then or of today, and keep it."""
        try:
            value = await work() if step.kind in _DONE_ANEW else self._play_back(step, args)
        except HarnessError as error:
            self.done.append(replace(step, error=str(error), failure=error))
            raise
        self.done.append(replace(step, value=value))
        return value

    def _play_back(self, step: RecordedStep, args: Json) -> Json:
        then = self._tape.answer(step.kind, step.call_id, args)
        if then is not None and then.failure is not None:
            raise then.failure
        match step.kind:
            case "begin":
                return self._plan
            case "deliver":
                return []
            case _ if then is not None:
                return then.value
            case "preflight":
                # What the job asks for today was not looked at then: it is taken as given.
                return None
            case "only_if":
                return to_json(Ruling, Ruling())
            case _:
                raise RecordEnds(f"the {self._tape.word} has no {step_name(step.kind, step.call_id)}")


@dataclass(frozen=True, slots=True)
class _PlaybackStep:
    steps: PlaybackSteps
    step: RecordedStep
    args: Json

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        return await self.steps.take(self.step, self.args, work)


class _ListeningSteps:
    """Steps of which every one is played back, and what is asked in them is kept."""

    def __init__(self, recorded: Sequence[RecordedStep]) -> None:
        self._recorded = recorded
        self.asked: dict[tuple[str, str], Json] = {}

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        """Keep what is asked, where it is what was asked then."""
        then = find_step(self._recorded, kind, call_id)
        if then is not None and kind in ASKING_KINDS and then.args_hash == args_hash(args):
            self.asked[(kind, call_id)] = args
        return _PlayedStep(then, step_name(kind, call_id))


@dataclass(frozen=True, slots=True)
class _PlayedStep:
    then: RecordedStep | None
    name: str

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        if self.then is None:
            raise RecordEnds(f"the record has no {self.name}")
        if self.then.failure is not None:
            raise self.then.failure
        return self.then.value


@dataclass(frozen=True, slots=True)
class RecordedLinks:
    """A `ports.Web` without a network: each link answers as it did when it was checked then."""

    reachability: Mapping[str, Reach] = field(default_factory=dict)

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        """Return the status that was recorded. Raises TransientError for a link that gave no answer."""
        reach = self.reachability.get(url)
        if reach is None:
            raise TransientError("it was not asked for then, and a replay has no network")
        if reach.status is None:
            raise TransientError(reach.reason)
        return WebResponse(reach.status, url, b"")


def recorded_links(recording: Recording) -> RecordedLinks:
    """Return the links as the run's checks had found them."""
    found: dict[str, Any] = {}
    for value in recording.values("check").values():
        found.update(from_json(Verdict, value).reachability)
    return RecordedLinks(found)


def _digest_of(draft: Draft, state: StateFolder) -> str | None:
    """Return the digest that the run made; None for one that made none, whatever a recorded outcome says."""
    if draft.outcome.artifact is None:
        return None
    page = (state.root / draft.outcome.artifact).resolve().with_suffix(".md")
    if not page.is_relative_to(state.root.resolve()) or not page.is_file():
        return None
    return page.read_text(encoding="utf-8")


def _plan_today(recording: Recording, workspace: Workspace) -> Json:
    value = recording.value("begin")
    if value is None:
        return None
    plan = from_json(RunPlan, value)
    # There is no file of the work on a request that could have changed.
    job = plan.job if plan.request is not None else workspace.job(recording.run.job_id)
    profile = recording.run.options.get("profile")
    return to_json(RunPlan, replace(plan, job=replace(job, profile=str(profile)) if profile else job))


def _outcome_of(recording: Recording, draft: Draft) -> Json:
    """Return the draft in the words in which a run's row keeps it."""
    again = recording.run.outcome.get("again") if isinstance(recording.run.outcome, dict) else None
    if draft.again is not None:
        return {"again": draft.again.reason}
    if again is not None and draft.is_transient and str(again).endswith(draft.outcome.reason):
        # It broke off as it did then; whether it is attempted again is not the run's to decide.
        return {"again": again}
    if again is not None and draft.suspension is not None:
        # It waits as it did then; which run goes on with it was decided when the answers were there.
        return {"again": again}
    return to_json(Outcome, draft.outcome)
