"""Any endpoint that speaks the OpenAI chat-completions protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.domain.settings import Profile
from harness.llm.completions import CompletionsFormat
from harness.llm.connections import Connections
from harness.llm.http_chat import HttpChatModel


class OpenAIModel(HttpChatModel):
    """An HttpChatModel that speaks chat completions."""

    def __init__(
        self,
        profile: Profile,
        *,
        api_key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        connections: Connections | None = None,
    ) -> None:
        wire = CompletionsFormat()
        super().__init__(profile, wire, api_key=api_key, sleep=sleep, jitter=jitter, connections=connections)
