"""Skills that were brought in from elsewhere: what they were when a person accepted them.

`skills/pins.toml` names each with the hash of its whole folder, and `skills/.pinned/` keeps a copy, so that a change
can be shown. Both are part of the workspace and are committed with it. A skill that was written here has no pin.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tomlkit
from pydantic import Field

from harness.store.durable_file import read_if_there, replace_text
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, check_shape
from harness.workspace.snapshot import PINS_FILE
from harness.workspace.toml_text import read_toml

COPIES_FOLDER = "skills/.pinned"
_HEADING = """\
# Written by `harness skills`: what was brought in from elsewhere, and what it was when you accepted it.
# A skill that differs from its pin is offered to nobody until you accept the change: harness skills review.
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """What a person accepted: `sha256` of the whole folder, from where, and when (ISO 8601, UTC)."""

    sha256: str
    source: str = ""
    accepted_at: str = ""


class PinShape(Shape):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    source: str = ""
    accepted_at: str = ""


class PinsShape(Shape):
    skills: dict[str, PinShape] = Field(default_factory=dict)


def read_pins(text: str, report: Report) -> dict[str, Pin] | None:
    """Return the pins by skill, or None with the reasons in the report: then nobody can tell what was accepted."""
    located = read_toml(text, report)
    shape = check_shape(PinsShape, located, report) if located is not None else None
    if shape is None or report.has_errors:
        return None
    return {name: Pin(pin.sha256, pin.source, pin.accepted_at) for name, pin in shape.skills.items()}


def write_pin(root: Path, name: str, pin: Pin | None) -> None:
    """Put the pin of the skill into the file, or take it out; what else stands there stays as it is.

    Raises OSError if it cannot be written, and tomlkit's ParseError if the file is no TOML.
    """
    path = root / PINS_FILE
    text = read_if_there(path)
    if text is None and pin is None:
        return
    document = tomlkit.parse(_HEADING if text is None else text)
    skills = document.setdefault("skills", tomlkit.table(is_super_table=True))
    if pin is None:
        skills.pop(name, None)
    else:
        table = tomlkit.table()
        table.update({"sha256": pin.sha256, "source": pin.source, "accepted_at": pin.accepted_at})
        skills[name] = table
    replace_text(path, tomlkit.dumps(document))
