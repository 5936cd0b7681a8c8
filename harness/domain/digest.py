"""The rendered result for the person, as values; `harness.delivery` turns it into Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from harness.domain.chart import Chart

NeedKind = Literal[
    "request", "answer", "dead-letter", "paused", "file", "learned", "skill", "delivery", "incident", "approval"
]
"""Why something waits for the person: the kinds of `harness inbox`, in its order."""


@dataclass(frozen=True, slots=True)
class DigestItem:
    """One ranked item.

    `title` is plain text; `why` is Markdown, most often one paragraph. `reachable` is None where the
    link was not checked, or could not be.
    """

    title: str
    url: str
    why: str = ""
    sources: tuple[str, ...] = ()
    published_at: datetime | None = None
    reachable: bool | None = None
    priority: Literal["P0", "P1", "P2"] | None = None

    @property
    def is_single_source(self) -> bool:
        return len(self.sources) == 1


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with prose (Markdown) and items, in the order in which they were written.

    `title` is one line of Markdown, empty where the section above goes on after its `after`. `level` is
    the depth of the heading, 1 to 6. `origin` is the job whose output this is (`ainews/arxiv`), empty
    for the job's own words.
    """

    title: str
    prose: str = ""
    items: tuple[DigestItem, ...] = ()
    origin: str = ""
    after: str = ""
    level: int = 2


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for the person: what, from whom or why, and the command that settles it.

    All are plain text; `due_at` is aware UTC.
    """

    kind: NeedKind
    text: str
    detail: str = ""
    command: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What one run delivers.

    `made_at` is aware UTC, `zone` the IANA zone in which it is shown. `made_by` names the model, or says
    `extractive, no model`. `gaps` are sentences that name what is missing; they are shown, always. So is
    `notice`, plain text above everything else, if there is something that the reader must know before
    believing a word of it: that it was made in an invented world, say.

    `needs` is what waits for the person, shown above everything but the notice. `accounted` is one plain sentence
    about all that the team had to do that day so far, by the ledger (`55 planned: 54 delivered, 1 missed (asleep)`).
    `left_out` names, in plain sentences, what a channel was not given a second time. `is_emergency`: quiet hours do
    not hold it back.
    """

    title: str
    job_id: str
    run_id: str
    made_at: datetime
    zone: str
    made_by: str
    state: Literal["delivered", "degraded"]
    sections: tuple[Section, ...] = ()
    gaps: tuple[str, ...] = ()
    notice: str = ""
    charts: tuple[Chart, ...] = ()
    needs: tuple[Need, ...] = ()
    accounted: str = ""
    left_out: tuple[str, ...] = ()
    is_emergency: bool = False

    @property
    def items(self) -> tuple[DigestItem, ...]:
        return tuple(item for section in self.sections for item in section.items)
