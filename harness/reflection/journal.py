"""What is known of a night: its plan until all of it is done, and what came of it then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from harness.reflection.plan import NightPlan
from harness.store.durable_file import read_if_there, replace_text
from harness.store.json_codec import from_json, to_json

_KEPT_NIGHTS = 60


@dataclass(frozen=True, slots=True)
class Told:
    """What a night has to say: `reason` in one sentence, `text` as Markdown for the person, or nothing."""

    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One agent's night. `plan` until it is carried out, `told` from then on; `is_asked` once a model has answered."""

    run: str
    is_asked: bool = False
    plan: NightPlan | None = None
    told: Told | None = None


class Journal:
    """The nights of one agent, a file each, beside the state; those in which it looks after the team stand apart.

    What a model was shown is one, whichever night it was asked in.
    """

    def __init__(self, state_root: Path, agent: str, *, is_of_team: bool = False) -> None:
        self._folder = state_root / "reflection" / agent
        self._suffix = ".team.json" if is_of_team else ".json"

    def night(self, day: date) -> Entry | None:
        """Return what is known of the night; None if nothing was begun."""
        text = read_if_there(self._folder / f"{day.isoformat()}{self._suffix}")
        return None if text is None else from_json(Entry, json.loads(text))

    def write(self, day: date, entry: Entry) -> None:
        """Remember it, on disk when this returns; what is long over goes."""
        path = self._folder / f"{day.isoformat()}{self._suffix}"
        replace_text(path, json.dumps(to_json(Entry, entry), ensure_ascii=False))
        for old in sorted(self._folder.glob(f"????-??-??{self._suffix}"))[:-_KEPT_NIGHTS]:
            old.unlink(missing_ok=True)

    def offered(self) -> dict[str, str]:
        """Return what a model was shown last, by id: see `asking`."""
        text = read_if_there(self._folder / "offered.json")
        return {} if text is None else from_json(dict[str, str], json.loads(text))

    def write_offered(self, offered: dict[str, str]) -> None:
        """Remember what a model was shown."""
        replace_text(self._folder / "offered.json", json.dumps(offered, sort_keys=True))
