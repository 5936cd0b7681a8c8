"""Tools of the bus: asking others, and bringing the request that one works on to its end."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from harness.bus.brief import final_as_text
from harness.bus.evidence import Folders, look_at
from harness.bus.guards import check_handoff
from harness.bus.log import append, standing_of
from harness.bus.payload import check_final_text
from harness.bus.read_texts import results_in, texts_read
from harness.bus.sending import Ask, chain_to, send
from harness.bus.team import Team
from harness.domain.agent import Agent
from harness.domain.answer_rules import BROKEN, answer_refusal, judge_answer, rules_of_answers
from harness.domain.contract import Contract
from harness.domain.errors import HarnessError, Refused, ToolError
from harness.domain.known_numbers import KnownNumbers
from harness.domain.message import Message, ToolSchema
from harness.domain.moments import utc_time
from harness.domain.number_sources import known_numbers
from harness.domain.request import USER, Final, Progressed, Request, Standing
from harness.domain.roundtable import seat_of
from harness.domain.run import FireKind, RunState
from harness.domain.tool import End, PassOn, Told, Wait
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.gate.sanitise import in_short
from harness.ports import Clock
from harness.store.database import Database
from harness.store.runs import RunRow, run_by_id
from harness.store.state_folder import StateFolder

ASK = "ask"
FINISH = "finish"
ON_REQUEST = ("progress", FINISH, "reject")
"""What only a run that works on a request is given."""
HANDOFF = "handoff"

_DURATION = re.compile(r"\s*(\d+)\s*(m|min|h|d)\s*")
_UNITS_S = {"m": 60, "min": 60, "h": 3600, "d": 86_400}
_TITLE_CHARS = 80


class AskArguments(Arguments):
    to: str
    task: Annotated[str, Field(min_length=1)]
    background: str = ""
    inputs: list[str] = Field(default_factory=list)
    expected_output: str = ""
    acceptance: list[str] = Field(default_factory=list)
    due: Annotated[str, Field(description="such as 30m, 2h, 1d")] = ""
    fallback: str = ""
    priority: Literal["high", "normal", "low"] = "normal"
    wait: Annotated[bool, Field(description="true: stop here until the answer is there")] = False


class ProgressArguments(Arguments):
    note: Annotated[str, Field(min_length=1, max_length=500)]


class FinishArguments(Arguments):
    conclusion: Annotated[str, Field(min_length=1)]
    evidence: Annotated[list[str], Field(description="files that show it")] = Field(default_factory=list)
    next_actions: list[str] = Field(default_factory=list)
    verdict: Literal["PASS", "FAIL", "NEEDS_WORK"]


class RejectArguments(Arguments):
    reason: Annotated[str, Field(min_length=1)]
    missing: Annotated[list[str], Field(description="what it would take")] = Field(default_factory=list)


class HandoffArguments(Arguments):
    to: str
    reason: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the tools of the bus reach it. `wake` is called when there is something new to be begun."""

    database: Database
    state: StateFolder
    clock: Clock
    team: Callable[[], Team]
    wake: Callable[[], None]


def bus_tools(desk: Desk) -> tuple[Tool, ...]:
    """Return the tools of the bus."""
    writes = Traits(effect="write")
    at_desk = _AtDesk(desk)
    return (
        define_tool(
            ASK,
            "Hand work to another. The answer comes later; with wait it comes here.",
            AskArguments,
            at_desk.ask,
            writes,
        ),
        define_tool("progress", "Tell whoever asked how far you are.", ProgressArguments, at_desk.progress, writes),
        define_tool(
            FINISH,
            "End the request you work on: conclusion, evidence files, next actions, your verdict.",
            FinishArguments,
            at_desk.finish,
            writes,
        ),
        define_tool("reject", "End the request you work on without doing it.", RejectArguments, at_desk.reject, writes),
        define_tool(
            HANDOFF, "Pass the request you work on to another agent.", HandoffArguments, at_desk.handoff, writes
        ),
    )


