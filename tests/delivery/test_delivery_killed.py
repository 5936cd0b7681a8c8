"""kill -9 between the server's acceptance and our record of it: delivered again with the same key, never lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from harness.delivery.outbox import deliver_due
from harness.delivery.webhook import WebhookChannel
from harness.domain.channel import Channel, Webhook
from harness.domain.settings import Egress, Settings
from harness.gate.egress import SystemResolver, WebDoor
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.outbox import OutboxRow, deliveries_of_run, promise
from harness.testing.web_server import WebReply, WebServer

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
DIGEST = {
    "format": 1, "title": "Morning digest", "job_id": "a/b", "run_id": "r1", "made_at": NOW.isoformat(), "zone": "UTC",
    "made_by": "nobody", "state": "delivered", "gaps": [], "notice": "",
    "sections": [
        {"title": "News", "prose": "\n\n".join(f"Paragraph {n}: " + "words " * 60 for n in range(6)), "items": [],
         "origin": "", "after": "", "level": 2}
    ],
}  # fmt: skip

DELIVER = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from harness.delivery import outbox
from harness.delivery.webhook import WebhookChannel
from harness.domain.channel import Channel, Webhook
from harness.domain.settings import Egress, Settings
from harness.gate.egress import SystemResolver, WebDoor
from harness.store.address import parse_address
from harness.store.database import Database

class DiesWithTheAnswer(WebDoor):
    # The server has the body and has said so; nobody here writes that down any more.
    async def post(self, url, body, **options):
        answer = await super().post(url, body, **options)
        if b'"part":%d,' % int(sys.argv[3]) in body:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

target = Webhook(sys.argv[2])
declared = Channel("hook", "webhook", target=target, max_chars=1000)
channel = WebhookChannel(declared, target, DiesWithTheAnswer(Egress(loopback=True), SystemResolver()), {})
outbox.deliver_due(
    Database.connect(parse_address(sys.argv[1], Path())), {"hook": channel}, Settings(channels={"hook": declared}),
    datetime.fromisoformat(sys.argv[4]), run_id="r1",
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("part", [1, 2])
def test_a_delivery_that_was_killed_after_the_server_took_it_comes_again_with_its_key(
    address: DatabaseAddress, part: int
) -> None:
    with (
        WebServer(lambda request: WebReply(b"thanks")) as server,
        closing(Database.connect(address)) as database,
    ):
        database.migrate()
        with database.write() as connection:
            promise(connection, run_id="r1", channel="hook", digest=json.dumps(DIGEST), now=NOW)
        url = server.url("/hook")
        command = [sys.executable, "-c", DELIVER, address.url, url, str(part), NOW.isoformat()]
        killed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert row_in(database).state == "pending", "nothing is lost"

        deliver(database, url)

        sent = [(json.loads(one.body)["part"], one.headers["idempotency-key"], one.body) for one in server.requests]
        parts = json.loads(server.requests[0].body)["parts"]
        assert parts > 2
        assert row_in(database).state == "acknowledged"
        # What had been written down is not sent again, what had not is: once, and byte by byte the same.
        assert [number for number, _, _ in sent] == [*range(1, part + 1), *range(part, parts + 1)]
        assert sent[part - 1] == sent[part]


def deliver(database: Database, url: str) -> None:
    """Try what is due, as the daemon that comes after the killed one does."""
    target = Webhook(url)
    declared = Channel("hook", "webhook", target=target, max_chars=1000)
    channel = WebhookChannel(declared, target, WebDoor(Egress(loopback=True), SystemResolver()), {})
    deliver_due(database, {"hook": channel}, Settings(channels={"hook": declared}), NOW, run_id="r1")


def row_in(database: Database) -> OutboxRow:
    with database.read() as connection:
        (row,) = deliveries_of_run(connection, "r1")
    return row
