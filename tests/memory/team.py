"""A team whose files hold memories, for the tests of search and recall."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from harness.domain.learning import Learning
from harness.memory.index import MemoryIndex
from harness.memory.learnings import learnings_path
from harness.memory.learnings_writer import render_learning
from harness.memory.sources import Places

TODAY = date(2026, 11, 21)


def write(root: Path, name: str, content: str | bytes) -> Path:
    """Write a file of the team."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def learn(root: Path, agent: str, *learnings: Learning) -> None:
    """Write an agent's file of errors, with these records in it."""
    write(root, str(learnings_path(agent, "ERR")), "\n\n".join(map(render_learning, learnings)) + "\n")


def tell(root: Path, job_id: str, due: int, *items: str, kind: str = "cron") -> Path:
    """Write the digest of one run of the job."""
    digest = {
        "format": 1, "title": job_id, "made_at": "2026-11-20T16:00:00+00:00", "zone": "UTC",
        "sections": [
            {
                "title": "News", "prose": "", "after": "",
                "items": [{"title": item, "url": "https://a.org/1", "why": "", "sources": ["Blog"]} for item in items],
            }
        ],
    }  # fmt: skip
    return write(root, f".harness/artifacts/{job_id}/{due}-{kind}/digest.json", json.dumps(digest))


def places(root: Path, *not_recalled: str) -> Places:
    """Return where this team's memory lies."""
    return Places(root, root / ".harness" / "artifacts", frozenset(not_recalled))


def index(root: Path) -> MemoryIndex:
    """Return this team's index."""
    return MemoryIndex(root / ".harness" / "index.db")
