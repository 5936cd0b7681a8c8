"""One run, from its claimed row to its closed fire: the order of steps that every job takes.

begin → preflight → collect → only_if → assemble → (model ↔ tools → check) at most twice → publish → deliver →
close. A run that waits for others is closed where it is, as suspended; the one that goes on with it begins with
begin → resume, in the middle of the conversation. Steps that a job has no use for are left out: which ones, its
recorded plan says. Everything that touches time, files, network or database happens inside a step (`step_work`), so
that a run that was killed goes on at the first step that is not recorded. Whoever changes the order raises
`engine.WORKFLOW_VERSION`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeGuard

from harness.domain.budget import shed_by_stop
from harness.domain.cause import cause_of
from harness.domain.errors import HarnessError, LimitReached, OwnerError, ReplayMismatch, TransientError
from harness.domain.judgement import repair_message
from harness.domain.message import Message, ModelReply, ModelRequest, ToolSchema, Usage
from harness.domain.run import BudgetSpent, Completed, FireState, Outcome, Stop
from harness.domain.settings import EXTRACTIVE
from harness.gate.granted_tools import GrantedTools
from harness.llm.extractive import LABEL as NO_MODEL
from harness.ports import Blocking, Json, Steps
from harness.runs.actions import AskingAction
from harness.runs.answer import Answer, Draft
from harness.runs.broken_off import words_for
from harness.runs.collecting import Inputs
from harness.runs.contract import examine, grounds_of
from harness.runs.forking import open_run
from harness.runs.only_if import Ruling, collects
from harness.runs.plan import RunPlan, without_money
from harness.runs.publishing import outcome_without_text
from harness.runs.questions import ModelQuestion, action_run, question_of
from harness.runs.requests.answers import answer_by_signal
from harness.runs.roundtable.table_work import TableTurn
from harness.runs.services import RunServices
from harness.runs.step_work import StepWork
from harness.runs.surroundings import surroundings_of
from harness.runs.suspending import Conversation, awaiting_round, suspended
from harness.runs.verdict import Verdict
from harness.store.json_codec import from_json, to_json
from harness.store.usage import BookedCall, record_usage
from harness.turn.limits import Progress, TurnLimits, progress_from_json
from harness.turn.loop import run_turn
from harness.turn.means import Means
from harness.turn.talk import Turn

log = logging.getLogger("harness.runs")

BY_TEMPLATE = "template, no model"


class RunWorkflow:
    """The body that the engine executes for every run."""

    def __init__(self, services: RunServices) -> None:
        self._services = services
        self._work = StepWork(services)

    async def __call__(self, run_id: str, steps: Steps) -> Json:
        """Take the run to its end, whatever happens in it; only a replay that does not fit escapes."""
        try:
            draft = await self.decide(run_id, steps)
            if draft is None:
                return {"state": None, "reason": "it had ended, or was cancelled"}
            return await steps.reserve("close", "close", {}).run(Blocking(partial(self._work.close, run_id, draft)))
        except Exception as error:
            # Its end cannot be recorded; whoever finds it unfinished shall be able to say why.
            self._services.broken_off.note(run_id, error)
            raise
        finally:
            self._services.ended()

    async def decide(self, run_id: str, steps: Steps) -> Draft | None:
        """Do all of the run but its close, and return what it is to be closed with, whatever happens in it.

        None if the run was over before it began, or went on.
        """
        try:
            opened = await self._in_thread(open_run, self._services, run_id, steps)
            return None if opened is None else await self._take(run_id, opened)
        except ReplayMismatch:
            raise
        except TransientError as error:
            return replace(_failed(str(error), error), is_transient=True)
        except HarnessError as error:
            return _failed(str(error), error)
        except Exception as error:  # the step boundary: a bug closes its own run, and no other
            log.exception("run %s broke", run_id)
            return _failed(words_for(error), error)

    async def _take(self, run_id: str, steps: Steps) -> Draft:
        plan = from_json(
            RunPlan, await steps.reserve("begin", "begin", {}).run(Blocking(partial(self._work.begin, run_id)))
        )
        if plan.refusal is not None:
            return plan.refusal
        if plan.goes_on_from is not None:
            return await self._go_on(plan, steps)
        if plan.needs_preflight:
            held_back = await steps.reserve("preflight", "preflight", {}).run(partial(self._work.preflight, plan))
            if held_back is not None:
                return from_json(Draft, held_back)
        inputs = Inputs()
        if collects(plan):
            inputs = from_json(
                Inputs, await steps.reserve("collect", "collect", {}).run(partial(self._work.collect, plan))
            )
        ruling = Ruling()
        if not plan.job.only_if.is_empty:
            judge = Blocking(partial(self._work.rule, plan, inputs))
            ruling = from_json(Ruling, await steps.reserve("only_if", "only_if", {}).run(judge))
        return ruling.held_back or ruling.kept_in(await self._make(plan, inputs, steps))

    async def _make(self, plan: RunPlan, inputs: Inputs, steps: Steps) -> Draft:
        """Write what the job is for, publish it, and deliver it."""
        if plan.job.action is not None:
            written: Answer | Draft = await self._act(plan, steps)
        elif plan.job.roundtable is not None:
            written = outcome_without_text(plan, inputs) or await self._sit(plan, inputs, steps)
        else:
            written = outcome_without_text(plan, inputs) or await self._write(plan, inputs, steps)
        return written if isinstance(written, Draft) else await self._hand_out(plan, inputs, written, steps)

    async def _go_on(self, plan: RunPlan, steps: Steps) -> Draft:
        """Go on with the conversation of a run that waited, now that the answers are there."""
        resumed = Blocking(partial(self._work.resume, plan.run_id))
        kept = from_json(Conversation, await steps.reserve("resume", "resume", {}).run(resumed))
        if kept.round:
            concluded = await self._sit(plan, kept.inputs, steps, after=kept.round)
            return Ruling(state=kept.condition_state).kept_in(concluded)
        request = replace(kept.request, sources=kept.inputs.items)
        written = await self._ask(
            plan, kept.inputs, request, steps, progress=progress_from_json(kept.progress), told=kept.told
        )
        if isinstance(written, Answer):
            written = await self._hand_out(plan, kept.inputs, written, steps)
        return Ruling(state=kept.condition_state).kept_in(written)

    async def _sit(self, plan: RunPlan, inputs: Inputs, steps: Steps, after: int = 0) -> Draft:
        """Wait for the round of the roundtable that is due after this one; conclude what was said once all are over."""
        look = Blocking(partial(self._work.next_turn, plan, inputs))
        turn = from_json(TableTurn, await steps.reserve("roundtable", f"after-{after}", {}).run(look))
        if turn.ended is not None:
            return turn.ended
        if turn.held is None:
            return awaiting_round(plan, inputs, turn.round, turn.waits)
        inputs = replace(inputs, held=turn.held)
        written = await self._write(plan, inputs, steps)
        return written if isinstance(written, Draft) else await self._hand_out(plan, inputs, written, steps)

    async def _hand_out(self, plan: RunPlan, inputs: Inputs, written: Answer, steps: Steps) -> Draft:
        draft = from_json(
            Draft,
            await steps.reserve("publish", "publish", {}).run(
                Blocking(partial(self._work.publish, plan, inputs, written))
            ),
        )
        if inputs.held is not None:
            conclude = Blocking(partial(self._work.conclude, plan, inputs.held, draft, written.made_by))
            await steps.reserve("roundtable", "minutes", {}).run(conclude)
        if draft.outcome.artifact is not None and plan.job.deliver and not plan.is_preview:
            # Not as Blocking: a server may take its time.
            deliver = partial(self._work.deliver, plan, draft)
            await steps.reserve("deliver", "deliver", {}).run(partial(self._in_thread, deliver))
        return draft

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────

    async def _write(self, plan: RunPlan, inputs: Inputs, steps: Steps) -> Answer | Draft:
        if plan.method == "template":
            return _as_shed(plan, await self._fill(plan, inputs, steps))
        prompt = await steps.reserve("assemble", "prompt", {}).run(Blocking(partial(self._work.assemble, plan, inputs)))
        request = ModelRequest(
            messages=from_json(tuple[Message, ...], prompt["messages"]),
            tools=from_json(tuple[ToolSchema, ...], prompt["tools"]),
            sources=tuple(item for item in inputs.items if item.key not in prompt.get("surplus", ())),
            min_items=plan.job.contract.min_items or 0,
            max_items=plan.job.contract.max_items or 30,
            max_output_tokens=plan.max_output_tokens,
        )
        # A prompt of the harness before the bus was recorded without: it told of no request.
        told = tuple(prompt.get("told", ()))
        progress = Progress()
        written = await self._ask(plan, inputs, request, steps, progress=progress, told=told)
        if isinstance(written, Answer) and _had_no_money(written.stop, progress):
            return await self._write_without_money(plan, inputs, request, written.stop, steps, progress)
        return _as_shed(plan, written)

    async def _fill(self, plan: RunPlan, inputs: Inputs, steps: Steps) -> Answer:
        fill = Blocking(partial(self._work.fill, plan, inputs))
        text = str(await steps.reserve("assemble", "template", {}).run(fill))
        verdict = await self._check(plan, inputs, text, (), steps, "check-1")
        return Answer(text, BY_TEMPLATE, Completed(), verdict)

    async def _write_without_money(
        self, plan: RunPlan, inputs: Inputs, request: ModelRequest, stop: BudgetSpent, steps: Steps, progress: Progress
    ) -> Answer | Draft:
        """Do as the job says for runs without a language model, where a budget of the day had no room for a call."""
        shed = shed_by_stop(stop, now=plan.begun_at, zone=self._services.workspace().settings.home_zone)
        plan = without_money(plan, shed)
        if plan.refusal is not None:
            return plan.refusal
        if plan.method == "template":
            return _as_shed(plan, await self._fill(plan, inputs, steps))
        written = outcome_without_text(plan, inputs) or await self._ask(
            plan, inputs, request, steps, progress=progress, told=()
        )
        return _as_shed(plan, written)

    async def _ask(
        self,
        plan: RunPlan,
        inputs: Inputs,
        request: ModelRequest,
        steps: Steps,
        *,
        progress: Progress,
        told: tuple[str, ...],
    ) -> Answer | Draft:
        """Let the model answer, judge it, and give it one turn to repair what its contract names.

        Where it waits for others, or ended a request with a tool, there is nothing to judge yet, or any more.
        """
        turn = await self._turn(plan, request, steps, progress)
        if turn.waits or turn.signal is not None:
            return _without_text(plan, inputs, turn, request, told)
        answer = replace(_answer(turn), told=told)
        if not isinstance(turn.stop, Completed):
            return answer
        verdict = await self._check(plan, inputs, turn.text, turn.messages, steps, "check-1")
        if not verdict.violations:
            return replace(answer, verdict=verdict)
        repair = replace(
            request,
            messages=(*turn.messages, Message("user", repair_message(verdict.violations))),
            sources=tuple(item for item in request.sources if item.url not in verdict.bad_urls),
        )
        # Where the repair fails the first answer stands, with what is wrong with it: better than nothing.
        unrepaired = replace(answer, verdict=verdict)
        try:
            turn = await self._turn(plan, repair, steps, progress)
        except (LimitReached, TransientError) as error:
            return replace(unrepaired, gaps=(*answer.gaps, f"the answer could not be repaired: {error}"))
        if turn.waits or turn.signal is not None:
            return _without_text(plan, inputs, turn, request, told)
        if not isinstance(turn.stop, Completed):
            gap = f"the answer could not be repaired: {turn.stop}"
            return replace(unrepaired, gaps=(*answer.gaps, gap), messages=turn.messages)
        verdict = await self._check(plan, inputs, turn.text, turn.messages, steps, "check-2")
        return replace(_answer(turn), told=told, verdict=verdict)

    async def _turn(self, plan: RunPlan, request: ModelRequest, steps: Steps, progress: Progress) -> Turn:
        services = self._services
        workspace = services.workspace()
        agent = workspace.agent(plan.job.agent)
        choice = services.choose_model(workspace.settings, agent, plan.job)
        caller = services.caller(agent, workspace, plan.job, plan.run_id)

        def book(call_id: str, reply: ModelReply, latency_s: float) -> None:
            booked = BookedCall(
                plan.run_id,
                call_id,
                plan.job.id,
                EXTRACTIVE if reply.model == NO_MODEL else reply.profile,
                reply.model,
                reply.usage,
                reply.cost_usd,
                latency_s,
            )
            with services.database.write() as connection:
                record_usage(connection, booked, services.clock.now())

        return await run_turn(
            request,
            Means(choice.model, GrantedTools(services.gate, caller), steps, services.stopwatch, book, plan.run_id),
            TurnLimits(
                max_iterations=plan.job.max_iterations,
                timeout_s=plan.job.timeout_s,
                price=choice.price,
                budget_usd=plan.budget_usd,
            ),
            plan.rules,
            progress,
        )

    async def _check(
        self,
        plan: RunPlan,
        inputs: Inputs,
        text: str,
        conversation: tuple[Message, ...],
        steps: Steps,
        call_id: str,
    ) -> Verdict:
        limits = self._services.workspace().settings.sources
        folder = self._services.state.run_folder(plan.run_id)

        async def work() -> Json:
            surroundings = await asyncio.to_thread(surroundings_of, self._services, plan, inputs)
            grounds = await asyncio.to_thread(grounds_of, plan, inputs, surroundings, conversation, folder)
            return to_json(Verdict, await examine(text, grounds, self._services.web, limits))

        return from_json(Verdict, await steps.reserve("check", call_id, {"text": text}).run(work))

    async def _act(self, plan: RunPlan, steps: Steps) -> Answer | Draft:
        assert plan.job.action is not None
        action = self._services.actions[plan.job.action]

        if isinstance(action, AskingAction):
            return await self._act_and_ask(plan, action, steps)

        def work() -> Json:
            result = action(plan.job, plan.due_at, plan.begun_at)
            return {"reason": result.reason, "text": result.text}

        result = await steps.reserve("act", plan.job.action, {}).run(partial(self._in_thread, work))
        if not result["text"]:
            return Draft(Outcome(FireState.SILENT, result["reason"]), "completed")
        return Answer(result["text"], f"{plan.job.action}, no model", Completed())

    async def _act_and_ask(self, plan: RunPlan, action: AskingAction, steps: Steps) -> Answer | Draft:
        """Ask the model what the action wants to know of it, once; what cannot be asked is a gap, and no failure."""

        def ask() -> Json:
            return to_json(ModelQuestion, question_of(self._services, plan, action))

        asked = await steps.reserve("act", f"{plan.job.action}-question", {}).run(partial(self._in_thread, ask))
        question = from_json(ModelQuestion, asked)
        turn, gap = None, question.gap
        if question.request is not None:
            turn, gap = await self._answer_to(plan, question.request, steps)
        answer = None if turn is None else turn.text

        def work() -> Json:
            result = action.act(action_run(plan), answer)
            return {"reason": result.reason, "text": result.text}

        result = await steps.reserve("act", str(plan.job.action), {}).run(partial(self._in_thread, work))
        text = result["text"] or (f"{result['reason']}.\n" if gap else "")
        if not text:
            return Draft(Outcome(FireState.SILENT, result["reason"]), "completed")
        made_by = f"{plan.job.action}, {'no model' if turn is None else turn.model}"
        return Answer(text, made_by, Completed(), gaps=(gap,) if gap else (), cause=question.cause)

    async def _answer_to(self, plan: RunPlan, request: ModelRequest, steps: Steps) -> tuple[Turn | None, str]:
        """Return the model's answer, or why there is none."""
        try:
            turn = await self._turn(replace(plan, budget_usd=plan.job.budget_usd), request, steps, Progress())
        except (LimitReached, OwnerError, TransientError) as error:
            return None, f"the model gave no answer: {error}"
        if not isinstance(turn.stop, Completed):
            return None, f"the model gave no answer: {turn.stop}"
        return turn, ""

    @staticmethod
    async def _in_thread(work: Callable[..., Json], *args: Any) -> Json:
        return await asyncio.to_thread(work, *args)


