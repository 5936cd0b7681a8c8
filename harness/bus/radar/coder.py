"""Who is asked for what the Tech Radar adopts or tries, and what becomes of it where there is nobody."""

from __future__ import annotations

from harness.bus.team import Team
from harness.domain.request import Final, Request

KEY_PREFIX = "radar "
"""How the idempotency keys of requests begin that the radar's decisions make."""

NO_CODER = "no coder configured"
"""Why what a decision asks for is rejected at once, where nobody is named in `[radar] coder`."""

FIX = 'name an agent that writes code in harness.toml: [radar] coder = "AGENT"'


def coder_of(team: Team) -> str | None:
    """Return the agent that writes code for the team, None if none is named or it is not there."""
    coder = team.workspace.settings.radar.coder
    return coder if coder in team.workspace.agents else None


def rejection(team: Team) -> Final:
    """Return the final of a request for which there is no coder."""
    coder = team.workspace.settings.radar.coder
    why = f"{NO_CODER}: there is no agent {coder}" if coder else NO_CODER
    return Final("rejected", why, actions=(f"{FIX}; then send it again",))


def is_of_radar(request: Request) -> bool:
    """Say whether a decision of the radar made the request."""
    return request.key.startswith(KEY_PREFIX)
