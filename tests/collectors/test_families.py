"""Every family of sources, one suite: whatever a service does, an entry is items, figures or named gaps.

Nothing raises, the other entries of the same job come through, and what a family yields is fit for a digest.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.collectors.collect import check_read, collect
from harness.collectors.context import CollectContext, SharedMeans
from harness.collectors.families import FAMILIES
from harness.collectors.parse import FeedParser
from harness.collectors.plain_text import MAX_SUMMARY_CHARS
from harness.domain.agent import Agent
from harness.domain.feed import FeedEntry
from harness.domain.job import Job
from harness.domain.settings import Egress
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.egress import SystemResolver, WebDoor
from harness.ports import Web
from harness.testing.web_server import WebReply, WebRequest, WebServer
from tests.collectors.conftest import RememberedSources
from tests.collectors.family_case import NOW, FamilyCase, yields
from tests.collectors.family_cases import CASES

# The server itself is granted and nothing else of loopback: a redirect elsewhere on it is refused.
GRANTED = Egress(networks=("127.0.0.1/32",))
GOOD_FEED = (
    b"<rss version='2.0'><channel><title>Beside</title>"
    b"<item><title>The other entry goes on</title><link>https://beside.example/1</link></item></channel></rss>"
)
HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><p>Please enable JavaScript.</p></body></html>"
MOST_MUTATIONS = 150

every_family = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
every_service = pytest.mark.parametrize("case", [c for c in CASES if not c.from_files], ids=lambda case: case.id)
every_json = pytest.mark.parametrize("case", [c for c in CASES if c.is_json], ids=lambda case: case.id)


@dataclasses.dataclass(frozen=True)
class Reading:
    """What an entry of the family gave, and the one that was collected beside it."""

    collected: Collected
    beside: Collected


class Stand:
    """A server that plays the family's service, and a way to collect from it."""

    def __init__(self, case: FamilyCase, root: Path, parser: FeedParser) -> None:
        self.case = case
        self.answer: Callable[[WebRequest], WebReply | None] = case.answer
        self._root = root
        self._parser = parser
        self.server = WebServer(self._reply)

    def read(self, read: str | None = None, *, timeout_s: float = 10.0, web: Web | None = None) -> Reading:
        """Collect the family's entry and another one side by side, as a run does."""
        read = read or self.case.read
        beside = FeedEntry("Beside", self.server.url("/beside.xml"))
        workspace = self.case.workspace(self._root, self.server.url("").rstrip("/"))
        workspace = dataclasses.replace(
            workspace,
            agents={"scout": Agent("scout", "", "", ""), **workspace.agents},
            feed_lists={**workspace.feed_lists, "beside": (beside,)},
        )
        door = web or WebDoor(GRANTED, SystemResolver())
        context = self._context(workspace, door, timeout_s)
        # The one beside it has time, also on a machine that is busy.
        patient = self._context(workspace, door, 30.0)

        async def both() -> Reading:
            return Reading(*await asyncio.gather(collect(read, context), collect("feeds/beside", patient)))

        return asyncio.run(both())

    def _context(self, workspace: Workspace, web: Web, timeout_s: float) -> CollectContext:
        settings = workspace.settings
        limits = dataclasses.replace(settings.sources, timeout_s=timeout_s)
        return CollectContext(
            workspace=dataclasses.replace(
                workspace, settings=dataclasses.replace(settings, egress=GRANTED, sources=limits)
            ),
            job=Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC"),
            web=web,
            now=NOW,
            cache=RememberedSources({}),
            parser=self._parser,
            latest_output=lambda job_id: None,
            shared=SharedMeans(secret=lambda name: "a-key", outlet=WebDoor(GRANTED, SystemResolver())),
        )

    def _reply(self, request: WebRequest) -> WebReply | None:
        return WebReply(GOOD_FEED) if request.path == "/beside.xml" else self.answer(request)


@pytest.fixture
def stand(case: FamilyCase, tmp_path: Path, parser: FeedParser) -> Iterator[Stand]:
    stand = Stand(case, tmp_path, parser)
    with stand.server:
        yield stand


def assert_named(stand: Stand, reading: Reading, words: str = "") -> None:
    """Check that the entry says in words what is missing, and that the other one was collected."""
    assert reading.collected.gaps, "nothing may be lost without a word"
    for gap in reading.collected.gaps:
        assert gap.source and gap.problem
        assert "a fault in the harness" not in gap.problem
        assert words in gap.problem
    assert_sound(reading.collected)
    assert [item.title for item in reading.beside.items] == ["The other entry goes on"]
    assert reading.beside.gaps == ()


def assert_sound(collected: Collected) -> None:
    """Check what every digest relies on: links, lengths, aware dates, finite numbers, keys that are unique."""
    for item in collected.items:
        assert item.title.strip() and "\n" not in item.title
        # A task or an event has no page on the web: it is named within the workspace, and no browser is sent there.
        assert item.url.startswith(("http://", "https://")) or re.fullmatch(r"[\w./-]+\?\w+=[\w.-]+", item.url)
        assert len(item.summary) <= MAX_SUMMARY_CHARS
        assert item.source
        assert item.published_at is None or item.published_at.utcoffset() is not None
    keys = [figure.key for figure in collected.figures]
    assert len(keys) == len(set(keys))
    for figure in collected.figures:
        assert math.isfinite(figure.value), figure
        assert figure.name and figure.source, figure
        assert figure.at is None or figure.at.utcoffset() is not None
    for series in collected.series:
        assert [point.at for point in series.points] == sorted(point.at for point in series.points)
        assert all(math.isfinite(point.value) for point in series.points)


