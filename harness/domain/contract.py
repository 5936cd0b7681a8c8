"""What a run promises to deliver, and the judgement whether it did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemRule:
    """What must hold for every item: `url_collected`, its link stands in the collected inputs;
    `reachable`, its link answers."""

    url_collected: bool = True
    reachable: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """A job's declared promise; a field that is None or empty promises nothing.

    `unseen_for_s`: no item that this job delivered within that many seconds.
    """

    min_items: int | None = None
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    must_include: tuple[str, ...] = ()
    every_item: ItemRule | None = None
    unseen_for_s: int | None = None
