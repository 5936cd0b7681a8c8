"""The folder of the Tech Radar: one page for each technology, whoever writes there at the same moment."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest

from harness.bus.radar.decisions import refresh_overview
from harness.bus.radar.folder import RadarFolder, path_of
from harness.bus.radar.overview import BEGIN, END
from harness.domain.radar import Move, Technology

DAY = date(2026, 11, 21)


def technology(name: str = "Lantern", url: str = "https://lantern.example/repo") -> Technology:
    return Technology("", name, "discovered", "tools", url, "ainews", "run:1")


def move(day: date = DAY, what: str = "discovered", reason: str = "New.") -> Move:
    return Move(day, what, reason, "run:1")


@pytest.fixture
def folder(tmp_path: Path) -> RadarFolder:
    return RadarFolder(tmp_path)


def overview(root: Path) -> str:
    return (root / "shared-context/radar/README.md").read_text()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("SQLite WAL2", "sqlite-wal2"),
        ("Café — noir!", "cafe-noir"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 200, "x" * 60),
    ],
)
def test_a_page_is_named_after_its_technology(folder: RadarFolder, name: str, slug: str) -> None:
    assert folder.add(technology(name), move()).slug == slug


@pytest.mark.parametrize("name", ["日本語", "README", "Readme!"])
def test_a_name_without_a_name_of_its_own_gets_one(folder: RadarFolder, tmp_path: Path, name: str) -> None:
    refresh_overview(folder, DAY)
    found = folder.add(technology(name), move())
    assert found.slug not in ("", "readme")
    assert (tmp_path / path_of(found.slug)).is_file()
    assert BEGIN in overview(tmp_path)


def test_names_that_give_the_same_slug_have_two_pages(folder: RadarFolder) -> None:
    first = folder.add(technology("Übersicht", "https://a.example/"), move())
    second = folder.add(technology("Ubersicht", "https://b.example/"), move())
    assert first.slug == "ubersicht"
    assert second.slug.startswith("ubersicht-")
    assert len(folder.read().technologies) == 2


def test_the_same_discovery_of_many_at_once_is_one_page(folder: RadarFolder) -> None:
    barrier, found = threading.Barrier(8), []

    def discover(number: int) -> None:
        barrier.wait()
        found.append(folder.add(technology(url=f"https://www.lantern.example/repo/?utm_source={number}"), move()).slug)

    threads = [threading.Thread(target=discover, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["lantern"] * 8
    assert len(folder.read().technologies) == 1


def test_a_page_that_cannot_be_read_hides_no_other(folder: RadarFolder, tmp_path: Path) -> None:
    folder.add(technology(), move())
    (tmp_path / path_of("broken")).write_text("# No front matter\n")
    (tmp_path / path_of("binary")).write_bytes(b"---\n\xff\xfe\n")
    radar = folder.read()
    assert [one.slug for one in radar.technologies] == ["lantern"]
    assert {problem.path for problem in radar.problems} == {path_of("broken"), path_of("binary")}
    refresh_overview(folder, DAY)
    assert "`shared-context/radar/broken.md:1: the file has no front matter" in overview(tmp_path)


def test_what_somebody_saves_in_between_is_kept(tmp_path: Path) -> None:
    saves: list[str] = []

    def saved() -> None:
        if not saves:
            saves.append("once")
            page.write_text(page.read_text() + "\nMine.\n")

    RadarFolder(tmp_path).add(technology(), move())
    page = tmp_path / path_of("lantern")
    text = RadarFolder(tmp_path, saved).edit("lantern", lambda text: text.replace("tools", "models", 1))
    assert "Mine." in text
    assert "quadrant: models" in page.read_text()


def test_the_overview_lists_the_rings_and_what_moved_in_the_week(folder: RadarFolder, tmp_path: Path) -> None:
    folder.add(technology(), move(date(2026, 11, 14), reason="Too long ago."))
    folder.add(technology("A | B *c*", "https://b.example/"), move(date(2026, 11, 15), reason="In the week."))
    readme = tmp_path / "shared-context/radar/README.md"
    readme.write_text("# Ours\n\nMine.\n")
    refresh_overview(folder, DAY)
    text = overview(tmp_path)
    assert text.startswith("# Ours\n\nMine.\n\n" + BEGIN)
    assert "| discovered | [A \\| B \\*c\\*](a-b-c.md) | tools | 2026-11-15 |  |" in text
    assert "## Moved in the 7 days up to 2026-11-21\n\n- 2026-11-15 [A" in text
    assert "Too long ago" not in text
    readme.write_text(text + "And below.\n")
    refresh_overview(folder, date(2026, 11, 28))
    assert overview(tmp_path).endswith(f"{END}\nAnd below.\n")
    assert overview(tmp_path).count(BEGIN) == 1
    assert "Nothing." in overview(tmp_path)
