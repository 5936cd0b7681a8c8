"""arXiv's Atom API, spoken by a server on loopback."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.domain.source import Collected, Gap
from harness.testing.web_server import WebReply, WebRequest, WebServer

Collect = Callable[..., Collected]

ENTRY = """<entry>
<id>http://arxiv.org/abs/2603.00001v1</id>
<updated>2026-03-07T10:00:00Z</updated>
<published>2026-03-06T17:59:59Z</published>
<title>Small Models
  that Check Their Work</title>
<summary>  We show that $x &lt; y$.
Second line.
</summary>
<author><name>Ada One</name></author><author><name>Bo Two</name></author>
<author><name>Cy Three</name></author><author><name>Di Four</name></author><author><name>Ed Five</name></author>
<link href="http://arxiv.org/abs/2603.00001v1" rel="alternate" type="text/html"/>
<link title="pdf" href="http://arxiv.org/pdf/2603.00001v1" rel="related" type="application/pdf"/>
</entry>"""
ERROR = """<entry><id>http://arxiv.org/api/errors#bad</id><title>Error</title>
<summary>incorrect id format for 1234</summary><updated>2026-03-07T00:00:00Z</updated>
<link href="http://arxiv.org/api/errors#bad" rel="alternate" type="text/html"/></entry>"""


def atom(entries: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>ArXiv Query</title><id>x</id>{entries}</feed>"
    ).encode()


def ask(collected: Collect, reply: WebReply, read: str = "arxiv/cat:cs.AI") -> tuple[Collected, list[WebRequest]]:
    with WebServer(lambda _: reply) as server:
        result = collected(read, limits={"arxiv_url": server.url("/api/query"), "max_items_per_source": 25})
        return result, list(server.requests)


def test_a_paper_comes_with_its_abstract_page_authors_and_date(collected: Collect) -> None:
    (item,) = ask(collected, WebReply(atom(ENTRY)))[0].items

    assert item.title == "Small Models that Check Their Work"
    assert item.url == "http://arxiv.org/abs/2603.00001v1"
    assert item.source == "arXiv"
    assert item.summary == "Ada One, Bo Two, Cy Three and 2 more. We show that $x < y$. Second line."
    assert item.published_at == datetime(2026, 3, 6, 17, 59, 59, tzinfo=UTC)


def test_the_newest_papers_of_the_query_are_asked_for(collected: Collect) -> None:
    (request,) = ask(collected, WebReply(atom(ENTRY)), "arxiv/cat:cs.AI AND all:agent memory")[1]

    asked = parse_qs(urlsplit(request.path).query)
    assert asked["search_query"] == ["cat:cs.AI AND all:agent memory"]
    assert (asked["max_results"], asked["sortBy"], asked["sortOrder"]) == (["25"], ["submittedDate"], ["descending"])


@pytest.mark.parametrize("status", [200, 400])
def test_an_error_that_comes_as_an_entry_is_a_gap_in_arxivs_words(collected: Collect, status: int) -> None:
    result, _ = ask(collected, WebReply(atom(ERROR), status=status))

    assert result.items == ()
    assert result.gaps == (Gap("arXiv cat:cs.AI", "arXiv refused the query: incorrect id format for 1234"),)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (WebReply(atom("")), "no paper matches the query"),
        (WebReply(b"Rate exceeded.", status=429), "answered 429 Too Many Requests"),
        (WebReply(b"Bad request", status=400), "answered 400 Bad Request"),
        (WebReply(b"<html><body>Maintenance</body></html>"), "is an HTML page, not a feed"),
    ],
)
def test_what_is_no_list_of_papers_is_a_gap(collected: Collect, reply: WebReply, problem: str) -> None:
    assert ask(collected, reply)[0].gaps == (Gap("arXiv cat:cs.AI", problem),)


def test_an_unchanged_answer_comes_from_the_cache(collected: Collect, server: WebServer) -> None:
    limits = {"arxiv_url": server.url("/q")}
    collected("arxiv/cat:cs.AI", limits=limits)  # 404, to learn the address that is asked
    server.serve(server.requests[0].path, WebReply(atom(ENTRY), etag='"1"'))

    first = collected("arxiv/cat:cs.AI", limits=limits)
    second = collected("arxiv/cat:cs.AI", limits=limits)

    assert server.requests[2].headers["if-none-match"] == '"1"'
    assert second == first
    assert first.items