def _without_text(
    plan: RunPlan, inputs: Inputs, turn: Turn, request: ModelRequest, told: tuple[str, ...]
) -> Answer | Draft:
    """Return how a turn ends that waits for others, or in which a tool ended the work: no text is judged."""
    return suspended(plan, inputs, turn, request, told) if turn.waits else answer_by_signal(turn, told)


def _had_no_money(stop: Stop, progress: Progress) -> TypeGuard[BudgetSpent]:
    """Say whether a budget of the day had no room for the first call already: nothing paid for would be lost."""
    return isinstance(stop, BudgetSpent) and bool(stop.whose) and progress.usage == Usage()


def _as_shed(plan: RunPlan, written: Answer | Draft) -> Answer | Draft:
    """Return what was written with the reason for which no language model wrote it, if that is a budget."""
    if plan.shed is None or isinstance(written, Draft):
        return written
    return replace(written, gaps=(plan.shed.reason, *written.gaps), cause=plan.shed.cause)


def _answer(turn: Turn) -> Answer:
    gaps = ("the model's answer was cut at its output limit",) if turn.is_truncated else ()
    return Answer(turn.text, turn.model, turn.stop, gaps=gaps, messages=turn.messages)


def _failed(reason: str, error: Exception) -> Draft:
    return Draft(Outcome(FireState.FAILED, reason, cause=cause_of(error)), "error")
