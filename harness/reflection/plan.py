"""What a night is going to do, decided as a whole before any file is touched. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from harness.domain.learning import Learning
from harness.memory.promotion import judge_all
from harness.reflection.day import Day
from harness.reflection.judging import Change, Judged, judge
from harness.reflection.notebooks import Notebook
from harness.reflection.proposals import Accepted
from harness.reflection.sharing import Share
from harness.reflection.team_needs import Need


@dataclass(frozen=True, slots=True)
class NightPlan:
    """All that one agent's night changes and tells.

    `run` is the run that does it. `due` are ids of records for MEMORY.md, `files` says in which file each record
    stands. `before` are the texts of the files that may change, `unsaved` those of them that held what the person had
    not committed. `archived` are the records that the archive held before. `offered` is what the model was shown, as
    it will be then: see `asking`.
    """

    agent: str
    day: date
    run: str
    done: Day
    changes: tuple[Change, ...] = ()
    due: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    learned: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    for_person: tuple[str, ...] = ()
    waiting: int = 0
    at_odds: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    shared: tuple[Share, ...] = ()
    needs: tuple[Need, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    unsaved: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    offered: Mapping[str, str] = field(default_factory=dict)

    def change_of(self, learning_id: str) -> Change | None:
        """Return what becomes of the record."""
        return next((each for each in self.changes if each.after.id == learning_id), None)


def plan_night(notebook: Notebook, day: date, done: Day, run: str, accepted: Accepted | None = None) -> NightPlan:
    """Return what the night does with the agent's records: what the evidence says, then what a model proposed.

    `accepted` was checked against the records as `judged_records` returns them.
    """
    accepted = accepted or Accepted()
    judged = judge(notebook.learnings.values(), day)
    records = {**after_judging(notebook, judged), **{each.after.id: each.after for each in accepted.changes}}
    due, waiting = judge_all(records.values())
    changes = _together(judged.changes, accepted.changes)
    return NightPlan(
        agent=notebook.agent,
        day=day,
        run=run,
        done=done,
        changes=changes,
        due=tuple(each.id for each in due),
        files=dict(notebook.files),
        learned=_ids(judged.learned),
        contradicted=_ids(judged.contradicted),
        disputed=_ids(judged.disputed),
        for_person=tuple(each.learning.id for each in waiting if each.for_person),
        waiting=sum(1 for each in waiting if not each.for_person),
        at_odds=accepted.contradictions,
        refused=accepted.refused,
        problems=notebook.problems,
        titles={each.id: each.title or each.right for each in records.values()},
        before=dict(notebook.texts),
    )


def after_judging(notebook: Notebook, judged: Judged) -> dict[str, Learning]:
    """Return the agent's records as they are once the evidence has spoken."""
    return {**notebook.learnings, **{each.after.id: each.after for each in judged.changes}}


def _together(by_code: Sequence[Change], by_model: Sequence[Change]) -> tuple[Change, ...]:
    changes = {each.after.id: each for each in by_code}
    for change in by_model:
        first = changes.get(change.after.id)
        if first is None:
            changes[change.after.id] = change
        else:
            changes[change.after.id] = replace(change, before=first.before, why=f"{first.why}; {change.why}")
    return tuple(changes.values())


def _ids(learnings: Sequence[Learning]) -> tuple[str, ...]:
    return tuple(each.id for each in learnings)
