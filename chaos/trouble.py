"""What happens to which node, and when: decided by a seed alone, before anything starts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_GAP_S = 0.35
_NODES_AT_ONCE = (1, 2, 3)
_AT_ONCE_WEIGHTS = (84, 13, 3)


class Blow(Enum):
    """What is done to a node."""

    KILL = "kill -9"
    TERMINATE = "SIGTERM"
    FREEZE = "SIGSTOP"


_BLOWS = (Blow.KILL, Blow.TERMINATE, Blow.FREEZE)
_BLOW_WEIGHTS = (92, 4, 4)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One blow at `at_s` seconds after the beginning; the node is started or thawed again `down_s` later."""

    at_s: float
    node: str
    blow: Blow
    down_s: float


def plan_trouble(seed: int, nodes: Sequence[str], kills: int) -> list[Trouble]:
    """Return blows, in order of time, among them exactly that many `kill -9`; the same seed gives the same ones.

    A node is only hit while it is up. Some lives are too short to be ready, some nodes stay away for so long
    that the others take over what they held.
    """
    dice = random.Random(seed)
    up_from_s = dict.fromkeys(nodes, 0.0)
    planned: list[Trouble] = []
    left, now_s = kills, 2.0
    while left > 0:
        now_s += min(3.0, dice.expovariate(1 / _GAP_S))
        up = [node for node in nodes if up_from_s[node] <= now_s]
        count = min(len(up), left, dice.choices(_NODES_AT_ONCE, _AT_ONCE_WEIGHTS)[0])
        for node in dice.sample(up, count):
            blow = dice.choices(_BLOWS, _BLOW_WEIGHTS)[0]
            down_s = _down_s(dice, blow)
            planned.append(Trouble(now_s, node, blow, down_s))
            up_from_s[node] = now_s + down_s + _least_life_s(dice)
            left -= blow is Blow.KILL
    return planned


def _down_s(dice: random.Random, blow: Blow) -> float:
    """Return how long a node is away; nodes are declared lost after six seconds."""
    if blow is Blow.TERMINATE:
        return dice.uniform(0.5, 4.0)
    if blow is Blow.FREEZE:
        return dice.uniform(7.0, 9.0) if dice.random() < 0.6 else dice.uniform(0.3, 4.0)
    chance = dice.random()
    if chance < 0.7:
        return 0.0
    return dice.uniform(0.1, 1.0) if chance < 0.93 else dice.uniform(6.5, 9.5)


def _least_life_s(dice: random.Random) -> float:
    """Return how long it is left alone after a start: a quarter of the lives may end before they are ready."""
    return dice.uniform(0.1, 1.2) if dice.random() < 0.25 else dice.uniform(1.2, 3.0)
