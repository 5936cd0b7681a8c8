"""Incidents that stand for something that lies in a folder: open as long as it lies there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class OpenIncidents(Protocol):
    """The incidents, with a way to ask which are open."""

    def open(self, cause: str, message: str) -> None: ...

    def resolve(self, cause: str) -> None: ...

    def open_causes(self, prefix: str) -> list[str]: ...


def keep_incidents(incidents: OpenIncidents, prefixes: Iterable[str], told: Mapping[str, str], node: str = "") -> None:
    """Open an incident for each cause that is told with its message, and close those that are told no more.

    Causes begin with one of the prefixes. With `node`, only what is told by this one is opened and closed: others
    have folders of their own.
    """
    of_node = f" on {node}" if node else ""
    messages = {f"{cause}{of_node}": message for cause, message in told.items()}
    found = {cause for prefix in prefixes for cause in incidents.open_causes(prefix) if cause.endswith(of_node)}
    for cause in sorted(found - messages.keys()):
        incidents.resolve(cause)
    for cause in messages.keys() - found:
        incidents.open(cause, messages[cause])
