"""Any endpoint that speaks Anthropic's Messages protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.domain.settings import Profile
from harness.llm.connections import Connections
from harness.llm.http_chat import HttpChatModel
from harness.llm.messages import MessagesFormat


class AnthropicModel(HttpChatModel):
    """An HttpChatModel that speaks Messages."""

    def __init__(
        self,
        profile: Profile,
        *,
        api_key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        connections: Connections | None = None,
    ) -> None:
        wire = MessagesFormat(profile.parameters)
        super().__init__(profile, wire, api_key=api_key, sleep=sleep, jitter=jitter, connections=connections)
