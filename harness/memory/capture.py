"""What a run shows that is worth knowing the next time: candidates for records, and how known ones held in it. Pure.

A candidate is a tool call that failed and was mended, a broken promise that was repaired, or a better way that the
agent reported. That a record was recalled shows nothing; only what happened does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, get_args

from harness.domain.contract import Violation
from harness.domain.learning import TRUST, Kind, Learning, Origin, Verification
from harness.domain.run import begun_as
from harness.gate.redact import redact
from harness.gate.sanitise import in_short
from harness.memory.fingerprints import correction_fingerprint
from harness.memory.learnings import FOUND_IN, with_words
from harness.memory.occasion import with_occasion
from harness.memory.tool_calls import is_meant_alike, mending_in, mending_of
from harness.memory.transcript import ToolUse, Transcript, violation_fingerprint

LEARN = "learn"
"""The tool by which an agent reports a better way."""
MOST_OF_A_RUN = 8
"""So many candidates of one run are kept: one that goes wrong in many ways has one cause."""

_WORD_CHARS = 400
_TITLE_CHARS = 100
_TASK_CHARS = 200
_QUOTED = re.compile(r" ?“[^”]*”")
_URL = re.compile(r" ?\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_ASIDE = re.compile(r"\s*\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Showing:
    """One run that has ended, and what it did. `day` is when it ended, of the home zone."""

    run: str
    agent: str
    job: str
    day: date
    transcript: Transcript

    @property
    def scope(self) -> str:
        return f"agent/{self.agent}"


def kind_of(learning: Learning) -> Kind:
    """Return in which of the two files the record stands: what failed, or what somebody found to be better."""
    kind = learning.id.partition("-")[0]
    return next(known for known in get_args(Kind) if known == kind)


def candidates(showing: Showing, secrets: Iterable[str] = ()) -> tuple[Learning, ...]:
    """Return the records that the run is worth, each mistake once; their ids are only `ERR` or `LRN` yet.

    Text that may come from outside the team has no trust, whoever wrote it down.
    """
    secrets = tuple(secrets)
    found = (*_mended(showing, secrets), *_repaired(showing, secrets), *_reported(showing, secrets))
    return tuple({each.fingerprint: each for each in reversed(found)}.values())[::-1][:MOST_OF_A_RUN]


def evidence(learning: Learning, showing: Showing) -> Verification | None:
    """Return how the record held in the run, or that it did not; None if the run shows neither.

    The run in which it was found is no evidence for it, nor is one of before.
    """
    if not learning.is_in_force or showing.day < learning.first_seen:
        return None
    if learning.run is not None and begun_as(learning.run) == begun_as(showing.run):
        return None
    if learning.fingerprint in showing.transcript.promises:
        return _evidence_of_contract(learning, showing)
    return _evidence_of_tool(learning, showing)


# ── Candidates ───────────────────────────────────────────────────────────────────────────────────


def _mended(showing: Showing, secrets: Sequence[str]) -> Iterator[Learning]:
    uses = showing.transcript.uses
    for failed in uses:
        right = mended_by(failed, uses) if failed.is_mistake else None
        if right is None or failed.arguments is None or right.arguments is None:
            continue
        mending = mending_of(failed.tool, failed.arguments, right.arguments, secrets)
        words = None if mending is None else mending.words()
        if mending is None or words is None:
            continue
        yield _candidate(
            showing,
            "ERR",
            failed.fingerprint,
            _origin("tool", is_outside=right.is_tainted or failed.brings_outside),
            title=mending.summary(),
            trigger=in_short(f"calling {failed.tool}{mending.circumstances(failed.text)}", _WORD_CHARS),
            wrong=words[0],
            right=words[1],
            why=_with_task(in_short(redact(failed.text, secrets), _WORD_CHARS), showing, secrets),
        )


def mended_by(failed: ToolUse, uses: Sequence[ToolUse]) -> ToolUse | None:
    """Return the next call that did what the failed one was to do; None if none did.

    The very same call that works later shows that something else had been wrong.
    """
    was_invalid = failed.error_kind == "invalid"
    later = (use for use in uses if use.position > failed.position and use.tool == failed.tool and use.is_ok)
    for use in later:
        if use.arguments is not None and is_meant_alike(failed.arguments, use.arguments, was_invalid=was_invalid):
            return None if use.arguments == failed.arguments else use
    return None


def _repaired(showing: Showing, secrets: Sequence[str]) -> Iterator[Learning]:
    transcript = showing.transcript
    if transcript.first is None or transcript.second is None:
        return
    left = set(map(violation_fingerprint, transcript.second))
    for violation in transcript.first:
        fingerprint = violation_fingerprint(violation)
        if fingerprint not in left:
            said = _own_words(violation)
            yield _candidate(
                showing,
                "ERR",
                fingerprint,
                "tool",
                title=f"{violation.rule}: {said}",
                trigger=f"writing an answer whose contract has {violation.rule}",
                wrong=said,
                right=violation.remedy or f"keep {violation.rule} from the first answer on",
                why=_with_task(f"the answer of {showing.job} broke it, and had to be written twice", showing, secrets),
            )


def _own_words(violation: Violation) -> str:
    """Return what is wrong without what the answer quoted: that may come from outside."""
    if violation.url is None:
        return in_short(_ASIDE.sub("", violation.detail), _WORD_CHARS)
    return in_short(_ASIDE.sub("", _URL.sub(" a page", _QUOTED.sub("", violation.detail))), _WORD_CHARS)


def _reported(showing: Showing, secrets: Sequence[str]) -> Iterator[Learning]:
    for use in showing.transcript.uses:
        if use.tool == LEARN and use.is_ok and use.arguments is not None:
            says = {name: _said(use.arguments, name, secrets) for name in ("title", "trigger", "wrong", "right", "why")}
            before = (each for each in showing.transcript.uses if each.position < use.position and each.tool != LEARN)
            says["trigger"] = with_occasion(says["trigger"], before, secrets)
            says["why"] = _with_task(says["why"], showing, secrets)
            origin = _origin("agent", is_outside=use.is_tainted)
            yield _candidate(showing, "LRN", correction_fingerprint(says["right"]), origin, **says)


def _with_task(why: str, showing: Showing, secrets: Sequence[str]) -> str:
    """Return the reason with the task behind it: whoever has it again asks in its words, not in those of an error."""
    task = in_short(redact(showing.transcript.task, secrets), _TASK_CHARS)
    return f"{why.rstrip(' .')}. {FOUND_IN} {task}".lstrip(" .") if task else why


def _said(arguments: Mapping[str, Any], name: str, secrets: Sequence[str]) -> str:
    return in_short(redact(str(arguments.get(name) or ""), secrets), _WORD_CHARS)


def _origin(origin: Origin, *, is_outside: bool) -> Origin:
    """Return whose words the record has. What a call brought back was not read when its arguments were written."""
    return "external" if is_outside else origin


def _candidate(showing: Showing, kind: Kind, fingerprint: str, origin: Origin, *, title: str, **words: str) -> Learning:
    learning = Learning(
        id=kind,
        title=in_short(title, _TITLE_CHARS),
        fingerprint=fingerprint,
        scope=showing.scope,
        origin=origin,
        trust=TRUST[origin],
        first_seen=showing.day,
        run=showing.run,
    )
    return with_words(learning, words)


# ── Evidence ─────────────────────────────────────────────────────────────────────────────────────


def _evidence_of_contract(learning: Learning, showing: Showing) -> Verification | None:
    """It holds in an answer that keeps the promise, or keeps it once it is told; not in one that never does."""
    transcript = showing.transcript
    if transcript.first is None:
        return None
    last = transcript.first if transcript.second is None else transcript.second
    is_ok = learning.fingerprint not in map(violation_fingerprint, last)
    return Verification(showing.run, showing.day, "contract", is_ok)


def _evidence_of_tool(learning: Learning, showing: Showing) -> Verification | None:
    """It holds where its way works; not where its mistake stays unmended, or what it calls wrong works."""
    uses, mending = showing.transcript.uses, mending_in(learning)
    verification = Verification(showing.run, showing.day, "exit_code")
    worked = [use for use in uses if use.is_ok and use.arguments is not None]
    if mending and any(mending.is_wrong_call(use.tool, use.arguments or {}) for use in worked):
        return replace(verification, is_ok=False)
    failed = [use for use in uses if use.is_mistake and use.fingerprint == learning.fingerprint]
    last = failed[-1].position if failed else 0
    if mending and any(mending.is_right_call(use.tool, use.arguments or {}) for use in worked if use.position > last):
        return verification
    if failed and mended_by(failed[-1], uses) is None:
        return replace(verification, is_ok=False)
    return None
