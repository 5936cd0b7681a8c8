"""What a run reads before any model is asked: everything declared, minus what was delivered before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from harness.collectors.collect import collect, find_override
from harness.collectors.context import CollectContext
from harness.collectors.deadline import Deadline
from harness.collectors.dedupe import merge_items
from harness.collectors.families import family_of
from harness.collectors.health import NotedSources
from harness.collectors.reach import WatchedWeb
from harness.domain.job import Job
from harness.domain.source import Collected, Gap, Item
from harness.domain.workspace import Workspace
from harness.runs.conditions import Sighting, observe
from harness.runs.outputs import latest_output
from harness.runs.roundtable.held import Held
from harness.runs.services import RunServices
from harness.store.database import Database
from harness.store.requests import RequestRow, unsettled_requests
from harness.store.sources import seen_urls

MOST_REQUESTS = 200
"""How many open requests a job that reads them is given."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was collected for one run.

    `sources` says for each of `collected` how many sources stand behind it: each feed of a list is one.
    `items` are the distinct items over all reads, those delivered before left out; `already_delivered`
    counts those. `sighting` is what the job's condition is judged by, with nothing left out. `cause` is what
    failed, if nobody answered: see `harness.domain.cause`. `held` is the roundtable that was held over them.
    `nudged` are the to-dos that a reminder is not to repeat.
    """

    collected: tuple[Collected, ...] = ()
    sources: tuple[int, ...] = ()
    items: tuple[Item, ...] = ()
    already_delivered: int = 0
    sighting: Sighting | None = None
    cause: str | None = None
    held: Held | None = None
    nudged: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Collected, ...]:
        """What prompt and template are given: what was collected, and before it what was said about it at a table."""
        return self.collected if self.held is None else (self.held.said, *self.collected)

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
        return not self.items and all(one.is_empty for one in self.collected)


async def collect_inputs(
    services: RunServices, workspace: Workspace, job: Job, overrides: Mapping[str, str], now: datetime
) -> Inputs:
    """Collect everything the job reads and depends on, side by side. Never raises for a bad source: it is a gap.

    What is not finished after the job's `timeout_s` is a gap too.
    """
    web, noted = WatchedWeb(services.source_web), NotedSources(services.sources)
    context = CollectContext(
        workspace=workspace,
        job=job,
        web=web,
        now=now,
        cache=noted,
        parser=services.parser,
        latest_output=lambda job_id: _latest_output(services, workspace, job, job_id, now),
        overrides=overrides,
        shared=services.shared,
        deadline=Deadline.after(job.timeout_s),
        requests=lambda: _requests(services.database),
    )
    collected = await asyncio.gather(*(collect(read, context) for read in job.inputs))
    sources = tuple(_count_sources(read, context) for read in job.inputs)
    sighting = None if job.only_if.is_empty else observe(job.only_if, collected, now)
    items = merge_items(item for one in collected for item in one.items)
    inputs = Inputs(tuple(collected), sources, items, sighting=sighting, cause=web.reach.cause)
    await asyncio.to_thread(services.sources.settle, noted.notes, web.reach, now)
    return await asyncio.to_thread(_without_seen, services.database, job, inputs, now)


def _latest_output(
    services: RunServices, workspace: Workspace, job: Job, job_id: str, now: datetime
) -> Collected | None:
    agent, _, name = job_id.partition("/")
    if agent not in workspace.agents or name not in workspace.agents[agent].jobs:
        return Collected(job_id, gaps=(Gap(job_id, "there is no such job"),))
    # Of a job that this one depends on it is known how old a result may be.
    begun_only = any(dependency.job_id == job_id for dependency in job.depends_on)
    return latest_output(
        services.database,
        services.state,
        workspace.job(job_id),
        now,
        recorded=services.recorded,
        begun_only=begun_only,
    )


def _requests(database: Database) -> list[RequestRow]:
    with database.read() as connection:
        return unsettled_requests(connection, MOST_REQUESTS)


def _count_sources(read: str, context: CollectContext) -> int:
    family = family_of(read)
    if family is None or find_override(read, context) is not None:
        return 1
    return family.count_sources(read, context.workspace)


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
