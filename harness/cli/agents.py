"""`harness agents`: who is in the team and what each may do."""

from __future__ import annotations

from typing import Any

from harness.cli.lazy_group import noun_app
from harness.cli.loading import find_agent, load_workspace
from harness.cli.model_order import model_json, model_words
from harness.cli.options import AgentArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import find_place
from harness.cli.table import table_lines, terminal_width
from harness.domain.agent import Agent
from harness.domain.settings import Settings

app = noun_app("The agents and what they may do.")

_KEYS = """\b
JSON: {many}agent, description, profile, model, fallbacks [profile], jobs [job],
tools [name], skills [name], may_ask [agent], read_paths [folder], write_paths
[folder], budget_usd_per_day{end}."""
_LIST_EXAMPLES = "\b\nExamples:\n  harness agents\n  harness agents list --json\n\n" + _KEYS.format(many="[{", end="}]")
_SHOW_EXAMPLES = "\b\nExamples:\n  harness agents show ainews\n\n" + _KEYS.format(many="", end="")


@app.command("list", epilog=_LIST_EXAMPLES)
def list_agents(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the agents."""
    loaded = load_workspace(find_place(workspace))
    agents = [loaded.agents[name] for name in sorted(loaded.agents)]
    if as_json:
        emit_json([_agent_json(agent, loaded.settings) for agent in agents])
        return
    rows = [(agent.name, str(len(agent.jobs)), _profile(agent, loaded.settings), agent.description) for agent in agents]
    for line in table_lines(rows, terminal_width(), ("agent", "jobs", "profile", "description")):
        say(line)


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_agent(agent: AgentArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one agent: its jobs, and what it is granted."""
    loaded = load_workspace(find_place(workspace))
    shown = find_agent(loaded, agent)
    document = _agent_json(shown, loaded.settings)
    if as_json:
        emit_json(document)
        return
    labels = {"budget_usd_per_day": "budget", "read_paths": "reads", "write_paths": "writes", "may_ask": "may ask"}
    document["model"] = model_words(loaded.settings, shown)
    hidden = ("profile", "fallbacks")
    rows = [(labels.get(key, key), _words(key, value)) for key, value in document.items() if key not in hidden]
    for line in table_lines(rows, terminal_width()):
        say(line)


def _agent_json(agent: Agent, settings: Settings) -> dict[str, Any]:
    order = model_json(settings, agent)
    return {
        "agent": agent.name,
        "description": agent.description,
        "profile": _profile(agent, settings),
        "model": order["model"],
        "fallbacks": order["fallbacks"],
        "jobs": sorted(agent.jobs),
        "tools": list(agent.tools),
        "skills": list(agent.skills),
        "may_ask": list(agent.may_ask),
        "read_paths": list(agent.read_paths),
        "write_paths": list(agent.write_paths),
        "budget_usd_per_day": agent.budget_usd,
    }


def _profile(agent: Agent, settings: Settings) -> str:
    return agent.profile or settings.default_profile


def _words(key: str, value: Any) -> str:
    if key == "budget_usd_per_day":
        return "none of its own" if value is None else f"${value:g}/day"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)
