"""`[radar]` of harness.toml: who is asked for what the Tech Radar adopts or tries."""

from __future__ import annotations

from harness.domain.radar import RadarRules
from harness.workspace.fields import Text
from harness.workspace.shapes import Shape


class RadarShape(Shape):
    coder: Text | None = None


def radar_rules_of(shape: RadarShape) -> RadarRules:
    """Return the rules."""
    return RadarRules(coder=shape.coder or "")
