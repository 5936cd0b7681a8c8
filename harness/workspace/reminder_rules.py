"""`reminder: true` in a job file, and `[reminders]` of agent.toml: what keeps reminders from becoming a nuisance."""

from __future__ import annotations

import dataclasses

from harness.domain.agent import REMINDER_SPACING_S
from harness.domain.schedule import QuietHours
from harness.workspace.fields import Duration
from harness.workspace.job_times import LOCAL
from harness.workspace.names import Names
from harness.workspace.shapes import Shape

NIGHT = QuietHours(23 * 60, 7 * 60)
"""When nobody is reminded of anything, where the team says nothing of quiet hours."""


class RemindersShape(Shape):
    spacing: Duration = REMINDER_SPACING_S


def quiet_hours_of_reminder(zone_word: str, names: Names) -> QuietHours:
    """Return the hours in which a reminder is skipped: the team's, by the clock of where the person is at home, or
    is at all if the job follows them."""
    zone = names.person_zone if zone_word == LOCAL else names.home_zone
    return dataclasses.replace(names.quiet_hours or NIGHT, zone=zone)
