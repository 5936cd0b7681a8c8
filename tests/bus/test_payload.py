"""How long a request may be, and previews of what is long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.log import standing_of
from harness.bus.payload import (
    HARD_CAP_BYTES,
    check_final_text,
    check_request_text,
    overflow,
    preview,
    write_overflow,
)
from harness.bus.sending import Ask, send
from harness.domain.errors import HarnessError, Refused
from harness.domain.request import Final
from harness.store.database import Database
from tests.bus.team_of import NOW, ask, team_of


def test_a_long_request_is_kept_whole_where_every_node_reads_it(database: Database) -> None:
    database.migrate()
    task = "Compare é these.\n\n" + "one paragraph of it\n\n" * 20_000
    with database.write(alone=True) as connection:
        sent = send(connection, ask("zoe", "scout", task, key="k"), team_of("zoe", "scout"), NOW)
    with database.read() as connection:
        assert standing_of(connection, sent.standing.request.id).request.task == task.strip()


@pytest.mark.parametrize("field", ["task", "background", "expected_output", "fallback", "inputs", "acceptance"])
def test_a_request_over_the_cap_is_refused_with_both_sizes_and_what_to_do(database: Database, field: str) -> None:
    database.migrate()
    long = "é" * (HARD_CAP_BYTES // 2)
    fields: dict[str, Any] = {"task": "t", "key": "k", field: (long,) if field in ("inputs", "acceptance") else long}
    asked = Ask("zoe", "scout", **fields)
    size = HARD_CAP_BYTES + len(asked.key) + (field != "task")
    with (
        pytest.raises(Refused, match=f"too-long: the request has {size:,} bytes of text, and may have 1,000,000; put"),
        database.write(alone=True) as connection,
    ):
        send(connection, asked, team_of("zoe", "scout"), NOW)


def test_a_key_that_no_index_can_hold_is_refused(database: Database) -> None:
    database.migrate()
    with database.write(alone=True) as connection:
        send(connection, ask("zoe", "scout", key="k" * 500), team_of("zoe", "scout"), NOW)
    with (
        pytest.raises(Refused, match="too-long: an idempotency key has at most 500 bytes"),
        database.write(alone=True) as connection,
    ):
        send(connection, ask("zoe", "scout", key="é" * 251), team_of("zoe", "scout"), NOW)


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d of it"])
def test_what_no_database_can_hold_is_refused_before_it_is_written(database: Database, text: str) -> None:
    database.migrate()
    with (
        pytest.raises(HarnessError, match="NUL or half of a surrogate pair"),
        database.write(alone=True) as connection,
    ):
        send(connection, ask("zoe", "scout", text, key="k"), team_of("zoe", "scout"), NOW)


def test_a_final_is_held_to_the_same_cap() -> None:
    check_final_text(Final("done", "x" * HARD_CAP_BYTES))
    with pytest.raises(Refused, match=r"too-long: the final has 1,000,001 bytes.*name the file as evidence"):
        check_final_text(Final("done", "x" * HARD_CAP_BYTES, actions=("y",)))
    with pytest.raises(HarnessError, match="surrogate"):
        check_final_text(Final("done", "\udc00"))


def test_a_request_as_long_as_the_cap_is_taken() -> None:
    check_request_text(replace(ask("zoe", "scout", "t" * (HARD_CAP_BYTES - 1)), key="k"))


def test_the_same_text_has_the_same_file_and_writing_it_again_changes_nothing(tmp_path: Path) -> None:
    whole = overflow("request-r-1", "# All of it\n")
    assert (whole, whole.path) == (overflow("request-r-1", "# All of it\n"), f"@run/{whole.name}")
    assert overflow("request-r-1", "other").name != whole.name
    folder = tmp_path / "artifacts" / "r-1" / "1-bus"
    first = write_overflow(whole, folder).stat().st_mtime_ns
    again = write_overflow(whole, folder)
    assert (again.read_text(), again.stat().st_mtime_ns) == ("# All of it\n", first)


def test_a_name_of_an_overflow_can_lead_nowhere_else(tmp_path: Path) -> None:
    path = write_overflow(overflow("../../x/\n..", "text"), tmp_path)
    assert path.parent == tmp_path


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("short", 10, "short"),
        ("first block\n\nsecond block\n\nthird", 28, "first block\n\nsecond block"),
        ("first line\nsecond line\nthird line", 26, "first line\nsecond line"),
        ("words that go on and on", 14, "words that go"),
        ("a" * 20, 7, "a" * 7),
        # Not at the blank line inside of the code, although it would be a later end.
        ("before all\n\n```\none\n\ntwo\n```", 22, "before all"),
        # There is no other way: then it is closed.
        ("```\n" + "x = 1\n" * 10, 30, "```\nx = 1\nx = 1\nx = 1\n```"),
        # A heading alone would be no preview.
        ("# Title\n\n" + "word " * 20, 60, "# Title\n\n" + ("word " * 10).strip()),
        ("anything", 0, ""),
    ],
)
def test_a_preview_is_cut_where_a_reader_would_cut_it(text: str, limit: int, shown: str) -> None:
    assert preview(text, limit) == shown


@given(
    pieces=st.lists(
        st.sampled_from(["word ", "\n", "\n\n", "```\n", "~~~~\n", "> x\n", "# y\n", "é", "\x85"]), max_size=60
    ),
    limit=st.integers(0, 80),
)
def test_a_preview_is_never_longer_than_allowed_and_always_the_beginning(pieces: list[str], limit: int) -> None:
    text = "".join(pieces)
    shown = preview(text, limit)
    assert len(shown) <= limit or shown == text
    body, _, last = shown.rpartition("\n")
    is_closed = not text.startswith(shown)
    assert text.startswith(body if is_closed else shown)
    assert not is_closed or last.strip("`~") == ""
