"""A team on disk whose nights the tests go through."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from harness.domain.learning import Learning
from harness.memory.learnings import learnings_path, parse_learnings
from harness.memory.learnings_writer import with_learning
from harness.reflection.journal import Told
from harness.reflection.night import Occasion, Place, Reflection
from harness.store.database import Database
from tests.reflection.records import NIGHT

MEMORY = "# What I know\n\n- Sam reads in the morning.\n"
AT = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)


class Office:
    """Two agents, one of which looks after the team."""

    def __init__(self, database: Database, root: Path, zone: str = "UTC") -> None:
        self.database, self.root, self.zone = database, root, zone
        for agent in ("scout", "zoe"):
            memory = self.path(f"agents/{agent}/MEMORY.md")
            if not memory.exists():
                memory.write_text(MEMORY, encoding="utf-8")

    def place(self) -> Place:
        return Place(self.root, self.root / ".harness", self.zone, ("scout", "zoe"))

    @property
    def reflection(self) -> Reflection:
        return Reflection(self.database, self.place)

    def occasion(self, run: str = "cron:scout/reflect:1", *, days: int = 0, agent: str = "scout") -> Occasion:
        at = AT + timedelta(days=days)
        return Occasion(run, agent, at, at, is_of_team=agent == "zoe")

    def reflect(
        self, run: str = "cron:scout/reflect:1", answer: str | None = None, *, days: int = 0, agent: str = "scout"
    ) -> Told:
        return self.reflection.reflect(self.occasion(run, days=days, agent=agent), answer)

    def path(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def read(self, name: str) -> str:
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def learn(self, *records: Learning, agent: str = "scout") -> None:
        """Put the records into the agent's file."""
        path = self.path(str(learnings_path(agent, "ERR")))
        text = path.read_text(encoding="utf-8") if path.exists() else "# Errors\n\nMine.\n"
        for record in records:
            text = with_learning(text, record)
        path.write_text(text, encoding="utf-8")

    def record(self, learning_id: str, agent: str = "scout") -> Learning:
        found = parse_learnings(self.read(str(learnings_path(agent, "ERR")))).find(learning_id)
        assert found is not None
        return found

    def files(self) -> dict[str, bytes]:
        """Everything in the workspace but the state."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".harness" not in path.parts and ".git" not in path.parts
        }


def follow_ups(day: date = NIGHT + timedelta(days=1)) -> str:
    """The file of the day's follow-ups."""
    return f"shared-context/followups/{day}.md"
