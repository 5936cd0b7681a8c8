"""What the files say of days comes true by itself while the daemon works."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.daemon.notify import service_manager
from harness.daemon.service import Service
from harness.daemon.stopping import Stopping
from harness.store.fires import job_states
from harness.testing.clock import VirtualClock
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.build import build_system
from harness.wiring.system import System
from tests.daemon.daemon_process import wait_until

HERE = '\n[here]\nzone = "Asia/Tokyo"\nuntil = 2026-12-05\n'
HOME_AGAIN = datetime(2026, 12, 5, 15, tzinfo=UTC)
"""Midnight after the last day in Tokyo."""


def expected_zone(system: System) -> str:
    """Return the zone in which the schedule expects scout/local."""
    with system.database.read() as connection:
        return job_states(connection)["scout/local"].schedule.rpartition(" ")[2]


def test_jobs_come_home_when_the_last_day_there_is_over(tmp_path: Path) -> None:
    root = write_workspace_files(
        tmp_path / "team",
        {
            "harness.toml": SAMPLE_FILES["harness.toml"] + HERE,
            "agents/scout/jobs/local.md": "---\nschedule: daily 08:00\ntz: local\n---\nHello\n",
            "agents/scout/jobs/morning.md": None,
        },
    )
    clock = VirtualClock(HOME_AGAIN - timedelta(seconds=1), longest_wait_s=0.01)
    environ = {"HARNESS_HOME": str(tmp_path / "state")}

    async def work() -> None:
        system = await asyncio.to_thread(build_system, root, environ=environ, clock=clock)
        stopping = Stopping()
        service = Service(system, service_manager({}), wake=asyncio.Event(), stopping=stopping)
        working: asyncio.Task[None] | None = None
        try:
            await asyncio.to_thread(service.open)
            working = asyncio.ensure_future(service.work(lambda _line: None))
            assert expected_zone(system) == "Asia/Tokyo"
            clock.advance_to(HOME_AGAIN)
            await asyncio.to_thread(wait_until, lambda: expected_zone(system) == "America/Los_Angeles")
            assert [job.zone for job in system.workspace().jobs()] == ["America/Los_Angeles"]
        finally:
            stopping.ask()
            if working is not None:
                await working
            await service.supervisor.close()
            await asyncio.to_thread(service.close)

    asyncio.run(work())


def test_a_database_that_is_changed_in_the_settings_waits_for_a_restart_and_is_told(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path / "team")

    def causes_after(settings: str) -> list[str]:
        (root / "harness.toml").write_text(settings)
        service.reload()
        return system.incidents.open_causes("file ")

    async def made() -> Service:
        return Service(system, service_manager({}), wake=asyncio.Event(), stopping=Stopping())

    system = build_system(root, environ={}, clock=VirtualClock(HOME_AGAIN))
    service = asyncio.run(made())
    try:
        service.open()
        other = f'database_url = "sqlite:///other.db"\n{SAMPLE_FILES["harness.toml"]}'
        assert causes_after(other) == ["file harness.toml: database_url"]
        assert not (root / "other.db").exists()
        assert causes_after(SAMPLE_FILES["harness.toml"]) == []
    finally:
        service.close()
