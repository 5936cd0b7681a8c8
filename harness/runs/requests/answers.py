"""What a run that worked on a request came to, for whoever asked."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from harness.bus.evidence import STATE_PREFIX
from harness.domain.request import Evidence, Final, Request
from harness.domain.run import FireState, Outcome
from harness.domain.tool import End, PassOn
from harness.gate.sanitise import in_short
from harness.runs.answer import Answer, Draft
from harness.store.state_folder import StateFolder
from harness.turn.talk import Turn

_REASON_CHARS = 200


def answer_by_signal(turn: Turn, told: tuple[str, ...]) -> Answer:
    """Return the answer of a turn in which a tool brought the work to its end: its conclusion is the text."""
    answer = Answer(turn.text, turn.model, turn.stop, messages=turn.messages, told=told)
    match turn.signal:
        case End(final):
            return replace(answer, text=final.conclusion, final=final)
        case PassOn() as pass_on:
            return replace(answer, text=pass_on.reason, pass_on=pass_on)
        case None:
            raise AssertionError("a turn without a signal is answered by its text")


def without_artifact(answer: Answer) -> Draft | None:
    """Return how a run ends whose worker passed its request on, or would not do it; None if something was made."""
    if answer.pass_on is not None:
        reason = f"passed on to {answer.pass_on.receiver}: {in_short(answer.pass_on.reason, _REASON_CHARS)}"
        return Draft(Outcome(FireState.SILENT, reason), answer.stop.reason, pass_on=answer.pass_on)
    if answer.final is not None and answer.final.result == "rejected":
        outcome = Outcome(FireState.SKIPPED, f"rejected: {in_short(answer.final.conclusion, _REASON_CHARS)}")
        return Draft(outcome, answer.stop.reason, final=answer.final)
    return None


def answered(draft: Draft, answer: Answer, request: Request, state: StateFolder) -> Draft:
    """Return the draft of what was made for a request: who asked for it is told, so it is delivered.

    Where the worker said nothing of its own, its answer is the conclusion and what it made the evidence.
    """
    outcome = draft.outcome
    if outcome.artifact is None or not outcome.state.is_success:
        return draft
    final = answer.final or _final_of(answer, outcome, state)
    is_whole = final.verdict in (None, "PASS") and not outcome.gaps
    gaps = f"; {draft.outcome.details[0]}" if outcome.details else ""
    judged = "" if final.verdict in (None, "PASS") else f", in its own judgement {final.verdict}"
    kept = replace(
        outcome,
        state=FireState.DELIVERED if is_whole else FireState.DEGRADED,
        reason="" if is_whole else f"answered {request.sender}{judged}{gaps}",
    )
    return replace(draft, outcome=kept, final=final)


def _final_of(answer: Answer, outcome: Outcome, state: StateFolder) -> Final:
    assert outcome.artifact is not None, "only what was made is answered with"
    path = (state.root / outcome.artifact).with_suffix(".md")
    content = path.read_bytes()
    shown = f"{STATE_PREFIX}{path.relative_to(state.root)}"
    evidence = Evidence(shown, len(content), hashlib.sha256(content).hexdigest())
    # The worker's judgement is its own to give: without it there is none, and never a good one where its `finish`
    # was not accepted.
    called = {call.name for message in answer.messages for call in message.tool_calls}
    is_wanting = bool(outcome.gaps) or "finish" in called
    return Final("done", answer.text, (evidence,), verdict="NEEDS_WORK" if is_wanting else None)
