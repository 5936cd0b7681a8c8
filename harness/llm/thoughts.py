"""What a model thought, kept as the opaque text of a message. Pure."""

from __future__ import annotations

import json
from typing import Any

from harness.domain.settings import Profile


def pack(wire_format: str, profile: Profile, thoughts: Any) -> str:
    """Return the thoughts as the text that a message carries."""
    return json.dumps({"format": wire_format, "model": profile.model, "thoughts": thoughts})


def unpack(wire_format: str, profile: Profile, thinking: str) -> Any | None:
    """Return the thoughts if this model had them, put in this format, else None.

    A conversation may have begun with another model, which this one was asked in place of: it refuses fields that it
    does not know.
    """
    try:
        packed = json.loads(thinking)
    except ValueError:
        return None
    if not isinstance(packed, dict) or (packed.get("format"), packed.get("model")) != (wire_format, profile.model):
        return None
    return packed.get("thoughts")
