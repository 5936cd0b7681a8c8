from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from harness.daemon.disk_watch import DiskWatch, least_free
from harness.domain.sizes import in_bytes

GB = 10**9


class Usage(NamedTuple):
    total: int
    free: int


@dataclass
class Board:
    """Incidents that remember how often each was told."""

    told: list[tuple[str, str]] = field(default_factory=list)
    causes: set[str] = field(default_factory=set)

    def open(self, cause: str, message: str) -> None:
        self.causes.add(cause)
        self.told.append((cause, message))

    def resolve(self, cause: str) -> None:
        self.causes.discard(cause)
        self.told.append((cause, "over"))

    def open_causes(self, prefix: str) -> list[str]:
        return [cause for cause in self.causes if cause.startswith(prefix)]


@dataclass
class Room:
    """A disk of 10 GB, of which a test says what is free."""

    free: int = 5 * GB
    trouble: Literal["now", "over", "none"] = "none"
    board: Board = field(default_factory=Board)

    def watch(self) -> DiskWatch:
        return DiskWatch(
            self.board,
            lambda: [Path("/team/.harness"), Path("/team")],
            trouble=lambda: self.trouble,
            usage=lambda _: Usage(10 * GB, self.free),
        )


def test_disk_that_fills_up_is_told_once_with_its_name_and_once_when_there_is_room_again() -> None:
    room = Room()
    watch = room.watch()
    for free in (5 * GB, 400_000_000, 300_000_000, 0, 550_000_000, 590_000_000, 700_000_000, 5 * GB):
        room.free = free
        watch.look()
    assert room.board.told == [
        (
            "disk",
            "only 400.0 MB of 10.0 GB are free on the disk of /team/.harness;"
            " free some space, before nothing can be written",
        ),
        ("disk", "over"),
    ]


def test_what_a_duty_still_suffers_from_is_not_over() -> None:
    room = Room(trouble="now")
    room.board.open("disk", "/x: the disk is full")
    watch = room.watch()
    watch.look()
    assert room.board.causes == {"disk"}
    room.trouble = "over"
    watch.look()
    assert room.board.causes == set()


def test_what_a_job_told_of_its_disk_is_over_when_the_job_says_so() -> None:
    room = Room()
    watch = room.watch()
    watch.look()
    room.free = 0
    watch.look()
    room.free = 5 * GB
    watch.look()
    room.board.open("disk", "a job cannot write to a disk that nobody watches")
    watch.look()
    assert room.board.causes == {"disk"}


def test_what_an_earlier_life_told_is_over_when_there_is_room() -> None:
    room = Room()
    room.board.open("disk", "only 3 MB are free")
    room.watch().look()
    assert room.board.told[-1] == ("disk", "over")


def test_real_disk_is_looked_at_from_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    board = Board()
    watch = DiskWatch(board, lambda: [tmp_path / "not/there"], trouble=lambda: "none")
    watch.look()
    assert {cause for cause, _ in board.told} <= {"disk"}


@pytest.mark.parametrize(
    ("total", "least"), [(10 * GB, 500_000_000), (100 * GB, 2 * GB), (1000 * GB, 5 * GB), (16_000_000, 500_000_000)]
)
def test_how_much_should_be_free(total: int, least: int) -> None:
    assert least_free(total) == least


def test_sizes_are_for_a_person() -> None:
    assert [in_bytes(size) for size in (0, 999, 1000, 1_250_000, 3 * GB, 2 * 10**12)] == [
        "0 bytes", "999 bytes", "1.0 kB", "1.2 MB", "3.0 GB", "2.0 TB",
    ]  # fmt: skip
