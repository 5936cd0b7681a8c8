"""From a judged answer to artifacts on disk: what is delivered, what is missing, and when it is a failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.collectors.collect import read_kind
from harness.delivery.digest import digest_to_json
from harness.delivery.html import render_html
from harness.delivery.markdown import render_markdown
from harness.domain.cause import NETWORK, budget_cause
from harness.domain.message import Message
from harness.domain.promised_words import REPEAT
from harness.domain.run import PREVIEW_REASON, BudgetSpent, Cancelled, Completed, FireState, Outcome, Stop
from harness.memory.sources import PREVIEW_MARK
from harness.runs.answer import Answer, Draft
from harness.runs.artifact_files import write_files
from harness.runs.beside import Beside
from harness.runs.collecting import Inputs
from harness.runs.contract import grounds_of
from harness.runs.figure_files import figure_files
from harness.runs.left_out import NEVER_WITHOUT, Remainder, take_out
from harness.runs.nudges import marks_of, nothing_to_remind_of
from harness.runs.plan import RunPlan
from harness.runs.report import Report, to_digest
from harness.runs.roundtable.held import sections_of
from harness.store.json_codec import to_json
from harness.store.state_folder import StateFolder

_TAKEN_OUT = "a secret stood in the answer, and was taken out"


def publish(
    state: StateFolder,
    plan: RunPlan,
    inputs: Inputs,
    answer: Answer,
    *,
    notice: str,
    beside: Beside,
    redact: Callable[[str], str],
) -> Draft:
    """Write what the run made below its folder and return what its fire is closed with.

    Items whose links were not collected or do not answer are taken out and named as gaps. An answer
    that misses what may never be missing, or from which nothing is left, is a failure; one with gaps is
    `degraded`. `notice` stands above it, `beside` around it; `redact` takes secrets out of the answer and of the
    transcript. Writing again gives the same bytes.
    Raises OwnerError if the disk is full or read-only.
    """
    folder = state.run_folder(plan.run_id)
    transcript = _transcript(answer, redact)
    answer = _without_secrets(answer, redact)
    try:
        draft, made = _decide(state, plan, inputs, answer, notice, beside)
    except Exception:
        # What was said tells most where the rest breaks.
        write_files(folder, transcript)
        raise
    write_files(folder, {**transcript, **made})
    return draft


def _without_secrets(answer: Answer, redact: Callable[[str], str]) -> Answer:
    """Return the answer as it may be delivered; that something was taken out of it is a gap."""
    text = redact(answer.text)
    return answer if text == answer.text else replace(answer, text=text, gaps=(*answer.gaps, _TAKEN_OUT))


def _transcript(answer: Answer, redact: Callable[[str], str]) -> Mapping[str, str]:
    if not answer.messages:
        return {}
    messages = json.dumps(to_json(tuple[Message, ...], answer.messages), ensure_ascii=False, indent=1)
    return {"transcript.json": redact(messages)}


def _decide(
    state: StateFolder, plan: RunPlan, inputs: Inputs, answer: Answer, notice: str, beside: Beside
) -> tuple[Draft, Mapping[str, str]]:
    """Return what the fire is closed with, and the files that it is to find in its folder, by name."""
    if not isinstance(answer.stop, Completed):
        ended = FireState.CANCELLED if isinstance(answer.stop, Cancelled) else FireState.FAILED
        return Draft(Outcome(ended, str(answer.stop), cause=_cause_of(answer.stop)), answer.stop.reason), {}
    folder = state.run_folder(plan.run_id)
    grounds = grounds_of(plan, inputs, answer.verdict.surroundings, answer.messages, folder)
    remainder = take_out(answer.text, grounds, answer.verdict.reachability)
    report, removed, left = remainder.report, remainder.removed, remainder.left
    failure = _failure(remainder)
    if failure:
        why = f"{failure}; {answer.gaps[0]}" if answer.cause else failure
        return Draft(Outcome(FireState.FAILED, why, cause=answer.cause), answer.stop.reason), {}
    repeated = next((violation.detail for violation in left if violation.rule == REPEAT), None)
    if repeated is not None:
        return Draft(Outcome(FireState.SKIPPED, repeated), answer.stop.reason), {}
    missing = (violation.detail for violation in left)
    told_first = answer.gaps if answer.cause else ()  # it is what the incident says
    gaps = _distinct((*told_first, *map(str, inputs.gaps), *answer.gaps, *answer.verdict.gaps, *removed, *missing))
    digest = to_digest(
        report,
        job=plan.job,
        run_id=plan.run_id,
        made_at=plan.begun_at,
        made_by=answer.made_by,
        state="degraded" if gaps else "delivered",
        gaps=gaps,
        reachability=answer.verdict.reachability,
        origins=_origins(inputs),
    )
    digest = beside.added_to(replace(digest, notice=notice))
    if inputs.held is not None:
        digest = replace(digest, sections=(*digest.sections, *sections_of(inputs.held)))
    artifact = folder / "digest.json"
    text = json.dumps(digest_to_json(digest), ensure_ascii=False, indent=1)
    made = {"digest.json": text, "digest.md": render_markdown(digest), "digest.html": render_html(digest)}
    made |= figure_files(inputs.collected)
    if plan.is_preview:
        made[PREVIEW_MARK] = f"{PREVIEW_REASON}\n"
    outcome = Outcome(
        # Not of the gaps above: to_digest names what it had to take out itself.
        state=FireState.DEGRADED if digest.gaps else FireState.DELIVERED,
        reason=_in_short(digest.gaps),
        artifact=str(artifact.relative_to(state.root)),
        items=len(digest.items),
        gaps=len(digest.gaps),
        delivered_urls=tuple(dict.fromkeys((*_item_keys(report), *marks_of(plan.job, report.text, inputs)))),
        cause=answer.cause or _beside_the_run(inputs),
    )
    return Draft(_silent_if_untold(outcome, plan), answer.stop.reason, digest=text), made


def _cause_of(stop: Stop) -> str | None:
    """Return the key of what stopped the writing, where that is not the job's own: a budget of the day."""
    return budget_cause(stop.whose) if isinstance(stop, BudgetSpent) and stop.whose else None


