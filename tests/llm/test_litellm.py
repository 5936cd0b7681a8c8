"""Models through LiteLLM: the translation with the real library where it is installed, the rest everywhere.

To have it: sh -c 'python -m pip install --require-hashes -r requirements/litellm.txt', in an environment of its own.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.domain.errors import FailureKind, LimitReached, OwnerError, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.llm.adapters import AdapterContext, open_model
from harness.llm.completions import request_body
from harness.llm.litellm import (
    OFFLINE,
    LiteLLMModel,
    call_arguments,
    check_litellm,
    endpoint_of_litellm,
    load_litellm,
    offline_environment,
)
from harness.testing.openai_server import (
    ChatAnswer,
    OpenAIServer,
    call_tools,
    cut_connection,
    delay,
    exceed_context,
    fail,
    limit_rate,
    say,
)

KEY = "sk-test-0123456789"
READ = ToolSchema("web.read", "A page as text", {"type": "object", "properties": {"url": {"type": "string"}}})
REQUEST = ModelRequest((Message("system", "Be brief."), Message("user", "Hello")), (READ,))

needs_litellm = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None,
    reason="LiteLLM is not installed: it is 150 MB, and an extra (requirements/litellm.txt)",
)
# It leaves the sockets that it keeps open to the end of the process.
leaves_sockets = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


async def no_wait(seconds: float) -> None:
    """Return at once."""


def profile_for(base_url: str = "", **more: Any) -> Profile:
    return Profile(
        "far", "litellm", model="openai/gpt-4.1-mini", base_url=base_url, key_env="FAR_KEY", input_usd_per_mtok=1.0,
        **{"attempts": 2, "timeout_s": 20.0, **more},
    )  # fmt: skip


def ask(server: OpenAIServer, request: ModelRequest = REQUEST, **more: Any) -> ModelReply:
    model = LiteLLMModel(profile_for(server.base_url, **more), api_key=KEY, sleep=no_wait, jitter=lambda: 0.0)
    return asyncio.run(model.complete(request))


def version_is(version: str | None) -> Callable[[str], str]:
    def version_of(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    return version_of


@pytest.mark.parametrize("version", [None, "1.82.7", "1.82.8", "1.106.0", "1.106.10"])
def test_without_a_release_that_can_be_used_the_command_that_installs_one_is_named(version: str | None) -> None:
    with pytest.raises(OwnerError, match=r"pip install 'agent-team-harness\[litellm\]'$") as caught:
        check_litellm(profile_for(), version_is(version))
    assert (caught.value.failure, caught.value.cause) == ("rejected", "profile far")
    assert version is None or version in str(caught.value)


@pytest.mark.parametrize("version", ["1.97.0", "1.82.6", "1.105.3", "1.107.0"])
def test_other_releases_are_taken(version: str) -> None:
    check_litellm(profile_for(), version_is(version))


def test_the_environment_switches_off_every_look_up_and_keeps_what_else_is_in_it() -> None:
    made = offline_environment({"PATH": "/bin", "LITELLM_LOCAL_MODEL_COST_MAP": "False"})
    assert made == {"PATH": "/bin", **OFFLINE}
    assert made["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert made["LITELLM_MODE"] == "PRODUCTION"


def test_it_is_called_with_the_body_of_chat_completions_and_without_retries_of_its_own() -> None:
    profile = profile_for("http://127.0.0.1:1/v1", parameters={"temperature": 0.1})
    arguments = call_arguments(profile, REQUEST, KEY)
    body = request_body(profile, REQUEST)

    assert {key: arguments[key] for key in body} == body
    assert {key: value for key, value in arguments.items() if key not in body} == {
        "timeout": 20.0, "num_retries": 0, "max_retries": 0, "api_base": "http://127.0.0.1:1/v1", "api_key": KEY,
    }  # fmt: skip


def test_without_an_address_the_provider_stands_for_it_and_no_key_is_made_up() -> None:
    assert endpoint_of_litellm(profile_for()).name == "openai"
    assert {"api_base", "api_key"}.isdisjoint(call_arguments(profile_for(), REQUEST, None))


def test_opening_the_model_asks_nothing_and_loads_nothing() -> None:
    program = (
        "import sys; from harness.llm.litellm import LiteLLMModel; from tests.llm.test_litellm import profile_for, "
        "no_wait; LiteLLMModel(profile_for(), api_key=None, sleep=no_wait, jitter=lambda: 0.0); "
        "print('litellm' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"


@needs_litellm
def test_a_profile_opens_it_and_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    def context(**environ: str) -> AdapterContext:
        return AdapterContext(environ, tmp_path, no_wait, lambda: 0.0)

    assert open_model(profile_for(), context(FAR_KEY=KEY)).label == "openai/gpt-4.1-mini"
    with pytest.raises(OwnerError, match="FAR_KEY"):
        open_model(profile_for(), context())


@needs_litellm
@pytest.mark.slow
def test_loading_it_reaches_no_network_and_reads_no_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STRAY_KEY=stray\n", encoding="utf-8")
    program = """
