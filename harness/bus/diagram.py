"""The lives of a request and of a roundtable as pictures, drawn from the transitions themselves: what `docs/` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from harness.domain import roundtable
from harness.domain.request import TRANSITIONS, RequestState
from harness.domain.roundtable import TableState


def state_diagram() -> str:
    """Return the state machine of requests in Mermaid's language; events between the same states share an arrow."""
    return _drawn({("[*]", str(RequestState.REQUESTED)): ["requested"]}, TRANSITIONS)


def table_diagram() -> str:
    """Return the state machine of roundtables in the same way."""
    return _drawn({("[*]", str(TableState.GATHERING)): ["due"]}, roundtable.TRANSITIONS)


def _drawn(
    arrows: dict[tuple[str, str], list[str]], transitions: Mapping[str, tuple[Sequence[StrEnum], StrEnum]]
) -> str:
    for kind, (origins, target) in transitions.items():
        for origin in origins:
            arrows.setdefault((str(origin), str(target)), []).append(kind)
    lines = [f"    {origin} --> {target}: {', '.join(kinds)}" for (origin, target), kinds in arrows.items()]
    return "\n".join(("stateDiagram-v2", *lines))