def _silent_if_untold(outcome: Outcome, plan: RunPlan) -> Outcome:
    """Return the outcome as it is where somebody is told of it; other jobs read the rest, if anything does."""
    if plan.is_preview:
        return replace(outcome, state=FireState.SILENT, reason=PREVIEW_REASON, delivered_urls=())
    if plan.job.deliver:
        return outcome
    nobody = "nobody is told: the job names no channel; add `deliver:`" if plan.job.action else _FOR_OTHER_JOBS
    return replace(outcome, state=FireState.SILENT, reason="; ".join(filter(None, (nobody, outcome.reason))))


_FOR_OTHER_JOBS = "made for other jobs: it names no channel"


def outcome_without_text(plan: RunPlan, inputs: Inputs) -> Draft | None:
    """Return how a run ends that found nothing to write about; None if there is something, or need not be.

    Nothing new from sources that work is `silent`; nothing because no source worked is a failure. Without
    a model, text without items leaves nothing to select from.
    """
    if not plan.job.inputs:
        return None
    nothing = nothing_to_remind_of(plan, inputs)
    if nothing is not None:
        return nothing
    gaps = tuple(str(gap) for gap in inputs.gaps)
    if inputs.is_empty and inputs.has_failed:
        reason = f"nothing could be collected: {_in_short(gaps)}"
        # Sources that fail all at once are a network that is down, more often than not.
        failed = Outcome(FireState.FAILED, reason, gaps=len(gaps), details=gaps, cause=inputs.cause)
        return Draft(failed, "completed", is_transient=True)
    if not inputs.is_empty and (inputs.items or plan.method != "extract"):
        return None
    if not inputs.is_empty:
        why = "no language model is configured" if plan.shed is None else plan.shed.reason
        reason = f"{why}, and what was read has no items to select from"
        cause = None if plan.shed is None else plan.shed.cause
        return Draft(Outcome(FireState.SKIPPED, reason, gaps=len(gaps), details=gaps, cause=cause), "completed")
    count = sum(inputs.sources)
    reason = f"nothing new in {count} {'source' if count == 1 else 'sources'}"
    if inputs.already_delivered:
        were = "item was" if inputs.already_delivered == 1 else "items were"
        reason += f"; {inputs.already_delivered} collected {were} delivered before"
    if gaps:
        reason += f"; could not be read: {_in_short(gaps)}"
    silent = Outcome(FireState.SILENT, reason, items=0, gaps=len(gaps), details=gaps, cause=_beside_the_run(inputs))
    return Draft(silent, "completed")


def _beside_the_run(inputs: Inputs) -> str | None:
    """Return what is broken although the run did its work with what it had: the network, but no single source."""
    return NETWORK if inputs.cause == NETWORK else None


def _failure(remainder: Remainder) -> str:
    """Return why nothing is delivered of the answer, empty if what is left of it may be."""
    report = remainder.report
    if not report.text.strip():
        return "; ".join(("the answer was empty", *remainder.removed))
    breaking = [violation for violation in remainder.left if violation.rule in NEVER_WITHOUT]
    if not any(item.is_collected for item in report.items):
        breaking += [violation for violation in remainder.left if violation.rule == "min_items"]
    if not breaking:
        return ""
    return "; ".join(("the contract does not hold: " + "; ".join(map(str, breaking)), *remainder.removed))


def _item_keys(report: Report) -> tuple[str, ...]:
    return tuple(item.collected.key for item in report.items if item.collected)


def _origins(inputs: Inputs) -> Mapping[str, str]:
    return {item.key: one.read for one in inputs.collected if read_kind(one.read) == "output" for item in one.items}


def _distinct(gaps: Sequence[str]) -> tuple[str, ...]:
    """Return each gap once; one that another job merely handed on is told only by who saw it first hand."""
    return tuple(
        gap for gap in dict.fromkeys(gaps) if not any(gap != other and gap.endswith(f": {other}") for other in gaps)
    )


def _in_short(gaps: Sequence[str]) -> str:
    if not gaps:
        return ""
    first = gaps[0] if len(gaps[0]) <= 200 else gaps[0][:199] + "…"
    more = len(gaps) - 1
    return f"{first} (and {more} more {'gap' if more == 1 else 'gaps'})" if more else first
