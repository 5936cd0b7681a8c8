"""A real daemon that is killed while a run works on what it has handed down."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from harness.domain.message import ToolCall
from harness.domain.run import FireState
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, delay, say
from harness.testing.web_server import WebServer
from harness.turn.delegation import SYSTEM_PROMPT
from tests.daemon.daemon_process import daemon_on, serve_feed, wait_until, write_workspace

pytestmark = pytest.mark.slow


def test_it_goes_on_below_and_repeats_no_call_that_was_finished(tmp_path: Path) -> None:
    heard: list[str] = []

    with WebServer() as web:
        link = serve_feed(web)
        page = web.serve("/page", b"three kettles")

        def says(request: ChatRequest) -> ChatAnswer:
            is_below = request.messages[0]["content"] == SYSTEM_PROMPT
            answered = sum(message["role"] == "tool" for message in request.messages)
            heard.append(f"{'below' if is_below else 'above'} {answered}")
            if not is_below and answered:
                return say(f"- [A story]({link}) — read.")
            if not is_below:
                task = {"task": "Count the kettles.", "tools": ["web.read"]}
                return call_tools(ToolCall("d1", "delegate", json.dumps(task)))
            if not answered:
                return call_tools(ToolCall("c1", "web_read", json.dumps({"url": page})))
            # The first life ends here, in the second call below.
            return delay(say("never heard"), None) if heard.count("below 1") == 1 else say("Three.")

        with OpenAIServer(says) as model:
            root = write_workspace(tmp_path / "w", web, model)
            toml = root / "agents/scout/agent.toml"
            granted = [line for line in toml.read_text().splitlines() if not line.startswith("tools")]
            toml.write_text("\n".join([*granted, 'tools = ["web.read", "delegate"]', ""]))
            with daemon_on(root) as daemon:
                daemon.start()
                client = daemon.order()
                model.wait_for(3)
                daemon.end(signal.SIGKILL)
                client.join()
                daemon.start()
                wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
                (fire,) = daemon.fires()
                assert fire.state is FireState.DELIVERED, fire.reason
                assert daemon.end(signal.SIGTERM) == 0
        assert heard == ["above 0", "below 0", "below 1", "below 1", "above 1"]
        assert web.count("/page") == 1
