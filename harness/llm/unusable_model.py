"""A profile that cannot be asked at all, in the place of its model."""

from __future__ import annotations

from harness.domain.errors import OwnerError
from harness.domain.message import ModelReply, ModelRequest


class UnusableModel:
    """Implements `ports.ChatModel` for a profile whose model could not be opened: whoever asks it is told why.

    So that one among several that stand in for one another is passed over like any other that does not answer.
    """

    is_language_model = True

    def __init__(self, label: str, error: OwnerError) -> None:
        self.label = label
        self._error = error

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Raise what is wrong with the profile."""
        raise self._error
