"""How long it takes from the death of a node until its run goes on elsewhere."""

from __future__ import annotations

import time
from pathlib import Path

from chaos.claims import Expected, Violation, violations
from chaos.cluster import Cluster
from chaos.evidence import read_evidence
from chaos.outside import Effect, Outside
from chaos.report import Report
from chaos.sleep import DRAIN_TIMEOUT_S, HAND_OVER_WITHIN_S, await_members, begun_since
from chaos.team import DIGESTS, JobSpec, job_file, jobs_of, write_team
from chaos.watch import Tell, Watch
from harness.store.address import DatabaseAddress

_THINKS_FOR_S = 2.0
_TIMEOUT_S = 40.0


def play_hand_overs(rounds: int, address: DatabaseAddress, folder: Path, tell: Tell) -> Report:
    """Kill the node that is in the middle of a model call, `rounds` times, and wait until the other one makes it."""
    jobs = {
        f"agent-{n}/talk-{n}": job_file("every 4s", JobSpec("", "overlap: skip\ndeliver: digest")) for n in range(3)
    }
    taken_s: list[float] = []
    with Outside(lambda run_id: _THINKS_FOR_S) as outside, Watch(address, tell) as watch:
        root = write_team(folder / "workspace", outside, jobs)
        with Cluster(2, root, folder, address) as cluster:
            for _ in range(rounds):
                cluster.start()
                await_members(watch.database, 2)
                held = outside.wait_for(begun_since(time.time()), _TIMEOUT_S)
                cluster.nodes[held.node].kill()
                died_at = time.time()

                def is_made_again(effect: Effect, held: Effect = held) -> bool:
                    return (effect.run_id, effect.call) == (held.run_id, held.call) and effect.node != held.node

                taken_s.append(outside.wait_for(is_made_again, _TIMEOUT_S).at - died_at)
                tell(f"handed over after {taken_s[-1]:.1f} s")
            cluster.start()
            watch.pause_all()
            watch.drain(DRAIN_TIMEOUT_S)
            cluster.stop()
            nodes = cluster.nodes.values()
            evidence = read_evidence(watch.database, jobs_of(root), nodes, outside.effects, folder / DIGESTS)
    found = violations(evidence, Expected())
    if max(taken_s) > HAND_OVER_WITHIN_S:
        found.append(Violation("runs are handed over in 10 s", f"it took {max(taken_s):.1f} s"))
    figures = [("deaths", str(rounds)), ("death to going on, median", f"{sorted(taken_s)[rounds // 2]:.1f} s"),
               ("death to going on, worst", f"{max(taken_s):.1f} s")]  # fmt: skip
    return Report("a node dies for good", figures, found)
