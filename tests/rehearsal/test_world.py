import asyncio
import http.client
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

import feedparser
import pytest

from harness.domain.errors import TransientError
from harness.rehearsal.loopback_server import Answer, is_unchanged
from harness.rehearsal.world import SampleWorld
from harness.testing.clock import VirtualClock

DAY = date(2026, 11, 20)
ZONE = "America/Los_Angeles"
MIDNIGHT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
NEXT_MIDNIGHT = MIDNIGHT + timedelta(days=1)
HERALD = "http://tensor-herald.sample.test/feed.xml"
FAULTY = ("latent-times", "prompt-courier", "cinder-wire")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Visit:
    """A world that is open, its clock, and a client that knows only the world's resolver."""

    world: SampleWorld
    clock: VirtualClock

    def fetch(self, url: str, method: str = "GET", **headers: str) -> Reply:
        parts = urlsplit(url)
        host = parts.hostname or ""
        [(address, port)] = asyncio.run(self.world.resolver.resolve(host, 80))
        with closing(http.client.HTTPConnection(address, port, timeout=10)) as connection:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, headers={"Host": host, **named})
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def feed_urls(self) -> list[str]:
        return [entry.url for entries in self.world.feed_lists.values() for entry in entries]

    def sound_feed_urls(self) -> list[str]:
        return [url for url in self.feed_urls() if not any(name in url for name in FAULTY)]


@pytest.fixture
def visit() -> Iterator[Visit]:
    clock = VirtualClock(MIDNIGHT)
    with SampleWorld(DAY, ZONE, clock.now) as world:
        yield Visit(world, clock)


def test_every_sound_feed_is_valid_all_day_long_and_newest_first(visit: Visit) -> None:
    for moment in (MIDNIGHT, MIDNIGHT + timedelta(hours=12), NEXT_MIDNIGHT):
        visit.clock.advance_to(moment)
        for url in visit.sound_feed_urls():
            reply = visit.fetch(url)
            parsed = feedparser.parse(reply.body, response_headers={"content-type": reply.headers["content-type"]})
            assert (reply.status, parsed.bozo) == (200, False), url
            assert parsed.entries, url
            dates = [entry.published_parsed for entry in parsed.entries]
            assert dates == sorted(dates, reverse=True), url
            assert all(entry.title and entry.link and entry.summary for entry in parsed.entries), url


def test_both_formats_are_served(visit: Visit) -> None:
    versions = {feedparser.parse(visit.fetch(url).body).version for url in visit.sound_feed_urls()}
    assert versions == {"rss20", "atom10"}


def test_the_feed_that_is_a_page_says_200_and_holds_no_entry(visit: Visit) -> None:
    reply = visit.fetch("http://latent-times.sample.test/feed.xml")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert feedparser.parse(reply.body).entries == []


def test_the_truncated_feed_breaks_off_after_some_entries(visit: Visit) -> None:
    for hours in range(0, 25, 3):
        visit.clock.advance_to(MIDNIGHT + timedelta(hours=hours))
        reply = visit.fetch("http://prompt-courier.sample.test/feed.xml")
        parsed = feedparser.parse(reply.body)
        assert reply.status == 200
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert parsed.bozo
        assert parsed.entries
        assert b"</rss>" not in reply.body


def test_the_overloaded_feed_answers_503(visit: Visit) -> None:
    assert visit.fetch("http://cinder-wire.sample.test/feed.xml").status == 503


def test_every_link_of_every_story_is_served_but_for_the_one_that_is_gone(visit: Visit) -> None:
    visit.clock.advance_to(NEXT_MIDNIGHT)
    gone = []
    for url in visit.feed_urls():
        for entry in feedparser.parse(visit.fetch(url).body).entries:
            reply = visit.fetch(entry.link)
            if reply.status == 404:
                gone.append(entry.link)
            else:
                assert reply.status == 200, entry.link
                assert reply.headers["content-type"] == "text/html; charset=utf-8"
            assert visit.fetch(entry.link, "HEAD").status == reply.status
    assert gone == ["http://safety-margin.sample.test/stories/deleted-promise"]


