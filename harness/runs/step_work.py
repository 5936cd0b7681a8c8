"""The work inside a run's steps: all of it that touches files, database or network, but for models and tools.

Each method is what one step does and returns what is recorded of it, plain JSON; in which order they come, `workflows`
says. What is returned may be done again by a crash before it was recorded: doing it twice comes to the same.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from harness.bus.digest_reminder import reminder
from harness.bus.handoffs import pass_on
from harness.bus.notices import note_told
from harness.domain.errors import HarnessError, TransientError
from harness.domain.message import Message, ToolSchema
from harness.domain.request import request_of_job
from harness.domain.run import FireState, Outcome, in_preview
from harness.memory.recall import Hit
from harness.ports import Json
from harness.prompt.assemble import assemble, without_secrets
from harness.prompt.gather import gather, memory_path
from harness.prompt.skill_choice import Task
from harness.prompt.template import render_template
from harness.runs.answer import Again, Answer, Draft
from harness.runs.attempts import begin_again, next_attempt
from harness.runs.beside import beside_of
from harness.runs.cancelling import close_if_cancelled
from harness.runs.closing import close_or_suspend
from harness.runs.collecting import Inputs, collect_inputs
from harness.runs.deliveries import deliver_run
from harness.runs.forking import leave_to_holder
from harness.runs.lately import failures_lately
from harness.runs.nudges import without_nudged
from harness.runs.only_if import Ruling, rule
from harness.runs.plan import RunPlan, plan_run
from harness.runs.preflight import preflight
from harness.runs.publishing import publish
from harness.runs.requests.answers import answered, kept_answer, without_artifact
from harness.runs.requests.work import brief_for, job_of, material_of, shown_chars
from harness.runs.roundtable.held import Held, unnamed_in
from harness.runs.roundtable.table_work import TableWork
from harness.runs.services import RunServices
from harness.runs.surroundings import surplus_of
from harness.runs.suspending import Conversation, resume, resumed_plan, suspend
from harness.store.json_codec import to_json
from harness.store.restorations import last_restoration
from harness.store.runs import RunRow, record_prompt, run_by_id

_TRIES_TO_CLOSE = 5

log = logging.getLogger("harness.runs")


class StepWork:
    """What the steps of all runs do, with the services that they reach out to."""

    def __init__(self, services: RunServices) -> None:
        self._services = services
        self._table = TableWork(services)

    def begin(self, run_id: str) -> Json:
        """Return the plan of the run: its own, or that of the run whose conversation it goes on with."""
        services = self._services
        run = self._run(run_id)
        goes_on = "continues" in run.options
        plan = resumed_plan(services, run) if goes_on else plan_run(services, run_id)
        return to_json(RunPlan, plan)

    def _run(self, run_id: str) -> RunRow:
        with self._services.database.read() as connection:
            run = run_by_id(connection, run_id)
        if run is None:
            raise HarnessError(f"there is no run {run_id}")
        return run

    def resume(self, run_id: str) -> Json:
        """Return the conversation that the run goes on with, with the answers that it waited for."""
        services, run = self._services, self._run(run_id)
        limit = shown_chars(services, services.workspace().agent(run.agent))
        return to_json(Conversation, resume(services.database, run, limit, services.state.run_folder(run_id)))

    async def preflight(self, plan: RunPlan) -> Json:
        """Return how the run ends or waits where something that it needs is missing; None if all is there."""
        held_back = await preflight(self._services, plan)
        return None if held_back is None else to_json(Draft, held_back)

    async def collect(self, plan: RunPlan) -> Json:
        """Return what the job reads."""
        services = self._services
        workspace = services.workspace()
        inputs = await collect_inputs(services, workspace, plan.job, plan.inputs, plan.begun_at)
        return to_json(
            Inputs, await asyncio.to_thread(without_nudged, services.database, workspace.root, plan.job, inputs)
        )

    def rule(self, plan: RunPlan, inputs: Inputs) -> Json:
        """Return what the job's condition comes to."""
        return to_json(Ruling, rule(self._services, plan, inputs))

    def assemble(self, plan: RunPlan, inputs: Inputs) -> Json:
        """Return the prompt: messages and tools, what was recalled for it, and the requests of whose ends it tells."""
        services = self._services
        workspace = services.workspace()
        agent = workspace.agent(plan.job.agent)
        brief = "" if plan.request is None else brief_for(services, plan.run_id, agent, plan.request)
        gathered = gather(
            workspace,
            agent,
            plan.job,
            (*material_of(plan.request), *inputs.shown),
            now=plan.begun_at,
            run_inputs={},
            tools=services.tool_schemas(agent, plan.job),
            skills=services.choose_skills(workspace, agent, _task_of(plan, brief)),
            request=brief,
            news=plan.news,
            recall=lambda question: services.recall(workspace, agent, question, _local_day(plan)),
            errors=failures_lately(services.database, plan.job.id),
        )
        prompt = without_secrets(assemble(gathered), services.redact)
        revision = services.revision.of(workspace, (workspace.root / memory_path(agent.name),))
        with services.database.write() as connection:
            record_prompt(connection, plan.run_id, prompt.sha256, prompt.manifest.to_json(), revision)
        left_out = {name for row in prompt.manifest.rows if row.section == "requests" for name in row.dropped}
        return {
            "messages": to_json(tuple[Message, ...], prompt.messages),
            "tools": to_json(tuple[ToolSchema, ...], prompt.tools),
            "recalled": to_json(tuple[Hit, ...], gathered.recalled),
            "told": [one.request_id for one in plan.news if one.is_final and one.request_id not in left_out],
            "surplus": list(surplus_of(plan, inputs, workspace)),
        }

    def fill(self, plan: RunPlan, inputs: Inputs) -> Json:
        """Return the text of a job that a template writes."""
        user_name = self._services.workspace().settings.user_name
        return render_template(plan.job, inputs.shown, user_name=user_name, now=plan.begun_at)

    def publish(self, plan: RunPlan, inputs: Inputs, answer: Answer) -> Json:
        """Write what the run made; return what its fire is to be closed with."""
        services = self._services
        nothing_made = without_artifact(answer)
        if nothing_made is not None:
            return to_json(Draft, replace(nothing_made, told=answer.told))
        notice = self._notice(plan)
        if inputs.held is not None:
            answer = replace(answer, gaps=(*answer.gaps, *inputs.held.gaps, *unnamed_in(answer.text, inputs.held)))
            notice = " ".join(filter(None, (notice, f"Minutes of the roundtable: {inputs.held.minutes}")))
        beside = beside_of(services, plan, inputs)
        draft = publish(services.state, plan, inputs, answer, notice=notice, beside=beside, redact=services.redact)
        if plan.request is not None:
            kept = kept_answer(answer, plan, inputs, services.state)
            draft = answered(draft, kept, answer, plan.request, services.state)
        return to_json(Draft, replace(draft, told=answer.told))

    def _notice(self, plan: RunPlan) -> str:
        """Return what stands above the digest: what the reader must know first, and what waits for them.

        A restored team does not know whether it delivered this before.
        """
        with self._services.database.read() as connection:
            restoration = last_restoration(connection)
            is_told = bool(plan.job.deliver) and "needs" not in plan.job.show  # which names each of them
            waiting = reminder(connection) if is_told else ""
        may_repeat = restoration is not None and restoration.has_forgotten(plan.due_at)
        return " ".join(filter(None, (self._services.notice, str(restoration) if may_repeat else "", waiting)))

    def next_turn(self, plan: RunPlan, inputs: Inputs) -> Json:
        """Call the round of the roundtable that is due, or say what the table came to."""
        return self._table.next_turn(plan, inputs)

    def conclude(self, plan: RunPlan, held: Held, draft: Draft, made_by: str) -> Json:
        """Write the minutes of the roundtable with what was concluded from it."""
        return self._table.conclude(plan, held, draft, made_by)

    def deliver(self, plan: RunPlan, draft: Draft) -> Json:
        """Promise the digest to the job's channels and try each of them once; return how that went."""
        services = self._services
        settings = services.workspace().settings
        attempts = deliver_run(
            services.database,
            services.channels(settings),
            settings,
            run_id=plan.run_id,
            names=plan.job.deliver,
            digest=draft.digest,
            now=services.clock.now(),
            owner=services.owner(),
        )
        return [{"channel": attempt.channel, "problem": attempt.problem} for attempt in attempts]

    def close(self, run_id: str, draft: Draft) -> Json:
        """Close or suspend the run's fire, or begin the run again; return which of it. Who does not hold it parks.

        What others keep from being written is tried again: all is done by then but to say so. Each try waits as long
        as the database is patient, so that there is no pause between them.
        """
        for _ in range(_TRIES_TO_CLOSE - 1):
            try:
                return self._close_once(run_id, draft)
            except TransientError as error:
                log.warning("%s could not be closed yet: %s", run_id, error)
        return self._close_once(run_id, draft)

    def _close_once(self, run_id: str, draft: Draft) -> Json:
        services = self._services
        now = services.clock.now()
        is_of_the_bus = bool(draft.suspension or draft.told or request_of_job(self._run(run_id).job_id))
        with services.database.write(alone=is_of_the_bus) as connection:
            # Nobody can ask for its cancel between the look and what follows: the wish would be lost.
            run = run_by_id(connection, run_id, for_change=True)
            if run is None:
                raise HarnessError(f"there is no run {run_id}")
            # Recorded as closed by whoever cannot close it, it would end with its fire open.
            leave_to_holder(run, services.owner())
            cancelled = close_if_cancelled(connection, run, now)
            if cancelled is not None:
                return {"state": str(FireState.CANCELLED), "reason": cancelled}
            again = draft.again or self._next_attempt(run, draft, now)
            if again is not None:
                next_run = begin_again(connection, run, again, owner=services.owner(), now=now)
                return {"state": None if next_run is None else "planned", "reason": again.reason, "next": next_run}
            if draft.suspension is not None:
                state = suspend(connection, run, draft, services.owner(), now)
                return {"state": None if state is None else str(state), "reason": draft.outcome.reason}
            if draft.pass_on is not None and not pass_on(connection, run, draft.pass_on, now):
                draft = replace(draft, outcome=replace(draft.outcome, reason=f"too late: {draft.outcome.reason}"))
            state = close_or_suspend(
                connection,
                run_id=run_id,
                job_id=run.job_id,
                outcome=_marked(draft.outcome, run),
                stop=draft.stop,
                owner=services.owner(),
                now=now,
                final=draft.final,
            )
            # A preview shows the news, and leaves it to the next run that somebody hears of.
            if state is not None and draft.outcome.state.is_success and not run.options.get("preview"):
                note_told(connection, draft.told, run_id, now)
        return {"state": None if state is None else str(state), "reason": draft.outcome.reason}

    def _next_attempt(self, run: RunRow, draft: Draft, now: datetime) -> Again | None:
        if not draft.is_transient:
            return None
        try:
            job = job_of(self._services, run)
        except HarnessError:  # the person removed it while it ran
            return None
        return next_attempt(run, job, draft.outcome.reason, now)


def _local_day(plan: RunPlan) -> date:
    return plan.begun_at.astimezone(ZoneInfo(plan.job.zone)).date()


def _task_of(plan: RunPlan, brief: str) -> Task:
    """Return what the run is to do, as far as it decides which skills it is told of."""
    asked = () if plan.request is None else plan.request.inputs
    return Task(plan.job.agent, plan.job.id, brief or plan.job.prompt, (*plan.job.inputs, *plan.inputs, *asked))


def _marked(outcome: Outcome, run: RunRow) -> Outcome:
    has_failed = outcome.state is FireState.FAILED and run.options.get("preview")
    return replace(outcome, reason=in_preview(outcome.reason)) if has_failed else outcome
