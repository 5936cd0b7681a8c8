"""The processes that parse: bounded, killable, replaced, and gone in the end."""

import asyncio
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.collectors.frames import read_frame, write_frame
from harness.collectors.parse import FeedParser, ParsedFeed

RSS = (
    b"<rss version='2.0'><channel><title>F</title>"
    b"<item><title>N</title><link>https://x.test/1</link><author>Ada</author></item></channel></rss>"
)


ROOT = Path(__file__).parents[2]


@pytest.fixture
def one_worker() -> Iterator[FeedParser]:
    running = FeedParser(workers=1, timeout_s=20.0)
    yield running
    running.close()


def parse(parser: FeedParser, body: bytes = RSS) -> ParsedFeed:
    return asyncio.run(parser.parse(body, url="https://x.test/feed", max_items=60))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_no_process_is_started_before_the_first_document() -> None:
    parser = FeedParser()
    assert parser.worker_ids() == ()
    parser.close()


def test_many_documents_from_several_loops_share_a_few_processes() -> None:
    async def parse_many(parser: FeedParser) -> list[ParsedFeed]:
        return await asyncio.gather(*(parser.parse(RSS, url="", max_items=60) for _ in range(100)))

    parser = FeedParser(workers=2)
    try:
        results = asyncio.run(parse_many(parser)) + asyncio.run(parse_many(parser))
        workers = parser.worker_ids()
    finally:
        parser.close()

    assert [feed.entries[0].title for feed in results] == ["N"] * 200
    assert 1 <= len(workers) <= 2
    assert not any(is_running(pid) for pid in workers)


def test_answers_go_to_who_asked() -> None:
    async def parse_different() -> list[str]:
        async with FeedParser(workers=3) as parser:
            bodies = [RSS.replace(b">N<", f">{n}<".encode()) for n in range(50)]
            feeds = await asyncio.gather(*(parser.parse(body, url="", max_items=60) for body in bodies))
            return [feed.entries[0].title for feed in feeds]

    assert asyncio.run(parse_different()) == [str(n) for n in range(50)]


def test_a_process_that_hangs_is_killed_at_the_deadline_and_replaced() -> None:
    impatient = FeedParser(workers=1, timeout_s=1.0)
    try:
        assert parse(impatient).entries
        (hung,) = impatient.worker_ids()
        os.kill(hung, signal.SIGSTOP)
        assert parse(impatient).problem == "took longer than 1 s to parse"
        assert not is_running(hung)
        assert parse(impatient).entries
        assert impatient.worker_ids() != (hung,)
    finally:
        impatient.close()


def test_a_body_larger_than_a_pipe_does_not_outlast_the_deadline_either() -> None:
    impatient = FeedParser(workers=1, timeout_s=1.0)
    try:
        parse(impatient)
        os.kill(impatient.worker_ids()[0], signal.SIGSTOP)
        assert parse(impatient, b" " * 4_000_000 + RSS).problem == "took longer than 1 s to parse"
    finally:
        impatient.close()


def test_a_process_that_was_killed_while_idle_costs_nothing(one_worker: FeedParser) -> None:
    parse(one_worker)
    (old,) = one_worker.worker_ids()
    os.kill(old, signal.SIGKILL)
    os.waitid(os.P_PID, old, os.WEXITED | os.WNOWAIT)

    assert parse(one_worker).entries
    assert one_worker.worker_ids() != (old,)


def test_a_process_that_is_killed_over_a_document_costs_at_most_that_document(one_worker: FeedParser) -> None:
    async def kill_while_parsing() -> ParsedFeed:
        await one_worker.parse(RSS, url="", max_items=60)
        (busy,) = one_worker.worker_ids()
        os.kill(busy, signal.SIGSTOP)  # so that it cannot be quicker than the kill
        parsing = asyncio.create_task(one_worker.parse(RSS, url="", max_items=60))
        await asyncio.sleep(0)
        os.kill(busy, signal.SIGKILL)
        return await parsing

    problem = asyncio.run(kill_while_parsing()).problem

    # Whether the kill came before or after the process was chosen is up to the machine.
    assert problem in ("", "ended the parser (signal 9)")
    assert parse(one_worker).entries


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS enforces no limit on memory")
def test_a_document_that_needs_too_much_memory_is_a_problem_and_nothing_else() -> None:
    # As attributes of one element, 6 MB of XML become some hundred megabytes of objects.
    greedy = b"<rss><channel><item><title " + b"a='b' " * 1_000_000 + b">x</title>"
    frugal = FeedParser(workers=1, memory_bytes=120_000_000)
    try:
        problem = parse(frugal, greedy).problem
        again = parse(frugal)
    finally:
        frugal.close()

    assert problem == "needs more memory than a source may have" or problem.startswith("ended the parser")
    assert again.entries


WORKER = [sys.executable, "-m", "harness.collectors.parse_worker", "512000000", "1"]
HANGING = b"<rss version='2.0'><channel><item>" + b"<a>" * 1_000_000


def test_a_worker_ends_when_its_parent_does_and_the_pipe_closes() -> None:
    assert subprocess.run(WORKER, cwd=ROOT, input=b"", timeout=60).returncode == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS counts processor time differently")
