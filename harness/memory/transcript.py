"""What a run's recorded steps say of its mistakes: the tool calls, the checks of its contract, and what it had read of
outside. Pure, over the plain data that is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.domain.contract import Contract, Evidence, EvidenceItem, Violation
from harness.domain.judgement import judge
from harness.gate.outside import quotes_outside
from harness.gate.registry import KNOWN_MISTAKE
from harness.gate.sanitise import one_line
from harness.memory.fingerprints import contract_fingerprint, tool_fingerprint
from harness.memory.tool_calls import Arguments, read_arguments
from harness.memory.words import without_templates
from harness.ports import RecordedStep
from harness.store.json_codec import from_json

_SOME_DAY = "2026-01-01"
_WRONG = """\
## Signals

- **A** long · entry 987654.3 · stop 987655.4 · confidence 1 %
- **B** long · entry 987654.3
- **C** entry 987654.3 · stop 987655.4
- **D** long
- **E** wait · entry 987654.3 · long

## Judgement

Nobody knows.

confidence: high, 1 %. confidence: low, 99 %"""
"""A text that claims nothing that anybody could stand by."""

HOW_TO_CALL = ". Call it like this: "

_OF_THE_MOMENT = frozenset({
    KNOWN_MISTAKE, "depth", "fan-out", "may-do-twice", "preview", "queue-full", "receiver-full", "replay",
    "skill-changed", "skill-limit", "skill-withheld", "superseded",
})  # fmt: skip
"""Rules that refuse a call for what else is going on, and not for what it asks."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool and how it went; `error_kind` is None if it worked, `arguments` if they were no JSON object.

    `is_tainted`: the model had read text from outside when it made the call. `brings_outside`: so does the result.
    """

    position: int
    tool: str
    arguments: Arguments | None
    error_kind: str | None = None
    rule: str | None = None
    text: str = ""
    is_tainted: bool = False
    brings_outside: bool = False

    @property
    def is_ok(self) -> bool:
        return self.error_kind is None

    @property
    def is_mistake(self) -> bool:
        """Whether the call was made and failed; one that was not begun, or held back, says nothing.

        Nor does one that only came too late or too often: at another time the same call is right.
        """
        if self.rule in _OF_THE_MOMENT:
            return False
        return self.error_kind in ("failed", "invalid", "refused", "timeout")

    @property
    def fingerprint(self) -> str:
        """What the mistake is recognised by."""
        kind = " ".join(filter(None, (self.error_kind, self.rule)))
        # A model that fails at a tool again is told how it is called; its mistake is the same.
        return _fingerprint(self.tool, self.text.partition(HOW_TO_CALL)[0], kind)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a run did. `first` and `second` are the violations of its answer, and of the repaired one; None where none
    was judged. `promises` are the fingerprints of all that its contract could have been broken in. `task` is what it
    was to do, in words of the team; empty where they may come from outside.
    """

    uses: tuple[ToolUse, ...] = ()
    first: tuple[Violation, ...] | None = None
    second: tuple[Violation, ...] | None = None
    promises: frozenset[str] = frozenset()
    task: str = ""


def read_transcript(steps: Sequence[RecordedStep]) -> Transcript:
    """Return what the steps say; a run without a language model made no mistakes that anybody could learn from."""
    plan = next((step.value for step in steps if step.kind == "begin" and step.value), None)
    if plan is None or plan.get("method") != "model":
        return Transcript()
    checks = {step.call_id: _violations(step.value) for step in steps if step.kind == "check" and step.value}
    return Transcript(
        uses=tuple(_uses(steps)),
        first=checks.get("check-1"),
        second=checks.get("check-2"),
        promises=frozenset(map(violation_fingerprint, _breakable(from_json(Contract, plan["job"]["contract"])))),
        task=_task_in(plan),
    )


@lru_cache(maxsize=1_024)
def _fingerprint(tool: str, error: str, kind: str) -> str:
    """Each record of an agent is held against each mistake of a run."""
    return tool_fingerprint(tool, error, kind)


def violation_fingerprint(violation: Violation) -> str:
    """Return what the broken promise is recognised by."""
    return contract_fingerprint(violation.rule, violation.detail)


def _task_in(plan: Mapping[str, Any]) -> str:
    request = plan.get("request")
    if request is None:
        return one_line(without_templates(plan["job"].get("prompt") or ""))
    return "" if request["is_untrusted"] else one_line(request["task"])


def _violations(verdict: Mapping[str, Any]) -> tuple[Violation, ...]:
    return from_json(tuple[Violation, ...], verdict["violations"])


def _breakable(contract: Contract) -> tuple[Violation, ...]:
    """Return every violation that there can be of the contract, by judging what keeps nothing of it."""
    baskets = tuple(limit.basket for limit in contract.max_share)
    many = tuple(
        EvidenceItem("", f"https://example.com/{n}", True, baskets=baskets)
        for n in range((contract.max_items or 0) + 1)
    )
    bad = (EvidenceItem("", "x:", False), EvidenceItem("", "x:y", True, reachable=False, is_seen=True))
    too_much = Evidence(
        "x" * ((contract.max_chars or 0) + 1), (*many, *bad), days=dict.fromkeys(contract.cite, _SOME_DAY)
    )
    wrong = Evidence("\n\n".join((_WRONG, *contract.must_not_include)), said_on=_SOME_DAY)
    empty = Evidence("\n".join(f"## {title}" for title in contract.sections))
    return tuple(each for evidence in (Evidence(""), too_much, wrong, empty) for each in judge(contract, evidence))


def _uses(steps: Sequence[RecordedStep]) -> Iterator[ToolUse]:
    asked: dict[str, Sequence[Mapping[str, Any]]] = {}
    is_tainted = False
    for step in sorted(steps, key=lambda step: step.position):
        value = step.value
        if not isinstance(value, dict):
            continue
        if step.kind in ("assemble", "resume"):
            is_tainted = is_tainted or _has_read_outside(value)
        elif step.kind == "model" and value.get("reply"):
            asked[step.call_id] = value["reply"]["tool_calls"]
        elif step.kind == "tool":
            reply, _, place = step.call_id.rpartition(".")
            call, result = asked[reply][int(place) - 1], value["result"]
            yield ToolUse(
                position=step.position,
                tool=call["name"],
                arguments=read_arguments(call["arguments"]),
                error_kind=result["error_kind"],
                rule=result["rule"],
                text=result["content"],
                is_tainted=is_tainted,
                brings_outside=bool(result["is_untrusted"]),
            )
            # Calls of one reply are made side by side; the next reply has read them all.
            is_tainted = is_tainted or bool(result["is_untrusted"])


def _has_read_outside(value: Mapping[str, Any]) -> bool:
    """Say whether text from outside stands in the prompt, or in the conversation that the run goes on with."""
    return any(map(quotes_outside, _contents(value)))


def _contents(value: Mapping[str, Any]) -> Iterable[str]:
    messages = value.get("messages") or (value.get("request") or {}).get("messages") or ()
    return (str(message["content"]) for message in messages)
