"""What the person says: a record that counts as proven, and their word for one that is there already. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from harness.domain.learning import SHARED, TRUST, Learning, Verification, with_verification
from harness.gate.redact import redact
from harness.gate.sanitise import in_short
from harness.memory.casebook import Unreadable
from harness.memory.fingerprints import correction_fingerprint
from harness.memory.learnings import new_id, parse_learnings
from harness.memory.learnings_writer import with_learning

_TITLE_CHARS = 100
_WORD_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Correction:
    """What the person said to an agent; `words` is what is right where `right` says nothing more exact.

    `run` is the run of which they said it.
    """

    agent: str
    words: str
    wrong: str = ""
    right: str = ""
    trigger: str = ""
    why: str = ""
    is_shared: bool = False
    run: str | None = None

    @property
    def scope(self) -> str:
        return SHARED if self.is_shared else f"agent/{self.agent}"

    @property
    def fingerprint(self) -> str:
        return correction_fingerprint(self.words)

    def is_of(self, learning: Learning) -> bool:
        """Say whether the record says the same already."""
        known = (learning.fingerprint, learning.scope, learning.is_in_force)
        return known == (self.fingerprint, self.scope, True)


def with_correction(text: str, correction: Correction, day: date) -> str:
    """Return the text of the agent's LEARNINGS.md with what the person said.

    Said again, it is their word for the record that is there, once a day. Raises Unreadable where that record cannot
    be read, ValueError as `with_learning`.
    """
    known = record_of(text, correction)
    if known is None:
        file = parse_learnings(text)
        if file.problems and correction.fingerprint in text:
            raise Unreadable(file.problems[0])
        return with_learning(text, _learning(correction, day, tuple(each.learning.id for each in file.found)))
    if known.origin == "human" and known.first_seen == day and known.run == correction.run:
        return text
    said = with_verification(known, Verification(correction.run or f"person:{day}", day, "person"))
    return with_learning(text, replace(said, is_approved=True))


def record_of(text: str, correction: Correction) -> Learning | None:
    """Return the record of the text that says what the person said."""
    return next((each.learning for each in parse_learnings(text).found if correction.is_of(each.learning)), None)


def _learning(correction: Correction, day: date, taken: tuple[str, ...]) -> Learning:
    words = redact(correction.words)
    return Learning(
        id=new_id("LRN", day, correction.fingerprint, correction.scope, taken),
        title=in_short(words, _TITLE_CHARS),
        fingerprint=correction.fingerprint,
        scope=correction.scope,
        origin="human",
        trust=TRUST["human"],
        first_seen=day,
        trigger=_told(correction.trigger),
        wrong=_told(correction.wrong),
        right=_told(correction.right or words),
        why=_told(correction.why),
        run=correction.run,
        author=correction.agent if correction.is_shared else None,
    )


def _told(words: str) -> str:
    return in_short(redact(words), _WORD_CHARS)
