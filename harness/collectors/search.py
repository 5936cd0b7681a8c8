"""Searching the web: one way to ask, and the three services that answer it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from harness.collectors.context import CollectContext
from harness.collectors.document import BadDocument, list_of, read_json, record_answer, text_of
from harness.collectors.fetch import Unreachable, fetch_source, source_name, words_for_status
from harness.collectors.freshness import settle_dates
from harness.collectors.links import usable_link
from harness.collectors.plain_text import MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, shorten, strip_html
from harness.domain.errors import LimitReached, Refused, TransientError
from harness.domain.search import SearchProvider, SearchSettings
from harness.domain.source import Collected, Gap, Item
from harness.ports import WebResponse

MOST_RESULTS = 20
_MOST_WORDS_CHARS = 400
_HOW_TO_SET_ONE = (
    'no service that searches is set; write [search] with provider = "tavily", "brave" or "searxng" into harness.toml'
)


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """What is asked for: words, and how many results at most."""

    words: str
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """One result of a search; `published_at` is aware UTC where the service tells it."""

    title: str
    url: str
    text: str
    published_at: datetime | None = None


class SearchService(Protocol):
    """How one service is asked, and how its answer reads."""

    @property
    def name(self) -> str:
        """What the service is called."""
        ...

    async def ask(self, question: SearchQuestion, context: CollectContext) -> WebResponse | Unreachable:
        """Return what the service answers. Never raises for what it does."""
        ...

    def read(self, answer: Any) -> Sequence[Found | None]:
        """Return the results of its JSON, None for each that cannot be used. Raises BadDocument."""
        ...


def check_search(rest: str) -> str | None:
    """Return what is wrong with what stands after `search/`, and how to write it."""
    if not rest.strip():
        return "has no words to search for; write search/WORDS, such as search/agent harness"
    return None if len(rest) <= _MOST_WORDS_CHARS else f"is longer than {_MOST_WORDS_CHARS} characters; use fewer words"


async def collect_search(read: str, context: CollectContext) -> Collected:
    """Return what the web holds on `search/<words>`; without a service that is a gap that says how to set one."""
    return await search_web(read, SearchQuestion(read.partition("/")[2].strip(), MOST_RESULTS), context)


async def search_web(read: str, question: SearchQuestion, context: CollectContext) -> Collected:
    """Return what the service of the settings finds, as items whose source is the host that each stands on."""
    settings = context.workspace.settings.search
    if settings.provider is None:
        return Collected(read, gaps=(Gap(read, _HOW_TO_SET_ONE),))
    key = ((context.shared.secret(settings.key_env) if settings.key_env else None) or "").strip()
    service = SERVICES[settings.provider](settings, key)
    if settings.provider != "searxng" and not key:
        problem = f"the key of {service.name} is missing: set {settings.key_env} in the environment"
        return Collected(read, gaps=(Gap(service.name, problem),))
    answer = await service.ask(question, context)
    try:
        found = _read(service, answer)
    except BadDocument as problem:
        await record_answer(f"search {settings.provider}", str(problem), context)
        return Collected(read, gaps=(Gap(service.name, str(problem)),))
    # A service that finds nothing works all the same.
    await record_answer(f"search {settings.provider}", "", context)
    return _results(read, service.name, found, question, context)


def _read(service: SearchService, answer: WebResponse | Unreachable) -> Sequence[Found | None]:
    if isinstance(answer, Unreachable):
        raise BadDocument(answer.problem)
    return service.read(read_json(answer.body))


def _results(
    read: str, name: str, found: Sequence[Found | None], question: SearchQuestion, context: CollectContext
) -> Collected:
    items = [_item(result) for result in found if result is not None][: question.limit]
    gaps = []
    if not found:
        gaps.append(Gap(name, "found nothing"))
    elif None in found:
        gaps.append(Gap(name, f"{found.count(None)} of its {len(found)} results could not be read"))
    return Collected(read, settle_dates(items, context.now), tuple(gaps))


def _item(found: Found) -> Item:
    return Item(found.title, found.url, source_name(found.url), found.text, found.published_at)


@dataclass(frozen=True, slots=True)
class Tavily:
    """https://docs.tavily.com: a question in a POST, the key as a bearer token."""

    settings: SearchSettings
    key: str
    name: str = "Tavily"

    async def ask(self, question: SearchQuestion, context: CollectContext) -> WebResponse | Unreachable:
        """Send the question; what it costs is one of the account's credits."""
        if context.shared.outlet is None:
            return Unreachable("was not asked: nothing may be sent from here")
        url = f"{self.settings.url or 'https://api.tavily.com'}/search"
        body = json.dumps({"query": question.words, "max_results": question.limit, "search_depth": "basic"}).encode()
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        limits = context.limits
        try:
            async with context.turns.take(url, context.pace):
                answer = await context.shared.outlet.post(
                    url, body, max_bytes=limits.max_bytes, timeout_s=limits.timeout_s, headers=headers
                )
        except Refused as error:
            return Unreachable(f"was refused: {error.reason}")
        except LimitReached:
            return Unreachable(f"is larger than {limits.max_bytes / 1_000_000:g} MB")
        except TransientError as error:
            return Unreachable(str(error))
        if answer.status in (301, 302, 303, 307, 308):
            return Unreachable("redirects elsewhere, where the question is not sent")
        return answer if 200 <= answer.status < 300 else Unreachable(words_for_status(answer.status))

    def read(self, answer: Any) -> list[Found | None]:
        """Read `results` of title, url, content, published_date."""
        return [_found(one, "content", "published_date") for one in list_of(answer, "results")]


