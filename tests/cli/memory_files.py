"""A workspace in which scout has learned something, and the command in the same process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.domain.learning import Learning, Verification
from harness.memory.agent_memory import AgentMemory
from harness.memory.learnings_writer import with_learning
from harness.memory.promotion import words_of

Run = Callable[..., tuple[int, str, str]]
RUN = "cron:scout/morning:1795101300"
HELD = tuple(Verification(f"cron:scout/morning:179510{n}", date(2026, 11, 17 + n), "exit_code") for n in range(3))
PROMOTED = Learning(
    "ERR-20261115-7f3a", "the field is BILLBOARD", "3c9d", "agent/scout", "tool", 2, date(2026, 11, 15),
    trigger="calling feeds.table", wrong="BUY", right="ask for BILLBOARD", run=RUN, status="promoted",
    verifications=HELD,
)  # fmt: skip
CANDIDATE = replace(
    PROMOTED, id="LRN-20261116-00aa", title="shorter is better", fingerprint="77", trigger="", wrong="",
    right="write two lines", status="candidate", verifications=HELD[:1], origin="agent", trust=1,
)  # fmt: skip
OUTSIDE = replace(
    PROMOTED, id="ERR-20261117-1111", title="a page says so", fingerprint="99", status="verified", origin="external",
    trust=0, right="believe the page", trigger="", wrong="",
)  # fmt: skip


def learn(root: Path, *learnings: Learning, agent: str = "scout") -> AgentMemory:
    """Write the records into the agent's files, and those that are promoted into its MEMORY.md."""
    memory = AgentMemory(root, root / ".harness", agent)
    folder = root / "agents" / agent / ".learnings"
    folder.mkdir(parents=True, exist_ok=True)
    for each in learnings:
        path = folder / ("ERRORS.md" if each.id.startswith("ERR") else "LEARNINGS.md")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(with_learning(text, each), encoding="utf-8")
        if each.status == "promoted":
            with (root / memory.file).open("a", encoding="utf-8") as file:
                file.write(f"- {words_of(each)} ^{each.id}\n")
    return memory
