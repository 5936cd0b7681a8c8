"""From a `read` entry to the family that collects it, and what the person puts in its place."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collectors.collect import check_read, read_kind
from harness.domain.settings import Egress
from harness.domain.source import Collected, Gap, Item
from harness.testing.web_server import WebReply, WebServer

Collect = Callable[..., Collected]
RSS = b"""<rss version='2.0'><channel><title>F</title><item><title>Old news</title><link>https://x.test/1</link>
<pubDate>Mon, 02 Jan 2006 15:04:05 GMT</pubDate></item></channel></rss>"""


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        ("feeds/ai", "family"),
        ("arxiv/cat:cs.AI", "family"),
        ("arxiv/all:a/b OR ti:c", "family"),
        ("ainews/morning-digest", "output"),
        ("https://example.com/feed.xml", "url"),
        ("http://example.com", "url"),
        ("USER.md", "file"),
        ("shared-context/notes.md", "file"),
        ("shared-context/intel/today", "file"),
        ("./notes/today", "file"),
        ("/etc/hostname", "file"),
        ("../shared/feed.xml", "file"),
    ],
)
def test_each_form_has_its_family_and_is_accepted(read: str, kind: str) -> None:
    assert read_kind(read) == kind
    assert check_read(read) is None


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ("", "is not something to read"),
        (" feeds/ai", "is not something to read"),
        ("feeds", "names no feed list"),
        ("feeds/", "names no feed list"),
        ("feeds/a/b", "names no feed list"),
        ("feeds/ai.md", "names no feed list"),
        ("arxiv/", "has no query"),
        ("arxiv", "has no query"),
        ("ftp://example.com/x", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("https://", "names no host"),
        ("http:feed", "names no host"),
        ("http://[::1", "names no host"),
        ("~/notes.md", "write the path in full"),
        ("morning", "./morning"),
    ],
)
def test_a_form_that_is_none_is_said_with_how_to_write_it(read: str, words: str) -> None:
    assert words in (check_read(read) or "accepted")


@given(st.text())
def test_checking_an_entry_never_fails(read: str) -> None:
    assert check_read(read) is None or repr(read) in (check_read(read) or "")


def test_an_override_of_feeds_stands_in_for_every_list_and_is_not_filtered_by_age(
    collected: Collect, tmp_path: Path, server: WebServer
) -> None:
    (tmp_path / "saved.xml").write_bytes(RSS)
    url = server.serve("/feed", WebReply(RSS))

    for stand_in in ("saved.xml", (tmp_path / "saved.xml").as_uri(), url):
        for read in ("feeds/ai", "feeds/other"):
            result = collected(read, overrides={"feeds": stand_in}, max_age_s=3600)
            assert (result.read, [item.title for item in result.items]) == (read, ["Old news"])
    assert collected("arxiv/x", overrides={"feeds": "saved.xml"}, limits={"arxiv_url": server.url("/none")}).gaps


def test_an_override_of_one_whole_entry_wins_over_that_of_its_kind(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "saved.xml").write_bytes(RSS)
    (tmp_path / "note.md").write_text("instead")
    overrides = {"feeds": "saved.xml", "feeds/ai": "note.md", "scout/morning": "note.md"}

    assert collected("feeds/ai", overrides=overrides).text == "instead"
    assert collected("feeds/other", overrides=overrides).items
    assert collected("scout/morning", overrides=overrides).text == "instead"


def test_an_override_outside_the_workspace_needs_the_grant(
    collected: Collect, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "saved.xml"
    outside.write_bytes(RSS)

    refused = collected("feeds/ai", overrides={"feeds": str(outside)})

    assert (refused.items, refused.gaps[0].source) == ((), str(outside))
    assert collected("feeds/ai", overrides={"feeds": str(outside)}, egress=Egress(file_sources=True)).items


def test_an_override_that_is_no_address_is_a_gap(collected: Collect) -> None:
    result = collected("feeds/ai", overrides={"feeds": "file://[x/feed.xml"})

    assert result.gaps[0].source == "file://[x/feed.xml"
    assert "is no address of a file" in result.gaps[0].problem


def test_age_is_counted_from_now(collected: Collect, tmp_path: Path) -> None:
    (tmp_path / "saved.xml").write_bytes(RSS)

    assert collected("saved.xml", max_age_s=3600).items == ()
    assert collected("saved.xml").items


def test_another_jobs_output_is_passed_on_as_it_was_delivered(collected: Collect) -> None:
    old = Item("T", "https://x.test/1", "S", published_at=datetime(2020, 1, 1, tzinfo=UTC))
    output = Collected("whatever", items=(old,), text="prose", is_untrusted=False)

    result = collected("ainews/arxiv", outputs={"ainews/arxiv": output}, max_age_s=60)

    assert result == Collected("ainews/arxiv", items=(old,), text="prose", is_untrusted=False)


def test_a_job_that_has_delivered_nothing_yet_is_a_gap(collected: Collect) -> None:
    assert collected("ainews/arxiv").gaps == (Gap("ainews/arxiv", "has delivered nothing yet"),)
