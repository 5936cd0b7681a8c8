"""One agent's night, from what the day left to what is published: one unit, which may be done again.

What is going to change is decided as a whole and written down before any file is touched; after a crash the same
plan is carried out to its end. A night that is over is not asked about twice, and what was published once is not
published again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath

from harness.bus.files.follow_up_folder import FollowUpFolder
from harness.bus.files.follow_ups import FollowUps, read_follow_ups
from harness.domain.learning import Learning
from harness.domain.message import ModelRequest
from harness.memory.promotion import judge_all
from harness.memory.rewriting import rewrite
from harness.memory.versions import versions_of
from harness.reflection.asking import Offer, offer, offered_after, question
from harness.reflection.commits import commit_night, unsaved_in
from harness.reflection.day import Day, collect_day, night_of
from harness.reflection.journal import Entry, Journal, Told
from harness.reflection.judging import judge
from harness.reflection.notebooks import Notebook, memory_path, read_notebook, read_text
from harness.reflection.page import is_worth_telling, reason_of, render_page
from harness.reflection.plan import NightPlan, after_judging, plan_night
from harness.reflection.proposals import Accepted, check_answer
from harness.reflection.publishing import (
    archived_ids,
    memory_after,
    pages_since,
    publish_memory,
    records_after,
    texts_after,
)
from harness.reflection.sharing import SHARED_LEARNINGS, shareable, shares_of, with_shares
from harness.reflection.team_needs import follow_ups_path, needs_of, with_needs
from harness.store.database import Database
from harness.store.days_of_agents import Incident, incidents_of

_REMEMBERED_DAYS = 7
"""A follow-up that somebody dropped in these last days is not written again."""
_MOST_INCIDENTS = 50
_LEARNED_NOTHING = "another run has reflected on this night already, and nothing has changed since"
_NOTHING_FOR_TEAM = "nothing to share with the team, and nothing that it has to do tomorrow"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a team lives, and who is in it. `zone` says when its days begin."""

    root: Path
    state_root: Path
    zone: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Occasion:
    """One run of a reflection: of which agent, for the day of which moment. `is_of_team`: it looks at all agents."""

    run: str
    agent: str
    due_at: datetime
    now: datetime
    is_of_team: bool = False


