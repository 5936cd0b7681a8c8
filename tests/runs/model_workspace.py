"""Workspace files of a team that asks a model server on loopback."""

from __future__ import annotations

from harness.testing.openai_server import OpenAIServer

SETTINGS = """\
team = "kitchen"
home = "America/Los_Angeles"
user = "Sam"
profile = "cheap"
budget = "$100/day"

[profiles.cheap]
adapter = "openai"
base_url = "{base_url}"
model = "{name}"
attempts = 1
input_usd_per_mtok = 1.0
output_usd_per_mtok = 10.0

[channels.digest]
kind = "file"

[channels.terminal]
kind = "stdout"

[egress]
loopback = true
"""


def with_model(server: OpenAIServer, name: str = "test-model") -> dict[str, str | None]:
    """Let every agent ask the server, with prices that make a call cost something."""
    return {"harness.toml": SETTINGS.format(base_url=server.base_url, name=name)}


def with_job(front_matter: str = "read: [feeds/ai]\ndeliver: digest", body: str = "Rank it.") -> dict[str, str | None]:
    """The job scout/morning, due daily at 08:00."""
    return {"agents/scout/jobs/morning.md": f"---\nschedule: daily 08:00\n{front_matter}\n---\n{body}\n"}


def item_lines(links: list[str]) -> str:
    """The answer of a model that lists the links."""
    return "\n".join(f"- [Story {n}]({link}) — worth it." for n, link in enumerate(links, start=1))
