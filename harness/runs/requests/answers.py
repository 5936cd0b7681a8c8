"""What a run that worked on a request came to, for whoever asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from harness.bus.evidence import STATE_PREFIX
from harness.domain.answer_rules import rules_of_actions
from harness.domain.judgement import judge
from harness.domain.promised_words import spoken
from harness.domain.request import Evidence, Final, Request
from harness.domain.run import Completed, FireState, Outcome
from harness.domain.tool import End, PassOn
from harness.gate.sanitise import in_short
from harness.runs.answer import Answer, Draft
from harness.runs.collecting import Inputs
from harness.runs.contract import grounds_of
from harness.runs.left_out import take_out
from harness.runs.plan import RunPlan
from harness.runs.report import parse_report
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


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an answer may be told to whoever asked: `text` and `actions` that break nothing its agent promises.

    `said` is what the worker itself concluded, if it did. `notes` say in sentences what was left out or is still
    wrong, `rules` by which. `is_nothing`: no word of its own is left of the answer.
    """

    text: str
    said: Final | None = None
    actions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    is_nothing: bool = False

    @property
    def conclusion(self) -> str:
        """The text, with what is to be known of it below."""
        noted = "\n".join(f"- {note}" for note in self.notes)
        return f"{self.text.rstrip()}\n\n{noted}" if noted else self.text


def kept_answer(answer: Answer, plan: RunPlan, inputs: Inputs, state: StateFolder) -> Kept:
    """Return what is left of the answer by the rules of its contract, the same that its digest is made by."""
    grounds = grounds_of(plan, inputs, answer.verdict.surroundings, answer.messages, state.run_folder(plan.run_id))
    remainder = take_out(answer.text, grounds, answer.verdict.reachability)
    broken = judge(plan.job.contract, grounds.evidence(parse_report(answer.text, grounds.items), {}))
    below = replace(grounds, job=replace(plan.job, contract=rules_of_actions(plan.job.contract)))
    each = [take_out(action, below, {}) for action in ([] if answer.final is None else answer.final.actions)]
    notes = (
        *remainder.removed,
        *(violation.detail for violation in remainder.left),
        *(f"of what is to be done next, {sentence}" for one in each for sentence in one.removed),
    )
    return Kept(
        remainder.report.text,
        answer.final,
        tuple(filter(str.strip, (one.report.text for one in each))),
        tuple(dict.fromkeys(notes)),
        tuple(dict.fromkeys(violation.rule for violation in broken if violation.lines is not None)),
        bool(remainder.removed) and _says_nothing(remainder.report.text, plan.job.contract.disclaimer),
    )


def _says_nothing(text: str, disclaimer: str | None) -> bool:
    """Say whether only headings and the disclaimer are left."""
    words = spoken("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    return not words.replace(spoken(disclaimer or ""), "").strip()


def answered(draft: Draft, kept: Kept, answer: Answer, request: Request, state: StateFolder) -> Draft:
    """Return the draft of what was made for a request: who asked for it is told, so it is delivered.

    Where the worker said nothing of its own, its answer is the conclusion and what it made the evidence. Where nothing
    is left of it that its agent may say, the request has failed, by the name of the rule.
    """
    outcome = draft.outcome
    if kept.is_nothing and isinstance(answer.stop, Completed):
        reason = f"the contract does not hold: {', '.join(kept.rules)}; nothing is left of the answer; "
        failed = Outcome(FireState.FAILED, reason + "; ".join(kept.notes), cause=outcome.cause)
        return Draft(failed, draft.stop)
    if outcome.artifact is None or not outcome.state.is_success:
        return draft
    final = _final_of(kept, answer, outcome, state)
    is_whole = final.verdict in (None, "PASS") and not outcome.gaps and not kept.notes
    told = (*outcome.details, *kept.notes)
    gaps = f"; {told[0]}" if told else ""
    own = None if kept.said is None else kept.said.verdict
    judged = "" if own in (None, "PASS") else f", in its own judgement {own}"
    closed = replace(
        outcome,
        state=FireState.DELIVERED if is_whole else FireState.DEGRADED,
        reason="" if is_whole else f"answered {request.sender}{judged}{gaps}",
    )
    return replace(draft, outcome=closed, final=final)


def _final_of(kept: Kept, answer: Answer, outcome: Outcome, state: StateFolder) -> Final:
    if kept.said is not None:
        # What it judged to be good is not what is left of it.
        verdict = "NEEDS_WORK" if kept.notes and kept.said.verdict == "PASS" else kept.said.verdict
        return replace(kept.said, conclusion=kept.conclusion, actions=kept.actions, verdict=verdict)
    assert outcome.artifact is not None, "only what was made is answered with"
    path = (state.root / outcome.artifact).with_suffix(".md")
    content = path.read_bytes()
    shown = f"{STATE_PREFIX}{path.relative_to(state.root)}"
    evidence = Evidence(shown, len(content), hashlib.sha256(content).hexdigest())
    # The worker's judgement is its own to give: without it there is none, and never a good one where its `finish`
    # was not accepted.
    called = {call.name for message in answer.messages for call in message.tool_calls}
    is_wanting = bool(outcome.gaps) or "finish" in called
    return Final("done", kept.conclusion, (evidence,), verdict="NEEDS_WORK" if is_wanting else None)
