"""What is asked of whom when the bus is played: work that asks for more work, decided by a seed alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Way = Literal["finish", "say", "reject"]
"""How a worker ends its work: with the tool for it, with a plain answer, or by rejecting it."""

_DEPTH = 3
_CHILDREN = (0, 1, 2, 3)
_CHILDREN_WEIGHTS = (40, 30, 20, 10)
_WAYS: tuple[Way, ...] = ("finish", "say", "reject")
_WAY_WEIGHTS = (75, 15, 10)


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work: who does it, what it asks of others in doing so, and whether it waits for them.

    `asks` are numbers of other works. `path` are the agents above it, the first asked first.
    """

    number: int
    agent: str
    path: tuple[str, ...]
    asks: tuple[int, ...] = ()
    waits: bool = False
    way: Way = "finish"

    @property
    def task(self) -> str:
        return f"Do work-{self.number} as {self.agent}."

    @property
    def answer(self) -> str:
        """What its worker says that it came to; no other work's answer contains it."""
        return f"answer-of-work-{self.number}."

    @property
    def is_first(self) -> bool:
        return not self.path


def plan_work(seed: int, count: int, agents: Sequence[str]) -> list[Work]:
    """Return exactly `count` works, each asked for once: by the person, or in another work that comes before it.

    Nobody is asked for something that they stand above of, as that would be refused.
    """
    dice = random.Random(seed)
    works: list[Work] = []

    def grow(path: tuple[str, ...], agent: str) -> int:
        """Plan a work of the agent with all that it asks for, as far as there is room; return its number."""
        number = len(works)
        works.append(Work(number, agent, path))
        below = (*path, agent)
        others = [other for other in agents if other not in below]
        wanted = dice.choices(_CHILDREN, _CHILDREN_WEIGHTS)[0] if len(path) < _DEPTH else 0
        asks = []
        for other in dice.sample(others, min(wanted, len(others))):
            if len(works) < count:
                asks.append(grow(below, other))
        way = dice.choices(_WAYS, _WAY_WEIGHTS)[0]
        works[number] = Work(number, agent, path, tuple(asks), dice.random() < 0.7, way)
        return number

    while len(works) < count:
        grow((), dice.choice(agents))
    return works
