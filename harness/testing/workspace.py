"""A tiny valid workspace on disk, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SAMPLE_FILES: Mapping[str, str] = {
    "harness.toml": """\
home = "America/Los_Angeles"
user = "Sam"
profile = "cheap"

[profiles.cheap]
adapter = "extractive"

[channels.digest]
kind = "file"
folder = "digests"

[channels.terminal]
kind = "stdout"

[egress]
loopback = true
""",
    "USER.md": "Sam builds software alone and wants to know what changed.\n",
    "agents/scout/SOUL.md": "You are scout. You look before you speak.\n",
    "agents/scout/AGENTS.md": "Write a list of links. One or two sentences for each.\n",
    "agents/scout/MEMORY.md": "# Preferences\n\n- Sam reads this on a phone.\n",
    "agents/scout/agent.toml": """\
description = "Looks at feeds"
profile = "cheap"
tools = ["feeds", "web.read"]
skills = ["rank-items"]
budget = "$1/day"
read_paths = ["shared-context"]
write_paths = ["shared-context/intel"]
""",
    "agents/scout/jobs/morning.md": """\
---
schedule: daily 08:00
read: [feeds/ai]
contract: {min_items: 1}
deliver: digest
---
Rank what changed for {{ user.name }} until {{ today }}.
""",
    "skills/rank-items/SKILL.md": """\
---
name: rank-items
description: How to put a list of items in order. Use it when a digest ranks items.
---
Put first what changes a decision.
""",
    "shared-context/feeds/ai.md": "# AI\n\n- [Example News](https://news.example.org/feed.xml)\n",
}
"""One agent `scout` with the job `morning`: reads `feeds/ai`, delivers to the channel `digest`."""


def write_workspace_files(root: Path, files: Mapping[str, str | None] | None = None) -> Path:
    """Write a minimal valid workspace below `root` and return `root`.

    `files` maps workspace-relative paths to texts that replace or add to SAMPLE_FILES; the text None
    leaves that file out. Files that already lie there and are not named stay.
    """
    chosen: dict[str, str | None] = {**SAMPLE_FILES, **(files or {})}
    for name, text in chosen.items():
        path = root / name
        if text is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
