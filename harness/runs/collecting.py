"""What a run reads before any model is asked: everything declared, minus what was delivered before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from harness.collectors.collect import collect, find_override, read_kind
from harness.collectors.context import CollectContext
from harness.collectors.dedupe import merge_items
from harness.delivery.digest import collected_from_digest, digest_from_json
from harness.domain.job import Job
from harness.domain.run import FireState
from harness.domain.source import Collected, Gap, Item
from harness.domain.workspace import Workspace
from harness.runs.services import RunServices
from harness.schedule.due import slots_between
from harness.store.database import Database
from harness.store.fires import last_fires
from harness.store.sources import seen_urls
from harness.store.state_folder import StateFolder


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was collected for one run.

    `sources` says for each of `collected` how many sources stand behind it: each feed of a list is one.
    `items` are the distinct items over all reads, those delivered before left out; `already_delivered`
    counts those.
    """

    collected: tuple[Collected, ...] = ()
    sources: tuple[int, ...] = ()
    items: tuple[Item, ...] = ()
    already_delivered: int = 0

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Everything that could not be read, each once."""
        return tuple(dict.fromkeys(gap for one in self.collected for gap in one.gaps))

    @property
    def has_failed(self) -> bool:
        """Whether not one source of any read could be used."""
        return bool(self.collected) and all(
            len({gap.source for gap in one.gaps}) >= count
            for one, count in zip(self.collected, self.sources, strict=True)
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write about."""
        return not self.items and not any(one.text.strip() for one in self.collected)


async def collect_inputs(
    services: RunServices, workspace: Workspace, job: Job, overrides: Mapping[str, str], now: datetime
) -> Inputs:
    """Collect everything the job reads, side by side. Never raises for a bad source: it is a gap."""
    context = CollectContext(
        workspace=workspace,
        job=job,
        web=services.web,
        now=now,
        cache=services.sources,
        parser=services.parser,
        latest_output=lambda job_id: _latest_output(services, workspace, job_id, now),
        overrides=overrides,
    )
    collected = await asyncio.gather(*(collect(read, context) for read in job.read))
    sources = tuple(_count_sources(read, context) for read in job.read)
    inputs = Inputs(tuple(collected), sources, merge_items(item for one in collected for item in one.items))
    return await asyncio.to_thread(_without_seen, services.database, job, inputs, now)


def _latest_output(services: RunServices, workspace: Workspace, job_id: str, now: datetime) -> Collected | None:
    agent, _, name = job_id.partition("/")
    if agent not in workspace.agents or name not in workspace.agents[agent].jobs:
        return Collected(job_id, gaps=(Gap(job_id, "there is no such job"),))
    return latest_output(services.database, services.state, workspace.job(job_id), now)


def latest_output(database: Database, state: StateFolder, job: Job, now: datetime) -> Collected | None:
    """Return what the job's newest fire came to: its delivery, or why there is none; None before its first.

    An older delivery never stands in for a newer failure, nor for a run that should have ended by now:
    what is missing must show.
    """
    job_id = job.id
    with database.read() as connection:
        fires = [fire for fire in last_fires(connection, job_id, 20) if not fire.is_preview]
    if not fires:
        return None
    fire = fires[0]
    since = slots_between(job.schedules, job.zone, fire.due_at, now)
    if fire.state.is_open or since:
        due_at = since[-1] if since else fire.due_at
        return Collected(job_id, gaps=(Gap(job_id, f"its run due {_moment(due_at, job)} has no result yet"),))
    if fire.state.is_success and fire.artifact is not None:
        try:
            digest = digest_from_json(json.loads((state.root / fire.artifact).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError) as error:
            return Collected(job_id, gaps=(Gap(job_id, f"its artifact cannot be read ({type(error).__name__})"),))
        return collected_from_digest(digest, job_id)
    if fire.state is FireState.SILENT:
        return Collected(job_id, text=f"Nothing to report: {fire.reason}.", is_untrusted=False)
    problem = f"its run due {_moment(fire.due_at, job)} {_became(fire.state)}: {fire.reason}"
    return Collected(job_id, gaps=(Gap(job_id, problem),))


def _moment(moment: datetime, job: Job) -> str:
    return moment.astimezone(ZoneInfo(job.zone)).strftime("%a %d %b %H:%M %Z")


def _became(state: FireState) -> str:
    return {FireState.MISSED: "was missed", FireState.CANCELLED: "was cancelled", FireState.SKIPPED: "was skipped"}.get(
        state, str(state)
    )


def _count_sources(read: str, context: CollectContext) -> int:
    if read_kind(read) != "feeds" or find_override(read, context) is not None:
        return 1
    return len(context.workspace.feed_lists.get(read.partition("/")[2], ())) or 1


def _without_seen(database: Database, job: Job, inputs: Inputs, now: datetime) -> Inputs:
    if job.contract.unseen_for_s is None:
        return inputs
    since = now - timedelta(seconds=job.contract.unseen_for_s)
    with database.read() as connection:
        seen = seen_urls(connection, job.id, [item.key for item in inputs.items], since)
    kept = tuple(item for item in inputs.items if item.key not in seen)
    return replace(
        inputs,
        collected=tuple(
            replace(one, items=tuple(item for item in one.items if item.key not in seen)) for one in inputs.collected
        ),
        items=kept,
        already_delivered=len(inputs.items) - len(kept),
    )