import json, os, socket
def refuse(*args, **kwargs): raise SystemExit(f"the network was asked: {args[:2]}")
socket.getaddrinfo = socket.socket.connect = refuse
from harness.llm.litellm import load_litellm
library = load_litellm()
library.get_model_info("gpt-4.1-mini")
print(json.dumps([library.telemetry, library.num_retries, os.environ.get("STRAY_KEY")]))
"""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [False, 0, None]


@needs_litellm
@leaves_sockets
def test_an_answer_comes_with_its_tokens_its_price_and_the_models_name() -> None:
    with OpenAIServer([say("Hi!", usage=Usage(1000, 400, 50))], api_key=KEY) as server:
        reply = ask(server)

    assert (reply.text, reply.model, reply.finish) == ("Hi!", "openai/gpt-4.1-mini", "stop")
    assert reply.usage == Usage(1000, 400, 50)
    assert reply.cost_usd == pytest.approx(1000 / 1e6)


@needs_litellm
@leaves_sockets
def test_a_conversation_with_tools_goes_through_as_we_would_send_it_ourselves() -> None:
    with OpenAIServer([call_tools(ToolCall("c1", "web_read", '{"url": "u"}')), say("Done.")]) as server:
        asked = ask(server)
        told = (
            *REQUEST.messages,
            Message("assistant", "", asked.tool_calls),
            Message("tool", "page", tool_call_id="c1"),
        )
        request = ModelRequest(told, (READ,))
        reply = ask(server, request)

    assert asked.tool_calls == (ToolCall("c1", "web.read", '{"url": "u"}'),)
    assert reply.text == "Done."
    ours = request_body(profile_for(), request)
    said = [{key: value for key, value in message.items() if value is not None} for message in ours["messages"]]
    assert server.requests[1].body["messages"] == said
    assert server.requests[1].body["tools"] == ours["tools"]
    assert server.requests[1].body["model"] == "gpt-4.1-mini"


@needs_litellm
@leaves_sockets
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fail(500), "overload"),
        (fail(503), "overload"),
        (limit_rate(), "rate_limit"),
        (fail(401, "wrong key"), "auth"),
        (fail(403, "not allowed"), "auth"),
        (fail(404, "no such model"), "rejected"),
        (fail(400, "unknown parameter"), "rejected"),
        (fail(429, "no credit", code="insufficient_quota"), "quota"),
        (exceed_context(), "context"),
        (cut_connection(), "network"),
        (delay(say("too late"), None), "network"),
    ],
)
def test_failures_are_told_apart_as_with_every_other_adapter(answer: ChatAnswer, kind: FailureKind) -> None:
    timeout_s = 1.5 if answer.delay_s is None else 20.0
    with (
        OpenAIServer(lambda _: answer) as server,
        pytest.raises((OwnerError, TransientError, LimitReached)) as caught,
    ):
        ask(server, timeout_s=timeout_s, attempts=1)
    assert caught.value.failure == kind
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


@needs_litellm
@leaves_sockets
def test_a_filtered_prompt_is_a_refusal() -> None:
    filtered = fail(400, "The response was filtered due to the content management policy", code="content_filter")
    with OpenAIServer([filtered]) as server:
        assert ask(server).finish == "refused"


@needs_litellm
@leaves_sockets
def test_a_passing_failure_is_retried_by_us_and_by_nobody_else() -> None:
    with OpenAIServer([fail(500), say("better")]) as server:
        assert ask(server).text == "better"
        assert len(server.requests) == 2


@needs_litellm
def test_it_is_loaded_once_and_its_switches_stay_as_they_are() -> None:
    environ: dict[str, str] = {}
    library = load_litellm(environ)
    assert environ == OFFLINE
    assert load_litellm(environ) is library
    assert (library.drop_params, library.num_retries) == (False, 0)