def granted_bus_tools(agent: Agent, *, is_on_request: bool) -> tuple[str, ...]:
    """Return the tools of the bus that a run has: asking where somebody may be asked, ending where it was asked."""
    asking = (ASK,) if agent.may_ask else ()
    ending = ON_REQUEST if is_on_request else ()
    return (*asking, *ending, *((HANDOFF,) if asking and ending else ()))


def naming_receivers(schema: ToolSchema, agent: Agent, agents: Mapping[str, Agent]) -> ToolSchema:
    """Return what the agent's model is told of asking: whom it may ask, and what each of them does."""
    if schema.name != ASK:
        return schema
    known = (f"{name} ({in_short(agents[name].description, _TITLE_CHARS)})" for name in agent.may_ask if name in agents)
    person = ("user (the person)",) if USER in agent.may_ask else ()
    whom = "; ".join((*known, *person))
    properties = {**schema.parameters["properties"], "to": {"type": "string", "enum": list(agent.may_ask)}}
    described = f"{schema.description} There are: {whom}."
    return replace(schema, description=described, parameters={**schema.parameters, "properties": properties})


class _AtDesk:
    """What the tools do; each change is one transaction, and doing it again changes nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, arguments: AskArguments, caller: Caller) -> str | Told:
        return await asyncio.to_thread(self._ask, arguments, caller)

    async def progress(self, arguments: ProgressArguments, caller: Caller) -> str:
        return await asyncio.to_thread(self._progress, arguments, caller)

    async def finish(self, arguments: FinishArguments, caller: Caller) -> Told:
        return await asyncio.to_thread(self._finish, arguments, caller)

    async def reject(self, arguments: RejectArguments, caller: Caller) -> Told:
        final = Final("rejected", arguments.reason, actions=tuple(arguments.missing))
        return await asyncio.to_thread(self._end, final, caller)

    async def handoff(self, arguments: HandoffArguments, caller: Caller) -> Told:
        return await asyncio.to_thread(self._handoff, arguments, caller)

    def _ask(self, arguments: AskArguments, caller: Caller) -> str | Told:
        team, now = self._desk.team(), self._desk.clock.now()
        _check_may_ask(team, caller.agent, arguments.to)
        due_at = _due(arguments.due, now)
        with self._desk.database.write(alone=True) as connection:
            run = acting_run(connection, caller)
            if "request" in run.options:
                _held(connection, caller)
            ask = Ask(
                sender=caller.agent,
                receiver=arguments.to,
                task=arguments.task,
                key=_key(run, arguments),
                due_at=due_at,
                background=arguments.background,
                inputs=tuple(arguments.inputs),
                expected_output=arguments.expected_output,
                acceptance=tuple(arguments.acceptance),
                fallback=arguments.fallback,
                priority=arguments.priority,
                parent=run.options.get("request"),
                parent_run=run.id,
                is_untrusted=True,
            )
            sent = send(connection, ask, team, now)
        self._desk.wake()
        return _answer(sent.standing, waits=arguments.wait)

    def _progress(self, arguments: ProgressArguments, caller: Caller) -> str:
        with self._desk.database.write(alone=True) as connection:
            standing, token = _held(connection, caller)
            note = Progressed(token, arguments.note)
            append(connection, standing, note, by=caller.agent, now=self._desk.clock.now())
        return f"{standing.request.sender} can read it"

    def _finish(self, arguments: FinishArguments, caller: Caller) -> Told:
        with self._desk.database.read() as connection:
            standing, _ = _held(connection, caller)
        folders = Folders(caller.paths, (caller.folder,), self._desk.state.root)
        evidence = look_at(arguments.evidence, folders, standing.request.files_since)
        final = Final("done", arguments.conclusion, evidence, tuple(arguments.next_actions), arguments.verdict)
        check_final_text(final)
        self._check_rules(final, standing.request, caller)
        return Told("noted; this ends your work on it", End(final))

    def _check_rules(self, final: Final, request: Request, caller: Caller) -> None:
        """Raise ToolError, once in a run, if the answer breaks what the agent promises for its answers.

        What is still wrong the second time is taken: it is left out when the answer is published.
        """
        rules = rules_of_answers(self._desk.team().workspace.agent(caller.agent).contract)
        if seat_of(request) is not None or rules == Contract() or _was_told(caller.conversation):
            return
        known = KnownNumbers()
        if rules.numbers is not None:
            known = known_numbers((), *texts_read(request, caller.conversation, caller.folder))
        violations = judge_answer(rules, final.conclusion, final.actions, known)
        if violations:
            raise ToolError(answer_refusal(violations))

    def _end(self, final: Final, caller: Caller) -> Told:
        check_final_text(final)
        with self._desk.database.read() as connection:
            _held(connection, caller)
        return Told("noted; this ends your work on it", End(final))

    def _handoff(self, arguments: HandoffArguments, caller: Caller) -> Told:
        team = self._desk.team()
        _check_may_ask(team, caller.agent, arguments.to)
        with self._desk.database.read() as connection:
            standing, _ = _held(connection, caller)
            check_handoff(standing, arguments.to, chain_to(connection, standing.request))
        return Told(f"{arguments.to} will get it; this ends your work on it", PassOn(arguments.to, arguments.reason))


def _was_told(conversation: Sequence[Message]) -> bool:
    return any(tool == FINISH and BROKEN in result for tool, result in results_in(conversation))


def _check_may_ask(team: Team, agent: str, receiver: str) -> None:
    may_ask = team.workspace.agent(agent).may_ask
    if receiver not in may_ask:
        raise Refused("not-granted", f"you may ask: {', '.join(may_ask) or 'nobody'}")


def acting_run(connection: Connection, caller: Caller) -> RunRow:
    """Return the caller's run if what it does counts. Raises Refused for a preview, and for a run that is over."""
    run = run_by_id(connection, caller.run_id)
    if run is None:
        raise HarnessError(f"there is no run {caller.run_id}")
    if run.options.get("preview"):
        raise Refused("preview", "a preview has no effects; say what you would have asked")
    if run.state is RunState.ENDED or run.cancel_reason is not None:
        raise Refused("superseded", "this run is over, or is to be: what it says counts for nothing any more")
    return run