def test_every_family_has_a_case_and_every_case_a_family() -> None:
    assert sorted({case.family for case in CASES}) == sorted(FAMILIES)


@every_family
def test_the_entry_is_well_formed(case: FamilyCase) -> None:
    assert check_read(case.read) is None
    assert FAMILIES[case.family].form.startswith(case.family)


@every_family
def test_a_good_answer_is_what_the_case_says_and_no_gap(case: FamilyCase, stand: Stand) -> None:
    reading = stand.read()

    assert reading.collected.gaps == ()
    assert yields(reading.collected)
    assert_sound(reading.collected)
    case.check(reading.collected)
    assert reading.beside.items


@every_service
def test_an_answer_that_holds_nothing_yields_nothing_and_says_so(case: FamilyCase, stand: Stand) -> None:
    if case.empty is None:
        pytest.skip("this service has no such answer")
    cassette = next(iter(case.cassettes.values()))
    empty = case.empty
    stand.answer = lambda request: WebReply(empty, content_type=cassette.content_type)

    reading = stand.read()

    assert reading.collected.items == () and reading.collected.figures == ()
    if not case.may_be_empty:
        assert_named(stand, reading)


@every_service
@pytest.mark.parametrize("status", [404, 500])
def test_an_error_is_named_with_its_status(case: FamilyCase, stand: Stand, status: int) -> None:
    stand.answer = lambda request: WebReply(b"{}", status=status, content_type="application/json")

    assert_named(stand, stand.read(), words=str(status))


@every_service
def test_a_service_that_never_answers_is_named_after_the_timeout(case: FamilyCase, stand: Stand) -> None:
    stand.server.silence("/silence")
    stand.answer = lambda request: stand.server.reply_to(WebRequest("GET", "/silence", {}))

    assert_named(stand, stand.read(timeout_s=0.5), words="no complete answer within 0.5 s")


@every_service
@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff\xfe garbage \x80" * 50, b"null", b"[" * 200_000, b'"text"', b"1e999", b"<a>" * 1000]
)
def test_garbage_is_named(case: FamilyCase, stand: Stand, body: bytes) -> None:
    content_type = next(iter(case.cassettes.values())).content_type
    stand.answer = lambda request: WebReply(body, content_type=content_type)

    assert_named(stand, stand.read())


@every_service
def test_an_answer_that_is_cut_off_in_the_middle_is_named(case: FamilyCase, stand: Stand) -> None:
    def half(request: WebRequest) -> WebReply | None:
        reply = case.answer(request)
        if reply is None:
            return None
        assert isinstance(reply.body, bytes)
        return dataclasses.replace(reply, body=reply.body[: len(reply.body) * 6 // 10])

    stand.answer = half

    assert_named(stand, stand.read())


@every_service
def test_an_answer_of_50_mb_is_named_and_not_loaded(case: FamilyCase, stand: Stand) -> None:
    stand.server.flood("/flood", 50_000_000)
    stand.answer = lambda request: stand.server.reply_to(WebRequest("GET", "/flood", {}))

    assert_named(stand, stand.read(), words="is larger than 5 MB")


@every_service
def test_a_page_in_place_of_the_answer_is_named(case: FamilyCase, stand: Stand) -> None:
    stand.answer = lambda request: WebReply(HTML, content_type="text/html; charset=utf-8")

    reading = stand.read()

    assert_named(stand, reading)
    assert not reading.collected.items


@every_service
def test_a_redirect_to_loopback_is_refused_and_named(case: FamilyCase, stand: Stand) -> None:
    stand.answer = lambda request: WebReply(status=302, headers={"Location": "http://127.0.0.2:1/latest/meta-data"})

    assert_named(stand, stand.read(), words=case.refusal)


@every_json
def test_wrong_types_anywhere_in_the_json_never_raise(case: FamilyCase, stand: Stand) -> None:
    """One value after the other becomes something else; what is still right may be used."""
    for path, cassette in case.cassettes.items():
        good = json.loads(cassette.body(case.family))
        for mutated in _spread(list(mutations(good)), MOST_MUTATIONS):
            body = json.dumps(mutated).encode()

            def answer(request: WebRequest, body: bytes = body, path: str = path) -> WebReply | None:
                own = request.path.partition("?")[0] == path
                return WebReply(body, content_type="application/json") if own else case.answer(request)

            stand.answer = answer
            reading = stand.read()
            assert_sound(reading.collected)
            assert yields(reading.collected) or reading.collected.gaps or case.may_be_empty, body
            assert not [gap for gap in reading.collected.gaps if "a fault in the harness" in gap.problem], body
            assert reading.beside.items


def mutations(value: Any) -> Iterator[Any]:
    """Yield the document with each of its values replaced by one of another kind, or taken out."""
    strange: tuple[Any, ...] = (None, True, -1, 1e300, "", "no", "9" * 400, [], [None], {}, {"a": {"b": []}})
    for other in strange:
        if type(other) is not type(value) or other != value:
            yield other
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: kept for name, kept in value.items() if name != key}
            for changed in mutations(inner):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for changed in mutations(inner):
                yield [*value[:index], changed, *value[index + 1 :]]


def _spread(documents: list[Any], most: int) -> list[Any]:
    """Return at most so many of the documents, evenly from all of them."""
    step = max(1, math.ceil(len(documents) / most))
    return documents[::step]