class Reflection:
    """The nights of a team's agents. `place` says where it lives now; nothing here asks a model.

    Without a database nothing has happened yet.
    """

    def __init__(self, database: Database | None, place: Callable[[], Place]) -> None:
        self._database = database
        self._place = place

    def question(self, occasion: Occasion) -> ModelRequest | None:
        """Return what to ask a model; None where it was asked tonight, or there is nothing that it has not seen."""
        place = self._place()
        night = night_of(occasion.due_at, place.zone)
        entry = Journal(place.state_root, occasion.agent, is_of_team=occasion.is_of_team).night(night)
        if entry is not None and (entry.is_asked or entry.plan is not None):
            return None
        return question(self._offer(place, occasion, read_notebook(place.root, occasion.agent), night))

    def reflect(self, occasion: Occasion, answer: str | None = None) -> Told:
        """Carry the night out and return what there is to tell. `answer` is the model's, if it was asked.

        Raises OwnerError for a file that cannot be read or written, TransientError where others keep it: the next
        attempt goes on with the same plan.
        """
        place = self._place()
        night = night_of(occasion.due_at, place.zone)
        journal = Journal(place.state_root, occasion.agent, is_of_team=occasion.is_of_team)
        entry = journal.night(night)
        if entry is not None and entry.told is not None and entry.run == occasion.run:
            return entry.told
        is_asked = answer is not None or (entry is not None and entry.is_asked)
        plan = entry.plan if entry is not None else None
        if plan is None:
            plan = self._plan(place, occasion, night, answer)
            journal.write(night, Entry(occasion.run, is_asked, plan))
        told = self._carry_out(place, plan, self._told_already(place, occasion, night, entry))
        if plan.offered:
            journal.write_offered(dict(plan.offered))
        journal.write(night, Entry(occasion.run, is_asked, told=told))
        return told

    def preview(self, occasion: Occasion) -> Told:
        """Return what the night would change and tell without a model; nothing is written."""
        place = self._place()
        plan = self._plan(place, occasion, night_of(occasion.due_at, place.zone), None)
        after = self._texts_after(place, plan)
        return Told(reason_of(plan, after), render_page(plan, after, _memory_problem(place, plan, plan.before)))

    # ── Deciding ─────────────────────────────────────────────────────────────────────────────────

    def _plan(self, place: Place, occasion: Occasion, night: date, answer: str | None) -> NightPlan:
        notebook = read_notebook(place.root, occasion.agent)
        done = Day()
        if self._database is not None:
            with self._database.read() as connection:
                done = collect_day(connection, occasion.agent, night, place.zone)
        accepted, offered = Accepted(), dict[str, str]()
        if answer is not None:
            accepted, offered = self._checked(place, occasion, notebook, night, answer)
        plan = replace(plan_night(notebook, night, done, occasion.run, accepted), offered=offered)
        if occasion.is_of_team:
            plan = self._with_team(place, occasion, plan, accepted)
        archived = tuple(sorted(archived_ids(place.root, plan.agent)))
        return replace(plan, archived=archived, unsaved=unsaved_in(place.root, tuple(plan.before)))

    def _offer(self, place: Place, occasion: Occasion, notebook: Notebook, night: date) -> Offer:
        records = after_judging(notebook, judge(notebook.learnings.values(), night))
        others = self._of_others(place, occasion.agent) if occasion.is_of_team else ()
        offered = Journal(place.state_root, occasion.agent).offered()
        return offer(records.values(), shareable(others), offered)

    def _checked(
        self, place: Place, occasion: Occasion, notebook: Notebook, night: date, answer: str
    ) -> tuple[Accepted, dict[str, str]]:
        shown = self._offer(place, occasion, notebook, night)
        accepted = check_answer(
            answer, {each.id: each for each in shown.records}, {each.id: each for each in shown.shareable}
        )
        offered = Journal(place.state_root, occasion.agent).offered()
        touched = {each.after.id: each.after for each in accepted.changes}
        known = {*notebook.learnings, *(each.id for each in shown.shareable), *offered}
        return accepted, offered_after(shown, offered, touched, known)

    def _with_team(self, place: Place, occasion: Occasion, plan: NightPlan, accepted: Accepted) -> NightPlan:
        """Return the plan with what is shared with the team and what it has to do tomorrow."""
        others = self._of_others(place, occasion.agent)
        shared_text = read_text(place.root, SHARED_LEARNINGS)
        own = records_after(plan, read_notebook(place.root, plan.agent).learnings).values()
        shares = shares_of((*own, *others), accepted.shares, shared_text)
        shares = tuple(each for each in shares if with_shares(shared_text, [each]) != shared_text)
        waiting = {name: list(ids) for name in place.agents if (ids := _for_person(place, name))}
        waiting |= {plan.agent: list(plan.for_person)} if plan.for_person else {}
        incidents: tuple[Incident, ...] = ()
        if self._database is not None:
            with self._database.read() as connection:
                incidents = incidents_of(connection, None, occasion.now - timedelta(days=1), _MOST_INCIDENTS)
        tomorrow = plan.day + timedelta(days=1)
        name, text = follow_ups_path(tomorrow), FollowUpFolder(place.root).read(tomorrow)
        known = _known_follow_ups(place, plan.day)
        needs = needs_of(incidents, waiting, place.agents, plan.agent, occasion.now)
        needs = tuple(each for each in needs if with_needs(text, [each], tomorrow, known) != text)
        return replace(
            plan, shared=shares, needs=needs, before={**plan.before, str(SHARED_LEARNINGS): shared_text, name: text}
        )

    def _of_others(self, place: Place, agent: str) -> tuple[Learning, ...]:
        return tuple(
            learning
            for other in place.agents
            if other != agent
            for learning in read_notebook(place.root, other).learnings.values()
        )

    # ── Doing ────────────────────────────────────────────────────────────────────────────────────

    def _told_already(self, place: Place, occasion: Occasion, night: date, entry: Entry | None) -> str:
        """Return why there is nothing to tell where nothing changes: it was told already; empty if it was not."""
        if entry is not None and entry.told is not None:
            return _LEARNED_NOTHING
        own = Journal(place.state_root, occasion.agent).night(night) if occasion.is_of_team else None
        return _NOTHING_FOR_TEAM if own is not None and own.told is not None else ""

    def _carry_out(self, place: Place, plan: NightPlan, told_already: str) -> Told:
        publish_memory(plan, place.root, place.state_root)
        if plan.shared:
            rewrite(
                place.root / SHARED_LEARNINGS,
                lambda text: with_shares(text, plan.shared),
                versions_of(place.state_root, SHARED_LEARNINGS),
            )
        tomorrow = plan.day + timedelta(days=1)
        if plan.needs:
            known = _known_follow_ups(place, plan.day)
            FollowUpFolder(place.root).edit(tomorrow, lambda text: with_needs(text, plan.needs, tomorrow, known))
        after = {name: read_text(place.root, PurePosixPath(name)) for name in plan.before}
        paths = [name for name in after if after[name] != plan.before[name]]
        paths += pages_since(place.root, plan)
        committed = commit_night(place.root, paths, plan.agent, str(plan.day), plan.run, plan.unsaved)
        notes = [*_memory_problem(place, plan, after)]
        if committed.problem:
            notes.append(f"git did not commit what changed: {committed.problem}")
        if not is_worth_telling(plan, after, notes) or (told_already and after == dict(plan.before)):
            return Told(told_already or reason_of(plan, after))
        text = render_page(plan, after, notes)
        if committed.commit:
            text += f"\nCommitted as {committed.commit}.\n"
        return Told(reason_of(plan, after), text)

    def _texts_after(self, place: Place, plan: NightPlan) -> Mapping[str, str]:
        learnings = read_notebook(place.root, plan.agent).learnings
        after = texts_after(plan, learnings, archived_ids(place.root, plan.agent))
        if plan.shared:
            name = str(SHARED_LEARNINGS)
            after[name] = with_shares(plan.before[name], plan.shared)
        if plan.needs:
            tomorrow = plan.day + timedelta(days=1)
            name = follow_ups_path(tomorrow)
            after[name] = with_needs(plan.before[name], plan.needs, tomorrow, _known_follow_ups(place, plan.day))
        return {**plan.before, **after}


def _memory_problem(place: Place, plan: NightPlan, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return why records that are due could not be put into MEMORY.md, if so."""
    name = str(memory_path(plan.agent))
    records = records_after(plan, read_notebook(place.root, plan.agent).learnings)
    problem = memory_after(texts.get(name, ""), plan, records).problem
    return (f"{name}: {problem}",) if problem else ()


def _for_person(place: Place, agent: str) -> tuple[str, ...]:
    _, waiting = judge_all(read_notebook(place.root, agent).learnings.values())
    return tuple(each.learning.id for each in waiting if each.for_person)


def _known_follow_ups(place: Place, night: date) -> FollowUps:
    """Return the entries of the last days that nobody has to be told again: those that still go on, or were dropped."""
    folder, entries = FollowUpFolder(place.root), []
    for day in folder.days():
        if night - timedelta(days=_REMEMBERED_DAYS) <= day <= night:
            found = read_follow_ups(folder.read(day), follow_ups_path(day)).entries
            entries += [each for each in found if each.is_unmoved or each.status == "dropped"]
    return FollowUps(tuple(entries))
