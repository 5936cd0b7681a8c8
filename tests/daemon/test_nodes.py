"""Which daemons are there, and what waits for one that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from harness.daemon.liveness import Liveness, daemon_liveness
from harness.daemon.nodes import (
    Here,
    Waiting,
    bindings,
    latest_lives,
    living_executors,
    presence_of,
    team_liveness,
    waiting_for_a_node,
    waiting_in_words,
)
from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.store.heartbeat import Heartbeat
from harness.store.records import NodeRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = NOW.timestamp()
MAC = NodeRecord("mac-1.3", "mac-1", "mac", "Mac.local", 7, "up", "daemon", "0.1", AT - 3600, AT - 2, None, "", 2)
BOX = NodeRecord("box-9.1", "box-9", "box", "box", 8, "up", "daemon", "0.1", AT - 60, AT - 1, None, "", 0)
ELSEWHERE = Here("a third one", lambda pid: False)


def test_each_daemon_is_shown_once_in_its_latest_life_and_commands_are_none() -> None:
    earlier = replace(MAC, executor_id="mac-1.2", started_at=AT - 9000, state="lost", left_at=AT - 3700)
    once = replace(BOX, executor_id="box-9.2", node_id="box-8", role="once")
    nodes = latest_lives([once, BOX, earlier, MAC], NOW, ELSEWHERE)
    assert [(node.name, node.presence) for node in nodes] == [("box", "up"), ("mac", "up")]
    assert nodes[1].since == datetime.fromtimestamp(MAC.started_at, UTC)


@pytest.mark.parametrize(
    ("record", "presence"),
    [
        (MAC, "up"),
        (replace(MAC, state="draining"), "draining"),
        (replace(MAC, heartbeat_at=AT - 31), "silent"),
        (replace(MAC, state="left", left_at=AT - 5), "left"),
        (replace(MAC, state="lost", left_at=AT - 5, heartbeat_at=AT - 1), "lost"),
    ],
)
def test_a_daemon_of_another_machine_is_judged_by_its_heartbeat(record: NodeRecord, presence: str) -> None:
    assert presence_of(record, NOW, ELSEWHERE) == presence


def test_an_own_daemon_is_gone_with_its_process() -> None:
    assert presence_of(MAC, NOW, Here("mac-1", lambda pid: pid == 7)) == "up"
    assert presence_of(MAC, NOW, Here("mac-1", lambda pid: False)) == "dead"


def test_a_daemon_of_another_machine_does_the_work_where_none_is_here() -> None:
    here = Here("mac-1", lambda pid: False)
    states: tuple[Literal["absent", "dead"], ...] = ("absent", "dead")
    for own in states:
        assert team_liveness(Liveness(own), [BOX, MAC], NOW, here).state == "elsewhere"
        assert team_liveness(Liveness(own), [MAC], NOW, here).state == own
    stalled = team_liveness(Liveness("stalled"), [BOX, MAC], NOW, here)
    assert (stalled.state, stalled.holds("box-9.1"), stalled.holds("mac-1.3")) == ("stalled", True, False)


def test_a_daemon_that_the_others_declared_lost_is_silent_here_as_well() -> None:
    here = Here("mac-1", lambda pid: True)
    beat = Heartbeat(pid=7, executor_id="mac-1.3", at=AT - 8, started_at=AT - 3600, is_ready=True, running=0)
    own = daemon_liveness(beat, NOW, has_process=here.has_process)
    lost = replace(MAC, state="lost", left_at=AT - 2, heartbeat_at=AT - 8)
    assert (own.state, presence_of(MAC, NOW, here)) == ("alive", "up")
    assert team_liveness(own, [BOX, MAC], NOW, here).state == "alive"
    assert team_liveness(own, [BOX, lost], NOW, here).state == "silent"
    earlier = replace(lost, executor_id="mac-1.2")
    assert team_liveness(own, [BOX, earlier, MAC], NOW, here).state == "alive"


@pytest.mark.parametrize("age_s", [29, 31])
def test_file_and_row_of_one_daemon_are_judged_alike(age_s: int) -> None:
    here = Here("mac-1", lambda pid: True)
    beat = Heartbeat(pid=7, executor_id="mac-1.3", at=AT - age_s, started_at=AT - 3600, is_ready=True, running=0)
    of_file = daemon_liveness(beat, NOW, has_process=here.has_process).state
    of_row = presence_of(replace(MAC, heartbeat_at=AT - age_s), NOW, here)
    assert (of_file, of_row) == (("alive", "up") if age_s < 30 else ("silent", "silent"))


def test_who_is_at_work_includes_commands_that_do_one_run() -> None:
    once = replace(BOX, executor_id="box-9.2", role="once")
    gone = replace(BOX, executor_id="box-9.0", heartbeat_at=AT - 3600)
    assert living_executors([MAC, once, gone], NOW, ELSEWHERE) == {"mac-1.3", "box-9.2"}


def test_what_is_bound_to_a_node_that_is_not_there_waits_for_it() -> None:
    nodes = latest_lives([replace(MAC, heartbeat_at=AT - 3 * 3600), BOX], NOW, ELSEWHERE)
    bound = {"mac": ("macro/morning",), "box": ("zoe/backup",), "attic": ("butler",)}
    assert waiting_for_a_node(bound, nodes) == (
        Waiting("attic", ("butler",), None),
        Waiting("mac", ("macro/morning",), nodes[1]),
    )


def test_the_person_is_told_what_waits_and_since_when() -> None:
    [mac] = latest_lives([replace(MAC, heartbeat_at=AT - 3 * 3600)], NOW, ELSEWHERE)
    assert waiting_in_words(Waiting("mac", ("macro/morning", "zoe"), mac), "UTC", NOW) == (
        "macro/morning, zoe are bound to mac, which was last heard of 09:00 (3 h ago)"
    )
    assert waiting_in_words(Waiting("attic", ("butler",), None), "UTC", NOW) == (
        "butler is bound to attic, which has never been there"
    )


def job(name: str, on: str | None = None) -> Job:
    return Job("macro", name, f"agents/macro/jobs/{name}.md", (), "UTC", on=on)


def test_an_agent_binds_all_its_jobs_but_those_that_are_bound_elsewhere(tmp_path: Path) -> None:
    jobs = {"a": job("a"), "b": job("b", "box"), "c": job("c", "mac")}
    bound = Agent("macro", "", "", "", on="mac", jobs=jobs)
    free = Agent("zoe", "", "", "")
    workspace = Workspace(tmp_path, Settings(), agents={"macro": bound, "zoe": free})
    assert bindings(workspace) == {"mac": ("macro",), "box": ("macro/b",)}


def test_two_installations_of_one_name_are_enough_if_one_is_there() -> None:
    other = replace(MAC, node_id="mac-2", executor_id="mac-2.1", state="lost", left_at=AT)
    assert waiting_for_a_node({"mac": ("macro",)}, latest_lives([other, MAC], NOW, ELSEWHERE)) == ()
