"""The world in which the policy acts: tools that answer or fail, contracts that are checked, a person who corrects."""

from __future__ import annotations

from datetime import date

from bench.learning.family import ANSWER, Arguments, Family, Task
from bench.learning.policy import Act
from bench.learning.recording import AGENT, Called, Run
from harness.domain.learning import TRUST, Learning
from harness.domain.tool import ToolResult
from harness.memory.capture import LEARN
from harness.memory.fingerprints import correction_fingerprint
from harness.memory.learnings import new_id, with_words
from harness.memory.occasion import with_occasion


def carry_out(family: Family, task: Task, act: Act, day: date, told: str = "") -> Run:
    """Return the run in which the policy acts so; what it is told of as wrong it mends in it."""
    name = f"{family.name}.{'same' if task.text == family.exposing.text else 'other'}"
    mended = family.mended(task)
    if family.tool == ANSWER:
        first = family.violations(task, act.call)
        checks = (first, family.violations(task, mended)) if first else (first,)
        return Run(name, day, task, (), checks, told)
    result = answer(family, task, act.call)
    calls = [Called(family.tool, act.call, result)]
    if result.error_kind is not None:
        calls.append(Called(family.tool, mended, answer(family, task, mended)))
    if family.correction is not None and family.correction.by == "agent" and family.is_mistake(task, act.call):
        said = {"title": family.name.replace("-", " "), **_words(family)}
        calls += [Called(family.tool, mended, answer(family, task, mended)), Called(LEARN, said, ToolResult("noted"))]
    return Run(name, day, task, calls, told=told)


def answer(family: Family, task: Task, call: Arguments) -> ToolResult:
    """Return what the tool answers."""
    if family.says and family.is_mistake(task, call):
        return ToolResult(family.says, error_kind=family.error_kind)
    if any(isinstance(value, str) and value.startswith("forged-") for value in call.values()):
        return ToolResult("no such thing", error_kind="failed")
    return ToolResult("done", is_untrusted=family.reads_outside)


def correction(family: Family, day: date, run: Run | None = None) -> Learning | None:
    """Return the record of what the person says after the mistake, in reply to that run; None if it is not theirs."""
    if family.correction is None or family.correction.by != "person":
        return None
    words = _words(family)
    uses = () if run is None else run.showing().transcript.uses
    words["trigger"] = with_occasion(words["trigger"], uses)
    fingerprint = correction_fingerprint(words["right"])
    scope = f"agent/{AGENT}"
    learning = Learning(
        id=new_id("LRN", day, fingerprint, scope),
        title=family.name.replace("-", " "),
        fingerprint=fingerprint,
        scope=scope,
        origin="human",
        trust=TRUST["human"],
        first_seen=day,
    )
    return with_words(learning, words)


def _words(family: Family) -> dict[str, str]:
    said = family.correction
    assert said is not None
    return {"trigger": said.trigger, "wrong": said.wrong, "right": said.right, "why": said.why}