def _held(connection: Connection, caller: Caller) -> tuple[Standing, int]:
    """Return the request that the run works on and its token. Raises ToolError if it is none, or over by now."""
    run = acting_run(connection, caller)
    if run.kind is not FireKind.BUS or "request" not in run.options:
        raise ToolError("this run works on no request")
    standing = standing_of(connection, run.options["request"])
    token = int(run.options["token"])
    if not standing.is_open or standing.token != token or standing.receiver != caller.agent:
        raise Refused("superseded", f"request {standing.request.id} is {standing.state}, and not yours any more")
    return standing, token


def _answer(standing: Standing, *, waits: bool) -> str | Told:
    asked = standing.request
    if standing.final is not None:
        return final_as_text(standing.final, asked)
    sent = f"request {asked.id} to {asked.receiver}, due {utc_time(asked.due_at)}"
    if waits:
        return Told(f"{sent}: waiting for the answer", Wait(asked.id))
    return f"sent: {sent}; the answer will be in your next prompt"


def _key(run: RunRow, arguments: AskArguments) -> str:
    """Return the idempotency key: what the same work asks of the same receiver again is the same request.

    Also in another attempt at the run, and in the run that goes on with it.
    """
    work = re.sub(r"[~.]\d+", "", run.id.rpartition(":")[2])
    asked = "\n".join((arguments.task, arguments.background, *arguments.inputs))
    return f"{run.id.rpartition(':')[0]}:{work}/{arguments.to}/{hashlib.sha256(asked.encode()).hexdigest()[:16]}"


def _due(text: str, now: datetime) -> datetime | None:
    if not text.strip():
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ToolError(f"due: {text[:_TITLE_CHARS]!r} is no duration; write 30m, 2h or 1d")
    return now + timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])
