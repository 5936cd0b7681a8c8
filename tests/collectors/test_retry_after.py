"""Retry-After in both of its forms, and in none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.collectors.retry_after import leave_alone_until
from harness.ports import WebResponse

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "120", NOW + timedelta(seconds=120)),
        (503, " 5 ", NOW + timedelta(seconds=5)),
        (503, "Sun, 08 Mar 2026 12:30:00 GMT", NOW + timedelta(minutes=30)),
        (503, "Sun, 08 Mar 2026 14:30:00 +0200", NOW + timedelta(minutes=30)),
        (503, "Sun, 08 Mar 2026 12:30:00", NOW + timedelta(minutes=30)),
        (429, "99999999", NOW + timedelta(days=1)),
        (429, "9" * 300, None),
        (429, "Sun, 08 Mar 2026 11:30:00 GMT", None),
        (429, "0", None),
        (429, "-5", None),
        (429, "soon", None),
        (429, "Fri, 31 Dec 9999 23:59:59 -0100", None),
        (503, "Sun, 08 Mar 2026 12:30:00 +99999999999999999999", None),
        (429, "", None),
        (200, "120", None),
        (500, "120", None),
    ],
)
def test_until_when_a_host_is_left_alone(status: int, header: str, expected: datetime | None) -> None:
    response = WebResponse(status, "https://x.test/", b"", {"retry-after": header})

    assert leave_alone_until(response, NOW) == expected
