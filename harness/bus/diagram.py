"""The life of a request as a picture, drawn from the transitions themselves: what `docs/bus.md` shows."""

from __future__ import annotations

from harness.domain.request import TRANSITIONS, RequestState


def state_diagram() -> str:
    """Return the state machine of requests in Mermaid's language; events between the same states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {("[*]", str(RequestState.REQUESTED)): ["requested"]}
    for kind, (origins, target) in TRANSITIONS.items():
        for origin in origins:
            arrows.setdefault((str(origin), str(target)), []).append(kind)
    lines = [f"    {origin} --> {target}: {', '.join(kinds)}" for (origin, target), kinds in arrows.items()]
    return "\n".join(("stateDiagram-v2", *lines))
