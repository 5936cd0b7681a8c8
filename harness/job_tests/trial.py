"""One job, run for a test: from a cassette, with a model that says what the test tells it to, or without a model."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.run import FireState
from harness.domain.workspace import Workspace
from harness.job_tests.result import JobResult
from harness.job_tests.stage import Stage, run_job
from harness.job_tests.stand_ins import DeclaredLinks, Input, Reply, links_in, place_inputs, scripted
from harness.ports import Clock
from harness.rehearsal.workspace_copy import copy_workspace, named_paths
from harness.runs.cassette import Cassette, read_cassette, render_cassette
from harness.runs.recording import Recording, read_recording
from harness.runs.replay import recorded_links, replay, what_was_asked
from harness.runs.tape import Stray, Tape
from harness.runs.wall_clock import WallClock
from harness.store.address import URL_VARIABLE, database_address, file_url
from harness.store.durable_file import replace_text
from harness.store.peek import peek
from harness.store.state_folder import StateFolder
from harness.testing.clock import VirtualClock
from harness.testing.openai_server import OpenAIServer
from harness.wiring.files import vocabulary
from harness.wiring.playback import playback_services
from harness.workspace.load import load_workspace

USUAL_MOMENT = "2026-01-05 08:00"
"""When it is in a test that says nothing of it: a Monday morning, at home."""

_SHOWN_STRAYS = 3
_SHOWN_LINES = 40


@dataclass(frozen=True, slots=True)
class JobTrial:
    """Runs jobs of the workspace `root` on copies of it below `scratch`; files are named from `beside`, the test's
    folder. With `is_recording` a cassette that is missing is recorded."""

    root: Path
    beside: Path
    scratch: Path
    is_recording: bool = False

    def __call__(
        self,
        job_id: str,
        *,
        cassette: str | Path | None = None,
        model: Sequence[Reply] | None = None,
        inputs: Mapping[str, Input] | None = None,
        links: Mapping[str, int] | None = None,
        at: str | datetime | None = None,
        strict: bool = True,
    ) -> JobResult:
        """Run the job and return what it came to. No network, no paid model; the workspace stays as it is.

        `cassette` is a recorded run, relative to the test: what the world said then is said again, and the harness
        does the rest with the files of today. What is asked today and is not on it fails the test, with what
        changed; with `strict=False` the answer of its place is given all the same.
        `model` are the replies of the model, in order; without it and without a cassette only a job that needs no
        language model can run. `inputs` stand in for entries of `read`: a file, or stories as (title, link).
        `links` are the statuses with which links answer; those of stories in `inputs` answer with 200. `at` is the
        moment, `2026-11-21 07:40` at home, or aware; a cassette brings its own.
        Raises AssertionError for what differs from the cassette, OwnerError for what the test or the workspace has
        to change, HarnessError for a job that does not exist.
        """
        workspace = _sound_workspace(self.root)
        workspace.job(job_id)
        if cassette is not None and (model is not None or links is not None):
            raise OwnerError(job_id, None, "a cassette brings the model's answers and the links", "leave them out")
        moment = None if at is None else _moment(at, workspace.settings.home_zone)
        copy = self._copy(workspace)
        read = place_inputs(inputs or {}, self.beside, copy, moment or _usual_moment(workspace))
        if cassette is None:
            statuses = {**links_in(inputs or {}), **(links or {})}
            clock = VirtualClock(moment or _usual_moment(workspace))
            return _run(copy, job_id, read, model, DeclaredLinks(statuses), clock)
        path = self.beside / cassette
        if not path.exists():
            self._record(path, copy, job_id, read, WallClock() if moment is None else VirtualClock(moment))
        held = read_cassette(path)
        _check_fits(path, held, job_id, read, moment)
        return _play(copy, path, held, strict=strict)

    def _copy(self, workspace: Workspace) -> Path:
        number = sum(1 for _ in self.scratch.glob("workspace-*")) + 1
        return copy_workspace(self.root, self.scratch / f"workspace-{number}", also=named_paths(workspace)).root

    def _record(self, path: Path, copy: Path, job_id: str, read: Mapping[str, str], clock: Clock) -> None:
        if not self.is_recording:
            fix = "record it once with: pytest --harness-record (this asks the real model and the real sources)"
            raise OwnerError(path, None, "there is no such cassette", fix)
        environ = _environ_of(copy)
        system, fire = run_job(Stage(copy, environ, clock), job_id, read)
        recording = _recording(copy, fire.run_id or "")
        with playback_services(copy, environ, recorded_links(recording)) as services:
            asked = asyncio.run(what_was_asked(recording, services))
            replace_text(path, render_cassette(Cassette(recording, asked), system.services.redact))


def _run(
    copy: Path,
    job_id: str,
    read: Mapping[str, str],
    model: Sequence[Reply] | None,
    links: DeclaredLinks,
    clock: VirtualClock,
) -> JobResult:
    stage = Stage(copy, _environ_of(copy), clock, links=links)
    if model is None:
        _, fire = run_job(stage, job_id, read)
    else:
        with OpenAIServer(scripted(model)) as server:
            _, fire = run_job(Stage(copy, stage.environ, clock, server.base_url, links), job_id, read)
    recording = _recording(copy, fire.run_id or "")
    return JobResult(fire.state, fire.reason, recording.run.stop or "", recording)


def _play(copy: Path, path: Path, held: Cassette, *, strict: bool) -> JobResult:
    tape = Tape(held.recording.steps, held.asked)
    with playback_services(copy, _environ_of(copy), recorded_links(held.recording)) as services:
        played = asyncio.run(replay(held.recording, services, tape))
    if strict and tape.strays:
        raise AssertionError(_differs(path, tape.strays))
    outcome = played.run.outcome
    reason = outcome.get("again") or outcome.get("reason") or ""
    return JobResult(FireState(outcome.get("state", FireState.FAILED)), reason, played.run.stop or "", played)


def _differs(path: Path, strays: Sequence[Stray]) -> str:
    lines = [f"{path}: what is asked today is not what was recorded; - recorded, + today"]
    for stray in strays[:_SHOWN_STRAYS]:
        lines += ["", str(stray), *stray.changes[:_SHOWN_LINES]]
        lines += [f"… {len(stray.changes) - _SHOWN_LINES} more lines"] if len(stray.changes) > _SHOWN_LINES else []
    lines += [f"… and {len(strays) - _SHOWN_STRAYS} more requests"] if len(strays) > _SHOWN_STRAYS else []
    fix = "delete the cassette and record it again with pytest --harness-record, or pass strict=False"
    return "\n".join([*lines, "", fix])


def _check_fits(path: Path, held: Cassette, job_id: str, read: Mapping[str, str], moment: datetime | None) -> None:
    """Raise OwnerError where the test asks for something else than what was recorded."""
    run = held.recording.run
    again = "leave it out, or delete the cassette and record it again with pytest --harness-record"
    if run.job_id != job_id:
        raise OwnerError(path, None, f"holds a run of {run.job_id}, not of {job_id}", "name another cassette")
    if moment is not None and abs((held.at - moment).total_seconds()) >= 60:
        raise OwnerError(
            path, None, f"was recorded at {held.at:%Y-%m-%d %H:%M} UTC, the test is at another time", again
        )
    if read and dict(run.inputs) != dict(read):
        raise OwnerError(path, None, "was recorded with other inputs than the test gives", again)


def _recording(copy: Path, run_id: str) -> Recording:
    environ = _environ_of(copy)
    with peek(database_address(copy, environ)) as look:
        found = None if look is None else read_recording(look, StateFolder(Path(environ["HARNESS_HOME"])), run_id)
    if found is None:
        raise HarnessError(f"there is no run {run_id}")
    return found


def _environ_of(copy: Path) -> dict[str, str]:
    """Return an environment that keeps a run away from the state folder and the database of the person's own team."""
    state = StateFolder(copy.with_name(f"{copy.name}-state").absolute())
    return {**os.environ, "HARNESS_HOME": str(state.root), URL_VARIABLE: file_url(state.database)}


def _sound_workspace(root: Path) -> Workspace:
    loaded = load_workspace(root, vocabulary(), now=WallClock().now())
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    if errors:
        more = f" ({len(errors) - 1} more: harness check)" if len(errors) > 1 else ""
        raise OwnerError(root / errors[0].path, errors[0].line, errors[0].problem, errors[0].fix + more)
    return loaded.workspace


def _usual_moment(workspace: Workspace) -> datetime:
    return _moment(USUAL_MOMENT, workspace.settings.home_zone)


def _moment(at: str | datetime, home_zone: str) -> datetime:
    """Return the moment, aware UTC; one without a zone is a time at home. Raises OwnerError for what is none."""
    try:
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    except ValueError as error:
        raise OwnerError(f"at={at!r}", None, "is no moment", 'write it as at="2026-11-21 07:40"') from error
    local = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(home_zone))
    return local.astimezone(UTC)
