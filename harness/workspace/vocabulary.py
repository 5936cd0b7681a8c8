"""Names that the workspace refers to and that higher layers own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.domain.job import Job
from harness.domain.schedule import Calendar, Schedule
from harness.domain.settings import Egress
from harness.domain.skill import Skill


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be named in the files; wiring fills it in.

    `tools` and `actions` are all names that exist. `parse_schedules` raises a ValueError with the
    attributes `problem` and `fix`. `check_read` is asked about `read` entries that are neither a feed
    list nor a job nor a file of the workspace, and returns what is wrong, or None for an entry that
    some collector understands. `why_never_due` says which of its closed days and quiet hours keep a job from
    running at all, or None if it runs. `shortest_period_s` is the shortest time between two of the job's next slots,
    None if there are not two. `refuse_host` says why the door to the network refuses a host, or None. `shipped_skills`
    come with the harness: a skill of the workspace takes the place of one of the same name. `is_output` says whether an
    entry of `read` is written as the output of another job is, and no collector's.
    """

    tools: frozenset[str]
    actions: frozenset[str]
    parse_schedules: Callable[[str | list[str]], tuple[Schedule, ...]]
    check_read: Callable[[str], str | None]
    why_never_due: Callable[[Job, Mapping[str, Calendar], datetime], str | None]
    shortest_period_s: Callable[[Job, datetime], float | None]
    refuse_host: Callable[[str, Egress], str | None]
    shipped_skills: Mapping[str, Skill] = field(default_factory=dict)
    is_output: Callable[[str], bool] = lambda entry: False
