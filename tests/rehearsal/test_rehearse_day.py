"""The shipped team's days, rehearsed through the code that the daemon runs."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import read_follow_ups
from harness.delivery.digest import digest_from_json
from harness.domain.digest import Digest
from harness.domain.errors import OwnerError
from harness.domain.run import Fire, FireState
from harness.rehearsal.rehearse_day import RehearsedDay, run_day
from harness.store.address import file_address
from harness.store.peek import peek
from harness.workspace.shipped import shipped_workspace, write_workspace

HOME = ZoneInfo("America/Los_Angeles")
WEDNESDAY = date(2026, 11, 18)
GOOD = {FireState.DELIVERED, FireState.DEGRADED, FireState.SILENT}
FAULTY = ("Cinder Wire", "Latent Times", "Prompt Courier")
"""The sources of the sample world that are broken on purpose, every day."""


@dataclass(frozen=True)
class Watched:
    """A rehearsal, and each step that was told of it."""

    day: RehearsedDay
    steps: tuple[tuple[datetime, int, int], ...]

    def fires(self, job_id: str) -> list[Fire]:
        return [fire for fire in self.day.report.fires if fire.job_id == job_id]

    def digests(self) -> list[Digest]:
        """What was delivered, in the order of the ledger."""
        paths = (self.day.state.root / artifact for artifact in self.day.report.digests)
        return [digest_from_json(json.loads(path.read_text())) for path in paths]


def rehearse(
    root: Path,
    out: Path,
    day: date = WEDNESDAY,
    agents: tuple[str, ...] = (),
    days: int = 1,
    broken: float = 0.0,
) -> Watched:
    seen: list[tuple[datetime, int, int]] = []
    rehearsed = run_day(
        root, out=out, day=day, days=days, agents=agents, world="sample", environ={},
        progress=lambda *step: seen.append(step), broken=broken,
    )  # fmt: skip
    return Watched(rehearsed, tuple(seen))


def fingerprints(root: Path) -> Mapping[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def quieter(root: Path) -> Path:
    """Let the jobs that watch all day look every six hours: what is between is the same again and again."""
    for job in (path for name in ("task-watcher", "self-check") for path in root.glob(f"agents/zoe/jobs/{name}.md")):
        text, changed = re.subn(r"^schedule: every \d+(m| min)$", "schedule: every 6h", job.read_text(), flags=re.M)
        assert changed == 1, job
        job.write_text(text)
    return root


def only(root: Path, **kept: tuple[str, ...]) -> tuple[str, ...]:
    """Leave each of these agents the named jobs; return the agents."""
    for agent, names in kept.items():
        for job in (root / f"agents/{agent}/jobs").glob("*.md"):
            if job.name.partition(".")[0] not in names:
                job.unlink()
    for other in (path for path in (root / "agents").iterdir() if path.is_dir() and path.name not in kept):
        shutil.rmtree(other)
    return tuple(kept)


def wrong(fires: tuple[Fire, ...]) -> list[str]:
    """Fires that ended otherwise than they should in a world that is as it should be."""
    is_skipped_truly = re.compile(r"is closed: |^nothing changed in ")
    return [
        f"{fire.job_id} {fire.state}: {fire.reason}"
        for fire in fires
        if fire.state not in GOOD and not (fire.state is FireState.SKIPPED and is_skipped_truly.search(fire.reason))
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "team"
    write_workspace(root, home_zone=HOME.key)
    return root


# ── A whole day ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_day_of_the_whole_team_keeps_its_promises_and_ends_in_a_page(workspace: Path, tmp_path: Path) -> None:
    before = fingerprints(workspace)
    whole = rehearse(workspace, tmp_path / "day")
    assert fingerprints(workspace) == before
    look_at_ledger(whole)
    look_at_gaps(whole)
    look_at_page(whole)
    look_at_repair(whole)


def look_at_ledger(whole: Watched) -> None:
    report = whole.day.report
    assert report.discrepancies == ()
    assert whole.day.broken == ()
    fires = Counter(fire.job_id for fire in report.fires)
    assert fires.total() >= 300
    assert (fires["zoe/task-watcher"], fires["zoe/self-check"], fires["butler/water"]) == (288, 48, 5)
    # A Wednesday: all sixty jobs but the seven that are weekly.
    assert len(fires) == 60 - 7
    assert whole.steps[-1][1:] == (fires.total(), fires.total())
    assert wrong(report.fires) == []


def look_at_gaps(whole: Watched) -> None:
    """What is missing is what the sample world lacks on purpose, what is there from the second day on, or taken out."""
    lacking = "|".join((*FAULTY, "has delivered nothing yet", "no result yet that could be cited"))
    gaps = {f"{digest.job_id}: {gap}" for digest in whole.digests() for gap in digest.gaps}
    assert [gap for gap in gaps if not re.search(f"{lacking}|left out|at most|does not answer", gap)] == []


def look_at_page(whole: Watched) -> None:
    page = whole.day.page
    assert page is not None and page.name == "zoe-daily-digest.md"
    text = page.read_text()
    assert "A rehearsal in the sample world" in text
    assert "answered 503" in text
    assert text.count("sample.test/") >= 18
    assert page.with_suffix(".html").is_file()
    made_by = {digest.job_id: digest.made_by for digest in whole.digests()}
    judged = ("trading/premarket", "macro/morning", "content/draft", "ainews/impact-review", "zoe/tech-radar")
    assert {made_by[job_id] for job_id in judged} == {"recorded"}
    assert made_by["content/trend-radar"] == "extractive, no model"
    assert made_by["butler/greeting"] == "template, no model"


def look_at_repair(whole: Watched) -> None:
    """The recorded answer that writes what nobody collected is corrected before anybody reads it."""
    [fire] = whole.fires("trading/close-report")
    with peek(file_address(whole.day.state.database)) as look:
        assert look is not None
        steps = look.steps_of_run(fire.run_id or "")
    replies = [step.value["reply"]["text"] for step in steps if step.kind == "model"]
    first, second = (step.value["violations"] for step in steps if step.kind == "check")
    assert len(replies) == 2
    assert "7,777.77" in replies[0] and "7,777.77" not in replies[1]
    assert [violation["rule"] for violation in first] == ["numbers"]
    assert second == []
    assert "7,777.77" not in (whole.day.state.root / (fire.artifact or "")).with_suffix(".md").read_text()
    assert fire.state is FireState.DELIVERED


# ── Nights and mornings, weeks ───────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_what_a_night_writes_down_is_asked_for_in_the_morning_and_comes_back(workspace: Path, tmp_path: Path) -> None:
    followups = ("followup-review", "followup-dispatch", "followup-status", "reflection", "team-reflection")
    scans = ("overnight-scan", "morning-digest", "midday-scan", "evening-scan", "reflection")
    team = only(workspace, ainews=scans, zoe=followups)
    watched = rehearse(workspace, tmp_path / "days", agents=team, days=3)
    assert watched.day.is_sound, (watched.day.report.discrepancies, watched.day.broken)
    third = WEDNESDAY + timedelta(days=2)
    folder = FollowUpFolder(watched.day.workspace)
    entries = read_follow_ups(folder.read(third), path_of(third)).entries
    # Two sources have been broken for longer than a day by the second night, and are asked about once.
    assert {entry.status for entry in entries if entry.importance == "P1"} == {"done"}
    assert all(entry.request and entry.result for entry in entries if entry.importance == "P1")
    assert len(entries) >= 2
    assert wrong(watched.day.report.fires) == []


@pytest.mark.slow
def test_a_week_with_a_longer_day_has_its_weekly_jobs_and_its_table(workspace: Path, tmp_path: Path) -> None:
    team = ("macro", "trading", "zoe")
    watched = rehearse(quieter(workspace), tmp_path / "week", date(2026, 10, 31), team, days=2)
    assert watched.day.is_sound, (watched.day.report.discrepancies, watched.day.broken)
    assert watched.day.report.end - watched.day.report.start == timedelta(hours=24 + 25)
    weekly = (
        "zoe/weekly-compression",
        "zoe/roundtable",
        "zoe/skills-review",
        "macro/weekly-review",
        "trading/weekly-report",
    )
    assert {name: len(watched.fires(name)) for name in weekly} == dict.fromkeys(weekly, 1)
    [table] = watched.fires("zoe/roundtable")
    assert table.state in GOOD, table.reason
    [minutes] = (watched.day.workspace / "shared-context/roundtables").glob("2026-10-31-*.md")
    assert "speakers: macro, trading" in minutes.read_text()
    # The review of the week is there on Sunday, and is cited by its day.
    [cited] = [fire for fire in watched.fires("trading/position-review") if fire.due_at.astimezone(HOME).day == 1]
    page = (watched.day.state.root / (cited.artifact or "")).with_suffix(".md").read_text()
    assert "macro/weekly-review (2026-11-01)" in page


@pytest.mark.slow
@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25)])
def test_a_day_on_which_the_clock_is_changed_has_its_23_or_25_hours(
    workspace: Path, tmp_path: Path, day: date, hours: int
) -> None:
    (workspace / "agents/butler/jobs/look.md").write_text("---\nschedule: every 10m\naction: self-check\n---\nLook.\n")
    watched = rehearse(workspace, tmp_path / "day", day, agents=("butler",))
    assert watched.day.is_sound
    # Counted here, and not by the schedule: six an hour, and each daily job once by the clock on the wall.
    assert len(watched.fires("butler/look")) == 6 * hours
    for name, clock in (("greeting", (8, 0)), ("health", (20, 0)), ("summary", (21, 30))):
        [fire] = watched.fires(f"butler/{name}")
        local = fire.due_at.astimezone(HOME)
        assert ((local.hour, local.minute), local.date()) == (clock, day)


# ── Half of the world down ───────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_with_half_of_the_world_down_the_day_ends_and_the_ledger_says_what_is_missing(
    workspace: Path, tmp_path: Path
) -> None:
    watched = rehearse(workspace, tmp_path / "day", agents=("ainews", "butler", "macro"), broken=0.5)
    report = watched.day.report
    assert watched.day.is_sound, (report.discrepancies, watched.day.broken)
    degraded = [fire for fire in report.fires if fire.state is FireState.DEGRADED]
    assert len(degraded) >= 8
    assert all(fire.gaps for fire in degraded)
    told = "\n".join(gap for digest in watched.digests() for gap in digest.gaps)
    assert "answered 500" in told
    assert "127.0.0.1: there is no such host" in told
    # Whoever never answers, or never ends, is left after a second or five megabytes, whichever is first.
    assert re.search("no complete answer within 1 s|is larger than 5 MB", told)
    # Whoever fails says what for, and nothing of it is a fault of the harness.
    for fire in report.fires:
        if fire.state is FireState.FAILED:
            assert re.search("could be collected|not collected|contract does not hold", fire.reason), fire.reason


# ── What a rehearsal leaves alone ────────────────────────────────────────────────────────────────


def test_a_second_rehearsal_replaces_the_first_and_nothing_else_is_ever_replaced(
    workspace: Path, tmp_path: Path
) -> None:
    out = tmp_path / "day"
    first = rehearse(workspace, out, agents=("butler",))
    second = rehearse(workspace, out, agents=("butler",))
    assert first.day.report.counts == second.day.report.counts
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.md").write_text("years of work")
    with pytest.raises(OwnerError, match="no rehearsal made it"):
        rehearse(workspace, mine, agents=("butler",))
    assert [path.name for path in mine.iterdir()] == ["thesis.md"]


def test_no_model_that_costs_money_is_called_in_the_sample_world(workspace: Path, tmp_path: Path) -> None:
    settings = workspace / "harness.toml"
    paid = 'adapter = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\ninput_usd_per_mtok = 1.0\n'
    settings.write_text(
        settings.read_text().replace('[profiles.cheap]\nadapter = "extractive"', f"[profiles.cheap]\n{paid}")
    )
    assert "127.0.0.1:9" in settings.read_text()
    watched = rehearse(workspace, tmp_path / "day", agents=("butler",))
    assert watched.day.is_sound
    assert wrong(watched.day.report.fires) == []


def test_a_workspace_with_errors_is_not_rehearsed(workspace: Path, tmp_path: Path) -> None:
    job = workspace / "agents/zoe/jobs/daily-digest.md"
    job.write_text(job.read_text().replace("daily 08:15", "daily 25:15"))
    with pytest.raises(OwnerError, match=r"daily-digest\.md"):
        rehearse(workspace, tmp_path / "day")
    assert not (tmp_path / "day").exists()


def test_an_agent_that_does_not_exist_is_named_with_those_that_do(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match="no agent 'nobody'; there are: ainews, butler, content, macro, trading, zoe"):
        rehearse(workspace, tmp_path / "day", agents=("nobody",))


def test_the_shipped_workspace_itself_is_not_written_to(tmp_path: Path) -> None:
    source = shipped_workspace()
    before = fingerprints(source / "agents")
    rehearse(source, tmp_path / "day", agents=("butler",))
    assert fingerprints(source / "agents") == before
