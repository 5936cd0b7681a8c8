"""Feeds and pages are left alone where their host asks robots for it; interfaces for programs have their own terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from harness.domain.settings import Egress
from harness.domain.source import Collected
from harness.gate.egress import WebDoor
from harness.testing.web_server import HostTable, WebReply, WebServer
from tests.collectors.conftest import NOW

Collect = Callable[..., Collected]
FEED = b"<rss version='2.0'><channel><item><title>N</title><link>https://x.test/1</link></item></channel></rss>"
CLOSED = "is closed to robots by the robots.txt of its host"
DOOR = WebDoor(Egress(loopback=True), HostTable({"news.test": ("127.0.0.1", 0), "github.com": ("127.0.0.1", 0)}))


def read(collected: Collect, server: WebServer, *paths: str, host: str = "news.test", **how: object) -> Collected:
    feeds = [(path, server.url(path, host=host)) for path in paths]
    limits = {"host_pause_s": 0.0, **dict(how.pop("limits", {}))}  # type: ignore[call-overload]
    return collected("feeds/ai", lists={"ai": feeds}, web=DOOR, limits=limits, **how)


def problems(result: Collected) -> list[tuple[str, str]]:
    return [(gap.source, gap.problem) for gap in result.gaps]


def serve(server: WebServer, robots: WebReply | bytes) -> None:
    server.serve("/robots.txt", robots)
    server.serve("/open.xml", FEED)
    server.serve("/closed.xml", FEED)


def test_what_a_host_closes_to_robots_is_a_gap_and_is_never_asked_for(collected: Collect, server: WebServer) -> None:
    serve(server, b"User-agent: *\nDisallow: /closed")

    result = read(collected, server, "/open.xml", "/closed.xml")

    assert [item.source for item in result.items] == ["/open.xml"]
    assert problems(result) == [("/closed.xml", CLOSED)]
    assert server.count("/closed.xml") == 0


def test_rules_are_fetched_once_a_day_for_all_feeds_of_a_host(collected: Collect, server: WebServer) -> None:
    serve(server, b"User-agent: *\nDisallow: /closed")

    for hours in (0, 1, 23.9):
        read(collected, server, "/open.xml", "/closed.xml", now=NOW + timedelta(hours=hours))
    assert server.count("/robots.txt") == 1

    serve(server, b"")
    result = read(collected, server, "/open.xml", "/closed.xml", now=NOW + timedelta(hours=24))
    assert server.count("/robots.txt") == 2
    assert result.gaps == ()


def test_the_person_may_switch_it_off_for_what_they_name(collected: Collect, server: WebServer) -> None:
    serve(server, b"User-agent: *\nDisallow: /")

    result = read(collected, server, "/closed.xml", limits={"robots": False})

    assert (len(result.items), result.gaps, server.count("/robots.txt")) == (1, (), 0)


def test_a_page_that_a_job_reads_is_held_to_it_as_well(collected: Collect, server: WebServer) -> None:
    serve(server, b"User-agent: agent-team-harness\nDisallow: /closed")
    url = server.url("/closed.xml", host="news.test")

    assert problems(collected(url, web=DOOR)) == [("news.test", CLOSED)]


@pytest.mark.parametrize(
    "robots",
    [
        WebReply(b"no", status=404),
        WebReply(b"no", status=403),
        WebReply(b"down", status=503),
        WebReply(b"\xff\x00" * 1000),
        WebReply(b"<!doctype html><title>Welcome</title>"),
        WebReply(status=302, headers={"Location": "http://169.254.169.254/"}),
        WebReply(b"x" * 600_000),
    ],
)
def test_a_host_that_says_nothing_usable_closes_nothing(
    collected: Collect, server: WebServer, robots: WebReply
) -> None:
    serve(server, robots)

    result = read(collected, server, "/open.xml")

    assert (len(result.items), result.gaps) == (1, ())


def test_rules_that_cannot_be_fetched_anew_stay_in_force(collected: Collect, server: WebServer) -> None:
    serve(server, b"User-agent: *\nDisallow: /closed")
    read(collected, server, "/closed.xml")
    server.serve("/robots.txt", WebReply(b"down", status=500))

    assert problems(read(collected, server, "/closed.xml", now=NOW + timedelta(days=2))) == [("/closed.xml", CLOSED)]


def test_feeds_of_a_host_that_does_not_tell_its_rules_do_not_each_wait_for_them(
    collected: Collect, server: WebServer
) -> None:
    serve(server, WebReply(b"down", status=503))
    paths = [f"/{number}.xml" for number in range(4)]
    for path in paths:
        server.serve(path, FEED)

    for minutes, asked in ((0, 1), (9, 1), (11, 2)):
        read(collected, server, *paths, now=NOW + timedelta(minutes=minutes))
        assert server.count("/robots.txt") == asked


def test_an_interface_for_programs_has_terms_of_its_own(collected: Collect, server: WebServer) -> None:
    serve(server, b"User-agent: *\nDisallow: /")
    server.serve(
        "/api/query?search_query=cat%3Acs.AI&start=0&max_results=60&sortBy=submittedDate&sortOrder=descending", FEED
    )

    result = collected("arxiv/cat:cs.AI", web=DOOR, limits={"arxiv_url": server.url("/api/query", host="news.test")})

    assert (len(result.items), server.count("/robots.txt")) == (1, 0)


def test_feeds_that_github_offers_for_subscribing_are_read(collected: Collect, server: WebServer) -> None:
    """Its robots.txt closes `/*.atom$` to what crawls."""
    serve(server, b"User-agent: *\nDisallow: /*.atom$")
    server.serve("/o/r/releases.atom", FEED)

    assert problems(read(collected, server, "/o/r/releases.atom", host="github.com")) == []
    assert problems(read(collected, server, "/o/r/releases.atom", host="news.test")) == [("/o/r/releases.atom", CLOSED)]


def test_a_host_that_asks_for_time_is_left_alone_until_then(collected: Collect, server: WebServer) -> None:
    serve(server, b"")
    server.serve("/busy.xml", WebReply(b"", status=429, headers={"Retry-After": "600"}))

    first = read(collected, server, "/busy.xml")
    second = read(collected, server, "/open.xml", now=NOW + timedelta(minutes=9))
    third = read(collected, server, "/open.xml", now=NOW + timedelta(minutes=11))

    until = "2026-03-08 12:10 UTC"
    assert problems(first) == [
        ("/busy.xml", f"answered 429 Too Many Requests, and asked to be left alone until {until}")
    ]
    assert problems(second) == [("/open.xml", f"asked to be left alone until {until}")]
    assert (len(third.items), third.gaps) == (1, ())
    assert server.count("/open.xml") == 1
