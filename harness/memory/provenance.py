"""Where a record comes from: the step of the run in which what it tells of can be seen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.domain.learning import Learning
from harness.memory.capture import LEARN
from harness.memory.fingerprints import correction_fingerprint
from harness.memory.transcript import ToolUse, read_transcript, violation_fingerprint
from harness.ports import RecordedStep


def step_of(learning: Learning, steps: Sequence[RecordedStep]) -> RecordedStep | None:
    """Return the step of the run that shows it: the call that failed, the check that was broken, what was reported.

    None where the steps show nothing of it, or are of a version that cannot be read.
    """
    try:
        transcript = read_transcript(steps)
        seen = next((use.position for use in transcript.uses if _shows(use, learning)), None)
        broken = [violation_fingerprint(violation) for violation in transcript.first or ()]
        if seen is None and learning.fingerprint in broken:
            seen = next((step.position for step in steps if step.call_id == "check-1"), None)
    except (KeyError, IndexError, TypeError, ValueError):  # as some other version recorded it
        return None
    return next((step for step in steps if step.position == seen), None)


def _shows(use: ToolUse, learning: Learning) -> bool:
    if use.is_mistake and use.fingerprint == learning.fingerprint:
        return True
    said = str((use.arguments or {}).get("right") or "")
    return use.tool == LEARN and use.is_ok and correction_fingerprint(said) == learning.fingerprint
