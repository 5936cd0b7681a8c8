"""An API that answers searches for papers as arXiv's does: `search_query` in, Atom out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement

from harness.rehearsal.stories import Paper
from harness.rehearsal.syndication import ATOM, as_document, iso, leaf

_ARXIV = "http://arxiv.org/schemas/atom"
_OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"
_TOKEN = re.compile(r'\s*(\(|\)|(?:\w+:)?"[^"]*"|[^\s()"]+)')
_MOST_RESULTS = 2000
_DEFAULT_RESULTS = 10

Matches = Callable[[Paper], bool]


class BadSearch(ValueError):
    """The search cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Preprint:
    """A paper of a given day; `id` is such as `2611.00007v1`."""

    paper: Paper
    id: str
    published_at: datetime

    @property
    def path(self) -> str:
        return f"/abs/{self.id}"


def number_papers(papers: Sequence[tuple[Paper, datetime]]) -> tuple[Preprint, ...]:
    """Return the papers with ids that count up in the order of publication, as arXiv's do."""
    in_order = sorted(papers, key=lambda pair: pair[1])
    return tuple(
        Preprint(paper, f"{published_at:%y%m}.{number:05d}v1", published_at)
        for number, (paper, published_at) in enumerate(in_order, start=1)
    )


def parse_search(query: str) -> Matches:
    """Return what a `search_query` asks for as a predicate.

    Fields `ti au abs cat all`, quoted phrases, AND, OR, ANDNOT and parentheses; operators bind equally,
    from the left; two terms without an operator are joined by OR, as there. Raises BadSearch.
    """
    tokens = [match.group(1) for match in _TOKEN.finditer(query)]
    if not tokens:
        raise BadSearch("search_query is empty")
    matches, rest = _parse_terms(tokens)
    if rest:
        raise BadSearch(f"unexpected {rest[0]!r} in search_query")
    return matches


def answer_search(parameters: Mapping[str, str], preprints: Sequence[Preprint], url: str, now: datetime) -> bytes:
    """Return the Atom document for these request parameters, searching what is published at `now`.

    Understands search_query, id_list, start, max_results, sortBy and sortOrder. Raises BadSearch.
    """
    published = [preprint for preprint in preprints if preprint.published_at <= now]
    found = _select(parameters, published)
    found.sort(key=lambda preprint: preprint.published_at, reverse=parameters.get("sortOrder") != "ascending")
    start = _count(parameters, "start", 0)
    page = found[start : start + _count(parameters, "max_results", _DEFAULT_RESULTS)]
    query = parameters.get("search_query", "")
    return as_document(_document(query, page, len(found), start, url, now))


def render_error(problem: str, url: str, now: datetime) -> bytes:
    """Return the Atom document with the single entry `Error` that arXiv answers a bad search with."""
    root = _envelope("Error", url, now)
    entry = SubElement(root, "entry")
    leaf(entry, "id", f"{url}/errors")
    leaf(entry, "title", "Error")
    leaf(entry, "summary", problem)
    leaf(entry, "updated", iso(now))
    return as_document(root)


def _select(parameters: Mapping[str, str], published: Sequence[Preprint]) -> list[Preprint]:
    wanted_ids = {name for name in parameters.get("id_list", "").split(",") if name}
    found = list(published)
    if wanted_ids:
        found = [preprint for preprint in found if wanted_ids & {preprint.id, preprint.id.removesuffix("v1")}]
    if "search_query" in parameters or not wanted_ids:
        matches = parse_search(parameters.get("search_query", ""))
        found = [preprint for preprint in found if matches(preprint.paper)]
    return found


