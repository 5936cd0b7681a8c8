"""`harness try channel`: a test digest through one channel, to see whether it reaches the person."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from harness.cli.failures import UnknownName
from harness.cli.loading import load_workspace
from harness.cli.options import ChannelArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import find_place, present_moment
from harness.cli.table import table_lines, terminal_width

if TYPE_CHECKING:
    from harness.delivery.channels import Receipt

CHANNEL_EXAMPLES = """\b
Examples:
  harness try channel digest
  harness try channel digest --json

\b
JSON: channel, kind, location, files [path], sha256, took_s. Exit code 0 if it
took the digest, 2 if you must correct something, 75 if it may work later."""


def try_channel(channel: ChannelArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Send a test digest through one channel, and say where it went.

    It says of itself that it is a test, goes out at once, also in quiet hours, and stands in no ledger. What a file
    channel wrote is read back; a webhook, a mail server or a phone is sent a real message.
    """
    place = find_place(workspace)
    settings = load_workspace(place).settings
    named = settings.channels.get(channel)
    if named is None:
        raise UnknownName("channel", channel, settings.channels, "[channels] in harness.toml")
    # Only here: they bring the templates of the digests, and what speaks to servers.
    from harness.delivery.channel_test import channel_test
    from harness.gate.egress import SystemResolver
    from harness.wiring.channels import open_channels

    message = channel_test(channel, now=present_moment(), zone=settings.home_zone)
    out = sys.stderr if as_json else sys.stdout
    begun_s = time.monotonic()
    opened = open_channels(place.state, out, place.environ, SystemResolver(), settings)
    receipt = opened[channel].deliver(message)
    took_s = time.monotonic() - begun_s
    if as_json:
        emit_json(_receipt_json(receipt, named.kind, took_s))
        return
    rows = [("channel", f"{channel} ({named.kind})"), *_places(receipt), ("took", f"{took_s:.2f} s")]
    for line in table_lines(rows, terminal_width()):
        say(line)


def _places(receipt: Receipt) -> list[tuple[str, str]]:
    return [("wrote", path) for path in receipt.files] or [("went to", receipt.location)]


def _receipt_json(receipt: Receipt, kind: str, took_s: float) -> dict[str, Any]:
    return {
        "channel": receipt.channel,
        "kind": kind,
        "location": receipt.location,
        "files": list(receipt.files),
        "sha256": receipt.sha256,
        "took_s": round(took_s, 3),
    }