def test_a_worker_whose_parent_cannot_kill_it_stops_at_its_processor_time() -> None:
    request = io.BytesIO()
    write_frame(request, json.dumps({"kind": "feed", "url": "", "max_items": 1}).encode())
    write_frame(request, HANGING)

    done = subprocess.run(WORKER, cwd=ROOT, input=request.getvalue(), capture_output=True, timeout=60)

    assert done.returncode == -signal.SIGXCPU
    answers = io.BytesIO(done.stdout)
    assert (read_frame(answers), read_frame(answers)) == (b"ready", None)


def test_a_worker_does_not_inherit_the_environment(one_worker: FeedParser) -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ
    parse(one_worker)

    environment = Path(f"/proc/{one_worker.worker_ids()[0]}/environ")
    if not environment.exists():
        pytest.skip("this system does not show the environment of a process")
    assert b"PYTEST_CURRENT_TEST" not in environment.read_bytes()


def test_a_parser_that_does_not_start_is_not_blamed_on_the_document() -> None:
    broken = FeedParser(workers=1, python=shutil.which("false") or "false")
    try:
        assert parse(broken).problem == "was not parsed: the parser did not start (exit code 1)"
    finally:
        broken.close()


def test_a_parser_that_cannot_be_started_at_all_is_a_problem(tmp_path: Path) -> None:
    broken = FeedParser(workers=1, python=str(tmp_path / "no-python"))
    try:
        assert "the parser cannot be started (No such file or directory)" in parse(broken).problem
    finally:
        broken.close()


def program(path: Path, *lines: str) -> str:
    """A program that is started in place of Python, which greets as a worker does."""
    path.write_text("\n".join(["#!/bin/sh", r"printf '\000\000\000\005ready'", *lines]) + "\n")
    path.chmod(0o755)
    return str(path)


def test_an_answer_that_cannot_be_understood_costs_the_process_and_is_a_problem(tmp_path: Path) -> None:
    babbling = FeedParser(workers=1, python=program(tmp_path / "p", r"printf '\000\000\000\003abc'", "cat >&2"))
    try:
        assert parse(babbling).problem == "made the parser answer what cannot be understood"
        assert babbling.worker_ids() == ()
    finally:
        babbling.close()


def test_a_process_that_stops_answering_and_lives_on_is_killed(tmp_path: Path) -> None:
    mute = FeedParser(workers=1, python=program(tmp_path / "p", "exec >&-", "cat >&2"))
    try:
        assert parse(mute).problem == "ended the parser (signal 9)"
        assert mute.worker_ids() == ()
    finally:
        mute.close()


def test_after_closing_there_is_a_problem_and_no_error() -> None:
    parser = FeedParser(workers=1)
    parser.close()

    assert parse(parser).problem == "was not parsed: the harness is closing"
    assert parser.worker_ids() == ()


def test_a_module_in_the_current_folder_is_not_run(tmp_path: Path) -> None:
    # The daemon runs in the workspace, and agents write files there.
    (tmp_path / "feedparser.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w').close()")
    script = (
        "import asyncio\nfrom harness.collectors.parse import FeedParser\nparser = FeedParser(workers=1)\n"
        f"print(asyncio.run(parser.parse({RSS!r}, url='', max_items=1)).entries[0].title)\nparser.close()"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
    )

    assert (done.stdout, done.stderr) == ("N\n", "")
    assert not (tmp_path / "was-run").exists()


def test_closing_while_documents_are_parsed_and_wait_ends_all_of_them_at_once() -> None:
    async def close_in_the_middle() -> list[ParsedFeed]:
        parser = FeedParser(workers=1, timeout_s=60.0)
        await parser.parse(RSS, url="", max_items=60)
        os.kill(parser.worker_ids()[0], signal.SIGSTOP)
        parsing = [asyncio.create_task(parser.parse(RSS, url="", max_items=60)) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.to_thread(parser.close)
        return await asyncio.gather(*parsing)

    problems = [feed.problem for feed in asyncio.run(asyncio.wait_for(close_in_the_middle(), 30))]

    # The first one may or may not have reached its process.
    assert problems[0] in ("ended the parser (signal 9)", "was not parsed: the harness is closing")
    assert problems[1:] == ["was not parsed: the harness is closing"] * 4


def test_authors_and_dates_come_through_the_pipe(one_worker: FeedParser) -> None:
    (entry,) = parse(one_worker).entries

    assert (entry.title, entry.url, entry.authors, entry.published_at) == ("N", "https://x.test/1", ("Ada",), None)


def test_a_page_is_read_by_the_same_processes(one_worker: FeedParser) -> None:
    page = asyncio.run(one_worker.read_page("<title>T</title><p>Käse".encode("latin-1"), charset="latin-1"))

    assert (page.title, page.text, page.problem) == ("T", "Käse", "")


@pytest.mark.parametrize("length", [0, 1, 70_000])
def test_a_frame_comes_back_as_it_was_sent(length: int) -> None:
    stream = io.BytesIO()
    write_frame(stream, b"x" * length)
    write_frame(stream, b"next")
    stream.seek(0)

    assert read_frame(stream) == b"x" * length
    assert read_frame(stream) == b"next"
    assert read_frame(stream) is None


def test_half_a_frame_is_no_frame() -> None:
    stream = io.BytesIO()
    write_frame(stream, b"payload")

    assert read_frame(io.BytesIO(stream.getvalue()[:-1])) is None
    assert read_frame(io.BytesIO(stream.getvalue()[:3])) is None
