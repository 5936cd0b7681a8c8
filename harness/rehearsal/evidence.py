"""Gathers from a rehearsed system what shows whether its promises were kept."""

from __future__ import annotations

import json

from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import read_follow_ups
from harness.delivery.digest import digest_from_json
from harness.rehearsal.day import Itinerary, RehearsalReport
from harness.rehearsal.promises import Evidence
from harness.store.requests import requests_in
from harness.wiring.system import System


def evidence_of(
    system: System, itinerary: Itinerary, report: RehearsalReport, hosts: frozenset[str] | None
) -> Evidence:
    """Return what the rehearsal left; `hosts` are those of the sample world, None for the network.

    Raises ValueError for an artifact that is no digest.
    """
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
        digests=tuple(
            digest_from_json(json.loads((system.state.root / artifact).read_text(encoding="utf-8")))
            for artifact in report.digests
        ),
        hosts=hosts,
    )
