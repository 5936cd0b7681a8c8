from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.delivery.channel_test import channel_test
from harness.delivery.channels import FileChannel

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def test_a_test_shows_all_that_a_digest_can_show_and_hides_no_other(tmp_path: Path) -> None:
    channel = FileChannel("digest", tmp_path)
    receipts = [
        channel.deliver(channel_test("digest", now=NOW + timedelta(microseconds=n), zone="UTC")) for n in (0, 1)
    ]
    first, second = (Path(receipt.location) for receipt in receipts)
    assert first != second
    text = first.read_text(encoding="utf-8")
    for part in ("This is a test", "https://example.com/", "What is missing (1 gap)", "Test of channel digest"):
        assert part in text
