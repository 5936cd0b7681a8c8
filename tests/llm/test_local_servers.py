"""Model servers on this machine, as real servers on loopback."""

from __future__ import annotations

import json
import socket
import threading
import tomllib
from typing import Any

import pytest

from harness.llm.local_servers import (
    USUAL_PLACES,
    Listing,
    LocalServer,
    UsualPlace,
    at_once,
    list_models,
    look_for,
    profile_toml,
    usual_places,
)
from harness.testing.web_server import WebReply, WebRequest, WebServer

PATIENT_S = 30.0
"""For servers that answer: a loaded machine is no reason to fail."""


def models(*names: str, owner: str = "library", **more: Any) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name, "owned_by": owner, **more} for name in names]}).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_server_that_answers_is_found_with_its_models_and_nothing_else_is() -> None:
    with WebServer() as ollama, WebServer() as another, WebServer() as no_models:
        ollama.serve("/v1/models", models("nomic-embed-text", "qwen3:8b"))
        another.serve("/v1/models", models("gpt-oss", owner="vllm", max_model_len=40_960))
        no_models.serve("/v1/models", b"<html>a web page</html>")
        ports = [ollama.port, free_port(), another.port, no_models.port]
        places = [UsualPlace(f"Server {n}", port) for n, port in enumerate(ports)]
        found = look_for(places, within_s=PATIENT_S)
    assert [(server.name, server.base_url, server.listing.chat_models) for server in found] == [
        ("Server 0", f"http://127.0.0.1:{ports[0]}/v1", ("qwen3:8b",)),
        ("vLLM", f"http://127.0.0.1:{ports[2]}/v1", ("gpt-oss",)),
    ]
    assert found[1].listing.windows == {"gpt-oss": 40_960}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"data": 5}', b'{"data": [5, {"id": 6}]}', b"[" * 5000, b'{"data": [{"id": "x"'],
)
def test_whatever_a_server_says_is_no_error(body: bytes) -> None:
    with WebServer() as server:
        server.serve("/v1/models", body)
        listing = list_models(server.url("/v1"), within_s=PATIENT_S)
    assert (listing.status, listing.chat_models) == (200, ())


def test_a_server_that_is_not_there_says_so() -> None:
    listing = list_models(f"http://127.0.0.1:{free_port()}/v1", within_s=PATIENT_S)
    assert listing.status is None and listing.problem


def test_a_key_is_sent_where_there_is_one() -> None:
    def answer(request: WebRequest) -> WebReply:
        is_known = request.headers.get("authorization") == "Bearer sk-1"
        return WebReply(models("m") if is_known else b"{}", status=200 if is_known else 401)

    with WebServer(answer) as server:
        assert list_models(server.url("/v1/"), api_key="sk-1", within_s=PATIENT_S).models == ("m",)
        assert list_models(server.url("/v1"), within_s=PATIENT_S).status == 401


def test_a_server_that_never_answers_holds_up_nothing() -> None:
    released = threading.Event()

    def work(subject: str) -> str:
        if subject == "hangs":
            released.wait(60)
        return subject

    try:
        assert at_once(work, ["a", "hangs", "b"], within_s=2.0) == ["a", None, "b"]
    finally:
        released.set()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listing = list_models(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", within_s=0.2)
    assert listing.status is None


@pytest.mark.parametrize(
    ("listing", "model", "is_there"),
    [
        (Listing(200, ("qwen3:8b", "gemma3:latest")), "qwen3:8b", True),
        (Listing(200, ("qwen3:8b", "gemma3:latest")), "gemma3", True),
        (Listing(200, ("qwen3:8b",)), "qwen3", False),
        (Listing(200, ()), "qwen3", False),
        (Listing(404), "anything", True),
        (Listing(200, ("/models/x.gguf",), owner="llamacpp"), "anything", True),
    ],
)
def test_a_model_is_missing_only_where_the_server_tells_so(listing: Listing, model: str, is_there: bool) -> None:
    assert listing.has(model) is is_there


@pytest.mark.parametrize(
    ("said", "port"),
    [
        ("", 11434),
        ("127.0.0.1:11500", 11500),
        ("0.0.0.0:11501", 11501),
        ("http://localhost:11502/", 11502),
        (":11503", 11503),
        ("localhost", 11434),
        ("box.example.org:11434", 11434),
        ("127.0.0.1:no", 11434),
        ("[::1", 11434),
    ],
)
def test_where_ollama_listens_is_what_it_is_told_itself(said: str, port: int) -> None:
    first, *others = usual_places({"OLLAMA_HOST": said})
    assert (first, tuple(others)) == (UsualPlace("Ollama", port), USUAL_PLACES[1:])


def test_what_is_offered_is_toml_of_a_name_that_is_not_taken() -> None:
    listing = Listing(200, ("bge-m3", 'odd "name"'), {'odd "name"': 8192})
    server = LocalServer("LM Studio", "http://127.0.0.1:1234/v1", listing)
    assert tomllib.loads(profile_toml(server, ["lm-studio", "lm-studio-2"])) == {
        "profiles": {
            "lm-studio-3": {
                "adapter": "openai",
                "base_url": "http://127.0.0.1:1234/v1",
                "model": 'odd "name"',
                "context_window": 8192,
                "timeout": "300s",
            }
        }
    }
