"""Tools of the Tech Radar: putting a technology on it, saying what it is worth, and deciding what becomes of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from harness.bus.radar.decisions import Deciding, decide, mirror_requests, refresh_overview, today
from harness.bus.radar.folder import RadarFolder, path_of
from harness.bus.radar.page import Evaluation, with_evaluation
from harness.domain.errors import ToolError
from harness.domain.message import Message
from harness.domain.radar import Move, Quadrant, Technology
from harness.domain.request import Standing
from harness.domain.source import canonical_url
from harness.gate.caller import Caller
from harness.gate.outside import fence_parts
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.gate.sanitise import in_short
from harness.store.runs import RunRow
from harness.tools.bus import Desk, acting_run

RADAR_TOOLS = ("radar_propose", "radar_evaluate", "radar_decide")

_NAME_CHARS = 80
_TEXT_CHARS = 1_200
_URL = re.compile(r"https?://[^\s<>\"'|\]]+", re.IGNORECASE)
_ENDS = ".,;:!?)*_`"


class ProposeArguments(Arguments):
    name: str
    url: Annotated[str, Field(description="one that you were given")]
    quadrant: Quadrant
    why: str


class EvaluateArguments(Arguments):
    technology: str
    evaluation: str
    risks: str
    replaces: str = ""


class DecideArguments(Arguments):
    technology: str
    ring: Literal["adopt", "trial", "assess", "hold"]
    reason: str


def radar_tools(desk: Desk) -> tuple[Tool, ...]:
    """Return the tools of the radar."""
    at_radar, writes = _AtRadar(desk), Traits(effect="write")
    return (
        define_tool(
            "radar_propose",
            "Put a technology that you found on the Tech Radar.",
            ProposeArguments,
            at_radar.propose,
            writes,
        ),
        define_tool(
            "radar_evaluate",
            "Write down what a technology is worth to us.",
            EvaluateArguments,
            at_radar.evaluate,
            writes,
        ),
        define_tool(
            "radar_decide",
            "Decide on an evaluated technology; adopt and trial are delegated.",
            DecideArguments,
            at_radar.decide,
            writes,
        ),
    )


class _AtRadar:
    """What the tools do; doing it again changes nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def propose(self, arguments: ProposeArguments, caller: Caller) -> str:
        return await asyncio.to_thread(self._propose, arguments, caller)

    async def evaluate(self, arguments: EvaluateArguments, caller: Caller) -> str:
        return await asyncio.to_thread(self._evaluate, arguments, caller)

    async def decide(self, arguments: DecideArguments, caller: Caller) -> str:
        return await asyncio.to_thread(self._decide, arguments, caller)

    def _propose(self, arguments: ProposeArguments, caller: Caller) -> str:
        self._run(caller)
        url = _collected(arguments.url, caller)
        folder, day = self._folder(), today(self._desk.team(), self._desk.clock.now())
        name = _line(arguments.name, _NAME_CHARS)
        if not re.search(r"\w", name) or not arguments.why.strip():
            raise ToolError("say in name what it is called, and in why what it is good for")
        wanted = Technology("", name, "discovered", arguments.quadrant, url, caller.agent, caller.run_id)
        found = folder.add(wanted, Move(day, "discovered", _line(arguments.why, _TEXT_CHARS), caller.run_id))
        refresh_overview(folder, day)
        if found.found_run == caller.run_id and found.name == name:
            return f"{path_of(found.slug)} is on the radar now, and waits for its evaluation"
        return f"it is on the radar already, as {found.slug} ({found.ring}); nothing was changed"

    def _evaluate(self, arguments: EvaluateArguments, caller: Caller) -> str:
        self._run(caller)
        folder, day = self._folder(), today(self._desk.team(), self._desk.clock.now())
        technology = _find(folder, arguments.technology)
        evaluation = Evaluation(
            _line(arguments.evaluation, _TEXT_CHARS),
            _line(arguments.risks, _TEXT_CHARS),
            _line(arguments.replaces, _TEXT_CHARS),
        )
        if not evaluation.judgement or not evaluation.risks:
            raise ToolError("say in a sentence each what it is worth to us, and what its risks are")
        folder.edit(technology.slug, lambda text: with_evaluation(text, evaluation, day, caller.agent))
        refresh_overview(folder, day)
        return f"written into {path_of(technology.slug)}; it can be decided now"

    def _decide(self, arguments: DecideArguments, caller: Caller) -> str:
        run = self._run(caller)
        team, now, folder = self._desk.team(), self._desk.clock.now(), self._folder()
        mirror_requests(self._desk.database, folder, team, now)
        reason = _line(arguments.reason, _TEXT_CHARS)
        deciding = Deciding(caller.agent, caller.run_id, arguments.ring, reason, run.options.get("request"))
        technology, request = decide(self._desk.database, folder, team, arguments.technology, deciding, now)
        self._desk.wake()
        return f"{technology.slug} is on {technology.ring}. {_asked(request)}"

    def _run(self, caller: Caller) -> RunRow:
        with self._desk.database.read() as connection:
            return acting_run(connection, caller)

    def _folder(self) -> RadarFolder:
        return RadarFolder(self._desk.team().workspace.root)


def _asked(request: Standing | None) -> str:
    if request is None:
        return "Nothing is asked of anybody."
    asked = request.request
    if request.final is not None:
        return f"Request {asked.id} is final: {request.final.result}: {request.final.conclusion}. The person is told."
    return f"Request {asked.id} went to {asked.receiver}; the answer will be in a later prompt."


def _find(folder: RadarFolder, words: str) -> Technology:
    radar = folder.read()
    found = radar.find(words)
    if found is None:
        known = ", ".join(one.slug for one in radar.technologies) or "none"
        raise ToolError(f"there is no technology {in_short(words, _NAME_CHARS)!r} on the radar; there are: {known}")
    return found


def _line(text: str, chars: int) -> str:
    """Return the text as one line that begins no comment, in which it could hide what stands below."""
    return in_short(text, chars).replace("<!--", "&lt;!--")


def _collected(url: str, caller: Caller) -> str:
    """Return the address if the run was given it. Raises ToolError for one that stands nowhere in what it was told."""
    wanted = canonical_url(url)
    if _URL.fullmatch(url.strip()) and wanted in {canonical_url(one) for one in _addresses(caller.conversation)}:
        return url.strip()
    raise ToolError("this address is not among what you were given; use the link of an item, or read the page first")


def _addresses(conversation: tuple[Message, ...]) -> Iterator[str]:
    """Yield the addresses in what the run was told: not those that a model wrote, nor errors that quote them."""
    for message in conversation:
        if message.role == "assistant" or (message.role == "tool" and not fence_parts(message.content)[0]):
            continue
        for found in _URL.findall(message.content):
            yield found
            yield found.rstrip(_ENDS)
