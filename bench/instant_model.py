"""A model that answers at once, in a process of its own: what it keeps and costs is not the harness's.

`python -m bench.instant_model` prints its address and answers until its standard input ends. Who offers it the tool
`look_up` is asked for it until the conversation has had ten answers, the last of which is text.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.domain.message import ToolCall
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say

TOOL = "look_up"
CALLS_OF_A_TURN = 10

_END_TIMEOUT_S = 10.0


@contextmanager
def instant_model() -> Iterator[str]:
    """Provide the base URL of the model while the block lasts. Raises RuntimeError if it does not start."""
    command = [sys.executable, "-m", "bench.instant_model"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            base_url = server.stdout.readline().strip()
            if not base_url:
                raise RuntimeError("the model of the benchmark ended before it had an address")
            yield base_url
        finally:
            server.stdin.close()
            server.wait(_END_TIMEOUT_S)


def main() -> None:
    """Serve, keeping nothing of what is asked, until standard input ends."""
    with OpenAIServer(_answer, is_keeping=False) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


def _answer(request: ChatRequest) -> ChatAnswer:
    had = sum(message["role"] == "assistant" for message in request.messages)
    if TOOL not in [tool["function"]["name"] for tool in request.body.get("tools", ())] or had == CALLS_OF_A_TURN - 1:
        return say("Well.")
    return call_tools(ToolCall(f"call_{had}", TOOL, f'{{"n": {had}}}'))


if __name__ == "__main__":
    main()
