"""The server that other tests rely on, asked with the standard library's own client."""

import gzip
import http.client
import threading
from collections.abc import Mapping

import pytest

from harness.testing.web_server import WebReply, WebRequest, WebServer


def ask(server: WebServer, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_a_route_is_served_and_counted_and_what_has_none_is_404() -> None:
    with WebServer() as server:
        server.serve("/a?b=1", b"<rss/>")

        assert ask(server, "/a?b=1")[::2] == (200, b"<rss/>")
        assert ask(server, "/a")[0] == 404
        assert (server.count("/a?b=1"), server.count("/a"), server.count("/never")) == (1, 1, 0)


def test_a_known_etag_or_date_is_answered_with_304_and_no_body() -> None:
    with WebServer() as server:
        server.serve("/", WebReply(b"body", etag='"1"', last_modified="Sat, 07 Mar 2026 22:57:00 GMT"))

        status, headers, body = ask(server, "/")
        assert (status, headers["etag"], body) == (200, '"1"', b"body")
        assert ask(server, "/", {"If-None-Match": '"1"'})[::2] == (304, b"")
        assert ask(server, "/", {"If-Modified-Since": headers["last-modified"]})[::2] == (304, b"")
        assert ask(server, "/", {"If-None-Match": '"2"'})[::2] == (200, b"body")


def test_a_cut_connection_is_seen_as_an_incomplete_read() -> None:
    with WebServer() as server, pytest.raises(http.client.IncompleteRead):
        server.cut("/", b"half")
        ask(server, "/")


def test_a_bomb_is_small_on_the_wire_and_a_flood_is_as_long_as_it_says() -> None:
    with WebServer() as server:
        server.gzip_bomb("/bomb", 3_000_000)
        server.flood("/flood", 10 * 64 * 1024, head=b"<rss>")

        _, headers, packed = ask(server, "/bomb")
        assert headers["content-encoding"] == "gzip"
        assert len(packed) < 10_000
        assert len(gzip.decompress(packed)) == 3_000_000
        assert len(ask(server, "/flood")[2]) == 5 + 10 * 64 * 1024


def test_requests_without_a_route_go_to_the_answer_function_with_their_host() -> None:
    def answer(request: WebRequest) -> WebReply | None:
        return WebReply(request.host.encode()) if request.host == "known.test" else None

    with WebServer(answer) as server:
        assert ask(server, "/", {"Host": "known.test:80"})[::2] == (200, b"known.test")
        assert ask(server, "/", {"Host": "other.test"})[0] == 404


def test_endless_answers_end_with_the_server_and_leave_no_thread() -> None:
    before = threading.active_count()
    with WebServer() as server:
        server.drip("/drip", b"x", interval_s=0.001)
        server.silence("/mute")
        dripping = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        mute = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        dripping.request("GET", "/drip")
        mute.request("GET", "/mute")
        response = dripping.getresponse()
        assert response.read(3) == b"xxx"

    response.close()
    dripping.close()
    mute.close()
    assert threading.active_count() == before
