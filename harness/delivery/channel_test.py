"""A digest that says of itself that it is a test."""

from __future__ import annotations

from datetime import datetime

from harness.delivery.channels import OutboundDigest
from harness.domain.digest import Digest, DigestItem, Section

CHANNEL_TEST = "harness/channel-test"
"""Under this name tests stand among the digests; no agent can be called so."""


def channel_test(channel: str, *, now: datetime, zone: str) -> OutboundDigest:
    """Return a digest with something of all that a digest can show: prose, an item with its link, a gap.

    Each moment makes another one, so that a test never finds the one before it and takes it for its own.
    """
    key = f"try:{channel}:{now.timestamp():.6f}"
    item = DigestItem("An item with its link", "https://example.com/", "Why it matters stands here.", ("a source",))
    digest = Digest(
        title=f"Test of channel {channel}",
        job_id=CHANNEL_TEST,
        run_id=key,
        made_at=now,
        zone=zone,
        made_by="harness try channel, no model",
        state="delivered",
        sections=(Section("What a digest looks like", "If you can read this, the channel works.", (item,)),),
        gaps=("this line shows how a digest names what it lacks",),
        notice="This is a test. No job made it, and nothing in it is news.",
    )
    return OutboundDigest(key, digest)