@dataclass(frozen=True, slots=True)
class Brave:
    """https://api-dashboard.search.brave.com: a GET with the key in a header of its own."""

    settings: SearchSettings
    key: str
    name: str = "Brave Search"

    async def ask(self, question: SearchQuestion, context: CollectContext) -> WebResponse | Unreachable:
        """Ask for the words."""
        base = self.settings.url or "https://api.search.brave.com"
        url = f"{base}/res/v1/web/search?{urlencode({'q': question.words, 'count': question.limit})}"
        return await _get(url, {"accept": "application/json", "x-subscription-token": self.key}, context)

    def read(self, answer: Any) -> list[Found | None]:
        """Read `web.results` of title, url, description, page_age; without any there is no `web`."""
        if isinstance(answer, dict) and "query" in answer and "web" not in answer:
            return []
        return [_found(one, "description", "page_age") for one in list_of(answer, "web", "results")]


@dataclass(frozen=True, slots=True)
class SearXNG:
    """https://docs.searxng.org: a server of one's own, whose settings allow `json` among the formats."""

    settings: SearchSettings
    key: str
    name: str = "SearXNG"

    async def ask(self, question: SearchQuestion, context: CollectContext) -> WebResponse | Unreachable:
        """Ask for the words."""
        url = f"{self.settings.url}/search?{urlencode({'q': question.words, 'format': 'json'})}"
        answer = await _get(url, {"accept": "application/json"}, context)
        if isinstance(answer, Unreachable) and answer.problem.startswith("answered 403"):
            return Unreachable(f"{answer.problem}: its settings.yml must list json under search.formats")
        return answer

    def read(self, answer: Any) -> list[Found | None]:
        """Read `results` of title, url, content, publishedDate."""
        return [_found(one, "content", "publishedDate") for one in list_of(answer, "results")]


SERVICES: Mapping[SearchProvider, Callable[[SearchSettings, str], SearchService]] = {
    "tavily": Tavily,
    "brave": Brave,
    "searxng": SearXNG,
}


async def _get(url: str, headers: Mapping[str, str], context: CollectContext) -> WebResponse | Unreachable:
    answer = await fetch_source(url, context, headers=headers)
    # Answers of a search are never kept, so that nothing can be unchanged.
    return answer if isinstance(answer, WebResponse | Unreachable) else Unreachable("answered that nothing changed")


def _found(result: Any, text_key: str, date_key: str) -> Found | None:
    if not isinstance(result, dict):
        return None
    written, about = result.get("url"), result.get(text_key)
    link = usable_link(written, "") if isinstance(written, str) and written else None
    if link is None:
        return None
    title = strip_html(text_of(result.get("title"), MAX_TITLE_CHARS), MAX_TITLE_CHARS)
    text = strip_html(about, MAX_SUMMARY_CHARS) if isinstance(about, str) else ""
    return Found(title or shorten(text, 80) or link, link, text, _moment(result.get(date_key)))


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value)
            return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
