"""Several nodes on one database, and what is done to them."""

from __future__ import annotations

import heapq
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.node import Node
from chaos.trouble import Blow, Trouble
from harness.store.address import DatabaseAddress

STOP_TIMEOUT_S = 40.0
READY_TIMEOUT_S = 60.0
_LOOK_AGAIN_S = 0.1


class Cluster:
    """Nodes `node-1`, `node-2`, … of one workspace, none of which outlives the `with` block."""

    def __init__(
        self, count: int, root: Path, folder: Path, address: DatabaseAddress, *, is_forked: bool = False
    ) -> None:
        names = [f"node-{number}" for number in range(1, count + 1)]
        self.nodes = {name: Node(name, root, folder / name, address, is_forked=is_forked) for name in names}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for node in self.nodes.values():
            node.remove()

    def start(self) -> None:
        """Start those that are not up."""
        for node in self.nodes.values():
            if not node.is_up:
                node.start()

    def start_and_wait(self) -> float:
        """Start those that are not up, and return after how many seconds all are ready. Raises TimeoutError."""
        begun = time.monotonic()
        self.start()
        while not all(node.is_ready for node in self.nodes.values()):
            if time.monotonic() - begun > READY_TIMEOUT_S:
                unready = ", ".join(str(node.words) for node in self.nodes.values() if not node.is_ready)
                raise TimeoutError(f"not ready within {READY_TIMEOUT_S:g} s: {unready}")
            time.sleep(_LOOK_AGAIN_S)
        return time.monotonic() - begun

    def stop(self) -> None:
        """Stop all of them as a person would. Raises subprocess.TimeoutExpired."""
        up = [node for node in self.nodes.values() if node.is_up]
        for node in up:
            node.terminate()
        for node in up:
            node.wait(STOP_TIMEOUT_S)
        for node in self.nodes.values():
            node.remove()

    def suffer(self, plan: Sequence[Trouble], look: Callable[[int], None], *, pace: float = 1.0) -> None:
        """Deal out the blows at their times, and bring every node back up; `look` is told how many are done.

        On a slow machine the times are drawn out by `pace`, so that lives come to something there as well.
        """
        begun = time.monotonic()
        # Each is (when, a number that keeps the order, what to do); what is put off is pushed again.
        agenda = [(trouble.at_s * pace, number, trouble) for number, trouble in enumerate(plan)]
        recoveries: list[tuple[float, int, Node, Blow]] = []
        done = 0
        while agenda or recoveries:
            upcoming = min([first[0] for first in agenda[:1]] + [first[0] for first in recoveries[:1]])
            time.sleep(max(0.0, min(_LOOK_AGAIN_S, upcoming - (time.monotonic() - begun))))
            now_s = time.monotonic() - begun
            while recoveries and recoveries[0][0] <= now_s:
                _, number, node, blow = heapq.heappop(recoveries)
                if not _recover(node, blow):
                    heapq.heappush(recoveries, (now_s + _LOOK_AGAIN_S, number, node, blow))
                    break
            while agenda and agenda[0][0] <= now_s:
                _, number, trouble = agenda.pop(0)
                node = self.nodes[trouble.node]
                if _strike(node, trouble.blow):
                    heapq.heappush(recoveries, (now_s + trouble.down_s, number, node, trouble.blow))
                done += 1
            look(done)


def _strike(node: Node, blow: Blow) -> bool:
    """Do it; False if the node is still busy with an earlier blow."""
    if not node.is_up or node.is_stopping:
        return False
    match blow:
        case Blow.KILL:
            node.kill()
        case Blow.TERMINATE:
            node.terminate()
        case Blow.FREEZE:
            node.freeze()
    return True


def _recover(node: Node, blow: Blow) -> bool:
    """Bring it back up; False if it has not ended yet."""
    if blow is Blow.FREEZE:
        node.thaw()
        return True
    try:
        node.wait(0)
    except subprocess.TimeoutExpired:
        return False
    node.start()
    return True
