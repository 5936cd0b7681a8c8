"""Gathers from a rehearsed system what shows whether its promises were kept."""

from __future__ import annotations

import json

from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import read_follow_ups
from harness.delivery.digest import digest_from_json
from harness.domain.run import Fire
from harness.rehearsal.day import Itinerary, RehearsalReport
from harness.rehearsal.promises import Evidence, Made
from harness.runs.collecting import Inputs
from harness.store.json_codec import from_json
from harness.store.requests import requests_in
from harness.wiring.system import System


def evidence_of(system: System, itinerary: Itinerary, report: RehearsalReport) -> Evidence:
    """Return what the rehearsal left. Raises ValueError for an artifact that is no digest."""
    workspace = system.workspace()
    folder = FollowUpFolder(workspace.root)
    with system.database.read() as connection:
        requests = tuple(requests_in(connection))
    return Evidence(
        end=report.end,
        zone=itinerary.zone,
        jobs={job.id: job for job in workspace.jobs()},
        expected=itinerary.expected,
        fires=report.fires,
        requests=requests,
        follow_ups={day: read_follow_ups(folder.read(day), path_of(day)) for day in folder.days()},
        made=tuple(made for fire in report.fires if (made := _made(system, fire)) is not None),
    )


def _made(system: System, fire: Fire) -> Made | None:
    """Return what the fire's run made and had read; None for one that collected nothing itself."""
    if fire.artifact is None or fire.run_id is None:
        return None
    collected = next((step.value for step in system.engine.recorded(fire.run_id) if step.kind == "collect"), None)
    if collected is None:
        return None
    digest = digest_from_json(json.loads((system.state.root / fire.artifact).read_text(encoding="utf-8")))
    parts = from_json(Inputs, collected).collected
    links = frozenset(item.key for part in parts for item in part.items)
    return Made(digest, links, "\n".join(part.text for part in parts))
