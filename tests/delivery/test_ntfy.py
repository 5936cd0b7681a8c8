"""The ntfy channel against a real server on loopback that keeps to the limits of ntfy's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.delivery.channels import OutboundDigest
from harness.delivery.markdown import render_below_title
from harness.delivery.ntfy import NtfyChannel
from harness.delivery.splitting import read_blocks
from harness.domain.channel import Channel, Topic
from harness.domain.digest import Section
from harness.domain.errors import OwnerError, TransientError
from harness.testing.web_server import WebReply, WebRequest, WebServer
from tests.delivery.outward import DIGEST, DOOR, MESSAGE

MOST_BYTES = 4_096
"""Above it an ntfy server makes a file of a message."""


def answer(request: WebRequest) -> WebReply:
    """Do as an ntfy server does."""
    if request.path == "/team":  # a file for the topic
        return WebReply(b'{"id":"file"}')
    published = json.loads(request.body)
    if request.path != "/" or not published.get("topic"):
        return WebReply(b"no topic", status=404)
    is_long = len(published["message"].encode()) > MOST_BYTES
    return WebReply(b"too long", status=413) if is_long else WebReply(b'{"id":"x"}')


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer(answer) as running:
        yield running


def channel_to(url: str, target: Topic | None = None, *, max_chars: int = 3_900) -> NtfyChannel:
    target = target or Topic(url)
    return NtfyChannel(
        Channel("phone", "ntfy", target=target, max_chars=max_chars), target, DOOR, {"TOKEN": "tk_secret"}
    )


def published(server: WebServer) -> list[dict[str, object]]:
    return [json.loads(request.body) for request in server.requests if request.path == "/"]


def test_a_long_digest_comes_in_numbered_parts_of_which_only_the_first_is_loud(server: WebServer) -> None:
    target = Topic(server.url("/team"), None, "TOKEN", "high", ("newspaper",), "https://team.example/")
    receipt = channel_to("", target, max_chars=1_000).deliver(MESSAGE)
    messages = published(server)
    count = len(messages)
    assert count > 2
    assert [message["title"] for message in messages] == [f"{DIGEST.title} ({n}/{count})" for n in range(1, count + 1)]
    assert [message["priority"] for message in messages] == [4, *[2] * (count - 1)]
    assert all(message["tags"] == ["newspaper"] and message["click"] for message in messages)
    whole = "\n\n".join(str(message["message"]) for message in messages)
    assert all(block.text.strip() in whole for block in read_blocks(render_below_title(DIGEST)))
    assert all(request.headers["authorization"] == "Bearer tk_secret" for request in server.requests)
    assert receipt.location == f"{count} messages to 127.0.0.1"


def test_parts_are_measured_in_bytes_as_the_server_does(server: WebServer) -> None:
    entries = tuple(replace(item, why="ä–ö " * 200) for item in DIGEST.items)
    digest = replace(DIGEST, sections=(replace(DIGEST.sections[0], items=entries),))
    channel_to(server.url("/team")).deliver(OutboundDigest("k", digest))
    assert all(len(str(message["message"]).encode()) <= MOST_BYTES for message in published(server))


def test_a_block_that_is_longer_than_a_message_goes_along_as_a_file(server: WebServer) -> None:
    digest = replace(DIGEST, sections=(replace(DIGEST.sections[0], prose="word " * 1_000),))
    channel_to(server.url("/team")).deliver(OutboundDigest("k", digest))
    (file,) = [request for request in server.requests if request.path == "/team"]
    assert file.headers["filename"] == "block-1.md"
    assert file.headers["title"].isascii()
    assert file.body.decode().split() == ["word"] * 1_000


def test_an_emergency_is_as_loud_as_it_gets(server: WebServer) -> None:
    channel_to(server.url("/team")).deliver(OutboundDigest("k", replace(DIGEST, is_emergency=True)))
    assert published(server)[0]["priority"] == 5


def test_what_was_published_before_a_failure_is_not_published_again() -> None:
    answers = iter([200, 507])
    noted: list[str] = []
    with WebServer(lambda request: WebReply(b"{}", status=next(answers, 200))) as flaky:
        channel = channel_to(flaky.url("/team"), max_chars=1_000)
        with pytest.raises(TransientError):
            channel.deliver(replace(MESSAGE, note_progress=noted.append))
        channel.deliver(replace(MESSAGE, progress=noted[-1], note_progress=noted.append))
        titles = [str(json.loads(request.body)["title"]) for request in flaky.requests]
    assert titles[0].startswith(f"{DIGEST.title} (1/")
    assert titles[1] == titles[2]
    assert len(set(titles)) == len(titles) - 1


def test_another_limit_than_at_the_last_try_begins_anew() -> None:
    noted: list[str] = []
    with WebServer(answer) as server:
        channel_to(server.url("/team"), max_chars=1_000).deliver(replace(MESSAGE, note_progress=noted.append))
        begun = len(server.requests)
        channel_to(server.url("/team"), max_chars=600).deliver(replace(MESSAGE, progress=noted[0]))
        assert str(published(server)[begun]["title"]).startswith(f"{DIGEST.title} (1/")


def test_a_token_that_is_refused_is_the_persons_to_fix() -> None:
    with (
        WebServer(lambda request: WebReply(b"unauthorized", status=401)) as server,
        pytest.raises(OwnerError, match="does not let us in") as raised,
    ):
        channel_to("", Topic(server.url("/team"), None, "TOKEN")).deliver(MESSAGE)
    assert "tk_secret" not in str(raised.value)


def test_a_token_with_a_line_break_at_its_end_is_a_token(server: WebServer) -> None:
    target = Topic(server.url("/team"), None, "TOKEN")
    NtfyChannel(Channel("phone", "ntfy", target=target), target, DOOR, {"TOKEN": "tk_secret\n"}).deliver(MESSAGE)
    assert server.requests[0].headers["authorization"] == "Bearer tk_secret"


@pytest.mark.parametrize("token", ["tk_\nsecret", "tk_secr\xe9t", "tk_secret\x7f!"])
def test_a_token_that_no_header_can_carry_is_the_persons_to_fix_and_told_to_nobody(
    server: WebServer, token: str
) -> None:
    target = Topic(server.url("/team"), None, "TOKEN")
    channel = NtfyChannel(Channel("phone", "ntfy", target=target), target, DOOR, {"TOKEN": token})
    with pytest.raises(OwnerError, match="the header authorization holds") as raised:
        channel.deliver(MESSAGE)
    assert "secr" not in str(raised.value) and server.requests == ()


def test_a_title_of_several_lines_or_without_end_goes_along_with_a_file(server: WebServer) -> None:
    for title in ("Morning\r\nPriority: 5", "word " * 5_000):
        long = replace(DIGEST, title=title, sections=(Section("AI", "word " * 2_000),))
        channel_to(server.url("/team")).deliver(replace(MESSAGE, digest=long))
    files = [request.headers for request in server.requests if request.path == "/team"]
    assert len(files) == 2 and all(headers["priority"] == "low" for headers in files)


def test_an_address_without_a_topic_is_the_persons_to_fix() -> None:
    with pytest.raises(OwnerError, match="names no topic"):
        channel_to("https://ntfy.example/").deliver(MESSAGE)
