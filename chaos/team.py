"""The team that chaos is played on: agents whose jobs are due every few seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.outside import OUT_FOLDER, Outside
from harness.domain.job import Job
from harness.runs.wall_clock import WallClock
from harness.wiring.files import load

KEY_VARIABLE = "CHAOS_KEY"
DIGESTS = "digests"
_SETTINGS = """\
home = "UTC"
team = "chaos"
profile = "talking"
max_running = 12
drain = "2s"

[profiles.talking]
adapter = "openai"
base_url = "{base_url}"
model = "scripted"
key_env = "CHAOS_KEY"
attempts = 1

[profiles.selecting]
adapter = "extractive"

[channels.digest]
kind = "file"
folder = "{digests}"

[egress]
loopback = true
"""
_AGENT = """\
description = "Agent {agent}"
tools = ["files.write", "web.read"]
write_paths = ["{out}"]
"""
_NEWS = """\
<rss version="2.0"><channel><title>News</title>
<item><title>A story</title><link>https://news.example.org/a</link>
<description>The first story says something that a person may want to know.</description></item>
<item><title>Another story</title><link>https://news.example.org/b</link>
<description>The second story is about something else, and says so in one sentence.</description></item>
</channel></rss>
"""
_NEWS_FILE = "shared-context/news.xml"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job file: its front matter beside the schedule, and its prompt."""

    name: str
    front_matter: str
    prompt: str = "Report."


SPECS: tuple[JobSpec, ...] = (
    JobSpec("talk-1", "overlap: skip\ndeliver: digest"),
    JobSpec("select-2", f"overlap: skip\nprofile: selecting\nread: [{_NEWS_FILE}]\ndeliver: digest"),
    JobSpec("note-3", "overlap: queue"),
    JobSpec("note-4", "overlap: cancel_running\ndeliver: digest"),
    JobSpec("talk-5", "overlap: skip"),
)
CHECK = JobSpec("check-6", "overlap: skip\naction: self-check", "")
"""What stands in for the last job of some agents: it needs no model, and waits for none."""
_CHECK_EVERY = 4


def storm_jobs(agents: int, jobs: int, every_s: int) -> dict[str, str]:
    """Return so many job files by their ids, spread over so many agents."""
    files: dict[str, str] = {}
    for number in range(jobs):
        place, agent = divmod(number, agents)
        spec = SPECS[place % len(SPECS)]
        if place == len(SPECS) - 1 and agent % _CHECK_EVERY == 0:
            spec = CHECK
        name = spec.name if place < len(SPECS) else f"{spec.name}-{place}"
        files[f"agent-{agent}/{name}"] = job_file(f"every {every_s}s", spec)
    return files


def job_file(schedule: str, spec: JobSpec) -> str:
    """Return the text of a job file."""
    return f"---\nschedule: {schedule}\n{spec.front_matter}\n---\n{spec.prompt}\n"


def write_team(root: Path, outside: Outside, jobs: Mapping[str, str], *, settings: str = "") -> Path:
    """Write a workspace that holds the jobs (`agent/job` to its file) and nothing else; return `root`."""
    digests = root.parent / DIGESTS
    _write(root / "harness.toml", _SETTINGS.format(base_url=outside.model.base_url, digests=digests) + settings)
    _write(root / _NEWS_FILE, _NEWS)
    for agent in {job_id.partition("/")[0] for job_id in jobs}:
        folder = root / "agents" / agent
        _write(folder / "SOUL.md", f"You are {agent}.\n")
        _write(folder / "AGENTS.md", "Say in one sentence that all is well.\n")
        _write(folder / "MEMORY.md", "")
        _write(folder / "agent.toml", _AGENT.format(agent=agent, out=OUT_FOLDER))
    for job_id, text in jobs.items():
        agent, _, name = job_id.partition("/")
        _write(root / "agents" / agent / "jobs" / f"{name}.md", text)
    return root


def write_agents(root: Path, base_url: str, agents: Sequence[str], *, settings: str = "") -> Path:
    """Write a workspace of agents without jobs that may ask one another; return `root`."""
    digests = root.parent / DIGESTS
    _write(root / "harness.toml", _SETTINGS.format(base_url=base_url, digests=digests) + settings)
    for agent in agents:
        folder = root / "agents" / agent
        others = ", ".join(f'"{other}"' for other in agents if other != agent)
        _write(folder / "SOUL.md", f"You are {agent}.\n")
        _write(folder / "AGENTS.md", "Do what you are asked, or ask somebody who can.\n")
        _write(folder / "MEMORY.md", "")
        _write(folder / "agent.toml", f'description = "Agent {agent}"\nmay_ask = [{others}]\n')
    return root


def jobs_of(root: Path) -> list[Job]:
    """Return the jobs of a workspace as the daemons read them."""
    return list(load(root, {}, now=WallClock().now()).workspace.jobs())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