def test_a_story_page_shows_its_title_and_text_and_says_that_it_is_invented(visit: Visit) -> None:
    entry = feedparser.parse(visit.fetch("http://forge.sample.test/trending.xml").body).entries[0]
    page = TextOf(visit.fetch(entry.link).body.decode()).text
    assert entry.title in page
    assert entry.summary.removeprefix("<p>").removesuffix("</p>") in page
    assert "invented" in page


def test_feeds_link_to_a_front_page_that_exists(visit: Visit) -> None:
    for url in visit.sound_feed_urls():
        front = feedparser.parse(visit.fetch(url).body).feed.link
        assert visit.fetch(front).status == 200
        assert url in visit.fetch(front).body.decode()


def test_nothing_is_served_before_it_is_published(visit: Visit) -> None:
    page = "http://tensor-herald.sample.test/stories/tallow-t2-chip"
    visit.clock.advance_to(MIDNIGHT + timedelta(hours=9) - timedelta(seconds=1))
    assert page not in visit.fetch(HERALD).body.decode()
    assert visit.fetch(page).status == 404
    visit.clock.advance(1)
    assert page in visit.fetch(HERALD).body.decode()
    assert visit.fetch(page).status == 200


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_stories_keep_their_hour_on_the_wall_when_the_clock_changes(day: date) -> None:
    hours_of_day = {date(2026, 3, 8): 16, date(2026, 11, 1): 17}  # 09:00 in Los Angeles, in UTC
    clock = VirtualClock(datetime(day.year, day.month, day.day, hours_of_day[day], 0, tzinfo=UTC))
    with SampleWorld(day, ZONE, clock.now) as world:
        newest = feedparser.parse(Visit(world, clock).fetch(HERALD).body).entries[0]
    assert newest.title == "Tallow Systems shows an accelerator for long contexts"
    assert newest.published_parsed.tm_hour == hours_of_day[day]


def test_an_unchanged_feed_answers_304_until_there_is_news(visit: Visit) -> None:
    visit.clock.advance_to(MIDNIGHT + timedelta(hours=8))
    first = visit.fetch(HERALD)
    for headers in (
        {"If_None_Match": first.headers["etag"]},
        {"If_Modified_Since": first.headers["last-modified"]},
    ):
        again = visit.fetch(HERALD, **headers)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    visit.clock.advance_to(MIDNIGHT + timedelta(hours=9))
    assert visit.fetch(HERALD, If_None_Match=first.headers["etag"]).status == 200
    assert visit.fetch(HERALD, If_Modified_Since=first.headers["last-modified"]).status == 200


def test_a_tag_decides_before_a_date_and_an_unreadable_date_counts_as_none() -> None:
    answer = Answer(200, "text/plain", b"news", MIDNIGHT)
    later = "Sat, 21 Nov 2026 08:00:00 GMT"
    assert is_unchanged(answer, None, later)
    assert not is_unchanged(answer, '"other"', later)
    assert is_unchanged(answer, f'"other", W/{answer.etag}', None)
    assert is_unchanged(answer, "*", None)
    assert not is_unchanged(answer, None, "yesterday")
    assert not is_unchanged(answer, None, "Thu, 19 Nov 2026 08:00:00 GMT")
    assert not is_unchanged(Answer(503, "text/plain", b"", MIDNIGHT), "*", later)


def test_papers_are_found_and_their_pages_served(visit: Visit) -> None:
    visit.clock.advance_to(MIDNIGHT + timedelta(hours=7.25))
    assert visit.world.arxiv_url == "http://preprints.sample.test/api/query"
    query = urlencode({"search_query": "cat:cs.AI", "max_results": "60", "sortBy": "submittedDate"})
    parsed = feedparser.parse(visit.fetch(f"{visit.world.arxiv_url}?{query}").body)
    assert not parsed.bozo
    assert len(parsed.entries) >= 10
    for entry in parsed.entries:
        assert visit.fetch(entry.link).status == 200
    assert visit.fetch("http://preprints.sample.test/").status == 200


