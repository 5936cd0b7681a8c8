"""What the two actions tell the person, a line each, in sections in the order in which they came up."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.bus.files.follow_ups import FollowUps
from harness.gate.sanitise import one_line

ASKED, WAITS, WRONG, ENDED, FAILED, PRESSING, MOVED = (
    "Asked now",
    "Waits for the next time",
    "To be put right by hand",
    "Done",
    "Failed",
    "Still open",
    "Moved on",
)


@dataclass(slots=True)
class Told:
    """The lines of each section."""

    sections: dict[str, list[str]] = field(default_factory=dict)

    def add(self, section: str, line: str) -> None:
        self.sections.setdefault(section, []).append(line)

    def count(self, section: str) -> int:
        return len(self.sections.get(section, ()))

    def text(self, *, but: tuple[str, ...] = ()) -> str:
        """Return the sections as Markdown, without those named in `but`; empty if there is nothing to tell."""
        parts = [
            f"## {section}\n\n" + "\n".join(f"- {line}" for line in lines)
            for section, lines in self.sections.items()
            if section not in but
        ]
        return "\n\n".join(parts) + "\n" if parts else ""


def tell_problems(follow_ups: FollowUps, told: Told) -> None:
    """Tell of the lines that look like an entry and are none."""
    for problem in follow_ups.problems:
        told.add(WRONG, in_code(str(problem)))


def in_code(text: str) -> str:
    """Return the text as code: a bare address in it would be read as a link that nobody collected."""
    shown = one_line(text).replace("`", "'")
    return f"`{shown}`"
