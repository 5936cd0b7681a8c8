"""Feed lists over real HTTP: one bad feed of every kind beside good ones that still come through."""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import pytest

from harness.collectors.context import CachedSource
from harness.collectors.parse import FeedParser
from harness.domain.errors import OwnerError
from harness.domain.settings import Egress
from harness.domain.source import Collected, Gap
from harness.gate.egress import SystemResolver, WebDoor
from harness.ports import WebResponse
from harness.testing.web_server import WebReply, WebServer

Collect = Callable[..., Collected]
Health = dict[str, tuple[bool, str]]

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<rss version='2.0'><channel><title>&b;</title></channel></rss>"
)


def rss(*entries: tuple[str, str], title: str = "A feed", pub_date: str = "") -> bytes:
    items = "".join(
        f"<item><title>{name}</title><link>{link}</link><description>About {name}</description>{pub_date}</item>"
        for name, link in entries
    )
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>{title}</title>{items}</channel></rss>".encode()


def titles(result: Collected) -> list[str]:
    return [item.title for item in result.items]


def beside_good_feeds(collected: Collect, server: WebServer, bad_url: str, **how: object) -> tuple[Gap, ...]:
    """Collect a list with a bad feed between two good ones, check the good ones, and return the gaps."""
    first = server.serve("/first", rss(("First", "https://one.test/1")))
    last = server.serve("/last", rss(("Last", "https://two.test/2")))
    result = collected("feeds/ai", lists={"ai": [("One", first), ("Bad", bad_url), ("Two", last)]}, **how)
    assert [title for title in titles(result) if title in ("First", "Last")] == ["First", "Last"]
    return result.gaps


def test_an_item_carries_the_entry_and_the_name_that_the_list_gives_the_feed(
    collected: Collect, server: WebServer
) -> None:
    date = "<pubDate>Sat, 07 Mar 2026 14:57:00 -0800</pubDate>"
    url = server.serve("/feed", rss(("News", "https://one.test/1"), pub_date=date))

    (item,) = collected("feeds/ai", lists={"ai": [("My feed", url)]}).items

    assert (item.title, item.url, item.source, item.summary) == ("News", "https://one.test/1", "My feed", "About News")
    assert item.published_at == datetime(2026, 3, 7, 22, 57, tzinfo=UTC)


def test_a_feed_without_a_name_in_the_list_goes_by_its_own_title(collected: Collect, server: WebServer) -> None:
    url = server.serve("/feed", rss(("News", "https://one.test/1"), title="Its own"))

    assert collected("feeds/ai", lists={"ai": [("", url)]}).items[0].source == "Its own"


def test_a_healthy_feed_is_recorded_as_healthy(collected: Collect, server: WebServer, health: Health) -> None:
    url = server.serve("/feed", rss(("News", "https://one.test/1")))

    collected("feeds/ai", lists={"ai": [("One", url)]})

    assert health == {url: (True, "")}


def test_an_html_page_in_place_of_a_feed_is_named(collected: Collect, server: WebServer, health: Health) -> None:
    url = server.serve("/page", b"<!doctype html><html><head><title>Moved</title></head><body>We moved.</body></html>")

    assert beside_good_feeds(collected, server, url) == (Gap("Bad", "is an HTML page, not a feed"),)
    assert health[url] == (False, "is an HTML page, not a feed")


def test_an_empty_feed_is_named(collected: Collect, server: WebServer) -> None:
    assert beside_good_feeds(collected, server, server.serve("/x", b"")) == (Gap("Bad", "is empty"),)


def test_a_feed_without_entries_is_named(collected: Collect, server: WebServer) -> None:
    assert beside_good_feeds(collected, server, server.serve("/x", rss())) == (Gap("Bad", "has no entries"),)


def test_a_truncated_feed_keeps_what_was_read_and_is_named(collected: Collect, server: WebServer) -> None:
    whole = rss(("Kept", "https://x.test/1"), ("Lost", "https://x.test/2"))
    url = server.serve("/x", whole[: whole.index(b"https://x.test/2") + 12])
    result = collected("feeds/ai", lists={"ai": [("Bad", url)]})

    assert titles(result) == ["Kept"]
    assert Gap("Bad", "is cut off in the middle; 1 entry could be read") in result.gaps
    assert beside_good_feeds(collected, server, url)


def test_an_entity_bomb_is_named_and_not_parsed(collected: Collect, server: WebServer) -> None:
    gaps = beside_good_feeds(collected, server, server.serve("/x", BOMB))

    assert gaps == (Gap("Bad", "declares entities of its own and was not parsed"),)


def test_a_feed_of_50_mb_is_named_and_not_loaded(collected: Collect, server: WebServer) -> None:
    url = server.flood("/x", 50_000_000, head=b"<?xml version='1.0'?><rss version='2.0'><channel>")

    assert beside_good_feeds(collected, server, url) == (Gap("Bad", "is larger than 5 MB"),)


