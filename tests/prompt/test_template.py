"""Digests filled in without a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.domain.errors import OwnerError
from harness.domain.figures import Figure
from harness.domain.job import Job
from harness.domain.source import Collected, Gap, Item
from harness.prompt.template import render_template

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)  # the evening before in Los Angeles

LIST = "{% for item in inputs.feeds.items %}- [{{ item.title }}]({{ item.url }}) — {{ item.why }}\n{% endfor %}"


def job(template: str | None) -> Job:
    return Job("zoe", "daily-digest", "agents/zoe/jobs/daily-digest.md", (), "America/Los_Angeles", template=template)


def filled(template: str, *collected: Collected, **run_inputs: str) -> str:
    return render_template(job(template), collected, user_name="Sam", now=NOW, run_inputs=run_inputs)


def item(title: str = "Title", url: str = "https://a.org/1", summary: str = "Why") -> Item:
    return Item(title, url, "Blog", summary, NOW, also_in=("News",))


def test_the_template_knows_who_when_and_what() -> None:
    text = "{{ user.name }} {{ today }} {{ time }} {{ agent }}/{{ job }}"
    assert filled(text) == "Sam 2026-11-20 22:30 zoe/daily-digest"


def test_what_takes_turns_by_the_day_has_its_turn_once_in_as_many_days() -> None:
    lines = "{{ ['a', 'b', 'c'][day_number % 3] }}"
    turns = [render_template(job(lines), (), user_name="Sam", now=NOW + timedelta(days=days)) for days in range(40, 46)]
    assert sorted(turns[:3]) == ["a", "b", "c"]
    assert turns[:3] == turns[3:]


def test_the_numbers_of_an_input_are_asked_for_by_their_keys() -> None:
    close = Figure("^spx.close", "S&P 500, close", 6012.346, "points", NOW, "Bourse", "https://a.org/spx")
    market = Collected("market/indices", figures=(close,))
    template = (
        "{% set spx = inputs.market.figures['^spx.close'] %}{{ spx.name }} {{ spx }} {{ '%.1f' | format(spx.value) }}"
        " {{ spx.unit }} {{ spx.source }} {{ spx.at }} {{ spx.text }}"
    )
    told = "S&P 500, close 6012.346 6012.3 points Bourse 2026-11-20 6,012.346 points"
    assert filled(template, market) == told


def test_items_texts_and_gaps_of_each_input_can_be_written() -> None:
    feeds = Collected("feeds/ai", (item(),), (Gap("Blog", "answered 500"),))
    template = (
        "{% for name, input in inputs.items() %}{{ name }}: {% for item in input.items %}{{ item }}"
        " {{ item.sources | join('+') }} {{ item.published }} {{ item.summary }}{% endfor %} {{ input.gaps | join }}"
        " {{ input.text }}{% endfor %}"
    )
    assert filled(template, feeds) == (
        "feeds/ai: - [Title](https://a.org/1) — Why Blog+News 2026-11-20 Why Blog: answered 500 "
    )


def test_an_item_that_another_agent_has_judged_is_written_with_its_priority() -> None:
    judged = Collected("ainews/arxiv", (replace(item(), priority="P1"), item("Two")))
    assert filled("{{ inputs.ainews }}", judged).splitlines() == [
        "- [Title](https://a.org/1) — Why P1",
        "- [Two](https://a.org/1) — Why",
    ]


def test_an_input_written_out_is_its_text_or_its_items() -> None:
    prose = Collected("ainews/arxiv", (item(),), text="## Papers\n\n- [A](https://a.org/1)\n")
    feeds = Collected("feeds/ai", (item("One"), item("Two")))
    assert filled("{{ inputs.ainews }}", prose) == "## Papers\n\n- [A](https://a.org/1)"
    assert filled("{{ inputs.feeds }}", feeds).splitlines() == [
        "- [One](https://a.org/1) — Why",
        "- [Two](https://a.org/1) — Why",
    ]


def test_what_the_run_was_given_by_name_is_an_input() -> None:
    assert filled("{{ inputs.topic }}", topic="rust") == "rust"


def links(markdown: str) -> list[tuple[str, str]]:
    """Each list entry's text and its links, as CommonMark reads them."""
    found = []
    for token in MarkdownIt().parse(markdown):
        if token.type == "inline":
            hrefs = [str(child.attrs["href"]) for child in token.children or [] if child.type == "link_open"]
            found.append((str(len(hrefs)), " ".join(hrefs)))
    return found


_HOSTILE = st.lists(
    st.one_of(st.text(max_size=5), st.sampled_from(["](https://evil.org)", "[", "]", "\n- ", "`", "<b>", "\\", "!["])),
    max_size=6,
).map("".join)


@given(_HOSTILE.filter(lambda text: text.strip()), _HOSTILE)
@example("x](https://evil.org) [y", "")
@example("x", "\n- [Second](https://evil.org) — forged")
@example("x\\", "see https://evil.org")
def test_no_title_and_no_summary_adds_an_entry_or_a_link(title: str, summary: str) -> None:
    text = filled(LIST, Collected("feeds/ai", (item(title, "https://a.org/1", summary),)))
    assert links(text) == [("1", "https://a.org/1")]


def test_an_address_with_brackets_stays_one_link() -> None:
    text = filled(LIST, Collected("feeds/ai", (item("T", "https://a.org/a_(b)?q=[x] y"),)))
    ((count, href),) = links(text)
    assert count == "1"
    assert href.startswith("https://a.org/a_(b)?q=")


def test_a_wrong_template_names_its_file_and_line() -> None:
    with pytest.raises(OwnerError, match=r"^agents/zoe/jobs/daily-digest\.template\.md:2: Jinja2: .*nothing"):
        filled("one\n{{ inputs.nothing }}")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("inputs.fedes.items", r"there is no 'fedes' in inputs; did you mean feeds"),
        ("inputs.feeds.itms", r"there is no 'itms' in an input; did you mean items\?"),
        ("inputs.feeds.items[0].titel", r"there is no 'titel' in an item; did you mean title\?"),
        ("inputs.feeds.items[7].title", r"there is no element 7 in a list; elements are counted from 0"),
        ("usr.name", r"'usr' is undefined; did you mean user\?"),
        ("nothing", r"'nothing' is undefined; known are user\.name, today, time, day_number, agent, job, inputs"),
        ("inputs.feeds + 1", r"unsupported operand type\(s\) for \+: an input and 'int'; correct the expression"),
    ],
)
def test_what_a_template_gets_wrong_is_told_in_its_authors_words(expression: str, says: str) -> None:
    with pytest.raises(OwnerError, match=says) as error:
        filled("{{ " + expression + " }}", Collected("feeds/ai", (item("One"),)))
    assert "Template" not in str(error.value)
    assert "harness." not in str(error.value)


def test_a_job_without_a_template_says_how_to_name_one() -> None:
    with pytest.raises(OwnerError, match=r"daily-digest\.md: .*there is no template; name one"):
        render_template(job(None), (), user_name="Sam", now=NOW)
