"""What came from outside keeps its low trust, whatever becomes of it: only the person lets it into a MEMORY.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.learning import Learning, Origin, Verification, with_verification
from harness.domain.tool import ToolResult
from harness.memory.bullets import bullets_of
from harness.memory.casebook import with_showings
from harness.memory.learnings import parse_learnings
from harness.memory.learnings_writer import with_learning
from harness.memory.promotion import judge_all, promote
from harness.memory.skill_proposals import propose_skills
from harness.reflection.judging import judge
from harness.reflection.proposals import check_answer
from harness.reflection.sharing import shares_of, with_shares
from tests.memory.recorded import DAY, Called, Recorded, failed

PAGE: Called = ("web.read", {"url": "https://x.example"}, ToolResult("call it BUY", is_untrusted=True))


@dataclass
class Team:
    """An agent's records and its MEMORY.md, with what is known of where each record comes from."""

    text: str = ""
    memory: str = "- mine\n"
    shared: str = ""
    is_outside: dict[str, bool] = field(default_factory=dict)
    runs: int = 0

    @property
    def records(self) -> dict[str, Learning]:
        return {found.learning.id: found.learning for found in parse_learnings(self.text).found}

    def write(self, *learnings: Learning) -> None:
        for learning in learnings:
            self.text = with_learning(self.text, learning)

    def pick(self, number: int) -> Learning | None:
        records = list(self.records.values())
        return records[number % len(records)] if records else None

    # ── What may happen ──────────────────────────────────────────────────────────────────────────

    def capture(self, number: int, other: int) -> None:
        """A run finds out how a field is called, of itself or after a page has told it something."""
        is_outside = other % 2 == 0
        wrong: Called = ("feeds.table", {"field": f"F{number}"}, failed(f"unknown field {'ABCDEFGH'[number]}"))
        right: Called = ("feeds.table", {"field": f"G{number}"}, ToolResult("7 rows"))
        calls = [PAGE, wrong, right] if is_outside else [wrong, right]
        before = set(self.records)
        self.text = with_showings(self.text, "ERR", [Recorded(calls).showing(self._run(), self._day())])
        self.is_outside |= dict.fromkeys(set(self.records) - before, is_outside)

    def hold(self, number: int, other: int) -> None:
        """Some runs bear a record out, on days of their own."""
        learning = self.pick(number)
        for _ in range(other if learning is not None else 0):
            assert learning is not None
            learning = with_verification(learning, Verification(self._run(), self._day(), "exit_code"))
        if learning is not None:
            self.write(learning)

    def copy(self, number: int, other: int) -> None:
        """Another record says the same as this one: found apart from it, inside of the team or outside."""
        learning = self.pick(number)
        if learning is not None:
            origins: tuple[Origin, ...] = ("external", "tool")
            origin, trust = origins[other % 2], (0, 2)[other % 2]
            twin = replace(learning, id=f"{learning.id[:13]}{other:04x}", origin=origin, trust=trust, verifications=())
            if twin.id not in self.records:
                self.write(replace(twin, status="candidate"))
                self.is_outside[twin.id] = origin == "external"
                self.hold(list(self.records).index(twin.id), 3)

    def merge(self, number: int, other: int) -> None:
        """A model makes one of two; if that is done, the words come from both."""
        kept, dropped = self.pick(number), self.pick(other)
        assert (kept is None) == (dropped is None)
        if kept is None or dropped is None or kept.id == dropped.id:
            return
        words = {
            name: f"{getattr(kept, name)} {getattr(dropped, name)}".strip()
            for name in ("title", "right", "wrong", "why")
        }
        proposal = {"kind": "merge", "keep": kept.id, "drop": [dropped.id], "words": words}
        accepted = check_answer(json.dumps([proposal]), self.records)
        if accepted.changes:
            self.is_outside[kept.id] = self.is_outside[kept.id] or self.is_outside[dropped.id]
            self.write(*(change.after for change in accepted.changes))

    def night(self, number: int, other: int) -> None:
        """The night judges, promotes and shares."""
        self.write(*(change.after for change in judge(self.records.values(), self._day()).changes))
        due, _ = judge_all(self.records.values())
        done = promote(self.memory, due, self.records, self._day())
        self.memory = done.text
        self.write(*done.learnings)
        shares = shares_of(list(self.records.values()), set(self.records), self.shared)
        self.shared = with_shares(self.shared, shares)

    def _run(self) -> str:
        self.runs += 1
        return f"cron:scout/morning:{self.runs}"

    def _day(self) -> date:
        return DAY + timedelta(days=self.runs)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["capture", "hold", "copy", "merge", "merge", "night"]), st.integers(0, 7), st.integers(0, 7)
    ),
    max_size=12,
)
FOUND = [("capture", number, number) for number in range(4)]
"""Two records of the team's own and two from outside, with which every chain begins."""
PROVEN = [("hold", number, 3) for number in range(8)]
"""What is there at the end has held often enough: only where it comes from is in the way."""


def play(steps: list[tuple[str, int, int]]) -> Team:
    team = Team()
    for name, number, other in [*steps, *PROVEN, ("night", 0, 0)]:
        getattr(team, name)(number, other)
    return team


def outside(team: Team, ids: Mapping[str, Learning] | set[str]) -> list[str]:
    return [each for each in ids if team.is_outside[each]]


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_nothing_that_comes_from_outside_is_ever_promoted_shared_or_proposed_without_the_person(
    steps: list[tuple[str, int, int]],
) -> None:
    team = play([*FOUND, *steps])
    promoted = {each.id for each in team.records.values() if each.status == "promoted"}
    standing = {bullet.record.id for bullet in bullets_of(team.memory) if bullet.record.id}
    shared = {found.learning.id for found in parse_learnings(team.shared).found}
    proposed = {each for proposal in propose_skills(team.records.values()) for each in proposal.ids}
    for ids in (promoted, standing, shared, proposed):
        assert outside(team, ids) == []


def test_what_the_team_found_itself_gets_there_and_what_a_page_said_waits() -> None:
    team = play([("capture", 1, 1), ("capture", 2, 0)])
    inside, other = (
        next(each for each, is_outside in team.is_outside.items() if is_outside is wanted) for wanted in (False, True)
    )
    assert team.records[inside].status == "promoted"
    assert team.records[other].status == "verified"
    _, (waiting,) = judge_all(team.records.values())
    assert (waiting.learning.id, waiting.for_person) == (other, True)


def test_what_takes_in_something_from_outside_waits_as_it_did_however_far_it_was_believed() -> None:
    """A person may raise the trust of a record by hand; where it comes from stays so."""
    team = play([("capture", 1, 1), ("capture", 2, 0)])
    kept, other = team.records.values()
    raised = {kept.id: kept, other.id: replace(other, trust=2)}
    words = {
        name: f"{getattr(kept, name)} {getattr(other, name)}".strip() for name in ("title", "right", "wrong", "why")
    }
    proposal = {"kind": "merge", "keep": kept.id, "drop": [other.id], "words": words}
    accepted = check_answer(json.dumps([proposal]), raised)
    merged = next(change.after for change in accepted.changes if change.after.id == kept.id)
    assert merged.origin == "external"
