"""What a night costs without a model: a day of so many runs, and the records that one agent has gathered."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert

from harness.domain.learning import Learning, Verification
from harness.domain.run import FireState
from harness.memory.learnings import learnings_path
from harness.memory.learnings_writer import render_learning
from harness.reflection.night import Occasion, Place, Reflection
from harness.store.address import file_address
from harness.store.database import Database
from harness.store.tables import fire, run, usage

_NIGHT = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
_FIRST = date(2026, 11, 21)
_EVERY_S = 60
_JOBS = 20


@dataclass(frozen=True, slots=True)
class Night:
    """One agent's night in seconds, beside the bare read and write of the same files. `promoted` of `records`."""

    runs: int
    records: int
    promoted: int
    night_s: float
    again_s: float
    bare_s: float


def measure_night(runs: int, records: int) -> Night:
    """Fill a ledger and an agent's records, and go through its night once, and once more."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        database = Database.connect(file_address(root / "harness.db"))
        try:
            database.migrate()
            with database.write() as connection:
                _fill(connection, runs)
            path = root / learnings_path("scout", "ERR")
            path.parent.mkdir(parents=True)
            path.write_text("\n".join(map(render_learning, _records(records))), encoding="utf-8")
            bare_s = _bare_s(path)
            reflection = Reflection(database, lambda: Place(root, root / "state", "UTC", ("scout",)))
            night_s = _timed_s(reflection, "1")
            promoted = (root / "agents/scout/MEMORY.md").read_text(encoding="utf-8").count(" ^ERR-")
            return Night(runs, records, promoted, night_s, _timed_s(reflection, "2"), bare_s)
        finally:
            database.close()


def _timed_s(reflection: Reflection, run_id: str) -> float:
    begun_s = time.perf_counter()
    reflection.reflect(Occasion(run_id, "scout", _NIGHT, _NIGHT))
    return time.perf_counter() - begun_s


def _bare_s(path: Path) -> float:
    begun_s = time.perf_counter()
    text = path.read_text(encoding="utf-8")
    path.with_suffix(".bare").write_text(text, encoding="utf-8")
    return time.perf_counter() - begun_s


def _records(count: int) -> list[Learning]:
    """Return records of which one in ten is due, one in ten was contradicted, and the rest is on its way."""
    held = tuple(Verification(f"r{n}", _FIRST + timedelta(days=n), "exit_code") for n in range(3))
    made = []
    for n in range(count):
        record = Learning(
            f"ERR-20261121-{n:04x}", f"the field {n} has another name", f"{n:08x}", "agent/scout", "tool", 2, _FIRST,
            trigger=f"calling web.read for table {n}", wrong=f"field={n}", right=f"field_{n}=1", run="r0",
            status="verified", verifications=held if n % 10 == 0 else held[:1],
        )  # fmt: skip
        against = (Verification("r9", _FIRST + timedelta(days=3), "exit_code", is_ok=False),)
        made.append(replace(record, contradictions=against) if n % 10 == 1 else record)
    return made


def _fill(connection: Connection, runs: int) -> None:
    midnight = int(_NIGHT.replace(hour=0, minute=0).timestamp())
    rows = [(f"scout/job-{n % _JOBS}", midnight + n * _EVERY_S % 86_000, n) for n in range(runs)]
    states = [str(FireState.FAILED if n % 50 == 0 else FireState.DELIVERED) for _, _, n in rows]
    connection.execute(
        insert(fire),
        [
            {
                "job_id": job, "due_at": due + n // 1_400, "kind": "cron", "state": state, "created_at": due,
                "reason": "the page is gone" if state == "failed" else "", "run_id": f"cron:{job}:{n}",
            }
            for (job, due, n), state in zip(rows, states, strict=True)
        ],
    )  # fmt: skip
    connection.execute(
        insert(run),
        [
            {
                "id": f"cron:{job}:{n}", "job_id": job, "agent": "scout", "lane": "agent", "kind": "cron",
                "due_at": due, "state": "ended", "inputs": "{}", "options": "{}", "workflow_version": 2,
                "created_at": due, "outcome": '{"state": "delivered", "details": ["a source did not answer"]}',
            }
            for job, due, n in rows
        ],
    )  # fmt: skip
    connection.execute(
        insert(usage),
        [
            {
                "run_id": f"cron:{job}:{n}", "call_id": "model-1", "agent": "scout", "job_id": job, "model": "m",
                "input_tokens": 900, "cached_tokens": 0, "output_tokens": 90, "cost_usd": 0.01, "at": float(due),
            }
            for job, due, n in rows
        ],
    )  # fmt: skip
