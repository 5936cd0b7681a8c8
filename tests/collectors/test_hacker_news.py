"""What is particular to Hacker News: which list is asked for, and what a threshold leaves out."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.collectors.collect import check_read
from harness.domain.source import Collected
from harness.testing.web_server import WebReply, WebRequest, WebServer
from tests.collectors.family_case import CASSETTES

SEARCH = (CASSETTES / "hn" / "search.json").read_bytes()


def ask(collected: Callable[..., Collected], read: str, body: bytes = SEARCH) -> tuple[Collected, WebRequest]:
    with WebServer(lambda request: WebReply(body, content_type="application/json")) as server:
        found = collected(read, limits={"hn_url": server.url("/api/v1")})
        (request,) = server.requests
    return found, request


@pytest.mark.parametrize(
    ("read", "verb", "expected"),
    [
        ("hn/top", "search", {"tags": ["front_page"]}),
        ("hn/top/100", "search", {"tags": ["front_page"], "numericFilters": ["points>=100"]}),
        ("hn/new", "search_by_date", {"tags": ["story"]}),
        ("hn/150", "search_by_date", {"tags": ["story"], "numericFilters": ["points>=150"]}),
        ("hn/best", "search", {"tags": ["story"], "numericFilters": ["created_at_i>1772712000"]}),
        ("hn/best/200", "search", {"tags": ["story"], "numericFilters": ["points>=200,created_at_i>1772712000"]}),
    ],
)
def test_each_form_asks_for_its_list(
    collected: Callable[..., Collected], read: str, verb: str, expected: dict[str, list[str]]
) -> None:
    _, request = ask(collected, read)
    parts = urlsplit(request.path)

    assert parts.path == f"/api/v1/{verb}"
    assert parse_qs(parts.query) == {**expected, "hitsPerPage": ["60"]}


def test_stories_below_the_threshold_are_left_out_whatever_the_service_sends(
    collected: Callable[..., Collected],
) -> None:
    found, _ = ask(collected, "hn/top/100")

    assert [item.title for item in found.items] == ["Show HN: A ledger for jobs that may not fail silently"]
    assert [figure.value for figure in found.figures] == [312]


def test_a_day_on_which_no_story_has_so_many_points_is_no_gap(
    collected: Callable[..., Collected], health: dict[str, tuple[bool, str]]
) -> None:
    found, _ = ask(collected, "hn/5000", b'{"hits": []}')

    assert found == Collected("hn/5000")
    assert list(health.values()) == [(True, "")]


@pytest.mark.parametrize("entry", ["hn", "hn/", "hn/rising", "hn/top/many", "hn/-5", "hn/top/", "hn/123456"])
def test_another_form_is_named(entry: str) -> None:
    problem = check_read(entry)

    assert problem is not None and "hn/top" in problem
