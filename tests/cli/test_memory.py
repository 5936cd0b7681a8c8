"""`harness memory search`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.memory.team import write

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

KEYS = [
    "id", "ids", "path", "line", "text", "passage", "scope", "kind", "origin", "trust",
    "age", "day", "last_verified", "verifications", "is_withheld", "score",
]  # fmt: skip


def test_a_search_shows_where_it_stands_how_old_it_is_and_what_cannot_be_searched(
    harness: CommandLine, root: Path
) -> None:
    write(root, "memory/scout/2026-11-20.md", "# Monday\n\n- kettle prices are in euros\n")
    write(root, "memory/scout/2026-11-19.md", b"\xff\n")
    ended = harness("memory", "search", "kettle", "prices")
    assert ended.returncode == 0, ended.stderr
    assert "memory/scout/2026-11-20.md:3\n" in ended.stdout
    assert "trust 1 (agent)" in ended.stdout
    assert "Monday: - kettle prices are in euros" in ended.stdout
    assert "not searched: memory/scout/2026-11-19.md:1: is no UTF-8 text" in ended.stderr
    assert harness("memory", "search", "bridges").stdout.startswith("nothing is remembered of it in ")


def test_json_has_the_keys_that_the_help_names(harness: CommandLine, root: Path) -> None:
    write(root, "memory/scout/2026-11-20.md", "- kettle prices are in euros\n")
    document = json.loads(harness("memory", "search", "kettle", "--json").stdout)
    assert list(document) == ["hits", "gaps", "rebuilt"]
    (hit,) = document["hits"]
    assert list(hit) == KEYS
    assert (hit["kind"], hit["scope"], hit["day"]) == ("note", "agent/scout", "2026-11-20")
    help_text = " ".join(harness("memory", "search", "--help").stdout.split())
    assert f"hits [{{{', '.join(KEYS)}}}]" in help_text


def test_with_an_agent_the_search_shows_what_that_agent_would_be_told(harness: CommandLine, root: Path) -> None:
    for agent in ("scout", "zoe"):
        write(root, f"memory/{agent}/2026-11-20.md", f"- the kettle of {agent}\n")
    shown = json.loads(harness("memory", "search", "kettle", "--agent", "scout", "--json").stdout)
    assert [hit["text"] for hit in shown["hits"]] == ["- the kettle of scout"]
    assert len(json.loads(harness("memory", "search", "kettle", "--json", "--k", "5").stdout)["hits"]) == 2
    assert harness("memory", "search", "kettle", "--agent", "nobody").returncode == 2


def test_the_index_is_made_anew_in_one_command(harness: CommandLine, root: Path) -> None:
    write(root, "memory/scout/2026-11-20.md", "- kettle\n")
    assert harness("memory", "search", "kettle").returncode == 0
    (root / ".harness/index.db").write_bytes(b"damaged" * 1000)
    ended = harness("memory", "search", "--rebuild")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "the index was made anew" in ended.stderr
    assert json.loads(harness("memory", "search", "kettle", "--json").stdout)["rebuilt"] is None


def test_a_search_for_nothing_says_how_to_ask(harness: CommandLine) -> None:
    ended = harness("memory", "search")
    assert ended.returncode == 2
    assert "harness memory search kettle prices" in ended.stderr
