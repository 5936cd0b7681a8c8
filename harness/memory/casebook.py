"""What a `.learnings/` file becomes by the runs that have ended: new records, and evidence for those that are there.

Pure, and done again it changes nothing: a mistake has one record for each scope, and a run speaks once for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from harness.domain.learning import Kind, Learning, with_verification
from harness.gate.sanitise import in_short
from harness.memory.capture import Showing, candidates, evidence, kind_of
from harness.memory.learnings import LearningsFile, Problem, new_id, parse_learnings
from harness.memory.learnings_writer import with_learnings


class Unreadable(ValueError):
    """A record that the runs speak of cannot be read, and is left alone."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"line {problem.line}: {problem.what}; {problem.fix}")


def with_showings(text: str, kind: Kind, showings: Sequence[Showing], secrets: Iterable[str] = ()) -> str:
    """Return the text of an agent's file of that kind with what the runs show, the earliest first.

    Raises Unreadable where a record that cannot be read may be the one of a mistake that a run shows.
    """
    file = parse_learnings(text)
    before = {found.learning.id: found.learning for found in file.found}
    now = dict(before)
    secrets = tuple(secrets)
    for showing in showings:
        for learning in tuple(now.values()):
            verification = evidence(learning, showing)
            if verification is not None:
                now[learning.id] = with_verification(learning, verification)
        for candidate in candidates(showing, secrets):
            if kind_of(candidate) == kind and not _is_known(candidate, now.values()):
                _check_readable(file, candidate)
                new = replace(candidate, id=_id_for(candidate, kind, now))
                now[new.id] = new
    return with_learnings(text, (each for each in now.values() if before.get(each.id) != each))


def facts_of(texts: Iterable[str], showings: Iterable[Showing]) -> Iterator[tuple[Showing, str]]:
    """Yield what is worth a daily note: what was learned from each run, and what held or did not, as the files say."""
    learnings = [found.learning for text in texts for found in parse_learnings(text).found]
    for showing in showings:
        for learning in learnings:
            said = _fact(learning, showing)
            if said:
                yield showing, f"{learning.id} {said} ({showing.run})"


def _fact(learning: Learning, showing: Showing) -> str:
    if learning.run == showing.run:
        # What may come from outside is in its record, with its trust; a note has only what everybody may be told.
        return "was noted" if learning.trust == 0 else f"was noted: {in_short(learning.title, 200)}"
    if any(each.run == showing.run for each in learning.contradictions):
        return "did not hold"
    return "held" if any(each.run == showing.run for each in learning.verifications) else ""


def _is_known(candidate: Learning, learnings: Iterable[Learning]) -> bool:
    """What may come from outside, and nobody has approved, keeps no agent from learning the same by itself."""
    same = (candidate.fingerprint, candidate.scope)
    standing = (each for each in learnings if each.trust or each.is_approved or not candidate.trust)
    return any((each.fingerprint, each.scope) == same for each in standing)


def _id_for(candidate: Learning, kind: Kind, taken: Mapping[str, Learning]) -> str:
    return new_id(kind, candidate.first_seen, candidate.fingerprint, candidate.scope, tuple(taken))


def _check_readable(file: LearningsFile, candidate: Learning) -> None:
    """Make no second record where the first may be the one that a person has broken while editing it."""
    if file.problems and candidate.fingerprint in file.text:
        raise Unreadable(file.problems[0])
