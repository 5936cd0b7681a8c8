"""Everything that goes into a prompt, gathered. The only part of prompting that touches the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from harness.bus.prompt_news import News
from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.message import ToolSchema
from harness.domain.settings import Profile
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.memory.recall import Hit, Question
from harness.memory.records import MemoryRecord, parse_memory
from harness.prompt.memory import memory_section, question_for
from harness.prompt.skill_choice import Chosen

_FALLBACK_PROFILE = Profile("extractive", "extractive")
# The rest of the context is for the answer, and for tool calls and their results.
_PROMPT_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Gathered:
    """The parts of one prompt; equal parts make equal bytes.

    `today` is an ISO date in the job's zone, `time` what its clock says, as `07:40`. `run_inputs` are texts that the
    run was given by name. `request` is what the run was asked over the bus, in place of the job's own words; `news` is
    what became of the agent's requests. `budget_tokens` is for the whole prompt, tool schemas included.
    """

    agent: Agent
    job: Job
    user_name: str
    user: str
    today: str
    budget_tokens: int
    skills: Chosen = field(default_factory=Chosen)
    tools: tuple[ToolSchema, ...] = ()
    memory: tuple[MemoryRecord, ...] = ()
    collected: tuple[Collected, ...] = ()
    run_inputs: Mapping[str, str] | None = None
    time: str = ""
    request: str = ""
    news: tuple[News, ...] = ()
    recalled: tuple[Hit, ...] = ()


def gather(
    workspace: Workspace,
    agent: Agent,
    job: Job,
    collected: Sequence[Collected],
    *,
    now: datetime,
    run_inputs: Mapping[str, str],
    tools: Sequence[ToolSchema],
    skills: Chosen | None = None,
    profile: Profile | None = None,
    request: str = "",
    news: Sequence[News] = (),
    recall: Callable[[Question], Sequence[Hit]] | None = None,
    errors: Sequence[str] = (),
) -> Gathered:
    """Return the parts of the prompt for one run of the job.

    `tools` are the schemas of the agent's tools, `skills` what is said of its skills; `profile` is the one that runs,
    by default the job's, the agent's or the workspace's. `recall` finds what else the agent knows that may help;
    `errors` are what went wrong lately, in words. Reads the agent's MEMORY.md, which may be missing.
    Raises OwnerError if it can't be read.
    """
    settings = workspace.settings
    name = job.profile or agent.profile or settings.default_profile
    memory = _read_memory(workspace.root, agent.name)
    question = question_for(request or job.prompt, collected, errors, memory_section(memory), job.contract)
    chosen = profile or settings.profiles.get(name, _FALLBACK_PROFILE)
    return Gathered(
        agent=agent,
        job=job,
        user_name=settings.user_name,
        user=workspace.user,
        today=now.astimezone(ZoneInfo(job.zone)).date().isoformat(),
        time=f"{now.astimezone(ZoneInfo(job.zone)):%H:%M}",
        budget_tokens=int(_PROMPT_SHARE * (chosen.context_window - chosen.max_output_tokens)),
        skills=skills or Chosen(),
        tools=tuple(tools),
        memory=memory,
        collected=tuple(collected),
        run_inputs=dict(run_inputs),
        request=request,
        news=tuple(news),
        recalled=tuple(recall(question)) if recall is not None else (),
    )


def memory_path(agent: str) -> str:
    """Return the workspace-relative path of the agent's memory."""
    return str(PurePosixPath("agents", agent, "MEMORY.md"))


def _read_memory(root: Path, agent: str) -> tuple[MemoryRecord, ...]:
    path = memory_path(agent)
    try:
        return tuple(parse_memory((root / path).read_text(encoding="utf-8")))
    except OSError as error:
        # What the agent knows is not forgotten because a drive is not mounted that a link leads into.
        leads_nowhere = any(place.is_symlink() and not place.exists() for place in (root / path, (root / path).parent))
        if isinstance(error, FileNotFoundError) and not leads_nowhere:
            return ()
        raise OwnerError(path, None, f"cannot be read: {error.strerror}", "make it readable") from error
    except UnicodeDecodeError as error:
        raise OwnerError(path, None, "is no UTF-8 text", "save it as UTF-8") from error
