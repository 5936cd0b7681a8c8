"""A whole harness on the copy of a workspace, for one run of one job."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.run import Fire
from harness.domain.settings import Profile, Settings
from harness.domain.workspace import Workspace
from harness.job_tests.stand_ins import NoNames
from harness.llm.routes import chosen_profile
from harness.ports import Clock, Web
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.clock import sync_jobs
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.wiring.build import build_system
from harness.wiring.files import load
from harness.wiring.system import System
from harness.workspace.load import Loaded

_ENDS_WITHIN_S = 120.0
"""Beyond the job's own timeout: what a machine that is busy takes for everything else."""
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Stage:
    """The copy `root`, and what the run meets there.

    `model_url` is the server that answers in place of the job's model; None leaves the workspace's own. `links` None
    leaves it the network.
    """

    root: Path
    environ: Mapping[str, str]
    clock: Clock
    model_url: str | None = None
    links: Web | None = None


def run_job(stage: Stage, job_id: str, inputs: Mapping[str, str]) -> tuple[System, Fire]:
    """Run the job to its end; return the system, which is closed, and the job's fire.

    Raises HarnessError if it does not end.
    """
    with _system(stage, job_id) as system:
        now = system.clock.now()
        run_id = start_by_hand(system.database, system.workspace(), job_id, now, inputs=inputs, force=True)
        _settle(system, job_id, system.workspace().job(job_id).timeout_s)
        return system, fire_for(system.database, run_id)


@contextmanager
def _system(stage: Stage, job_id: str) -> Iterator[System]:
    system = build_system(
        stage.root,
        environ=stage.environ,
        clock=stage.clock,
        resolver=None if stage.links is None else NoNames(),
        out=io.StringIO(),
        loader=partial(_load, stage, job_id),
    )
    if stage.links is not None:
        system = replace(system, services=replace(system.services, web=stage.links))
    try:
        system.launch()
        sync_jobs(system.database, system.workspace(), stage.clock.now(), WORKFLOW_VERSION)
        yield system
    finally:
        system.close()


def _settle(system: System, job_id: str, timeout_s: float) -> None:
    until_s = time.monotonic() + timeout_s + _ENDS_WITHIN_S
    while time.monotonic() < until_s:
        served = system.serve_bus()
        system.dispatcher.dispatch()
        if served.is_nothing and not system.dispatcher.count_open():
            return
        system.dispatcher.wait_for_change(_LOOK_EVERY_S)
    raise HarnessError(f"{job_id} did not end within {timeout_s + _ENDS_WITHIN_S:g} s")


def _load(stage: Stage, job_id: str) -> Loaded:
    loaded = load(stage.root, stage.environ, now=stage.clock.now())
    workspace = loaded.workspace
    profile = _profile_of(workspace, job_id)
    if profile is None:
        return loaded
    if stage.model_url is not None:
        settings = _asking(workspace.settings, profile, stage.model_url)
        return replace(loaded, workspace=replace(workspace, settings=settings))
    if stage.links is not None and profile.adapter not in ("extractive", "scripted"):
        fix = 'give it answers with model=["…"], or a recorded run with cassette="….yaml"'
        raise OwnerError(job_id, None, f"a test does not ask the model of profile {profile.name!r}", fix)
    return loaded


def _profile_of(workspace: Workspace, job_id: str) -> Profile | None:
    """Return the profile that the job's model comes from; None for a job that asks none."""
    job = workspace.job(job_id)
    return None if job.action else chosen_profile(workspace.settings, workspace.agent(job.agent), job)


def _asking(settings: Settings, profile: Profile, url: str) -> Settings:
    """Return the settings with the profile answered by the server at the address; its prices stay.

    Other profiles, of agents that the job may ask, are answered by it as well.
    """
    names = {profile.name: profile, **settings.profiles}
    asking = {
        name: replace(
            one, adapter="openai", base_url=url, model=one.model or "scripted", key_env=None, attempts=1, fallbacks=()
        )
        for name, one in names.items()
    }
    return replace(settings, profiles=asking)
