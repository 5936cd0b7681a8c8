"""The webhook channel against a real server on loopback that behaves, and that does not."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.delivery.channels import OutboundDigest
from harness.delivery.digest import digest_from_json
from harness.delivery.markdown import render_markdown
from harness.delivery.webhook import WebhookChannel, signature_of
from harness.domain.channel import Channel, Webhook
from harness.domain.errors import OwnerError, TransientError
from harness.domain.settings import Egress
from harness.gate.egress import SystemResolver, WebDoor
from harness.ports import Outlet
from harness.testing.web_server import WebReply, WebRequest, WebServer
from tests.delivery.outward import CLOSED_DOOR, DIGEST, DOOR, MESSAGE, make_certificate, serving, trusting

ENVIRON = {"HOOK_KEY": "a-key-of-the-person"}


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as running:
        running.serve("/hook", WebReply(b"thanks"))
        yield running


def channel_to(
    url: str,
    *,
    outlet: Outlet = DOOR,
    environ: Mapping[str, str] = ENVIRON,
    max_chars: int | None = None,
    timeout_s: float = 10.0,
    url_env: str | None = None,
) -> WebhookChannel:
    target = Webhook(url, url_env, "HOOK_KEY")
    declared = Channel("hook", "webhook", target=target, max_chars=max_chars, timeout_s=timeout_s)
    return WebhookChannel(declared, target, outlet, environ)


def test_the_digest_arrives_whole_signed_and_with_its_key(server: WebServer) -> None:
    receipt = channel_to(server.url("/hook")).deliver(MESSAGE)
    (request,) = server.requests
    document = json.loads(request.body)
    assert (document["key"], document["part"], document["parts"]) == (MESSAGE.key, 1, 1)
    assert document["text"] == render_markdown(DIGEST)
    assert digest_from_json(document["digest"]) == DIGEST
    assert request.headers["idempotency-key"] == MESSAGE.key
    expected = hmac.new(b"a-key-of-the-person", request.body, hashlib.sha256).hexdigest()
    assert (
        request.headers["x-harness-signature"]
        == f"sha256={expected}"
        == signature_of(request.body, ENVIRON["HOOK_KEY"])
    )
    assert receipt.sha256 == hashlib.sha256(render_markdown(DIGEST).encode()).hexdigest()
    assert receipt.location == "posted to 127.0.0.1"


def test_the_same_delivery_again_is_the_same_body_with_the_same_key(server: WebServer) -> None:
    for _ in range(2):
        channel_to(server.url("/hook")).deliver(MESSAGE)
    first, second = server.requests
    assert (first.body, first.headers["idempotency-key"]) == (second.body, second.headers["idempotency-key"])


def test_parts_that_were_taken_are_not_sent_again(server: WebServer) -> None:
    answers = iter([WebReply(b"ok"), WebReply(b"", status=503), WebReply(b"ok"), WebReply(b"ok"), WebReply(b"ok")])
    noted: list[str] = []
    with WebServer(lambda request: next(answers, WebReply(b"ok"))) as flaky:
        channel = channel_to(flaky.url("/hook"), max_chars=1_000)
        with pytest.raises(TransientError, match="503"):
            channel.deliver(replace(MESSAGE, note_progress=noted.append))
        channel.deliver(replace(MESSAGE, progress=noted[-1], note_progress=noted.append))
        taken = [json.loads(request.body)["part"] for request in flaky.requests]
        keys = [request.headers["idempotency-key"] for request in flaky.requests]
    parts = max(taken)
    assert parts > 2
    assert taken == [1, 2, 2, *range(3, parts + 1)]
    assert keys[1] == keys[2] == f"{MESSAGE.key}#2"


@pytest.mark.parametrize(
    ("status", "problem"),
    [(301, "leads elsewhere"), (401, "does not let us in"), (403, "does not let us in"), (404, "does not take"),
     (410, "does not take"), (422, "does not take")],
)  # fmt: skip
def test_what_the_person_must_correct_is_theirs(server: WebServer, status: int, problem: str) -> None:
    server.serve("/hook", WebReply(b"no such hook", status=status, headers={"Location": "https://b.example/"}))
    with pytest.raises(OwnerError, match=problem) as raised:
        channel_to(server.url("/hook")).deliver(MESSAGE)
    assert raised.value.path == "harness.toml"
    assert "/hook" not in str(raised.value), "an address may be a secret"


@pytest.mark.parametrize(
    ("status", "headers", "retry_after_s"),
    [
        (500, {}, None),
        (503, {"Retry-After": "120"}, 120.0),
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "soon"}, None),
        (408, {}, None),
    ],
)
def test_what_may_pass_is_tried_later(
    server: WebServer, status: int, headers: dict[str, str], retry_after_s: float | None
) -> None:
    server.serve("/hook", WebReply(b"busy", status=status, headers=headers))
    with pytest.raises(TransientError, match=str(status)) as raised:
        channel_to(server.url("/hook")).deliver(MESSAGE)
    assert raised.value.retry_after_s == retry_after_s


def test_a_server_that_never_answers_is_left_after_its_time(server: WebServer) -> None:
    server.silence("/hook")
    with pytest.raises(TransientError):
        channel_to(server.url("/hook"), timeout_s=0.3).deliver(MESSAGE)


def test_a_connection_that_is_cut_after_it_took_the_body_is_tried_again_with_the_same_key(server: WebServer) -> None:
    server.cut("/hook", b"half an ans")
    with pytest.raises(TransientError):
        channel_to(server.url("/hook")).deliver(MESSAGE)
    server.serve("/hook", WebReply(b"thanks"))
    channel_to(server.url("/hook")).deliver(MESSAGE)
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_loopback_is_refused_unless_it_is_granted(server: WebServer) -> None:
    with pytest.raises(OwnerError, match="grant it under"):
        channel_to(server.url("/hook"), outlet=CLOSED_DOOR).deliver(MESSAGE)
    assert server.requests == ()


def test_a_secret_that_is_not_set_is_named_by_its_variable(server: WebServer) -> None:
    with pytest.raises(OwnerError, match="HOOK_KEY is not set"):
        channel_to(server.url("/hook"), environ={}).deliver(MESSAGE)
    assert server.requests == ()


def test_an_address_may_stand_in_the_environment(server: WebServer) -> None:
    environ = {**ENVIRON, "HOOK_URL": server.url("/hook")}
    channel_to("", url_env="HOOK_URL", environ=environ).deliver(MESSAGE)
    assert len(server.requests) == 1


def test_a_certificate_of_somebody_else_is_the_persons_to_fix(tmp_path: Path) -> None:
    folder = make_certificate(tmp_path, "other.test")
    with WebServer(tls=serving(folder)) as secure:
        secure.serve("/hook", WebReply(b"thanks"))
        door = WebDoor(Egress(loopback=True), SystemResolver(), tls=trusting(folder))
        with pytest.raises(OwnerError, match=r"certificate of 127\.0\.0\.1:\d+ cannot be trusted"):
            channel_to(secure.url("/hook"), outlet=door).deliver(MESSAGE)
        assert secure.requests == ()


def test_a_block_above_the_limit_travels_beside_the_parts(server: WebServer) -> None:
    section = replace(DIGEST.sections[0], prose="word " * 400)
    channel_to(server.url("/hook"), max_chars=900).deliver(OutboundDigest("k", replace(DIGEST, sections=(section,))))
    documents = [json.loads(request.body) for request in server.requests]
    (file,) = documents[0]["files"]
    assert file["text"].split() == ["word"] * 400
    assert any(file["name"] in document["text"] for document in documents)
    assert all(len(document["text"]) <= 900 for document in documents)


def test_no_request_says_more_than_it_must(server: WebServer) -> None:
    channel_to(server.url("/hook")).deliver(MESSAGE)

    def said(request: WebRequest) -> str:
        return f"{request.headers}{request.body!r}"

    assert not any(ENVIRON["HOOK_KEY"] in said(request) for request in server.requests)


@pytest.mark.parametrize(
    "reply",
    [
        WebReply(b"x" * 300_000),
        WebReply(b"no gzip", headers={"Content-Encoding": "gzip"}),
        WebReply(b"?", headers={"Content-Encoding": "br"}),
    ],
)
def test_what_a_server_that_has_taken_it_adds_to_that_changes_nothing(server: WebServer, reply: WebReply) -> None:
    server.serve("/hook", reply)
    assert channel_to(server.url("/hook")).deliver(MESSAGE).location == "posted to 127.0.0.1"


@pytest.mark.parametrize(
    "path", ["/services/T0001/aaaa-very-secret", "/hook?token=aaaa-very-secret", "/aaaa%2Dvery%2Dsecret"]
)
def test_a_server_that_repeats_what_it_was_asked_for_tells_no_address(path: str) -> None:
    def echo(request: WebRequest) -> WebReply:
        return WebReply(f"Cannot POST {path}, \x1b[31mand not aaaa-very-secret".encode(), status=404)

    with WebServer(echo) as server, pytest.raises(OwnerError, match="Cannot POST") as raised:
        channel_to(server.url(path)).deliver(MESSAGE)
    assert "very" not in str(raised.value) and "\x1b" not in str(raised.value)


def test_a_date_at_the_end_of_the_calendar_is_no_fault_of_ours(server: WebServer) -> None:
    headers = {"Retry-After": "Sun, 08 Mar 2026 12:30:00 +99999999999999999999"}
    server.serve("/hook", WebReply(b"busy", status=503, headers=headers))
    with pytest.raises(TransientError) as raised:
        channel_to(server.url("/hook")).deliver(MESSAGE)
    assert raised.value.retry_after_s is None


@pytest.mark.parametrize("address", ["hooks.example/very-secret", "https://[very-secret", "https:///very-secret"])
def test_a_variable_that_holds_no_address_is_the_persons_to_fix(address: str) -> None:
    with pytest.raises(OwnerError, match="HOOK_URL holds no web address") as raised:
        channel_to("", url_env="HOOK_URL", environ={**ENVIRON, "HOOK_URL": address}).deliver(MESSAGE)
    assert "secret" not in str(raised.value)
