"""The process that reads hostile documents: `python -m harness.collectors.parse_worker MEMORY_BYTES CPU_S`.

It greets with a frame on standard output when it is ready, takes frames on standard input (a JSON header, then
the document), answers each pair with one JSON frame, and ends when its input does.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any, BinaryIO

from harness.collectors.feed_document import read_feed
from harness.collectors.frames import read_frame, write_frame
from harness.collectors.ics_document import read_ics
from harness.collectors.main_text import find_extract, read_page_text
from harness.collectors.trending_page import read_trending


def main() -> None:
    """Answer until the parent closes the pipe."""
    memory_bytes, cpu_s = int(sys.argv[1]), int(sys.argv[2])
    requests = sys.stdin.buffer
    # What a library prints must not end up between two frames.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        _limit(resource.RLIMIT_AS, memory_bytes)
        serve(requests, answers, cpu_s)


def serve(requests: BinaryIO, answers: BinaryIO, cpu_s: int) -> None:
    """Greet, and answer every request of the stream."""
    write_frame(answers, b"ready")
    while (header := read_frame(requests)) is not None:
        body = read_frame(requests)
        if body is None:
            return
        # A parent that was killed cannot kill us: then the processor time does.
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + cpu_s + 1)
        write_frame(answers, json.dumps(_answer(json.loads(header), body)).encode())


def _answer(header: dict[str, Any], body: bytes) -> dict[str, Any]:
    try:
        if header["kind"] == "page":
            page = read_page_text(body.decode(header["charset"], "replace"), header["max_chars"], find_extract())
            return {"title": page.title, "text": page.text}
        if header["kind"] == "calendar":
            asked = {key: header[key] for key in ("zone", "first", "days", "max_events")}
            return read_ics(body, **asked)
        if header["kind"] == "trending":
            return read_trending(body.decode("utf-8", "replace"))
        return read_feed(body, url=header["url"], max_items=header["max_items"])
    except MemoryError:
        return {"problem": "needs more memory than a source may have"}
    except Exception as error:  # noqa: BLE001 - the boundary of the process: any document may break any parser
        return {"problem": f"could not be parsed ({type(error).__name__})"}


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (ValueError, OSError) as error:
        # macOS refuses a limit on memory; there the parent's deadline and the byte cap are what protects.
        sys.stderr.write(f"no limit: {error}\n")


if __name__ == "__main__":
    main()
