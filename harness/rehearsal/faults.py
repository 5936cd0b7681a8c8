"""How hosts of the sample world can fail: an error, no answer at all, a way astray, an answer without end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import cycle
from typing import Literal, get_args

from harness.rehearsal.loopback_server import LOOPBACK, Answer

HostFault = Literal["error", "silence", "astray", "flood"]

_TEXT = "text/plain; charset=utf-8"
_FLOOD_CHUNK = b"<item>more of the same</item>\n" * 2_185
_FLOOD_CHUNKS = 1_600
"""Of a good 64 kB each: 100 MB, which are never in memory."""

_ANSWERS: Mapping[HostFault, Answer] = {
    "error": Answer(HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, b"Out of order.\n"),
    "silence": Answer(HTTPStatus.OK, _TEXT, b"", hangs=True),
    "astray": Answer(HTTPStatus.FOUND, _TEXT, b"", location=f"http://{LOOPBACK}/admin"),
    "flood": Answer(HTTPStatus.OK, "application/rss+xml", _FLOOD_CHUNK, times=_FLOOD_CHUNKS),
}


def answer_of(fault: HostFault) -> Answer:
    """Return what a host with this fault says to every request."""
    return _ANSWERS[fault]


def spread_faults(hosts: Iterable[str], share: float) -> dict[str, HostFault]:
    """Return a fault for that share (0 to 1) of the hosts, spread evenly over their names and over the faults.

    The same hosts always get the same.
    """
    names = sorted(hosts)
    broken = [name for rank, name in enumerate(names) if int((rank + 1) * share) > int(rank * share)]
    return dict(zip(broken, cycle(get_args(HostFault)), strict=False))
