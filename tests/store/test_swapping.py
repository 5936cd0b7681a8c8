from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.store.swapping import Aside, IntoPlace, Journal, discard, has_begun, journal_of, read_journal, swap


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    (tmp_path / "team").mkdir()
    (tmp_path / "team/mark").write_text("old")
    (tmp_path / ".staging").mkdir()
    (tmp_path / ".staging/mark").write_text("new")
    return Journal(
        "backup.tar.gz", "2026-11-20T11:00:00Z", "20261121T120000Z", "swapping", (str(tmp_path / ".staging"),),
        (Aside(str(tmp_path / "team"), str(tmp_path / "team.before")),),
        (IntoPlace(str(tmp_path / ".staging"), str(tmp_path / "team")),),
    )  # fmt: skip


class Stopped(Exception):
    """The test stands in for a kill."""


def swap_until(journal: Journal, step: str) -> None:
    def stop(reached: str) -> None:
        if reached == step:
            raise Stopped

    with pytest.raises(Stopped):
        swap(journal, stop)


def test_swap_is_done_once_however_often_it_is_begun(journal: Journal, tmp_path: Path) -> None:
    assert not has_begun(journal)
    swap_until(journal, "set aside")
    assert has_begun(journal)
    for _ in range(3):
        swap(journal, lambda step: None)
    assert (tmp_path / "team/mark").read_text() == "new"
    assert (tmp_path / "team.before/mark").read_text() == "old"


def test_empty_folder_that_was_made_in_between_is_no_reason_to_stop(journal: Journal, tmp_path: Path) -> None:
    swap_until(journal, "set aside")
    (tmp_path / "team").mkdir()
    swap(journal, lambda step: None)
    assert (tmp_path / "team/mark").read_text() == "new"


def test_what_was_written_in_between_is_in_the_way_and_not_lost(journal: Journal, tmp_path: Path) -> None:
    swap_until(journal, "set aside")
    (tmp_path / "team").mkdir()
    (tmp_path / "team/work").write_text("of somebody")
    with pytest.raises(OwnerError, match="move away what is there"):
        swap(journal, lambda step: None)
    assert (tmp_path / "team/work").read_text() == "of somebody"
    (tmp_path / "team").rename(tmp_path / "moved away")
    swap(journal, lambda step: None)
    assert (tmp_path / "team/mark").read_text() == "new"


def test_journal_is_read_as_it_was_written_and_goes_with_what_was_unpacked(journal: Journal, tmp_path: Path) -> None:
    path = journal_of(tmp_path / "team")
    assert read_journal(path) is None
    journal.write(path)
    assert read_journal(path) == journal
    unpacking = replace(journal, stage="unpacking", dump=str(tmp_path / "dump"))
    unpacking.write(path)
    assert read_journal(path) == unpacking
    discard(unpacking, path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["team"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stage": "dancing"}'])
def test_journal_that_cannot_be_read_is_shown_to_the_person(tmp_path: Path, content: str) -> None:
    path = journal_of(tmp_path / "team")
    path.write_text(content)
    with pytest.raises(OwnerError, match=r"nothing was lost: look for folders named"):
        read_journal(path)
