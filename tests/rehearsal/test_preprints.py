from datetime import UTC, datetime, timedelta

import feedparser
import pytest

from harness.rehearsal.preprints import BadSearch, Preprint, answer_search, number_papers, parse_search
from harness.rehearsal.stories import Paper

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
URL = "http://preprints.sample.test"


def paper(title: str, *categories: str, text: str = "", authors: tuple[str, ...] = ("Ada Stern",)) -> Paper:
    return Paper(0.0, title, text, authors, categories)


LEDGER = paper("Ledgers before Leaders", "cs.AI", "cs.MA", text="Agents coordinate through records.")
JUDGES = paper("Three Small Judges", "cs.CL", "cs.AI", authors=("Jun Castellan", "Ada Stern"))
CACHES = paper("Paging Caches", "cs.DC", text="Agents wait; caches are paged.")


def shelf() -> tuple[Preprint, ...]:
    return number_papers([(p, NOON + timedelta(hours=h)) for h, p in enumerate((LEDGER, JUDGES, CACHES))])


def titles(query: str) -> list[str]:
    return [p.title for p in (LEDGER, JUDGES, CACHES) if parse_search(query)(p)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("cat:cs.AI", [LEDGER, JUDGES]),
        ("cat:cs.ai", [LEDGER, JUDGES]),
        ("cat:cs.A", []),
        ("cat:cs.*", [LEDGER, JUDGES, CACHES]),
        ("cat:cs.MA OR cat:cs.DC", [LEDGER, CACHES]),
        ("cat:cs.AI AND cat:cs.CL", [JUDGES]),
        ("cat:cs.AI ANDNOT cat:cs.CL", [LEDGER]),
        ("cat:cs.DC OR cat:cs.AI AND cat:cs.CL", [JUDGES]),
        ("cat:cs.DC OR (cat:cs.AI AND cat:cs.CL)", [JUDGES, CACHES]),
        ('ti:"small judges"', [JUDGES]),
        ("ti:agents", []),
        ("abs:agents", [LEDGER, CACHES]),
        ("au:castellan", [JUDGES]),
        ("all:agent*", [LEDGER, CACHES]),
        ("caches judges", [JUDGES, CACHES]),
        ('"before leaders"', [LEDGER]),
    ],
)
def test_a_search_finds_what_arxiv_would_find(query: str, found: list[Paper]) -> None:
    assert titles(query) == [p.title for p in found]


@pytest.mark.parametrize("query", ["", "   ", "cat:cs.AI AND", "AND cat:cs.AI", "(cat:cs.AI", "cat:cs.AI)", "doi:12"])
def test_a_search_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(BadSearch):
        parse_search(query)


def test_ids_count_up_with_the_time_of_publication() -> None:
    later, earlier = (LEDGER, NOON), (CACHES, NOON - timedelta(days=1))
    assert [(p.paper, p.id) for p in number_papers([later, earlier])] == [
        (CACHES, "2611.00001v1"),
        (LEDGER, "2611.00002v1"),
    ]


def test_the_answer_is_atom_as_arxiv_writes_it() -> None:
    parsed = feedparser.parse(answer_search({"search_query": "cat:cs.AI"}, shelf(), URL, NOON + timedelta(days=1)))
    assert not parsed.bozo
    assert parsed.feed.opensearch_totalresults == "2"
    newest = parsed.entries[0]
    assert newest.title == JUDGES.title
    assert newest.link == f"{URL}/abs/2611.00002v1"
    assert newest.published == "2026-11-20T13:00:00Z"
    assert [author.name for author in newest.authors] == list(JUDGES.authors)
    assert newest.arxiv_primary_category["term"] == "cs.CL"
    assert [tag.term for tag in newest.tags] == ["cs.CL", "cs.AI"]


def test_a_paper_is_not_found_before_it_is_published() -> None:
    parsed = feedparser.parse(answer_search({"search_query": "cat:cs.AI"}, shelf(), URL, NOON + timedelta(minutes=59)))
    assert [entry.title for entry in parsed.entries] == [LEDGER.title]


def test_pages_order_and_ids_are_honoured() -> None:
    def found(**parameters: str) -> list[str]:
        document = answer_search(parameters, shelf(), URL, NOON + timedelta(days=1))
        return [entry.title for entry in feedparser.parse(document).entries]

    assert found(search_query="cat:cs.*", max_results="1") == [CACHES.title]
    assert found(search_query="cat:cs.*", start="1", max_results="1") == [JUDGES.title]
    assert found(search_query="cat:cs.*", sortOrder="ascending", max_results="1") == [LEDGER.title]
    assert found(id_list="2611.00001,2611.00003v1") == [CACHES.title, LEDGER.title]
    assert found(id_list="2611.00001,2611.00003v1", search_query="cat:cs.AI") == [LEDGER.title]


@pytest.mark.parametrize("parameters", [{"start": "-1"}, {"max_results": "many"}, {"max_results": "2001"}])
def test_impossible_pages_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(BadSearch, match="must be an integer"):
        answer_search({"search_query": "cat:cs.AI", **parameters}, shelf(), URL, NOON)
