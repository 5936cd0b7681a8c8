"""What a family of sources must show to be trusted: one case a family, for the suite that all of them pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.testing.web_server import WebReply, WebRequest

CASSETTES = Path(__file__).parent / "cassettes"
NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
"""The moment at which every cassette is read."""


@dataclass(frozen=True)
class Cassette:
    """One recorded answer: a file below `cassettes/<family>/`, and the media type with which it was sent."""

    file: str
    content_type: str

    def body(self, family: str) -> bytes:
        """Return what the service answered."""
        return (CASSETTES / family / self.file).read_bytes()


@dataclass(frozen=True)
class FamilyCase:
    """One family of sources and the recorded answers of its service.

    `read` is the entry. `workspace` returns a workspace (its root, the address of the server that plays the service)
    whose settings lead the family to that server. `cassettes` are the answers by path without query; `empty` is what
    the service answers when it has nothing, None where it has no such answer. `check` asserts what the good answer
    yields. `from_files` marks a family that asks no service. `may_be_empty`: having nothing is an answer, and no gap.
    `name` tells apart cases of the same entry, `refusal` is what the gap says of a redirect to loopback.
    """

    family: str
    read: str
    workspace: Callable[[Path, str], Workspace]
    check: Callable[[Collected], None]
    cassettes: Mapping[str, Cassette] = field(default_factory=dict)
    empty: bytes | None = None
    from_files: bool = False
    may_be_empty: bool = False
    name: str = ""
    refusal: str = "127.0.0.2 is loopback"

    @property
    def id(self) -> str:
        """What tells the case from others of the family."""
        return self.name or self.read

    def answer(self, request: WebRequest) -> WebReply | None:
        """Return the recorded answer to the request, None if the service has no such page."""
        cassette = self.cassettes.get(request.path.partition("?")[0])
        if cassette is None:
            return None
        return WebReply(cassette.body(self.family), content_type=cassette.content_type)

    @property
    def is_json(self) -> bool:
        """Whether the service answers in JSON."""
        return bool(self.cassettes) and all("json" in cassette.content_type for cassette in self.cassettes.values())


def yields(collected: Collected) -> bool:
    """Return whether the entry gave anything at all to write about."""
    return bool(collected.items or collected.figures or collected.series or collected.text)
