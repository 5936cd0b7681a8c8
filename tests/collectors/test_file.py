"""Files as input: inside the workspace, and outside only where that is granted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.domain.settings import Egress
from harness.domain.source import Collected, Gap

Collect = Callable[..., Collected]
GRANTED = Egress(file_sources=True)
RSS = (
    b"<rss version='2.0'><channel><title>Saved</title>"
    b"<item><title>N</title><link>https://x.test/1</link></item></channel></rss>"
)
PUBLISHED_FEED = Path(__file__).parents[2].parent / "shared/data/feeds/devto-seahjs.xml"


def test_a_text_file_of_the_workspace_is_the_teams_own_text(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_bytes(b"\xef\xbb\xbfBuy milk.\n")

    assert collected("notes.md") == Collected("notes.md", text="Buy milk.\n", is_untrusted=False)


def test_text_that_an_agent_may_have_written_is_untrusted(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "shared-context/intel").mkdir(parents=True)
    (tmp_path / "shared-context/intel/today.md").write_text("An agent wrote this.")

    assert collected("shared-context/intel/today.md", write_paths=("shared-context/intel",)).is_untrusted
    assert not collected("shared-context/intel/today.md", write_paths=("shared-context/int",)).is_untrusted


def test_a_saved_feed_gives_items(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "saved.txt").write_bytes(RSS)

    (item,) = collected("./saved.txt").items

    assert (item.title, item.url, item.source) == ("N", "https://x.test/1", "Saved")


def test_a_saved_html_page_is_reduced_to_its_text(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!DOCTYPE html><html><body><h1>Head</h1><p>Body.</p></body></html>")

    assert collected("page.html").text == "Head\nBody."


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe\x00binary", "is not UTF-8 text"),
        (b"\0\0 binary", "is not text"),
        (b"x" * 2001, "is larger than 0.002 MB"),
    ],
)
def test_a_file_that_gives_nothing_is_a_gap(collected: Collect, tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "it.txt").write_bytes(content)

    assert collected("it.txt", limits={"max_bytes": 2000}).gaps == (Gap("it.txt", problem),)


def test_a_broken_feed_file_is_a_gap_with_its_path(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_bytes(RSS[:50])

    assert collected("broken.xml").gaps == (Gap("broken.xml", "is cut off before its first entry"),)


def test_a_missing_file_a_folder_and_a_pipe_are_gaps(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "folder.d").mkdir()
    os.mkfifo(tmp_path / "pipe.d")

    assert collected("no.md").gaps == (Gap("no.md", "does not exist"),)
    assert collected("folder.d").gaps == (Gap("folder.d", "is not a file"),)
    assert collected("pipe.d").gaps == (Gap("pipe.d", "is not a file"),)
    assert "cannot be read" in collected("nul\0.md").gaps[0].problem


@pytest.mark.parametrize("how", ["absolute", "upwards", "link"])
def test_a_file_outside_the_workspace_needs_a_grant(
    collected: Collect, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, how: str
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.md"
    outside.write_text("secret")
    (tmp_path / "link.md").symlink_to(outside)
    read = {"absolute": str(outside), "upwards": os.path.relpath(outside, tmp_path), "link": "link.md"}[how]

    refused = collected(read)
    granted = collected(read, egress=GRANTED)

    assert refused.text == ""
    assert "lies outside the workspace" in refused.gaps[0].problem
    assert (granted.text, granted.is_untrusted) == ("secret", True)


def test_a_loop_of_links_is_a_gap(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to("b.md")
    (tmp_path / "b.md").symlink_to("a.md")

    assert "cannot be read" in collected("a.md").gaps[0].problem


@pytest.mark.skipif(not PUBLISHED_FEED.exists(), reason="the published feed is not in the folder beside the project")
def test_a_feed_as_published_is_read_whole_with_the_links_of_its_own_entries(collected: Collect) -> None:
    raw = PUBLISHED_FEED.read_text()

    result = collected("feeds/ai", overrides={"feeds": str(PUBLISHED_FEED)}, egress=GRANTED)

    assert result.gaps == ()
    assert len(result.items) == raw.count("<item>") > 0
    for item in result.items:
        assert f"<link>{item.url}</link>" in raw
        assert item.source == "DEV Community: seah-js"
        assert item.published_at is not None
        assert 0 < len(item.summary) <= 600
        assert "<" not in item.title
