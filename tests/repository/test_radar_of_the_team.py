"""The shipped team: who may put a technology on the radar, who decides, and that whoever decides does not build."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.tools.radar import RADAR_TOOLS
from harness.wiring.files import load
from tests.tools.test_catalogue import registry

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


def test_one_proposes_and_another_decides(tmp_path: Path) -> None:
    agents = load(ROOT, {"HARNESS_HOME": str(tmp_path)}, now=NOW).workspace.agents
    granted = {tool: [name for name, agent in sorted(agents.items()) if tool in agent.tools] for tool in RADAR_TOOLS}
    assert granted == {"radar_propose": ["ainews"], "radar_evaluate": ["zoe"], "radar_decide": ["zoe"]}


def test_who_decides_delegates_and_writes_no_code(tmp_path: Path) -> None:
    zoe = load(ROOT, {"HARNESS_HOME": str(tmp_path)}, now=NOW).workspace.agents["zoe"]
    tools = registry()
    acting = {name for name in zoe.tools if (tool := tools.find(name)) is not None and tool.spec.effect != "read"}
    assert (acting, zoe.write_paths) == ({"radar_evaluate", "radar_decide"}, ())