def _count(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not text.isdecimal() or int(text) > _MOST_RESULTS:
        raise BadSearch(f"{name} must be an integer from 0 to {_MOST_RESULTS}")
    return int(text)


def _parse_terms(tokens: Sequence[str]) -> tuple[Matches, Sequence[str]]:
    matches, rest = _parse_term(tokens)
    while rest and rest[0] != ")":
        operator, after = (rest[0], rest[1:]) if rest[0] in ("AND", "OR", "ANDNOT") else ("OR", rest)
        right, rest = _parse_term(after)
        matches = _join(operator, matches, right)
    return matches, rest


def _parse_term(tokens: Sequence[str]) -> tuple[Matches, Sequence[str]]:
    if not tokens or tokens[0] in (")", "AND", "OR", "ANDNOT"):
        raise BadSearch(f"a term is missing before {tokens[0]!r}" if tokens else "search_query ends too early")
    if tokens[0] != "(":
        return _field_match(tokens[0]), tokens[1:]
    matches, rest = _parse_terms(tokens[1:])
    if not rest:
        raise BadSearch("a parenthesis is not closed")
    return matches, rest[1:]


def _join(operator: str, left: Matches, right: Matches) -> Matches:
    if operator == "AND":
        return lambda paper: left(paper) and right(paper)
    if operator == "ANDNOT":
        return lambda paper: left(paper) and not right(paper)
    return lambda paper: left(paper) or right(paper)


def _field_match(token: str) -> Matches:
    field, colon, value = token.partition(":")
    if not colon or token.startswith('"'):
        field, value = "all", token
    value = value.strip('"').casefold()
    if field == "cat":
        return lambda paper: any(_is_category(category.casefold(), value) for category in paper.categories)
    if field not in ("ti", "au", "abs", "all"):
        raise BadSearch(f"unknown field {field!r}; there are ti, au, abs, cat, all")
    phrase = re.compile(r"\b" + re.escape(value).replace(r"\*", r"\w*") + r"\b")
    return lambda paper: phrase.search(_field_text(paper, field).casefold()) is not None


def _is_category(category: str, wanted: str) -> bool:
    return category.startswith(wanted[:-1]) if wanted.endswith("*") else category == wanted


def _field_text(paper: Paper, field: str) -> str:
    texts = {"ti": paper.title, "au": ", ".join(paper.authors), "abs": paper.text}
    return texts.get(field) or " \n ".join((*texts.values(), " ".join(paper.categories)))


def _envelope(title: str, url: str, now: datetime) -> Element:
    root = Element("feed", {"xmlns": ATOM, "xmlns:arxiv": _ARXIV, "xmlns:opensearch": _OPENSEARCH})
    leaf(root, "title", title)
    leaf(root, "id", f"{url}/api/query")
    # arXiv dates an answer by the day, so that it stays the same for a day.
    leaf(root, "updated", iso(now.replace(hour=0, minute=0, second=0, microsecond=0)))
    return root


def _document(query: str, page: Sequence[Preprint], total: int, start: int, url: str, now: datetime) -> Element:
    root = _envelope(f"arXiv Query: search_query={query}", url, now)
    leaf(root, "opensearch:totalResults", str(total))
    leaf(root, "opensearch:startIndex", str(start))
    leaf(root, "opensearch:itemsPerPage", str(len(page)))
    for preprint in page:
        _append_preprint(root, preprint, url)
    return root


def _append_preprint(root: Element, preprint: Preprint, url: str) -> None:
    entry = SubElement(root, "entry")
    leaf(entry, "id", url + preprint.path)
    leaf(entry, "title", preprint.paper.title)
    leaf(entry, "summary", preprint.paper.text)
    leaf(entry, "published", iso(preprint.published_at))
    leaf(entry, "updated", iso(preprint.published_at))
    for author in preprint.paper.authors:
        leaf(SubElement(entry, "author"), "name", author)
    leaf(entry, "link", href=url + preprint.path, rel="alternate", type="text/html")
    leaf(entry, "arxiv:primary_category", term=preprint.paper.categories[0], scheme=_ARXIV)
    for category in preprint.paper.categories:
        leaf(entry, "category", term=category, scheme=_ARXIV)
