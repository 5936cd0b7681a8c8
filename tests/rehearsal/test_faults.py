"""Hosts of the sample world that fail, each in its own way."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import LimitReached, TransientError
from harness.domain.settings import Egress
from harness.gate.egress import WebDoor
from harness.rehearsal.faults import HostFault, spread_faults
from harness.rehearsal.world import SampleWorld

DAY = date(2026, 11, 20)
HOST = "tensor-herald.sample.test"
URL = f"http://{HOST}/feed.xml"


@contextmanager
def world_with(fault: HostFault) -> Iterator[SampleWorld]:
    now = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    with SampleWorld(
        DAY, "UTC", lambda: now, faults=lambda hosts: {HOST: fault} if HOST in set(hosts) else {}
    ) as world:
        yield world


def fetch(world: SampleWorld, *, max_bytes: int = 5_000_000, timeout_s: float = 20.0, url: str = URL) -> int:
    web = WebDoor(Egress(loopback=True), world.resolver)
    return asyncio.run(web.get(url, max_bytes=max_bytes, timeout_s=timeout_s)).status


def test_a_host_that_is_out_of_order_answers_so_and_its_neighbour_answers_as_ever() -> None:
    with world_with("error") as world:
        assert fetch(world) == 500
        assert fetch(world, url="http://loss-curve.sample.test/feed.xml") == 200


def test_a_host_that_never_answers_is_given_up_after_the_callers_time_and_holds_up_nobodys_end() -> None:
    with world_with("silence") as world:
        with pytest.raises(TransientError, match=r"0\.2 s"):
            fetch(world, timeout_s=0.2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 20  # far below the minute for which it would go on hanging


def test_a_host_that_leads_astray_ends_at_an_address_that_is_not_of_the_world() -> None:
    with world_with("astray") as world, pytest.raises(TransientError, match=r"127\.0\.0\.1: there is no such host"):
        fetch(world)


def test_an_answer_of_a_hundred_megabytes_is_left_at_the_cap() -> None:
    with world_with("flood") as world:
        [(address, port)] = asyncio.run(world.resolver.resolve(HOST, 80))
        with closing(http.client.HTTPConnection(address, port, timeout=10)) as connection:
            connection.request("HEAD", "/feed.xml", headers={"Host": HOST})
            assert int(connection.getresponse().headers["content-length"]) > 100_000_000
        with pytest.raises(LimitReached):
            fetch(world, max_bytes=200_000)


@given(st.sets(st.text("abc", min_size=1, max_size=6)), st.floats(0, 1))
def test_as_many_hosts_are_broken_as_the_share_says_and_always_the_same(hosts: set[str], share: float) -> None:
    faults: Mapping[str, HostFault] = spread_faults(hosts, share)
    assert len(faults) == int(len(hosts) * share)
    assert set(faults) <= hosts
    assert faults == spread_faults(sorted(hosts, reverse=True), share)
    assert set(faults.values()) == set(get_args(HostFault)[: len(faults)])


def test_half_of_the_world_is_a_host_of_each_kind_and_half_of_it_works() -> None:
    now = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    hosts = SampleWorld(DAY, "UTC", lambda: now).hosts
    assert len(spread_faults(hosts, 0.5)) == len(hosts) // 2 >= 4
    assert not spread_faults(hosts, 0)
