"""Which runs were told of a record, on both kinds of databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.domain.run import FireKind
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.memory_uses import Use
from harness.store.peek import peek
from harness.store.runs import NewRun, queue_run, record_prompt

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_newest_runs_that_had_it_in_their_prompt_are_named_with_what_was_told(
    database: Database, address: DatabaseAddress
) -> None:
    sections: list[dict[str, Any]] = [
        {"section": "MEMORY", "ids": ["ERR-20261121-7f3a"], "dropped": []},
        {"section": "recalled", "ids": ["ERR-20261121-7f3a00"], "dropped": ["ERR-20261121-7f3a"]},
        {"section": "MEMORY", "dropped": []},  # as it was written before there was recall
    ]
    for number, section in enumerate(sections):
        with database.write() as connection:
            queue_run(connection, NewRun(f"run-{number}", "scout/morning", "agent", FireKind.CRON, number, 1), NOW)
            record_prompt(connection, f"run-{number}", "0" * 64, {"sections": [section]})
    with peek(address) as look:
        assert look is not None
        found = look.memory_uses.of("ERR-20261121-7f3a", 10)
        assert found == (
            Use("run-0", "scout/morning", NOW.timestamp(), "MEMORY", True),
            Use("run-1", "scout/morning", NOW.timestamp(), "recalled", False),
        )
        assert look.memory_uses.of("ERR-20261121-7f3a", 1) == found[:1]
        assert look.memory_uses.of("ERR-20261121-0000", 10) == ()
