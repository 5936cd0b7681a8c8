"""Links that an answer may keep although no item stands for them."""

from __future__ import annotations

from harness.domain.figures import Figure
from harness.domain.source import Collected, Item
from harness.runs.handed_on import links_handed_on
from harness.runs.report import parse_report

PAGE = "# Draft\n\nIt costs [a tenth](https://a.org/price?utm_source=x) of that, says [the maker](https://b.org/)."


def urls(*collected: Collected, items: tuple[Item, ...] = ()) -> list[str]:
    return [item.url for item in links_handed_on(collected, items)]


def test_links_in_the_text_of_another_jobs_page_may_be_kept() -> None:
    draft = Collected("content/draft", text=PAGE)
    report = parse_report(PAGE, links_handed_on((draft,), ()))
    assert report.strays == ()
    assert parse_report(PAGE, ()).strays != ()


def test_a_page_stands_once_and_not_beside_the_item_for_it() -> None:
    known = Item("Price", "https://a.org/price", "A")
    twice = Collected("content/ideas", text=PAGE), Collected("content/draft", text=PAGE)
    assert urls(*twice) == ["https://a.org/price?utm_source=x", "https://b.org/"]
    assert urls(*twice, items=(known,)) == ["https://b.org/"]


def test_only_pages_of_the_team_hand_their_links_on() -> None:
    """What an address in a fetched page or in a file leads to was never looked at by anybody."""
    assert urls(Collected("https://c.org/page", text=PAGE), Collected("memory/notes.md", text=PAGE)) == []


def test_the_page_behind_a_figure_may_be_linked() -> None:
    close = Figure("^spx.close", "S&P 500, close", 6790.19, source="Bourse", url="https://d.org/spx")
    market = Collected("market/us", figures=(close, Figure("x", "without a page", 1.0)))
    assert urls(market) == ["https://d.org/spx"]


def test_what_is_no_web_address_is_no_link() -> None:
    assert urls(Collected("content/draft", text="[mail](mailto:a@b.org) [here](todos.md?task=1)")) == []
