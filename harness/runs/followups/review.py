"""The action `followup-review`: each follow-up has an owner, a priority, a status and evidence, or is named.

No model is called, and no file is changed: what is named here is put right by whoever wrote it, or asked for as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.bus.evidence import MAX_BYTES, STATE_PREFIX
from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import FollowUp, read_follow_ups
from harness.bus.team import Team
from harness.domain.errors import Refused, ToolError
from harness.domain.job import Job
from harness.domain.moments import midnight
from harness.domain.request import USER
from harness.domain.sizes import counted
from harness.gate.paths import PathRules
from harness.runs.actions import Action, ActionResult
from harness.runs.followups.told import Told, in_code

LACKING = "What follow-ups lack"


def followup_review(team: Callable[[], Team], state: Path) -> Action:
    """Return the action: it looks at the follow-ups of yesterday and of today, and names what one of them lacks.

    Evidence of what is done must be a file that is there, holds something and is newer than the follow-up.
    """

    def review(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        here = team()
        folder, zone = FollowUpFolder(here.workspace.root), here.workspace.settings.home_zone
        today = due_at.astimezone(ZoneInfo(zone)).date()
        told, count = Told(), 0
        for day in folder.days():
            if not today - timedelta(days=1) <= day <= today:
                continue
            found = read_follow_ups(folder.read(day), path_of(day))
            for problem in found.problems:
                told.add(LACKING, in_code(str(problem)))
            reviewer = _Reviewer(here, state, day, now)
            for entry in found.entries:
                if entry.moved_to is not None or entry.status == "dropped":
                    continue
                count += 1
                lacks = list(reviewer.lacks(entry))
                if lacks:
                    where = f"{path_of(day)}:{entry.first_line}"
                    words = f"{entry.importance} {entry.owner}: {in_code(entry.words)}"
                    told.add(LACKING, f"{words} ({in_code(where)}): {'; '.join(lacks)}")
        lacking = told.count(LACKING)
        reviewed = f"{counted(count, 'follow-up')} reviewed"
        if not lacking:
            return ActionResult(f"{reviewed}; none lacks anything" if count else "there is no follow-up to review")
        return ActionResult(f"{reviewed}; {lacking} to be put right before they are asked for", told.text())

    return review


@dataclass(frozen=True, slots=True)
class _Reviewer:
    """Looks at the follow-ups of one day's file."""

    team: Team
    state: Path
    day: date
    now: datetime

    def lacks(self, entry: FollowUp) -> Iterator[str]:
        """Yield in words what the follow-up lacks."""
        settings = self.team.workspace.settings
        if entry.owner not in self.team.workspace.agents and entry.owner.casefold() not in (
            USER,
            settings.user_name.casefold(),
        ):
            yield f"its owner {in_code(entry.owner)} is no agent, so that the person is asked"
        if entry.status == "asked" and not entry.request:
            yield "it was asked, and names no request"
        paths = [path.strip() for path in entry.evidence.split(",") if path.strip()]
        if not paths:
            yield "it names no evidence"
        elif entry.status == "done":
            yield from (f"its evidence {in_code(path)} {why}" for path in paths if (why := self._why_not(path, entry)))

    def _why_not(self, path: str, entry: FollowUp) -> str | None:
        """Return why the file is no evidence of what was done."""
        is_state = path.startswith(STATE_PREFIX)
        rules = PathRules(self.state if is_state else self.team.workspace.root, read_paths=(".",))
        try:
            seen = rules.look_at(path.removeprefix(STATE_PREFIX) if is_state else path, MAX_BYTES)
        except FileNotFoundError:
            return "is not there"
        except (Refused, ToolError, OSError) as error:
            is_gone = isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)
            return "is not there" if is_gone else f"cannot be looked at ({in_code(str(error))})"
        if not seen.size_bytes or seen.is_blank:
            return "is empty"
        return "is older than the follow-up" if self._is_older(seen.modified_at, entry) else None

    def _is_older(self, modified_at: float, entry: FollowUp) -> bool:
        """Compare ages, each by its own clock: in a rehearsal files are stamped by another one than the harness's."""
        if self.team.files_now is None:
            return False
        begun = midnight(entry.since or self.day, self.team.workspace.settings.home_zone)
        return self.team.files_now.timestamp() - modified_at > (self.now - begun).total_seconds()
