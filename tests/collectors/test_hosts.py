"""What is remembered of hosts, in the database and without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.collectors.hosts import HostMemory, HostNote, HostsInDatabase, HostsInMemory
from harness.store.database import Database
from harness.store.expiry import delete_hosts

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
HOST = "https://news.example"


@pytest.fixture(params=["database", "memory"])
def hosts(request: pytest.FixtureRequest, database: Database) -> HostMemory:
    return HostsInDatabase(database) if request.param == "database" else HostsInMemory()


def test_of_a_new_host_nothing_is_known(hosts: HostMemory) -> None:
    assert hosts.load(HOST) == HostNote()


def test_its_rules_and_its_wish_to_be_left_alone_are_kept_side_by_side(hosts: HostMemory) -> None:
    hosts.keep_robots(HOST, "User-agent: *", NOW)
    hosts.keep_away(HOST, NOW)
    hosts.keep_robots(HOST, "User-agent: x", NOW)

    assert hosts.load(HOST) == HostNote("User-agent: x", NOW, NOW)
    assert hosts.load("http://news.example") == HostNote()


def test_what_is_remembered_of_a_host_expires(database: Database) -> None:
    hosts = HostsInDatabase(database)
    hosts.keep_robots(HOST, "User-agent: *", NOW)
    hosts.keep_robots("https://other.example", "", NOW - timedelta(days=40))

    with database.write() as connection:
        assert delete_hosts(connection, NOW - timedelta(days=30), 100) == 1

    assert hosts.load(HOST).robots == "User-agent: *"
    assert hosts.load("https://other.example") == HostNote()