def test_a_gzip_bomb_is_named(collected: Collect, server: WebServer) -> None:
    gaps = beside_good_feeds(collected, server, server.gzip_bomb("/x", 50_000_000))

    assert gaps == (Gap("Bad", "is larger than 5 MB"),)


def test_a_slow_feed_is_named_after_the_timeout(collected: Collect, server: WebServer) -> None:
    gaps = beside_good_feeds(collected, server, server.drip("/x", b"<", 0.02), limits={"timeout_s": 1.0})

    assert gaps == (Gap("Bad", "no complete answer within 1 s"),)


def test_a_missing_feed_is_named(collected: Collect, server: WebServer) -> None:
    assert beside_good_feeds(collected, server, server.url("/gone")) == (Gap("Bad", "answered 404 Not Found"),)


def test_a_status_that_http_does_not_know_is_named(collected: Collect, server: WebServer) -> None:
    url = server.serve("/x", WebReply(b"", status=599))

    assert beside_good_feeds(collected, server, url) == (Gap("Bad", "answered 599"),)


def test_a_host_that_does_not_resolve_is_named(collected: Collect, server: WebServer) -> None:
    gaps = beside_good_feeds(collected, server, "http://feeds.invalid/rss")

    assert gaps == (Gap("Bad", "the host name feeds.invalid could not be resolved"),)


def test_a_cut_connection_is_named(collected: Collect, server: WebServer) -> None:
    (gap,) = beside_good_feeds(collected, server, server.cut("/x", rss(("Half", "https://x.test/"))))

    assert gap.problem.startswith("the connection to 127.0.0.1 failed")


def test_a_forbidden_address_is_named(collected: Collect, server: WebServer) -> None:
    (gap,) = beside_good_feeds(collected, server, "http://169.254.169.254/latest/meta-data")

    assert gap.problem.startswith("was refused: 169.254.169.254: 169.254.169.254 is link-local")


def test_without_a_grant_loopback_feeds_are_refused(collected: Collect, server: WebServer) -> None:
    url = server.serve("/feed", rss(("News", "https://one.test/1")))

    result = collected("feeds/ai", lists={"ai": [("One", url)]}, egress=Egress())

    assert result.items == ()
    assert "loopback" in result.gaps[0].problem
    assert server.requests == ()


def test_a_feed_that_hangs_the_parser_is_named_and_the_others_come_through(
    collected: Collect, server: WebServer, health: Health
) -> None:
    # Real input that takes feedparser far longer than the limit: a million elements inside each other.
    hang = server.serve("/hang", b"<rss version='2.0'><channel><item>" + b"<a>" * 1_000_000)
    impatient = FeedParser(workers=2, timeout_s=2.0)
    try:
        gaps = beside_good_feeds(collected, server, hang, parser=impatient)
    finally:
        impatient.close()

    assert gaps == (Gap("Bad", "took longer than 2 s to parse"),)
    assert health[hang] == (False, "took longer than 2 s to parse")


def test_an_unchanged_feed_comes_from_the_cache_and_is_not_sent_again(
    collected: Collect, server: WebServer, health: Health
) -> None:
    body = rss(("News", "https://one.test/1"))
    url = server.serve("/feed", WebReply(body, etag='"v1"', last_modified="Sat, 07 Mar 2026 00:00:00 GMT"))

    first = collected("feeds/ai", lists={"ai": [("One", url)]})
    second = collected("feeds/ai", lists={"ai": [("Renamed", url)]})

    assert server.requests[1].headers["if-none-match"] == '"v1"'
    assert server.requests[1].headers["if-modified-since"] == "Sat, 07 Mar 2026 00:00:00 GMT"
    assert titles(second) == titles(first) == ["News"]
    assert second.items[0].source == "Renamed"
    assert health[url] == (True, "")


def test_a_feed_that_changed_is_read_anew(collected: Collect, server: WebServer) -> None:
    url = server.serve("/feed", WebReply(rss(("Old", "https://one.test/1")), etag='"v1"'))
    collected("feeds/ai", lists={"ai": [("One", url)]})
    server.serve("/feed", WebReply(rss(("New", "https://one.test/2")), etag='"v2"'))

    assert titles(collected("feeds/ai", lists={"ai": [("One", url)]})) == ["New"]


def test_a_truncated_feed_is_not_cached_so_that_a_304_cannot_hide_the_gap(
    collected: Collect, server: WebServer
) -> None:
    url = server.serve("/x", WebReply(rss(("Kept", "https://x.test/1"))[:-20], etag='"v1"'))

    first = collected("feeds/ai", lists={"ai": [("Bad", url)]})
    second = collected("feeds/ai", lists={"ai": [("Bad", url)]})

    assert first.gaps
    assert second == first
    assert "if-none-match" not in server.requests[1].headers