def test_a_bad_search_answers_400_and_says_why(visit: Visit) -> None:
    reply = visit.fetch(f"{visit.world.arxiv_url}?search_query=doi:1")
    [entry] = feedparser.parse(reply.body).entries
    assert (reply.status, entry.title) == (400, "Error")
    assert "doi" in entry.summary


@pytest.mark.parametrize(
    "host", ["example.org", "sample.test", "nobody.sample.test", "127.0.0.1", "localhost", "export.arxiv.org", ""]
)
def test_no_host_outside_the_world_resolves(visit: Visit, host: str) -> None:
    with pytest.raises(TransientError, match="no such host"):
        asyncio.run(visit.world.resolver.resolve(host, 443))


def test_host_names_resolve_in_any_case_and_with_the_final_dot(visit: Visit) -> None:
    [(address, port)] = asyncio.run(visit.world.resolver.resolve("Tensor-Herald.Sample.Test.", 443))
    assert address == "127.0.0.1"
    assert port not in (80, 443)


def test_every_feed_has_a_host_that_resolves(visit: Visit) -> None:
    hosts = {urlsplit(url).hostname for url in (*visit.feed_urls(), visit.world.arxiv_url)}
    assert hosts < visit.world.hosts, "there are services beside them"
    assert sorted(visit.world.feed_lists) == ["ai", "github-trending", "releases"]


def test_unknown_pages_and_foreign_host_headers_answer_404(visit: Visit) -> None:
    assert visit.fetch("http://tensor-herald.sample.test/nothing").status == 404
    assert visit.fetch(HERALD, Host="example.org").status == 404


def test_requests_are_counted_by_url(visit: Visit) -> None:
    visit.fetch(HERALD)
    visit.fetch(HERALD, "HEAD")
    visit.fetch("http://tensor-herald.sample.test/nothing?x=1")
    assert visit.world.requests == {HERALD: 2, "http://tensor-herald.sample.test/nothing": 1}


def test_many_clients_are_served_at_once(visit: Visit) -> None:
    statuses: list[int] = []

    def read() -> None:
        statuses.append(visit.fetch(HERALD).status)

    threads = [threading.Thread(target=read) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
    assert visit.world.requests[HERALD] == 40


def test_a_closed_world_has_no_resolver_and_no_server() -> None:
    world = SampleWorld(DAY, ZONE, lambda: MIDNIGHT)
    with pytest.raises(RuntimeError, match="with"):
        _ = world.resolver
    with world:
        [address] = asyncio.run(world.resolver.resolve("forge.sample.test", 80))
    with pytest.raises(RuntimeError, match="with"):
        _ = world.resolver
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address, timeout=5):
        pass


def test_a_client_that_resets_its_connection_leaves_the_terminal_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    with SampleWorld(DAY, ZONE, lambda: MIDNIGHT) as world:
        [address] = asyncio.run(world.resolver.resolve("forge.sample.test", 80))
        connection = socket.create_connection(address, timeout=5)
        connection.sendall(b"GET /trending.xml HT")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # with no time to linger the other side sees a reset
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_the_world_itself_is_not_hidden(capfd: pytest.CaptureFixture[str]) -> None:
    def broken_now() -> datetime:
        raise LookupError("the clock is gone")

    with SampleWorld(DAY, ZONE, broken_now) as world, pytest.raises(http.client.RemoteDisconnected):
        Visit(world, VirtualClock(MIDNIGHT)).fetch(HERALD)
    assert "the clock is gone" in capfd.readouterr().err


def test_a_malformed_host_header_answers_400(visit: Visit) -> None:
    assert visit.fetch(HERALD, Host="[::1").status == 400
    assert visit.fetch(HERALD).status == 200


class TextOf(HTMLParser):
    """The text of a page, as a reader sees it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data