def test_the_limits_on_items_and_age_hold(collected: Collect, server: WebServer) -> None:
    old = "<pubDate>Sun, 01 Mar 2026 00:00:00 +0000</pubDate>"
    many = server.serve("/many", rss(*((f"N{n}", f"https://one.test/{n}") for n in range(30))))
    stale = server.serve("/stale", rss(("Stale", "https://two.test/1"), pub_date=old))

    result = collected(
        "feeds/ai",
        lists={"ai": [("One", many), ("Two", stale)]},
        limits={"max_items_per_source": 10},
        max_age_s=24 * 3600,
    )

    assert titles(result) == [f"N{n}" for n in range(10)]
    assert result.gaps == ()


def test_the_same_story_in_two_feeds_is_one_item_that_names_both(collected: Collect, server: WebServer) -> None:
    one = server.serve("/1", rss(("A", "https://story.test/x?utm_source=one")))
    two = server.serve("/2", rss(("B", "http://www.story.test/x/")))

    (item,) = collected("feeds/ai", lists={"ai": [("One", one), ("Two", two)]}).items

    assert (item.title, item.also_in) == ("A", ("Two",))


@pytest.mark.parametrize(
    ("lists", "problem"),
    [({}, "there is no list shared-context/feeds/ai.md or .opml"), ({"ai": []}, "the list is empty")],
)
def test_a_list_that_is_missing_or_empty_is_a_gap(
    collected: Collect, lists: dict[str, list[tuple[str, str]]], problem: str
) -> None:
    assert collected("feeds/ai", lists=lists) == Collected("feeds/ai", gaps=(Gap("feeds/ai", problem),))


def test_as_many_feeds_are_asked_at_once_as_the_limit_says_and_no_more(collected: Collect) -> None:
    lock, under_way, peaks = threading.Lock(), [0], [0]

    def slow_feed() -> Iterator[bytes]:
        with lock:
            under_way[0] += 1
            peaks.append(under_way[0])
        threading.Event().wait(0.1)
        with lock:
            under_way[0] -= 1
        yield rss(("N", "https://x.test/1"))

    with WebServer(lambda _: WebReply(slow_feed)) as server:
        feeds = [(f"F{number}", server.url(f"/{number}")) for number in range(6)]
        result = collected("feeds/ai", lists={"ai": feeds}, limits={"concurrency": 2})

    assert max(peaks) == 2
    assert (result.gaps, result.items[0].also_in) == ((), ("F1", "F2", "F3", "F4", "F5"))


@pytest.mark.parametrize("etag", ['"ü"', '"\x01"', '"' + "a" * 2000 + '"'])
def test_a_validator_that_no_request_can_carry_does_not_break_the_next_run(
    collected: Collect, server: WebServer, etag: str
) -> None:
    url = server.serve("/feed", WebReply(rss(("N", "https://x.test/1")), headers={"ETag": etag}))

    first = collected("feeds/ai", lists={"ai": [("One", url)]})
    second = collected("feeds/ai", lists={"ai": [("One", url)]})

    assert first == second
    assert (titles(second), second.gaps) == (["N"], ())
    assert "if-none-match" not in server.requests[1].headers


class BrokenOver:
    """A door with a fault of ours in it: one URL breaks it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._door = WebDoor(Egress(loopback=True), SystemResolver())

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        if url == self._url:
            raise KeyError("a bug")
        return await self._door.get(url, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, method=method)


def test_a_fault_of_the_harness_over_one_feed_is_its_gap_and_is_logged(
    collected: Collect, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.serve("/bad", rss(("N", "https://x.test/1")))

    gaps = beside_good_feeds(collected, server, url, web=BrokenOver(url))

    assert gaps == (Gap("Bad", "could not be read: a fault in the harness (KeyError)"),)
    (record,) = caplog.records
    assert "scout/morning" in record.getMessage()
    assert record.exc_info is not None


def test_a_fault_of_the_harness_over_one_entry_is_its_gap(collected: Collect, server: WebServer) -> None:
    url = server.url("/page")

    assert collected(url, web=BrokenOver(url)).gaps == (
        Gap(url, "could not be read: a fault in the harness (KeyError)"),
    )


class FullDisk:
    """A cache whose disk is full."""

    def load(self, url: str) -> None:
        return None

    def save(self, cached: CachedSource) -> None:
        raise OwnerError("harness.db", None, "the disk is full", "free some space")

    def record(self, source: str, *, ok: bool, problem: str, at: datetime) -> None:
        raise OwnerError("harness.db", None, "the disk is full", "free some space")


def test_a_full_disk_is_no_gap_of_a_feed_and_says_what_it_is(collected: Collect, server: WebServer) -> None:
    urls = [server.serve(f"/{number}", rss(("N", "https://x.test/1"))) for number in range(3)]

    with pytest.raises(OwnerError, match="the disk is full"):
        collected("feeds/ai", lists={"ai": [("", url) for url in urls]}, cache=FullDisk())
